"""The port for telling guests: a row for each person and each thing that happened, in the transaction in which it does.

So what happened and who is told of it are stored together or not at all, and a kill loses neither. Nothing is sent
here: a job does it from the rows.

A change of time or place settles first. Further edits within a few minutes join the row that waits, which keeps what
its reader knew before the first of them (`before`); an edit that brings just that back ends the row. What a reader is
told is what differs between the two when the e-mail leaves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Q
from django.utils import timezone

from elonara import jobs
from elonara.events.messages import notices, readers
from elonara.events.messages.facts import differences, facts_for, start_and_end, without_hiding
from elonara.events.messages.models import UNSENT, GuestMessage, HostMessage, MessageKind, MessageState
from elonara.events.models import Event, Rsvp
from elonara.events.queries import is_over

JOB: Final = "guest"  # the key is the id of a GuestMessage
SETTLES_AFTER: Final = timedelta(minutes=2)  # of the last edit
SETTLES_AT_THE_LATEST: Final = timedelta(minutes=15)  # after the first one
# Whoever was told of so many changes within a day hears of further ones together: an event that is moved again and
# again must not fill mailboxes. Nobody hears of one later than so long before the start.
OFTEN: Final = 4
SETTLES_WHEN_OFTEN: Final = timedelta(hours=6)
IN_TIME: Final = timedelta(hours=2)
KEPT_FOR: Final = timedelta(days=90)  # after they were told: so long the links in e-mails work
_BATCH: Final = 500  # rows in one statement


def tell(
    event: Event,
    rsvp: Rsvp,
    kind: MessageKind,
    sentence: str,
    *,
    word: str = "",
    expires_at: datetime | None = None,
) -> None:
    """Tell one guest what became of her answer, at once. Call it in the transaction in which it happens.

    The only way to a single guest: every call is one thing that happened, which `sentence` says; `word`: of a host, to
    this person (500 characters each). `expires_at`: it is not told any more from then on. Not for changes and
    cancellations: see `changed` and `cancelled`.
    """
    key = readers.key_of(rsvp)
    if event.hidden_at is not None or not key:
        return
    row = _row(
        event, rsvp, kind, sentence=sentence[:500], word=word[:500], due_at=timezone.now(), expires_at=expires_at
    )
    row.save(force_insert=True)
    if rsvp.member_id is not None:
        notices.leave(event, kind, notices.with_word(sentence, word)[:500], [rsvp.member_id])
    jobs.wake(JOB, str(row.pk))


def changed(before: Event, event: Event, *, but: int) -> None:
    """Tell the guests that time or place have changed; titles and descriptions tell nobody.

    `before` is the event as it was, `but` the member who changed it. The event's row is locked.
    """
    if event.hidden_at is not None or is_over(event):
        return
    before = without_hiding(before, event)
    now = timezone.now()
    recent = GuestMessage.objects.filter(event=event, kind=MessageKind.CHANGED, created_at__gt=now - timedelta(days=1))
    told = Counter(
        recent.exclude(state__in=(MessageState.QUEUED, MessageState.CANCELLED)).values_list("reader", flat=True)
    )
    waiting = {row.reader: row for row in _of(event).filter(kind=MessageKind.CHANGED, state=MessageState.QUEUED)}
    texts: dict[str, list[int]] = {}  # what a notice says → members: each reads what she may know
    new: list[GuestMessage] = []
    moved: list[GuestMessage] = []
    undone: list[GuestMessage] = []
    for rsvp in readers.hearing(event, but):
        knew, knows = facts_for(before, rsvp), facts_for(event, rsvp)
        if not differences(knew, knows):
            continue
        key = readers.key_of(rsvp)
        row = waiting.get(key)
        new_to_her = differences(knew if row is None else row.before or {}, knows)
        if rsvp.member_id is not None and new_to_her:
            texts.setdefault(notices.of_change(event, new_to_her, knows), []).append(rsvp.member_id)
        if row is None:
            row = _row(event, rsvp, MessageKind.CHANGED, before=knew, created_at=now)
            row.due_at = _settles(row, event, now, often=told[key] >= OFTEN)
            new.append(row)
        elif new_to_her:
            row.due_at = _settles(row, event, now, often=told[key] >= OFTEN)
            moved.append(row)
        else:
            undone.append(row)
    GuestMessage.objects.bulk_create(new, batch_size=_BATCH)
    GuestMessage.objects.bulk_update(moved, ["due_at"], batch_size=_BATCH)
    _end(undone, "undone")
    for text, members in texts.items():
        notices.leave(event, MessageKind.CHANGED, text, members)
    notices.dismiss(event, MessageKind.CHANGED, _members(undone))


def cancelled(event: Event, *, word: str, but: int) -> None:
    """Tell the guests at once that the event is cancelled. What else waits for them ends. The event's row is locked."""
    _end(_of(event).filter(state=MessageState.QUEUED).only("pk"), "event_cancelled")
    if event.hidden_at is None and not is_over(event):
        _write(event, MessageKind.CANCELLED, readers.hearing(event, but), word, occasion="cancelled", word=word)


def remind(event: Event, kind: MessageKind, people: Iterable[Rsvp]) -> None:
    """Remind these people of the start that the event has now, each once."""
    _write(event, kind, people, "", occasion=event.starts_at.isoformat())


def host_says(message: HostMessage, people: Iterable[Rsvp], name: str) -> int:
    """Pass on the words of a host, each person once; returns to how many. `name`: hers, as it may stand in a notice."""
    event, kind = message.event, MessageKind.HOST
    return _write(event, kind, people, message.text, name, occasion=str(message.pk), host_message=message)


def joined(rsvp: Rsvp, keys: Iterable[str]) -> None:
    """What waits for several readers (`readers.key_of`) who turn out to be one person is told once.

    Call it in the transaction in which their answers become `rsvp`. The event's row is locked.
    """
    own = readers.key_of(rsvp)
    rows = GuestMessage.objects.filter(event=rsvp.event_id, reader__in={own, *keys})
    rows = rows.filter(Q(kind=MessageKind.CHANGED) | ~Q(occasion=""))
    by_email = rows.filter(state__in=(MessageState.SENDING, MessageState.SENT)).exclude(occasion="")
    known = set(by_email.values_list("kind", "occasion"))
    once: list[GuestMessage] = []
    doubled: list[GuestMessage] = []
    for row in sorted(rows.filter(state=MessageState.QUEUED), key=lambda row: row.reader != own):
        (doubled if (row.kind, row.occasion) in known else once).append(row)
        known.add((row.kind, row.occasion))
    _end(doubled, "replaced")
    changes = [row.pk for row in once if row.kind == MessageKind.CHANGED]
    GuestMessage.objects.filter(pk__in=changes, state=MessageState.QUEUED).update(**readers.columns_of(rsvp))


def forget_past() -> int:
    """Delete what was written so long ago, of events that are over; how many rows."""
    now = timezone.now()
    old = GuestMessage.objects.filter(created_at__lt=now - KEPT_FOR).exclude(state__in=UNSENT)
    return old.filter(event__starts_at__lt=now - KEPT_FOR).delete()[0]


def _write(event: Event, kind: MessageKind, people: Iterable[Rsvp], text: str, name: str = "", /, **values: Any) -> int:
    due_at = timezone.now()
    rows = [_row(event, rsvp, kind, due_at=due_at, **values) for rsvp in people]
    GuestMessage.objects.bulk_create(rows, batch_size=_BATCH, ignore_conflicts=True)  # conflict: told already
    notices.leave(event, kind, notices.sentence(event, kind, text, name, event.public_location), _members(rows))
    for row in rows[:1]:
        jobs.wake(JOB, str(row.pk))  # the sweep finds the others
    return len(rows)


def _row(event: Event, rsvp: Rsvp, kind: MessageKind, **values: Any) -> GuestMessage:
    return GuestMessage(event=event, kind=kind, **readers.columns_of(rsvp), **values)


def _settles(row: GuestMessage, event: Event, now: datetime, *, often: bool) -> datetime:
    if row.attempts:
        return row.due_at  # the mail server asked to wait
    if often:
        # The start that she knows may be the sooner one: then she would stand before the door.
        knew = start_and_end(row.before, event)[0] if row.before else event.starts_at
        in_time = min(event.starts_at, knew) - IN_TIME
        return max(now + SETTLES_AFTER, min(row.created_at + SETTLES_WHEN_OFTEN, in_time))
    return min(now + SETTLES_AFTER, row.created_at + SETTLES_AT_THE_LATEST)


def _of(event: Event) -> Any:
    return GuestMessage.objects.filter(event=event, state__in=UNSENT)


def _end(rows: Iterable[GuestMessage], reason: str) -> None:
    unsent = GuestMessage.objects.filter(pk__in=[row.pk for row in rows], state=MessageState.QUEUED)
    unsent.update(state=MessageState.CANCELLED, reason=reason)


def _members(rows: Iterable[GuestMessage]) -> list[int]:
    return [row.member_id for row in rows if row.member_id is not None]
