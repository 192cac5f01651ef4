"""Sending e-mail invitations: a job per row, retried for a day while the mail server cannot be reached."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.utils import timezone

from elonara.bluesky.reasons import KEYS_MISSING
from elonara.invitations.consent import caps, pauses, site_email_cap
from elonara.invitations.consent.opt_outs import addresses_opted_out
from elonara.invitations.email import eligibility, tokens
from elonara.invitations.email import message as email_message
from elonara.invitations.job_kinds import wake_email
from elonara.invitations.models import EmailInvitation, EmailState
from elonara.invitations.targets import Target
from elonara.locks import Lease
from elonara.mail import delivery as mail
from elonara.mail import pausing
from elonara.mail.row_queue import RowQueue
from elonara.members.models import Member
from elonara.sealing import CannotUnseal, KeyMissing

HELD_RETRY_INTERVAL: Final = timedelta(hours=1)  # while the host is paused or the site sends no e-mail
KEYS_RETRY_INTERVAL: Final = timedelta(minutes=1)  # until another process, which has the key, sends it
# Reasons that lie with the reader, and neither with the host nor with the event.
ABOUT_THE_READER: Final = frozenset({
    "opted_out_host", "opted_out_site", "already_answered", "already_invited", "declined", "yourself", "cohost",
})  # fmt: skip

log = logging.getLogger(__name__)


def _deliver(row: EmailInvitation, lease: Lease) -> datetime | None:
    if row.answer:
        # It was sent, and the process died before it stored that: the reader has answered. Not sent a second time.
        tokens.mark_sent(lease)
        return None
    if code := _not_wanted(row):
        state = EmailState.SUPPRESSED if code in ABOUT_THE_READER else EmailState.CANCELLED
        QUEUE.store(lease, state=state, reason=code, counted_on=None, site_day=None)
        return None
    if code := _held(row):
        due = timezone.now() + HELD_RETRY_INTERVAL
        QUEUE.store(lease, due_at=due, reason=code)
        return due
    if until := pausing.held_until(_recipients(row)):
        return QUEUE.hold(lease, until)
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
            QUEUE.store(lease, due_at=later, reason=reason)
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
            return QUEUE.hold(lease, until)
    return None


def _unreadable(lease: Lease, fault: CannotUnseal) -> datetime | None:
    if isinstance(fault, KeyMissing):
        due = timezone.now() + KEYS_RETRY_INTERVAL
        QUEUE.store(lease, due_at=due, reason=KEYS_MISSING)
        return due
    QUEUE.store(lease, state=EmailState.FAILED, reason="address_lost", counted_on=None)
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
    outs = addresses_opted_out({row.address_hash: tokens.folded_hash(row)}, host)
    return outs.get(row.address_hash, "") or _by_owner(row)


def _by_owner(row: EmailInvitation) -> str:
    try:
        return eligibility.why_not_member(row)
    except CannotUnseal:
        return ""  # `_send` says so


def _held(row: EmailInvitation) -> str:
    """The reason why the e-mail has to wait, or ""."""
    if paused := pauses.of_emails(row.host_id):
        return paused
    refusal = eligibility.unavailable() or eligibility.unproven(row.host)
    return refusal.code if refusal else ""


def _retry_later(row: EmailInvitation, lease: Lease, fault: str) -> datetime | None:
    due = QUEUE.retry_later(row, lease, fault)
    if due is None:
        log.warning("e-mail invitation %s is given up: %s", row.pk, fault)
        _fail(row, lease, "mail_gave_up")
    return due


def _fail(row: EmailInvitation, lease: Lease, reason: str) -> None:
    QUEUE.store(lease, state=EmailState.FAILED, reason=reason, attempts=row.attempts + 1, counted_on=None)


QUEUE: Final = RowQueue(
    EmailInvitation, "email_invitation", (EmailState.QUEUED,), _deliver, related=("event__community", "host")
)
poll, sweep = QUEUE.poll, QUEUE.sweep


def release_held() -> None:
    """Poll at once what waits for the end of the pause of all e-mail."""
    if key := QUEUE.release_held():
        wake_email(UUID(key))
