"""E-mails leave by the jobs: no page waits for a mail server, and one that is away for an hour loses nothing.

`Outbox` is the site's mail backend. It keeps each message sealed in a row until the server has taken it. A process that
is killed between the two sends it again: twice is better than never for a letter that somebody waits for.
"""

from __future__ import annotations

import json
import logging
import os
import smtplib
import socket
import threading
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, override

from django.core.mail import EmailMessage, EmailMultiAlternatives, mailers
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone

from elonara import jobs
from elonara.housekeeping.models import OutgoingEmail
from elonara.locks import Lease, release, take_lease
from elonara.sealing import CannotUnseal, seal, unseal

JOB_KIND: Final = "letter"
SMTP: Final = "smtp"  # the name in MAILERS of what reaches the server
RETRY_DELAYS_SECONDS: Final = (60, 300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600)  # seconds: a day in all
# Without its key a letter waits for the operator to bring the keys back; no link in it works for longer.
UNREADABLE_KEPT_FOR: Final = timedelta(days=3)
UNREADABLE_RETRY_INTERVAL: Final = timedelta(hours=1)
LEASE_SECONDS: Final = 120.0  # seconds; several times the time-out of one conversation with the server
HEADERS: Final = ("subject", "body", "from_email", "to", "cc", "bcc", "reply_to", "extra_headers", "content_subtype")

log = logging.getLogger(__name__)


class OutgoingEmailBackend(BaseEmailBackend):
    """Django's mail backend that keeps messages for the jobs."""

    @override
    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Keep each; they leave after the commit. Raises ValueError for attachments, which no letter here has."""
        for message in email_messages:
            enqueue(message)
        return len(email_messages)


def enqueue(message: EmailMessage) -> OutgoingEmail:
    """Store one message and wake the jobs."""
    if message.attachments:
        raise ValueError("letters have no attachments")
    parts: dict[str, Any] = {name: getattr(message, name) for name in HEADERS}
    parts["alternatives"] = [[part[0], part[1]] for part in getattr(message, "alternatives", [])]
    letter = OutgoingEmail(id=uuid.uuid4(), due_at=timezone.now())
    letter.message_enc = seal(json.dumps(parts, default=str), column="message_enc", row=letter.pk, did="")
    letter.save(force_insert=True)
    jobs.wake(JOB_KIND, str(letter.pk))
    return letter


def poll(key: str) -> datetime | None:
    """Hand one letter to the mail server if it is due; when to come again, None when it is gone."""
    letter = OutgoingEmail.objects.filter(pk=key).first()
    if letter is None:
        return None
    if letter.due_at > timezone.now():
        return letter.due_at
    owner = f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}"
    lease = take_lease(OutgoingEmail, letter.pk, owner, LEASE_SECONDS)
    if lease is None:
        return timezone.now() + timedelta(seconds=LEASE_SECONDS)
    try:
        letter.refresh_from_db()
        return _send(letter, lease)
    except OutgoingEmail.DoesNotExist:  # another process sent it
        return None
    finally:
        release(lease)


def sweep() -> Iterator[tuple[str, datetime | None]]:
    """Every letter, with its time."""
    for pk, due_at in OutgoingEmail.objects.order_by("due_at").values_list("pk", "due_at"):
        yield str(pk), due_at


def _send(letter: OutgoingEmail, lease: Lease) -> datetime | None:
    try:
        message = unsealed(letter)
        mailers[SMTP].send_messages([message])
    except (smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as fault:
        if _for_good(fault):
            _drop(letter, lease, fault)
            return None
        return _later(letter, lease, fault)
    except (OSError, smtplib.SMTPException) as fault:
        return _later(letter, lease, fault)
    except CannotUnseal as fault:
        return _keep_unread(letter, lease, fault)
    lease.rows().delete()
    return None


def unsealed(letter: OutgoingEmail) -> EmailMessage:
    """The message in a row. Raises CannotUnseal."""
    parts = json.loads(unseal(letter.message_enc, column="message_enc", row=letter.pk, did="").reveal())
    alternatives, subtype, headers = parts.pop("alternatives"), parts.pop("content_subtype"), parts.pop("extra_headers")
    message = EmailMultiAlternatives(**parts, headers=headers)
    message.content_subtype = subtype
    for content, kind in alternatives:
        message.attach_alternative(content, kind)
    return message


def _later(letter: OutgoingEmail, lease: Lease, fault: Exception) -> datetime | None:
    if letter.attempts >= len(RETRY_DELAYS_SECONDS):
        _drop(letter, lease, fault)
        return None
    due = timezone.now() + timedelta(seconds=RETRY_DELAYS_SECONDS[letter.attempts])
    # Only the kind of fault: what a mail server says may name the receiver.
    lease.update(attempts=letter.attempts + 1, due_at=due, error=type(fault).__name__)
    log.warning("a letter did not leave (%s); again at %s", type(fault).__name__, due.isoformat(timespec="seconds"))
    return due


def _keep_unread(letter: OutgoingEmail, lease: Lease, fault: CannotUnseal) -> datetime | None:
    now = timezone.now()
    if letter.created_at < now - UNREADABLE_KEPT_FOR:
        _drop(letter, lease, fault)
        return None
    # No attempt of the mail server's: those are for when the letter can be read.
    lease.update(due_at=now + UNREADABLE_RETRY_INTERVAL, error=type(fault).__name__)
    log.error("letter %s cannot be opened and waits for the keys: %s", letter.pk, fault)
    return now + UNREADABLE_RETRY_INTERVAL


def _drop(letter: OutgoingEmail, lease: Lease, fault: Exception) -> None:
    log.error("letter %s is given up: %s", letter.pk, type(fault).__name__)
    lease.rows().delete()


def _for_good(fault: Exception) -> bool:
    """Whether the server said that another try is of no use (a code of 500 and more, RFC 5321)."""
    if isinstance(fault, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in fault.recipients.values())
    return isinstance(fault, smtplib.SMTPResponseException) and fault.smtp_code >= 500
