"""Asking a member who has no e-mail address for one: once, after her first answer, and never again."""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop

from elonara.events.models import Rsvp
from elonara.members.models import Member
from elonara.members.notices import notify, settle

KIND = "address"
TEXT = gettext_noop(
    "You will see here when one of your events moves or is cancelled. To get an e-mail as well, add an address. "
    "We ask this only once."
)


def answered(rsvp: Rsvp) -> None:
    """A listener: somebody has answered."""
    if rsvp.member_id is None or rsvp.choice == Rsvp.Choice.CANT or not settings.ELONARA.email.url:
        return
    never_asked = Member.objects.filter(pk=rsvp.member_id, asked_for_address_at=None)
    if EmailAddress.objects.filter(user=rsvp.member_id).exists() or not never_asked.exists():
        return
    with transaction.atomic():
        if never_asked.update(asked_for_address_at=timezone.now()):
            notify(Member.objects.get(pk=rsvp.member_id), KIND, gettext(TEXT), "/accounts/email/")


def address_verified(sender: Any, email_address: EmailAddress, **_: Any) -> None:  # noqa: ARG001
    """A listener: an address was verified."""
    settle(email_address.user, KIND)
