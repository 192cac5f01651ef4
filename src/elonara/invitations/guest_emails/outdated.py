"""Whether what a row has to tell is still true, and whether it has to wait: asked just before each attempt."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from elonara.events.messages.facts import differences, facts_for
from elonara.events.messages.models import REMINDERS, GuestMessage, MessageKind, MessageState
from elonara.events.messages.readers import HEARING, REMINDED
from elonara.events.models import Rsvp
from elonara.events.queries import is_cancelled, is_over, may_manage
from elonara.invitations.consent import pauses

# So shortly before the start the reminder of the day before says what that of the hour says.
HOUR = timedelta(hours=1)


def outdated(row: GuestMessage, rsvp: Rsvp | None) -> str:
    """The code of the reason why this is not told any more, "" where it is.

    `row.event` is the event as it is now, `rsvp` the reader's answer.
    """
    event, now = row.event, timezone.now()
    if event.hidden_at is not None:
        return "hidden"
    if is_cancelled(event) and row.kind != MessageKind.CANCELLED:
        return "event_cancelled"
    if is_over(event):
        return "event_over"
    if row.expires_at is not None and row.expires_at <= now:
        return "expired"
    return _of_guest(row, rsvp) or (_of_reminder(row) if row.kind in REMINDERS else _of_kind(row, rsvp))


def overtaken(row: GuestMessage) -> str:
    """Of a change that may have been taken: the code where its reader has been told a newer one since, else ""."""
    if row.kind != MessageKind.CHANGED or row.told_at is None:
        return ""
    newer = GuestMessage.objects.filter(event=row.event_id, reader=row.reader, kind=MessageKind.CHANGED)
    return "replaced" if newer.filter(state=MessageState.SENT, told_at__gt=row.told_at).exists() else ""


def held(row: GuestMessage) -> str:
    """The reason why the words of a host have to wait, "" where they do not."""
    return "" if row.host_message is None else pauses.of_emails(row.host_message.by_id)


def _of_guest(row: GuestMessage, rsvp: Rsvp | None) -> str:
    choice = rsvp.choice if rsvp is not None else ""
    match row.kind:
        case MessageKind.DECLINED:
            return "undone" if choice in HEARING else ""
        case MessageKind.ANSWER:
            return "" if rsvp is not None else "not_a_guest"
        case MessageKind.OFFERED:
            return "" if choice == Rsvp.Choice.OFFERED else "not_a_guest"
        case MessageKind.PLACE:
            return "" if choice == Rsvp.Choice.GOING else "not_a_guest"
        case MessageKind.REMINDER_DAY | MessageKind.REMINDER_HOUR:
            return "" if choice in REMINDED else "not_a_guest"
        case _:
            return "" if choice in HEARING else "not_a_guest"


def _of_reminder(row: GuestMessage) -> str:
    event, now = row.event, timezone.now()
    if row.occasion != event.starts_at.isoformat():
        return "replaced"
    if event.starts_at <= now:
        return "event_over"
    return "expired" if row.kind == MessageKind.REMINDER_DAY and event.starts_at - HOUR <= now else ""


def _of_kind(row: GuestMessage, rsvp: Rsvp | None) -> str:
    if row.kind == MessageKind.CHANGED and row.state == MessageState.QUEUED:
        now = facts_for(row.event, rsvp)
        return "" if differences(row.before or {}, now) else "undone"
    if row.host_message is not None and not may_manage(row.event, row.host_message.by):
        return "not_host"
    return ""
