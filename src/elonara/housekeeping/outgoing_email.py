"""A queue of e-mails: no page waits for the mail server, and while that cannot be reached no e-mail is lost.

`OutgoingEmailBackend` is the site's mail backend. It stores each message, sealed, in a row until the mail server has
accepted it. If a process is killed after that and before the row is deleted, the e-mail is sent again: twice is better
than never for an e-mail that somebody waits for.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, override

from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from elonara import jobs
from elonara.housekeeping.models import OutgoingEmail
from elonara.invitations.email import delivery as email_invitations
from elonara.invitations.guest_emails import delivery as guest_emails
from elonara.locks import Lease, release, take_lease, this_thread
from elonara.mail import delivery, pausing
from elonara.members import audit
from elonara.members.models import Member
from elonara.members.standing import require_operator
from elonara.sealing import CannotUnseal, KeyMissing, seal, unseal

JOB_KIND: Final = "letter"  # the name it had in 0.1.0: jobs are queued under it
RETRY_DELAYS_SECONDS: Final = (60, 300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600)  # about a day in all
# An e-mail that cannot be decrypted waits for the operator to restore the keys, and during a pause of all e-mail every
# one waits for its end, but no longer than its links are valid.
UNREADABLE_KEPT_FOR: Final = timedelta(days=3)
HELD: Final = "MailPause"  # in `error`, of an e-mail that waits for the end of the pause
HELD_KEPT_FOR: Final = timedelta(days=3)
UNREADABLE_RETRY_INTERVAL: Final = timedelta(hours=1)
KEYS_RETRY_INTERVAL: Final = timedelta(minutes=1)  # until another process, which has the key, sends it
LEASE_SECONDS: Final = 120.0  # several times the timeout of one SMTP session
HEADERS: Final = ("subject", "body", "from_email", "to", "cc", "bcc", "reply_to", "extra_headers", "content_subtype")

log = logging.getLogger(__name__)


class OutgoingEmailBackend(BaseEmailBackend):
    """Django mail backend that queues messages instead of sending them."""

    @override
    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Queue each message; they are sent after the commit. Raises ValueError for attachments."""
        for message in email_messages:
            enqueue(message)
        return len(email_messages)


def enqueue(message: EmailMessage) -> OutgoingEmail:
    """Store one message and wake the job that sends it. Raises ValueError for attachments."""
    if message.attachments:
        raise ValueError("e-mails of this site have no attachments")
    parts: dict[str, Any] = {name: getattr(message, name) for name in HEADERS}
    parts["alternatives"] = [[part[0], part[1]] for part in getattr(message, "alternatives", [])]
    email = OutgoingEmail(id=uuid.uuid4(), due_at=timezone.now())
    email.message_enc = seal(json.dumps(parts, default=str), column="message_enc", row=email.pk, did="")
    email.save(force_insert=True)
    jobs.wake(JOB_KIND, str(email.pk))
    return email


def poll(key: str) -> datetime | None:
    """Job handler: send one e-mail if it is due. Returns when to call again, None when the row is gone."""
    email = OutgoingEmail.objects.filter(pk=key).first()
    if email is None:
        return None
    if email.due_at > timezone.now():
        return email.due_at
    lease = take_lease(OutgoingEmail, email.pk, this_thread(), LEASE_SECONDS)
    if lease is None:
        return timezone.now() + timedelta(seconds=LEASE_SECONDS)
    try:
        email.refresh_from_db()
        return _send(email, lease)
    except OutgoingEmail.DoesNotExist:  # another process sent it
        return None
    finally:
        release(lease)


def sweep() -> Iterator[tuple[str, datetime | None]]:
    """Every queued e-mail, with the time when it is due."""
    for pk, due_at in OutgoingEmail.objects.order_by("due_at").values_list("pk", "due_at"):
        yield str(pk), due_at


def _send(email: OutgoingEmail, lease: Lease) -> datetime | None:
    try:
        message = unsealed(email)
    except CannotUnseal as fault:
        return _wait_for_keys(email, lease, fault)
    match delivery.deliver(message):
        case delivery.Taken():
            lease.rows().delete()
            return None
        case delivery.NoSuchUser(fault=kind):
            _give_up(email, lease, kind)
            return None
        case delivery.TryAgain(fault=kind):
            return _retry_later(email, lease, kind)
        case delivery.Held(until=until):
            return _hold(email, lease, until)


def try_now(by: Member) -> None:
    """Ask the mail server again at once, though all e-mail is paused. Raises NotAllowed unless `by` is an operator."""
    require_operator(by)
    with transaction.atomic():
        pausing.try_now()
        audit.record(by, "mail_tried", _("mail server"))
        held = OutgoingEmail.objects.filter(error=HELD)
        held.update(due_at=timezone.now())
        for pk in held.values_list("pk", flat=True)[:1]:
            jobs.wake(JOB_KIND, str(pk))
        email_invitations.release_held()
        guest_emails.release_held()


def unsealed(email: OutgoingEmail) -> EmailMessage:
    """The message in a row. Raises CannotUnseal."""
    parts = json.loads(unseal(email.message_enc, column="message_enc", row=email.pk, did="").reveal())
    alternatives, subtype, headers = parts.pop("alternatives"), parts.pop("content_subtype"), parts.pop("extra_headers")
    message = EmailMultiAlternatives(**parts, headers=headers)
    message.content_subtype = subtype
    for content, kind in alternatives:
        message.attach_alternative(content, kind)
    return message


def _retry_later(email: OutgoingEmail, lease: Lease, fault: str) -> datetime | None:
    if email.attempts >= len(RETRY_DELAYS_SECONDS):
        _give_up(email, lease, fault)
        return None
    due = timezone.now() + timedelta(seconds=RETRY_DELAYS_SECONDS[email.attempts])
    lease.update(attempts=email.attempts + 1, due_at=due, error=fault)
    log.warning("an e-mail could not be sent (%s); next attempt at %s", fault, due.isoformat(timespec="seconds"))
    return due


def _hold(email: OutgoingEmail, lease: Lease, until: datetime) -> datetime | None:
    if email.created_at < timezone.now() - HELD_KEPT_FOR:
        _give_up(email, lease, HELD)
        return None
    # `attempts` stays: nothing was said about this e-mail, and all attempts are left for when the pause ends.
    lease.update(due_at=until, error=HELD)
    return until


def _wait_for_keys(email: OutgoingEmail, lease: Lease, fault: CannotUnseal) -> datetime | None:
    now = timezone.now()
    if email.created_at < now - UNREADABLE_KEPT_FOR:
        _give_up(email, lease, type(fault).__name__)
        return None
    # `attempts` stays: the mail server was not asked, and all attempts are left for when the keys are back.
    due = now + (KEYS_RETRY_INTERVAL if isinstance(fault, KeyMissing) else UNREADABLE_RETRY_INTERVAL)
    lease.update(due_at=due, error=type(fault).__name__)
    log.error("e-mail %s cannot be decrypted and waits for the keys: %s", email.pk, fault)
    return due


def _give_up(email: OutgoingEmail, lease: Lease, fault: str) -> None:
    log.error("e-mail %s is given up: %s", email.pk, fault)
    lease.rows().delete()
