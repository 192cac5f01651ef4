"""Sending e-mail invitations: a job per row, retried for a day while the mail server cannot be reached."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils import timezone

from elonara import counters
from elonara.bluesky.reasons import KEYS_MISSING
from elonara.invitations.consent import caps, pauses, site_email_cap
from elonara.invitations.email import eligibility, tokens
from elonara.invitations.email import message as email_message
from elonara.invitations.job_kinds import wake_email
from elonara.invitations.models import EmailInvitation, EmailState, HostSending
from elonara.invitations.targets import Target
from elonara.locks import Lease, release, take_lease, this_thread
from elonara.mail import delivery as mail
from elonara.mail import pausing
from elonara.members.models import Member
from elonara.sealing import CannotUnseal, KeyMissing

RETRY_DELAYS_SECONDS: Final = (60, 300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600)  # about a day in all
HELD: Final = "mail_paused"  # the reason of a row that waits for the end of the pause of all e-mail
LEASE_SECONDS: Final = 120.0  # several times the timeout of one SMTP session
HELD_RETRY_INTERVAL: Final = timedelta(hours=1)  # while the host is paused or the site sends no e-mail
KEYS_RETRY_INTERVAL: Final = timedelta(minutes=1)  # until another process, which has the key, sends it

log = logging.getLogger(__name__)


def poll(key: str) -> datetime | None:
    """Send one e-mail if it is due. Returns when to poll the row again, None when nothing is left to do."""
    row = _queued(key)
    if row is None or row.due_at > timezone.now():
        return row.due_at if row else None
    lease = take_lease(EmailInvitation, row.pk, this_thread(), LEASE_SECONDS)
    if lease is None:
        return timezone.now() + timedelta(seconds=LEASE_SECONDS)
    try:
        row = _queued(key)
        if row is None or row.due_at > timezone.now():  # another process was quicker
            return row.due_at if row else None
        if row.answer:
            # It was sent, and the process died before it stored that: the reader has answered. Not sent a second time.
            tokens.mark_sent(lease)
            return None
        return _deliver(row, lease)
    finally:
        release(lease)


def sweep() -> Iterator[tuple[str, datetime | None]]:
    """Every queued e-mail with its due time."""
    waiting = EmailInvitation.objects.filter(state=EmailState.QUEUED).order_by("due_at")
    for pk, due_at in waiting.values_list("pk", "due_at"):
        yield str(pk), due_at


def release_held() -> None:
    """Poll at once what waits for the end of the pause of all e-mail."""
    held = EmailInvitation.objects.filter(state=EmailState.QUEUED, reason=HELD)
    held.update(due_at=timezone.now())
    for pk in held.values_list("pk", flat=True)[:1]:
        wake_email(pk)


def _queued(key: str) -> EmailInvitation | None:
    rows = EmailInvitation.objects.select_related("event__community", "host")
    return rows.filter(pk=key, state=EmailState.QUEUED).first()


def _deliver(row: EmailInvitation, lease: Lease) -> datetime | None:
    if code := _not_wanted(row):
        state = EmailState.SUPPRESSED if code.startswith("opted_out") else EmailState.CANCELLED
        _store(lease, state=state, reason=code, counted_on=None, site_day=None)
        return None
    if code := _held(row):
        due = timezone.now() + HELD_RETRY_INTERVAL
        _store(lease, due_at=due, reason=code)
        return due
    if until := pausing.held_until(_recipients(row)):
        return _hold(lease, until)
    return _claim_day(row, lease) or _send(row, lease)


def _recipients(row: EmailInvitation) -> list[str]:
    try:
        return [tokens.address_of(row)]
    except CannotUnseal:
        return []  # `_send` says so


def _claim_day(row: EmailInvitation, lease: Lease) -> datetime | None:
    """Take a place of a day; returns the later day on which there is one, None where that is today."""
    # A row that was held back past its day needs a new one, so that rows released together do not all leave today.
    for claim, reason in ((caps.claim, "day_cap"), (site_email_cap.claim, site_email_cap.REASON)):
        if later := claim(row):
            _store(lease, due_at=later, reason=reason)
            return later
    return None


def _send(row: EmailInvitation, lease: Lease) -> datetime | None:
    try:
        message = email_message.message(row, tokens.address_of(row), tokens.token_of(row))
    except CannotUnseal as unreadable:
        return _unreadable(lease, unreadable)
    # Sent at once, without the queue of the site's own e-mails: these rows are an outbox themselves.
    match mail.deliver(message):
        case mail.Taken():
            tokens.mark_sent(lease)
        case mail.NoSuchUser(fault=fault):
            log.warning("e-mail invitation %s is given up: %s", row.pk, fault)
            _fail(row, lease, "address_refused")
        case mail.TryAgain(fault=fault):
            return _retry_later(row, lease, fault)
        case mail.Held(until=until):
            return _hold(lease, until)
    return None


def _unreadable(lease: Lease, fault: CannotUnseal) -> datetime | None:
    if isinstance(fault, KeyMissing):
        due = timezone.now() + KEYS_RETRY_INTERVAL
        _store(lease, due_at=due, reason=KEYS_MISSING)
        return due
    _store(lease, state=EmailState.FAILED, reason="address_lost", counted_on=None)
    return None


def _not_wanted(row: EmailInvitation) -> str:
    """The reason why the e-mail must not be sent any more, or ""."""
    target, host = Target(row.event), row.host
    if code := target.over():
        return code
    if host.standing == Member.Standing.SUSPENDED or not host.is_active:
        return "suspended"
    if not target.may_invite(host):
        return "not_host"
    return eligibility.opted_out({row.address_hash: tokens.folded_hash(row)}, host).get(row.address_hash, "")


def _held(row: EmailInvitation) -> str:
    """The reason why the e-mail has to wait, or ""."""
    paused = HostSending.objects.filter(host_id=row.host_id).exclude(paused_at=None).first()
    # A spam label concerns the host's Bluesky account and does not stop her e-mails.
    if paused is not None and paused.pause_reason != pauses.SPAM_REASON:
        return paused.pause_reason
    refusal = eligibility.unavailable() or eligibility.unproven(row.host)
    return refusal.code if refusal else ""


def _retry_later(row: EmailInvitation, lease: Lease, fault: str) -> datetime | None:
    if row.attempts >= len(RETRY_DELAYS_SECONDS):
        log.warning("e-mail invitation %s is given up: %s", row.pk, fault)
        _fail(row, lease, "mail_gave_up")
        return None
    due = timezone.now() + timedelta(seconds=RETRY_DELAYS_SECONDS[row.attempts])
    log.warning(
        "e-mail invitation %s was not sent (%s); retried at %s", row.pk, fault, due.isoformat(timespec="seconds")
    )
    _store(lease, attempts=row.attempts + 1, due_at=due, reason="mail_trying")
    return due


def _fail(row: EmailInvitation, lease: Lease, reason: str) -> None:
    _store(lease, state=EmailState.FAILED, reason=reason, attempts=row.attempts + 1, counted_on=None)


def _hold(lease: Lease, until: datetime) -> datetime:
    """Wait for the end of the pause of all e-mail. Costs no attempt: nothing was said about this e-mail."""
    _store(lease, due_at=until, reason=HELD)
    return until


def _store(lease: Lease, *, reason: str, **values: Any) -> None:
    """Store what became of the e-mail, and count it for `/metrics`. Without a `state` it stays in the one it has."""
    if lease.update(reason=reason, **values):
        counters.of_this_process.outcome("email_invitation", str(values.get("state", "postponed")), reason)
