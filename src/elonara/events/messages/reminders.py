"""Reminders a day and an hour before an event, for those who are going or maybe.

An event of whole days has one, at noon of the day before: it begins at midnight, and nobody is told anything then.
They are written when they are due, under the lock of the event's row, which keeps for which start that was done. So an
event that is moved gets reminders of its new start, and one that is moved back gets none a second time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from elonara.events.messages import readers, telling
from elonara.events.messages.models import GuestMessage, MessageKind, MessageOptOut, MessageState
from elonara.events.models import Event, Rsvp

BEFORE_WHOLE_DAYS: Final = timedelta(hours=12)
JOB: Final = "reminders"  # the key is the id of an event


@dataclass(frozen=True)
class Reminder:
    """`before` the start it is due, `until` so shortly before it is still of use; `column`: for which start it was."""

    kind: MessageKind
    before: timedelta
    until: timedelta
    column: str


ALL: Final = (
    Reminder(MessageKind.REMINDER_DAY, timedelta(hours=24), timedelta(hours=3), "day_reminder_for"),
    Reminder(MessageKind.REMINDER_HOUR, timedelta(hours=1), timedelta(), "hour_reminder_for"),
)


def poll(key: str) -> datetime | None:
    """Job handler: write the reminders of one event that are due. Returns when the next is, None for none."""
    with transaction.atomic():
        events = Event.objects.filter(status=Event.Status.SCHEDULED, hidden_at=None)
        event = events.select_for_update().filter(pk=key).first()
        if event is None or event.starts_at <= timezone.now():
            return None
        for reminder in ALL:
            due_at = _due(event, reminder)
            if due_at is not None and due_at <= timezone.now():
                _remind(event, reminder)
        return min(filter(None, (_due(event, reminder) for reminder in ALL)), default=None)


def sweep() -> Iterator[tuple[str, datetime | None]]:
    """Every event that begins within a day and has reminders to come, with the time of the next."""
    now = timezone.now()
    soon = Event.objects.filter(status=Event.Status.SCHEDULED, starts_at__gt=now, starts_at__lte=now + ALL[0].before)
    for event in soon.filter(hidden_at=None).only("starts_at", "all_day", *(reminder.column for reminder in ALL)):
        if dues := [at for reminder in ALL if (at := _due(event, reminder)) is not None]:
            yield str(event.pk), min(dues)


def _due(event: Event, reminder: Reminder) -> datetime | None:
    """When this reminder of the start of now is due, None where it was written or is none of such an event."""
    written: datetime | None = getattr(event, reminder.column)
    if written == event.starts_at or (event.all_day and reminder.kind != MessageKind.REMINDER_DAY):
        return None
    return _moment(event, reminder)


def _moment(event: Event, reminder: Reminder) -> datetime:
    return event.starts_at - (BEFORE_WHOLE_DAYS if event.all_day else reminder.before)


def _remind(event: Event, reminder: Reminder) -> None:
    moment = _moment(event, reminder)
    if timezone.now() <= event.starts_at - reminder.until:
        # Whoever answered or heard of this start after that moment needs no reminder of it.
        heard = GuestMessage.objects.filter(event=event, kind=MessageKind.CHANGED, created_at__gt=moment)
        unwilling = MessageOptOut.objects.filter(Q(event=event) | Q(event=None), reminders_only=True)
        known = set(heard.exclude(state=MessageState.CANCELLED).values_list("reader", flat=True))
        known |= set(unwilling.filter(member__answers__event=event).values_list("who", flat=True))
        people = Rsvp.objects.filter(
            readers.has_reader(), event=event, choice__in=readers.REMINDED, answered_at__lte=moment
        )
        people = people.only(*readers.COLUMNS).order_by("pk")
        telling.remind(event, reminder.kind, [one for one in people if readers.key_of(one) not in known])
    setattr(event, reminder.column, event.starts_at)
    event.save(update_fields=[reminder.column])
