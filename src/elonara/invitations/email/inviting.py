"""Inviting by e-mail, for people who are not on Bluesky: the same caps, the same wish not to be invited, other post.

The link in the letter carries a secret token, so it is proof by itself. Rows keep its hash; the token and the address
lie sealed, the token until the letter has left and the address until the event is over.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from elonara.communities.validation import many_lines
from elonara.events import queries as events
from elonara.events.models import Event
from elonara.invitations import job_kinds, reasons
from elonara.invitations.consent import caps
from elonara.invitations.email import message as email_message
from elonara.invitations.email.addresses import Address, hash_of, parse
from elonara.invitations.models import EmailInvitation, EmailOptOut, EmailState
from elonara.invitations.results import InvitationRefused
from elonara.invitations.targets import Target
from elonara.locks import Lease
from elonara.members.models import Member
from elonara.sealing import CannotUnseal, seal, unseal

NOTE_LENGTH = 500
REQUEUEABLE_STATES = (EmailState.FAILED, EmailState.SUPPRESSED, EmailState.CANCELLED)
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class SkippedAddress:
    """An address that gets no letter, with the reason."""

    text: str
    reason: str

    @property
    def why(self) -> reasons.Reason:
        """In words."""
        return reasons.reason(self.reason)


@dataclass(frozen=True)
class EmailPlan:
    """What pressing Send would do."""

    letters: list[Address]
    left_out: list[SkippedAddress]
    subject: str
    body: str
    schedule: str = ""  # "30 today, 10 tomorrow"
    refusal: reasons.Reason | None = None  # why Send would be refused


@dataclass(frozen=True)
class EmailSent:
    """What pressing Send did."""

    queued: int
    left_out: list[SkippedAddress] = field(default_factory=list)
    schedule: str = ""


@dataclass(frozen=True)
class EmailInvitationView:
    """One letter as its host sees it. `can`: retry, cancel."""

    id: uuid.UUID
    address: str  # "" once it is forgotten
    name: str
    state: str
    reason: reasons.Reason | None
    sent_at: dt.datetime | None
    due_at: dt.datetime | None
    answer: str
    answered_at: dt.datetime | None
    can: tuple[str, ...]


def unavailable() -> reasons.Reason | None:
    """Why no letter can leave this site, None where it can."""
    if not settings.ELONARA.email.url:
        return reasons.reason("no_email")
    # Only a mail server on this machine, such as a developer's catcher of letters, may be given links to this machine.
    if settings.ELONARA.site.is_loopback and (urlsplit(settings.ELONARA.email.url).hostname or "") not in LOOPBACK:
        return reasons.reason("loopback_site")
    return None


def preview(host: Member, event: Event, text: str, note: str = "") -> EmailPlan:
    """The letter, who gets it when, and who is left out. Raises InvitationRefused for what cannot be done at all."""
    note = _checked(host, event, note)
    letters, left_out = _sorted_out(host, event, text)
    days = caps.days_for(host, len(letters))
    return EmailPlan(
        letters,
        left_out,
        email_message.subject(host, event),
        email_message.body(host, event, note, "…", letters[0].name if letters else ""),
        caps.schedule_in_words(days, caps.today(host))[2],
        unavailable(),
    )


def invite(host: Member, event: Event, text: str, note: str = "") -> EmailSent:
    """Queue a letter to each address. Raises InvitationRefused. Pressing twice writes to nobody twice."""
    note = _checked(host, event, note)
    if (refusal := unavailable()) is not None:
        raise InvitationRefused(refusal.code)
    with transaction.atomic():
        caps.lock(host)
        caps.lock_people(one.hash for one in parse(text)[0])
        letters, left_out = _sorted_out(host, event, text)
        day, now = caps.today(host), timezone.now()
        days = caps.days_for(host, len(letters))
        for one, on in zip(letters, days, strict=True):
            _write(host, event, one, note, on, now if on == day else caps.start_of_day(host, on))
    return EmailSent(len(letters), left_out, caps.schedule_in_words(days, day)[2])


def views(event: Event, by: Member) -> list[EmailInvitationView]:
    """The letters of an event, newest first, for those who may invite to it. Raises InvitationRefused."""
    if not Target(event).may_invite(by):
        raise InvitationRefused("not_allowed")
    return [_row(one) for one in event.email_invitations.select_related("event").order_by("-created_at", "pk")]


def invitation_for(by: Member, pk: uuid.UUID) -> EmailInvitation | None:
    """A letter that this member may act on."""
    row = EmailInvitation.objects.select_related("event__community", "host").filter(pk=pk).first()
    return row if row is not None and Target(row.event).may_invite(by) else None


def cancel(row: EmailInvitation, by: Member) -> None:
    """Stop a letter that has not left. Raises InvitationRefused."""
    _require(row.event, by)
    left = EmailInvitation.objects.filter(pk=row.pk, state__in=(EmailState.QUEUED, EmailState.FAILED))
    if not left.update(state=EmailState.CANCELLED, reason="by_host", counted_on=None):
        raise InvitationRefused("wrong_state", "This letter has left already.")


def retry(row: EmailInvitation, by: Member) -> None:
    """Send a letter that did not leave once more. Raises InvitationRefused."""
    _require(row.event, by)
    if (refusal := unavailable()) is not None:
        raise InvitationRefused(refusal.code)
    with transaction.atomic():
        caps.lock(row.host)
        caps.lock_people([row.address_hash])
        if code := opted_out([row.address_hash], row.host).get(row.address_hash):
            raise InvitationRefused(code)
        day = caps.days_for(row.host, 1)[0]
        # Written while the reader had room, cancelled, and sent again: her share of the week may be used up since.
        day = max(day, caps.address_caps([row.address_hash], without=row).get(row.address_hash, day))
        at = timezone.now() if day == caps.today(row.host) else caps.start_of_day(row.host, day)
        again = EmailInvitation.objects.filter(pk=row.pk, state__in=REQUEUEABLE_STATES).exclude(token_enc="")
        if not again.update(state=EmailState.QUEUED, reason="", attempts=0, due_at=at, counted_on=day):
            raise InvitationRefused("wrong_state", "This letter has left already.")
        job_kinds.wake_email(row.pk)


def opted_out(hashes: Iterable[str], host: Member) -> dict[str, str]:
    """Which addresses want no letters from this host, or from the site: hash → code of the reason."""
    found = EmailOptOut.objects.filter(Q(host=host) | Q(host=None), address_hash__in=list(hashes))
    return {row.address_hash: "opted_out_site" if row.host_id is None else "opted_out_host" for row in found}


def address_of(row: EmailInvitation) -> str:
    """The address, "" once it is forgotten. Raises CannotUnseal."""
    return _open(row.address_enc, "address_enc", row.pk)


def token_of(row: EmailInvitation) -> str:
    """The token, as long as the letter has not left. Raises CannotUnseal."""
    return _open(row.token_enc, "token_enc", row.pk)


def token_hash(token: str) -> str:
    """How a token is stored. It is random, so a plain hash says nothing about it."""
    return hashlib.sha256(token.encode()).hexdigest()


def mark_sent(lease: Lease) -> None:
    """The mail server took the letter: the token is nobody's but the reader's now."""
    lease.update(state=EmailState.SENT, sent_at=timezone.now(), reason="", token_enc="")


def forget_past() -> int:
    """Delete the addresses of events that are over or cancelled; how many."""
    kept = EmailInvitation.objects.exclude(address_enc="")
    started = Event.objects.filter(email_invitations__in=kept).distinct()
    over = [event.pk for event in started if events.is_cancelled(event) or events.is_over(event)]
    kept.filter(event__in=over, state=EmailState.QUEUED).update(state=EmailState.CANCELLED, reason="event_over")
    return kept.filter(event__in=over).update(address_enc="", token_enc="")


def _require(event: Event, by: Member) -> None:
    target = Target(event)
    if not target.may_invite(by):
        raise InvitationRefused("suspended" if by.standing == Member.Standing.SUSPENDED else "not_allowed")
    if code := target.over():
        raise InvitationRefused(code)


def _checked(host: Member, event: Event, note: str) -> str:
    _require(event, host)
    note = many_lines(note)
    if len(note) > NOTE_LENGTH:
        sentence = f"The note has {len(note)} characters; {NOTE_LENGTH} fit."
        raise InvitationRefused("note_too_long", sentence, field_name="note")
    return note


def _sorted_out(host: Member, event: Event, text: str) -> tuple[list[Address], list[SkippedAddress]]:
    """Who gets a letter and who does not. Asked for the preview, and again under the locks."""
    found, strange = parse(text)
    most = settings.ELONARA.invitations.per_send
    if not found and not strange:
        raise InvitationRefused("no_addresses", field_name="addresses")
    if len(found) > most:
        sentence = f"You wrote {len(found)} addresses; one send takes {most}."
        raise InvitationRefused("too_many", sentence, field_name="addresses")
    hashes = [one.hash for one in found]
    outs, full = opted_out(hashes, host), caps.address_caps(hashes)
    known = {row.address_hash: row for row in EmailInvitation.objects.filter(event=event, address_hash__in=hashes)}
    own = hash_of(host.email) if host.email else ""
    letters: list[Address] = []
    left_out = [SkippedAddress(item, "bad_address") for item in strange]
    for one in found:
        row = known.get(one.hash)
        code = (
            ("yourself" if one.hash == own else "")
            or outs.get(one.hash, "")
            or ("declined" if row is not None and row.answer == "cant" else "")
            or ("already_answered" if row is not None and row.answer else "")
            or ("already_invited" if row is not None and row.state not in REQUEUEABLE_STATES else "")
            or ("person_cap" if one.hash in full else "")
        )
        if code:
            left_out.append(SkippedAddress(one.address, code))
        else:
            letters.append(one)
    return letters, left_out


def _write(host: Member, event: Event, to: Address, note: str, on: dt.date, at: dt.datetime) -> None:  # noqa: PLR0917
    row = EmailInvitation.objects.filter(event=event, address_hash=to.hash).first() or EmailInvitation(
        id=uuid.uuid4(), event=event, address_hash=to.hash
    )
    token = secrets.token_urlsafe(24)
    row.host, row.name, row.note = host, to.name, note
    row.address_enc = seal(to.address, column="address_enc", row=row.pk, did="")
    row.token_enc = seal(token, column="token_enc", row=row.pk, did="")
    row.token_hash = token_hash(token)
    row.state, row.reason, row.attempts, row.sent_at = EmailState.QUEUED, "", 0, None
    row.due_at, row.counted_on = at, on
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        return  # another host of the event wrote to the same address at this moment
    job_kinds.wake_email(row.pk)


def _row(one: EmailInvitation) -> EmailInvitationView:
    try:
        address = address_of(one)
    except CannotUnseal:
        address = ""
    over = bool(Target(one.event).over())
    can: tuple[str, ...] = ()
    if (
        one.state in REQUEUEABLE_STATES
        and one.token_enc
        and one.reason not in {"opted_out_host", "opted_out_site"}
        and not over
    ):
        can += ("retry",)
    if one.state == EmailState.QUEUED:
        can += ("cancel",)
    queued = one.state == EmailState.QUEUED
    return EmailInvitationView(
        one.pk, address, one.name, one.state, reasons.reason(one.reason) if one.reason else None, one.sent_at,
        one.due_at if queued else None, one.answer, one.answered_at, can,
    )  # fmt: skip


def _open(sealed: str, column: str, row: uuid.UUID) -> str:
    return unseal(sealed, column=column, row=row, did="").reveal() if sealed else ""
