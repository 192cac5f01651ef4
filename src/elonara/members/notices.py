"""Notices: messages shown on a member's pages until she dismisses them."""

import uuid
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from elonara.members.models import Member, Notice


def notify(member: Member, kind: str, text: str, link: str = "") -> Notice:
    """Create a notice. There is one open notice per member and kind: a newer text replaces the older."""
    text, kind = text[:500], kind[:40]
    for _ in range(3):
        open_notice = Notice.objects.filter(member=member, kind=kind, dismissed_at=None)
        if open_notice.update(text=text, link=link, created_at=timezone.now()):
            if (found := open_notice.first()) is not None:
                return found
            continue  # dismissed in between: create a new one
        try:
            with transaction.atomic():
                return Notice.objects.create(member=member, kind=kind, text=text, link=link)
        except IntegrityError:
            continue  # another process created one at the same moment: update it
    return Notice.objects.filter(member=member, kind=kind).latest("created_at")


def notify_operators(kind: str, text: str, link: str = "") -> None:
    """Create a notice for every operator, except where the same is open or was dismissed within the last day."""
    same = Notice.objects.filter(kind=kind[:40], text=text[:500])
    open_or_recent = Q(dismissed_at=None) | Q(dismissed_at__gt=timezone.now() - timedelta(days=1))
    already_notified = same.filter(open_or_recent).values("member")
    for operator in Member.objects.filter(is_superuser=True, is_active=True).exclude(pk__in=already_notified):
        notify(operator, kind, text, link)


def settle(member: Member, kind: str) -> None:
    """Dismiss the open notice of a kind on the member's behalf, because what it asked for was done."""
    Notice.objects.filter(member=member, kind=kind[:40], dismissed_at=None).update(dismissed_at=timezone.now())


def settle_operators(kind: str) -> None:
    """`settle` for all operators."""
    for operator in Member.objects.filter(is_superuser=True):
        settle(operator, kind)


def open_of(member: Any, kind: str) -> QuerySet[Notice]:
    """The open notice of a kind; `member` is one, her primary key, or a column of the query that this is a part of."""
    return Notice.objects.filter(member=member, kind=kind[:40], dismissed_at=None)


def dismiss(member: Member, notice_id: uuid.UUID | str) -> bool:
    """Dismiss a notice of the member. False where she has no such open notice."""
    try:
        key = uuid.UUID(str(notice_id))
    except ValueError:
        return False
    mine = Notice.objects.filter(pk=key, member=member, dismissed_at=None)
    return bool(mine.update(dismissed_at=timezone.now()))
