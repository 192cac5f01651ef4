"""Offers: a free place is kept for who is next on the waiting list, until she takes it or the time runs out.

She takes it by answering Going, and gives it up by any other answer. When the time has run out the place is offered to
the next; she keeps her place in the order, and gets no further offer until she answers again: somebody who does not
read it would otherwise hold up the others again and again. No offer goes beyond the cut-off of the event.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import F, Min, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from elonara.events import hooks
from elonara.events.messages.models import MessageKind
from elonara.events.messages.telling import tell
from elonara.events.models import Event, Rsvp
from elonara.events.times import moment_phrase

OFFERED, WAITING = Rsvp.Choice.OFFERED, Rsvp.Choice.WAITING
# Let an offer run out and has not answered since.
SILENT: Final = Q(offer_ended_at__isnull=False, offer_ended_at__gt=F("answered_at"))


def cutoff(event: Event) -> datetime:
    """From when on nobody on the waiting list gets a place by herself, and no offer is open."""
    return event.starts_at - timedelta(hours=event.fill_cutoff_hours)


def still_fills(event: Event) -> bool:
    """Whether it is before the cut-off."""
    return timezone.now() < cutoff(event)


def is_open(row: Rsvp) -> bool:
    """Whether a place is kept for this answer now."""
    return row.choice == OFFERED and row.offered_until is not None and timezone.now() < row.offered_until


def choice_now(row: Rsvp) -> str:
    """The answer as it stands: who let an offer run out waits again, whenever the row learns of it."""
    return WAITING if row.choice == OFFERED and not is_open(row) else row.choice


def silent_since(row: Rsvp) -> datetime | None:
    """When an offer to this answer ran out, where the person has not answered since (as `SILENT`); else None."""
    if row.choice == OFFERED and not is_open(row):
        return row.offered_until
    ended = row.offer_ended_at if row.choice == WAITING else None
    return ended if ended is not None and ended > row.answered_at else None


def make(event: Event, row: Rsvp) -> None:
    """Offer a place to somebody who waits. `event` is locked."""
    row.choice = OFFERED
    row.offered_until = min(timezone.now() + timedelta(hours=event.offer_hours), cutoff(event))
    row.offer_ended_at = None
    _store(row)
    until = moment_phrase(event, row.offered_until)
    sentence = _("A place at {event} is offered to you until {until}. Take it on the event’s page.")
    sentence = sentence.format(event=event.title, until=until)
    tell(event, row, MessageKind.OFFERED, sentence, expires_at=row.offered_until)
    hooks.rsvp_saved(row)


def run_out(event: Event) -> int:
    """End the offers whose time is over: who had one waits again. `event` is locked. Returns how many there were."""
    ended = list(Rsvp.objects.filter(event=event, choice=OFFERED, offered_until__lte=timezone.now()))
    for row in ended:
        row.choice, row.offer_ended_at, row.offered_until = WAITING, row.offered_until, None
        _store(row)
        sentence = _("The time to take a place at {event} has run out. You are still on the waiting list.")
        tell(event, row, MessageKind.ANSWER, sentence.format(event=event.title))
        hooks.rsvp_saved(row)
    return len(ended)


def shorten(event: Event) -> None:
    """No offer beyond the cut-off, where a host has moved it or the event. `event` is locked."""
    end = cutoff(event)
    Rsvp.objects.filter(event=event, choice=OFFERED, offered_until__gt=end).update(offered_until=end)


def events_with_ended() -> Any:
    """The ids of events with offers that have run out, the longest ago first."""
    ended = Rsvp.objects.filter(choice=OFFERED, offered_until__lte=timezone.now())
    events = ended.values("event_id").annotate(first=Min("offered_until")).order_by("first")
    return events.values_list("event_id", flat=True)


def _store(row: Rsvp) -> None:
    # Not `answered_at`, which says when the person answered.
    Rsvp.objects.filter(pk=row.pk).update(
        choice=row.choice, offered_until=row.offered_until, offer_ended_at=row.offer_ended_at
    )
