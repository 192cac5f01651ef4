"""Ending e-mails about events: of one event or for ever, all of them or the reminders alone. Pages go on telling.

A member does it on her pages, and everybody by the link in each such e-mail, without signing in.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from elonara.events.messages.models import GuestMessage, MessageOptOut
from elonara.events.messages.readers import address_key, answer_of, member_key
from elonara.events.models import Event
from elonara.invitations.email.tokens import token_hash
from elonara.invitations.guest_emails.reach import keys_of
from elonara.invitations.responses import email_reader
from elonara.members.models import Member


@dataclass(frozen=True)
class EmailSettings:
    """Whether somebody gets e-mails about what happens with events, and reminders."""

    changes: bool = True
    reminders: bool = True


def by_token(token: str) -> GuestMessage | None:
    """The message whose e-mail has this link, None where there is none."""
    if not token or len(token) > email_reader.MAX_TOKEN_LENGTH:
        return None
    rows = GuestMessage.objects.select_related("event", "member", "email_invitation__host")
    return rows.filter(token_hash=token_hash(token)).first()


def stop(row: GuestMessage, *, for_ever: bool = False, reminders_only: bool = False) -> None:
    """End the e-mails to the reader of this one. What is queued for her is not sent.

    Somebody without an account who stops all of them for ever is not invited by e-mail any more either.
    """
    event = None if for_ever else row.event
    invitation = row.email_invitation
    with transaction.atomic():
        answer = answer_of(row)
        member = row.member or (answer.member if answer is not None else None)  # she may have got an account since
        if member is not None:
            _stop(member_key(member.pk), event, member, reminders_only)
        if row.member is None and invitation is not None:
            _stop(address_key(invitation.address_hash), event, None, reminders_only)
    if row.member is None and invitation is not None and for_ever and not reminders_only:
        email_reader.stop(invitation, whole_site=True)


def settings_of(member: Member, event: Event | None = None) -> EmailSettings:
    """What a member has chosen for one event, or (None) for all."""
    rows = MessageOptOut.objects.filter(who__in=keys_of(member), event=event)
    stopped = set(rows.values_list("reminders_only", flat=True))
    return EmailSettings(changes=False not in stopped, reminders=not stopped)


def change_settings(member: Member, chosen: EmailSettings, event: Event | None = None) -> None:
    """Choose for one event, or (None) for all. Whoever wants no e-mails about changes gets no reminders by e-mail."""
    who = member_key(member.pk)
    with transaction.atomic():
        for reminders_only, wanted in ((False, chosen.changes), (True, chosen.reminders)):
            if wanted:
                rows = MessageOptOut.objects.filter(who__in=keys_of(member), event=event)
                rows.filter(reminders_only=reminders_only).delete()
            else:
                _stop(who, event, member, reminders_only)


def _stop(who: str, event: Event | None, member: Member | None, reminders_only: bool) -> None:
    MessageOptOut.objects.get_or_create(
        who=who, event=event, reminders_only=reminders_only, defaults={"member": member}
    )
