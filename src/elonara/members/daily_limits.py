"""How much one member creates within a day, so that nobody fills the lists that all read.

Counted is what she created, whatever became of it: it may have been cancelled, deleted or given to somebody else.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from elonara.members.errors import LimitReached, NotAllowed
from elonara.members.models import Creation, Member

MOST: Final[Mapping[Creation.Kind, int]] = {
    Creation.Kind.EVENT: 100,  # two years of a weekly evening, or the programme of a festival
    Creation.Kind.COMMUNITY: 20,
}
PERIOD: Final = timedelta(hours=24)  # any 24 hours, not a calendar day: a member changes her time zone when she likes


def require_room(member: Member, kind: Creation.Kind) -> None:
    """Raise LimitReached where the member has created as many within 24 hours as she may."""
    since = timezone.now() - PERIOD
    if Creation.objects.filter(member=member, kind=kind, at__gt=since).count() >= MOST[kind]:
        raise LimitReached(_refusal(kind))


def count_in(member: Member, kind: Creation.Kind) -> None:
    """Count one that the caller is about to create in this transaction. Raises LimitReached and NotAllowed.

    It comes before other writes of the transaction: presses of one member at the same time take turns here.
    """
    active = Member.objects.filter(pk=member.pk, is_active=True, standing=Member.Standing.ACTIVE)
    if active.select_for_update(no_key=True).first() is None:  # suspended, or deleted, a moment ago
        raise NotAllowed(_("This account can no longer do this."), "suspended")
    require_room(member, kind)
    Creation.objects.create(member=member, kind=kind)


def forget_past() -> int:
    """Delete what no longer counts; returns how many rows."""
    return Creation.objects.filter(at__lte=timezone.now() - PERIOD).delete()[0]


def _refusal(kind: Creation.Kind) -> str:
    most = MOST[kind]
    if kind == Creation.Kind.EVENT:
        sentence = ngettext(
            "You have created {count} event within 24 hours. Try again later.",
            "You have created {count} events within 24 hours. Try again later.",
            most,
        )
    else:
        sentence = ngettext(
            "You have created {count} community within 24 hours. Try again later.",
            "You have created {count} communities within 24 hours. Try again later.",
            most,
        )
    return sentence.format(count=most)
