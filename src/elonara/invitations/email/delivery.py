"""Letters leave by the jobs, one row at a time, and are tried again for a day when the mail server is away."""

from __future__ import annotations

import logging
import os
import smtplib
import socket
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from django.core.mail import mailers
from django.utils import timezone

from elonara.invitations.consent import caps
from elonara.invitations.email import inviting as email_inviting
from elonara.invitations.email import message as email_message
from elonara.invitations.models import EmailInvitation, EmailState, HostSending
from elonara.invitations.targets import Target
from elonara.locks import Lease, release, take_lease
from elonara.members.models import Member
from elonara.sealing import CannotUnseal

SMTP: Final = "smtp"  # the name in MAILERS of what reaches the server: these rows are an outbox themselves
RETRY_DELAYS_SECONDS: Final = (60, 300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600)  # seconds: a day in all
LEASE_SECONDS: Final = 120.0  # seconds; several times the time-out of one conversation with the server
HELD_RETRY_INTERVAL: Final = timedelta(hours=1)

log = logging.getLogger(__name__)


def poll(key: str) -> datetime | None:
    """Send one letter if it is due; when to come again, None when there is nothing more to do."""
    row = _queued(key)
    if row is None or row.due_at > timezone.now():
        return row.due_at if row else None
    owner = f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}"
    lease = take_lease(EmailInvitation, row.pk, owner, LEASE_SECONDS)
    if lease is None:
        return timezone.now() + timedelta(seconds=LEASE_SECONDS)
    try:
        row = _queued(key)
        if row is None or row.due_at > timezone.now():  # another process was quicker
            return row.due_at if row else None
        if row.answer:
            # Its reader has it: the process that sent it died before it said so. A second one would ask her again.
            email_inviting.mark_sent(lease)
            return None
        return _deliver(row, lease)
    finally:
        release(lease)


def sweep() -> Iterator[tuple[str, datetime | None]]:
    """Every letter that has not left, with its time."""
    waiting = EmailInvitation.objects.filter(state=EmailState.QUEUED).order_by("due_at")
    for pk, due_at in waiting.values_list("pk", "due_at"):
        yield str(pk), due_at


def _queued(key: str) -> EmailInvitation | None:
    rows = EmailInvitation.objects.select_related("event__community", "host")
    return rows.filter(pk=key, state=EmailState.QUEUED).first()


def _deliver(row: EmailInvitation, lease: Lease) -> datetime | None:
    if code := _unwanted(row):
        state = EmailState.SUPPRESSED if code.startswith("opted_out") else EmailState.CANCELLED
        lease.update(state=state, reason=code, counted_on=None)
        return None
    if code := _held(row):
        due = timezone.now() + HELD_RETRY_INTERVAL
        lease.update(due_at=due, reason=code)
        return due
    # Written under an earlier day's share and kept back since: those that come free together are spread anew.
    if turn := caps.claim(row):
        lease.update(due_at=turn, reason="day_cap")
        return turn
    try:
        message = email_message.message(row, email_inviting.address_of(row), email_inviting.token_of(row))
        mailers[SMTP].send_messages([message])
    except CannotUnseal:
        lease.update(state=EmailState.FAILED, reason="mail_gave_up", counted_on=None)
        return None
    except (OSError, smtplib.SMTPException) as fault:
        return _missed(row, lease, fault)
    email_inviting.mark_sent(lease)
    return None


def _unwanted(row: EmailInvitation) -> str:
    """Why the letter must not leave any more, or ""."""
    target, host = Target(row.event), row.host
    if code := target.over():
        return code
    if host.standing == Member.Standing.SUSPENDED or not host.is_active:
        return "suspended"
    if not target.may_invite(host):
        return "not_host"
    return email_inviting.opted_out([row.address_hash], host).get(row.address_hash, "")


def _held(row: EmailInvitation) -> str:
    """Why it waits, or ""."""
    held = HostSending.objects.filter(host_id=row.host_id).exclude(paused_at=None).first()
    # A spam label is Bluesky's about an account there; letters go on.
    if held is not None and held.pause_reason != "spam_label":
        return held.pause_reason
    refusal = email_inviting.unavailable()
    return refusal.code if refusal else ""


def _missed(row: EmailInvitation, lease: Lease, fault: Exception) -> datetime | None:
    # Only the kind of fault: what a mail server says may name the receiver.
    kind, tries = type(fault).__name__, row.attempts + 1
    for_good = _refused(fault)
    if for_good or tries > len(RETRY_DELAYS_SECONDS):
        log.warning("letter %s is given up: %s", row.pk, kind)
        reason = "address_refused" if for_good else "mail_gave_up"
        lease.update(state=EmailState.FAILED, reason=reason, attempts=tries, counted_on=None)
        return None
    due = timezone.now() + timedelta(seconds=RETRY_DELAYS_SECONDS[row.attempts])
    log.warning("letter %s did not leave (%s); again at %s", row.pk, kind, due.isoformat(timespec="seconds"))
    lease.update(attempts=tries, due_at=due, reason="mail_trying")
    return due


def _refused(fault: Exception) -> bool:
    """Whether the server refused this letter, and another try is of no use (a code of 500 and more, RFC 5321)."""
    if isinstance(fault, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in fault.recipients.values())
    return isinstance(fault, (smtplib.SMTPSenderRefused, smtplib.SMTPDataError)) and fault.smtp_code >= 500
