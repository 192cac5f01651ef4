"""Inviting people by e-mail who are not on Bluesky: preview, send, cancel, retry.

The same caps and the same right to opt out hold as for posts. Sending writes rows; the jobs deliver them
(`email.delivery`).
"""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass, field

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from elonara.communities.validation import many_lines
from elonara.events.models import Event
from elonara.invitations import job_kinds, reasons
from elonara.invitations.consent import caps, one_person, opt_outs, recipient_caps, sending_days, site_email_cap
from elonara.invitations.email import eligibility, tokens
from elonara.invitations.email import message as email_message
from elonara.invitations.email.eligibility import (
    SkippedAddress,
    split_addresses,
    unavailable,
    unproven,
)
from elonara.invitations.email_addresses import Address, hash_of, parse
from elonara.invitations.models import EmailInvitation, EmailState
from elonara.invitations.planning import fingerprint
from elonara.invitations.planning.fingerprint import Fingerprint
from elonara.invitations.results import InvitationRefused
from elonara.invitations.targets import Target
from elonara.members.models import Member

NOTE_LENGTH = 500  # characters


@dataclass(frozen=True)
class EmailPlan:
    """What Send would do: the e-mail, who gets it (`recipients`) and who does not (`left_out`)."""

    recipients: list[Address]
    left_out: list[SkippedAddress]
    subject: str
    body: str
    schedule: str = ""  # "30 today, 10 tomorrow"
    later: bool = False  # whether some leave after today
    refusal: reasons.Reason | None = None  # why Send would be refused
    preview_id: str = ""  # the fingerprint of all this, which Send takes


@dataclass(frozen=True)
class EmailSent:
    """What Send did."""

    queued: int
    left_out: list[SkippedAddress] = field(default_factory=list)
    schedule: str = ""
    later: bool = False


def preview(host: Member, event: Event, text: str, note: str = "") -> EmailPlan:
    """The e-mail, who gets it when, and who is skipped. Raises InvitationRefused for what cannot be sent at all.

    `text`: addresses as `email_addresses.parse` reads them. The link in the shown e-mail is a placeholder.
    """
    note = _checked(host, event, note)
    allowed, skipped = split_addresses(host, event, text)
    later, schedule = _in_words(host, _times(host, caps.days_for(host, len(allowed))))
    return EmailPlan(
        recipients=allowed,
        left_out=skipped,
        subject=email_message.subject(host, event),
        body=email_message.body(host, event, note, "…", allowed[0].name if allowed else ""),
        schedule=schedule,
        later=later,
        refusal=unavailable() or unproven(host),
        preview_id=str(_fingerprint(host, event, note, allowed)),
    )


def invite(host: Member, event: Event, text: str, note: str = "", preview_id: str | None = None) -> EmailSent:
    """Queue an e-mail to each address. A repeated call writes to nobody twice.

    Raises InvitationRefused, and writes nothing, where `preview_id` showed other e-mails.
    """
    note = _checked(host, event, note)
    if (refusal := unavailable() or unproven(host)) is not None:
        raise InvitationRefused(refusal.code)
    with transaction.atomic():
        caps.lock(host)
        recipient_caps.lock_people(address.hash for address in parse(text)[0])
        allowed, skipped = split_addresses(host, event, text)
        left_out = [hash_of(one.text) for one in skipped if one.reason != "bad_address"]
        fingerprint.require(preview_id, _fingerprint(host, event, note, allowed), left_out)
        site_email_cap.lock()
        times = _times(host, caps.days_for(host, len(allowed)))
        for address, when in zip(allowed, times, strict=True):
            _write(host, event, address, note=note, when=when)
    later, schedule = _in_words(host, times)
    return EmailSent(len(allowed), skipped, schedule, later)


def cancel(row: EmailInvitation, by: Member) -> None:
    """Stop an e-mail that has not left, whatever has become of the event. Raises InvitationRefused."""
    if not Target(row.event).may_invite(by):
        raise InvitationRefused("suspended" if by.standing == Member.Standing.SUSPENDED else "not_allowed")
    unsent = EmailInvitation.objects.filter(pk=row.pk, state__in=(EmailState.QUEUED, EmailState.FAILED))
    if not unsent.update(state=EmailState.CANCELLED, reason="by_host", counted_on=None, site_day=None):
        raise InvitationRefused("wrong_state", _("This e-mail was already sent."))


def retry(row: EmailInvitation, by: Member, preview_id: str | None = None) -> None:
    """Queue an e-mail again that failed, was cancelled or was suppressed.

    Raises InvitationRefused, also where `preview_id` (`EmailInvitationView.preview_id`) showed another e-mail.
    """
    _require_inviter(row.event, by)
    if (refusal := unavailable() or unproven(by)) is not None:
        raise InvitationRefused(refusal.code)
    with transaction.atomic():
        caps.lock(row.host)
        recipient_caps.lock_people([row.address_hash])
        fingerprint.require_one(preview_id, email_message.preview_of(row).preview_id)
        outs = opt_outs.addresses_opted_out({row.address_hash: tokens.folded_hash(row)}, row.host)
        if code := outs.get(row.address_hash, "") or eligibility.why_not_member(row):
            raise InvitationRefused(code)
        day = caps.days_for(row.host, 1)[0]
        # A cancelled row gave its place back, and other hosts may have used up the address's week since.
        day = max(day, recipient_caps.address_caps([row.address_hash], without=row).get(row.address_hash, day))
        due_at = timezone.now() if day == sending_days.today(row.host) else sending_days.start_of_day(row.host, day)
        again = EmailInvitation.objects.filter(pk=row.pk, state__in=one_person.REQUEUEABLE_EMAIL_STATES).exclude(
            token_enc=""
        )
        if not again.update(state=EmailState.QUEUED, reason="", attempts=0, due_at=due_at, counted_on=day):
            raise InvitationRefused("wrong_state", _("This e-mail was already sent."))
        job_kinds.wake_email(row.pk)


def _fingerprint(host: Member, event: Event, note: str, to: list[Address]) -> Fingerprint:
    message = [host.pk, event.pk, email_message.subject(host, event), email_message.body(host, event, note, "…")]
    return Fingerprint.of(message, {one.hash: one.name for one in to})


def _require_inviter(event: Event, by: Member) -> None:
    target = Target(event)
    if not target.may_invite(by):
        raise InvitationRefused("suspended" if by.standing == Member.Standing.SUSPENDED else "not_allowed")
    if code := target.over():
        raise InvitationRefused(code)


def _checked(host: Member, event: Event, note: str) -> str:
    """The cleaned note. Raises InvitationRefused where it is too long or the host may not invite."""
    _require_inviter(event, host)
    note = many_lines(note)
    if len(note) > NOTE_LENGTH:
        count = len(note)
        sentence = ngettext(
            "The note has {count} character; {limit} fit.", "The note has {count} characters; {limit} fit.", count
        ).format(count=count, limit=NOTE_LENGTH)
        raise InvitationRefused("note_too_long", sentence, field_name="note")
    return note


@dataclass(frozen=True)
class _When:
    """The day on which a row counts for its host, when it is due, and the day of the site's share that it takes."""

    day: dt.date
    due_at: dt.datetime
    site_day: dt.date | None = None  # None: takes its place just before it goes


def _times(host: Member, days: list[dt.date]) -> list[_When]:
    """When rows of these days go, the site's share of today taken into account."""
    today, now, room = sending_days.today(host), timezone.now(), site_email_cap.room()
    found: list[_When] = []
    for day in days:
        if day != today:
            found.append(_When(day, sending_days.start_of_day(host, day)))
        elif room:
            room -= 1
            found.append(_When(day, now, site_email_cap.today()))
        else:
            found.append(_When(day, site_email_cap.next_day()))
    return found


def _in_words(host: Member, times: list[_When]) -> tuple[bool, str]:
    days = [max(one.day, sending_days.today(host, one.due_at)) for one in times]
    _today, later, schedule = caps.schedule_in_words(days, sending_days.today(host))
    return bool(later), schedule


def _write(host: Member, event: Event, to: Address, *, note: str, when: _When) -> None:
    """Write or reuse the row of one address, with a new token."""
    row = EmailInvitation.objects.filter(event=event, address_hash=to.hash).first() or EmailInvitation(
        id=uuid.uuid4(), event=event, address_hash=to.hash
    )
    row.host, row.name, row.note = host, to.name, note
    tokens.seal_into(row, to.address)
    row.state, row.reason, row.attempts, row.sent_at = EmailState.QUEUED, "", 0, None
    row.due_at, row.counted_on, row.site_day = when.due_at, when.day, when.site_day
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        return  # another host of the event invited the same address at this moment
    job_kinds.wake_email(row.pk)
