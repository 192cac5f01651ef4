"""Sending what guests are told: a job per row.

A row is claimed under the lock of its event, in one transaction: is it still true, and if so, what does it tell? That,
the Message-ID and the link that stops such e-mails are stored with the state `sending` before the mail server is asked.
So an edit comes either before the claim, and the e-mail tells the newest, or after it, and gets a row of its own that
begins where this one ended.

Whoever finds a row in `sending` does not know whether the server has taken it: a worker was killed, or the conversation
broke off. It is sent again with the same Message-ID and the same facts, for as long as nobody has stopped it. Where
the server said no, nobody has it: the row goes back to `queued`, and what it tells is decided anew.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.mail import EmailMessage
from django.db import transaction
from django.utils import timezone

from elonara import jobs
from elonara.bluesky.reasons import KEYS_MISSING
from elonara.events.messages.facts import facts_for
from elonara.events.messages.models import UNSENT, GuestMessage, MessageKind, MessageState
from elonara.events.messages.readers import answer_of
from elonara.events.messages.telling import JOB
from elonara.events.models import Event, Rsvp
from elonara.invitations.email import tokens
from elonara.invitations.guest_emails import reach
from elonara.invitations.guest_emails.message import message, message_id
from elonara.invitations.guest_emails.outdated import held, outdated, overtaken
from elonara.invitations.guest_emails.reach import Recipient
from elonara.locks import Lease
from elonara.mail import delivery as mail
from elonara.mail import pausing
from elonara.mail.row_queue import RowQueue
from elonara.sealing import CannotUnseal, KeyMissing

HOST_HELD_INTERVAL: Final = timedelta(hours=1)  # while the sending of the host is paused
KEYS_RETRY_INTERVAL: Final = timedelta(minutes=1)  # until another process, which has the key, sends it

log = logging.getLogger(__name__)


def _deliver(row: GuestMessage, lease: Lease) -> datetime | None:
    rsvp, fresh = answer_of(row), row.state == MessageState.QUEUED
    if code := held(row):
        due = timezone.now() + HOST_HELD_INTERVAL
        QUEUE.store(lease, due_at=due, reason=code)
        return due
    try:
        to = reach.of_row(row, rsvp)
        address = to.email
        if address and (until := pausing.held_until([address])):
            return QUEUE.hold(lease, until)
        if not (_claim(row, lease, to) if fresh else _still_wanted(row, lease, rsvp, to)):
            return None
        email = message(row, to, address, _token(row), rsvp)
    except CannotUnseal as unreadable:
        return _unreadable(row, lease, unreadable, rsvp)
    return _send(row, lease, email, fresh=fresh)


def _claim(row: GuestMessage, lease: Lease, to: Recipient) -> bool:
    """Decide what the row tells, and store it. False where nothing is to be sent."""
    with transaction.atomic():
        # Without its maker: after a wait for the lock PostgreSQL joins anew, and finds no row where she has changed.
        row.event = Event.objects.select_for_update().get(pk=row.event_id)
        row.refresh_from_db(fields=["state", "before"])
        rsvp = answer_of(row)  # under the lock: she may have answered anew a moment ago
        if row.state != MessageState.QUEUED:
            return False
        if code := outdated(row, rsvp):
            QUEUE.store(lease, state=MessageState.CANCELLED, reason=code)
            return False
        row.told, row.told_at = facts_for(row.event, rsvp), timezone.now()
        told = {"told": row.told, "told_at": row.told_at}
        if to.reason:
            QUEUE.store(lease, state=MessageState.SHOWN, reason=to.reason, **told)
            return False
        row.state, row.message_id = MessageState.SENDING, row.message_id or message_id(row)
        row.token_hash, row.token_enc = tokens.new_token(row.pk)[1:]
        names = ("state", "message_id", "token_hash", "token_enc")
        return QUEUE.store(lease, reason="", **told, **{name: getattr(row, name) for name in names})


def _still_wanted(row: GuestMessage, lease: Lease, rsvp: Rsvp | None, to: Recipient) -> bool:
    """Whether a row that may have been taken is sent again: nobody has stopped it, and it is still true."""
    if to.reason:
        QUEUE.store(lease, state=MessageState.SUPPRESSED, reason=to.reason, token_enc="")
        return False
    if code := outdated(row, rsvp) or overtaken(row):
        QUEUE.store(lease, state=MessageState.CANCELLED, reason=code, token_enc="")
        return False
    return True


def _send(row: GuestMessage, lease: Lease, email: EmailMessage, *, fresh: bool) -> datetime | None:
    """Ask the mail server once. `fresh`: no earlier attempt of this row may have been taken."""
    match mail.deliver(email):
        case mail.Taken():
            QUEUE.store(lease, state=MessageState.SENT, reason="", token_enc="")
        case mail.NoSuchUser(fault=fault):
            _fail(row, lease, "address_refused", fault)
        case mail.TryAgain(fault=fault, unanswered=unanswered):
            with _put_back(row, lease, really=fresh and not unanswered) as values:
                if values is None:
                    return None
                due = QUEUE.retry_later(row, lease, fault, **values)
                if due is None:
                    _fail(row, lease, "mail_gave_up", fault)
                return due
        case mail.Held(until=until, unanswered=unanswered):
            with _put_back(row, lease, really=fresh and not unanswered) as values:
                return None if values is None else QUEUE.hold(lease, until, **values)
    return None


@contextmanager
def _put_back(row: GuestMessage, lease: Lease, *, really: bool) -> Iterator[dict[str, Any] | None]:
    """The values with which a row waits that nobody has; None where a newer one of its reader says all that it says.

    Not `really`: somebody may have it, and it keeps what it tells.
    """
    if not really:
        yield {}
        return
    with transaction.atomic():
        Event.objects.select_for_update().get(pk=row.event_id)  # so that no edit comes in between
        newer = GuestMessage.objects.filter(event=row.event_id, reader=row.reader, kind=MessageKind.CHANGED)
        newer = newer.filter(state=MessageState.QUEUED).exclude(pk=row.pk)
        if row.kind != MessageKind.CHANGED or not newer.exists():
            yield {"state": MessageState.QUEUED}
            return
        if QUEUE.store(lease, state=MessageState.CANCELLED, reason="replaced", token_enc=""):
            newer.update(before=row.before)
        yield None


def _fail(row: GuestMessage, lease: Lease, reason: str, fault: str) -> None:
    log.warning("message %s to a guest is given up: %s", row.pk, fault)
    QUEUE.store(lease, state=MessageState.FAILED, reason=reason, token_enc="")


def _unreadable(row: GuestMessage, lease: Lease, fault: CannotUnseal, rsvp: Rsvp | None) -> datetime | None:
    if isinstance(fault, KeyMissing):
        due = timezone.now() + KEYS_RETRY_INTERVAL
        QUEUE.store(lease, due_at=due, reason=KEYS_MISSING)
        return due
    told = facts_for(row.event, rsvp)
    QUEUE.store(lease, state=MessageState.SHOWN, reason="address_lost", told=told, told_at=timezone.now(), token_enc="")
    return None


def _token(row: GuestMessage) -> str:
    """The token of the link in the e-mail; a new one where it cannot be read any more. Raises KeyMissing."""
    try:
        if token := tokens.opened(row.token_enc, "token_enc", row.pk):
            return token
    except KeyMissing:
        raise
    except CannotUnseal as fault:
        log.warning("the link of message %s to a guest is made again: %s", row.pk, fault)
    token, row.token_hash, row.token_enc = tokens.new_token(row.pk)
    GuestMessage.objects.filter(pk=row.pk).update(token_hash=row.token_hash, token_enc=row.token_enc)
    return token


QUEUE: Final = RowQueue(
    GuestMessage,
    "guest_message",
    UNSENT,
    _deliver,
    related=("event__created_by", "member", "email_invitation__host", "host_message__by"),
)
poll, sweep = QUEUE.poll, QUEUE.sweep


def release_held() -> None:
    """Poll at once what waits for the end of the pause of all e-mail."""
    if key := QUEUE.release_held():
        jobs.wake(JOB, key)
