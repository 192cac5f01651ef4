"""Which answers are new to a host, by event."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from elonara.events.guests.guest_list import name_of, totals
from elonara.events.guests.latest import answers_to
from elonara.events.models import Event, Rsvp
from elonara.events.queries import is_cancelled, is_over
from elonara.members.models import Member

NAMED: Final = 12  # of an event; the others are counted


@dataclass(frozen=True)
class Answer:
    """One answer."""

    name: str
    choice: str
    plus_ones: int


@dataclass
class EventNews:
    """The new answers to one event, the first `NAMED` of them by name."""

    event: Event
    answers: list[Answer] = field(default_factory=list)
    more: int = 0
    going: int = 0  # people now, with those whom guests bring
    maybe: int = 0

    @property
    def count(self) -> int:
        """How many people answered."""
        return len(self.answers) + self.more


def new_answers(host: Member, after: datetime, until: datetime) -> list[EventNews]:
    """What was answered in that time to the events that she hosts and that are still to come, soonest event first.

    Not among them: her own answers, those of guests whom a host added by name, and what hosts declined.
    """
    found: dict[int, EventNews] = {}
    rows = answers_to(host).filter(answered_at__gt=after, answered_at__lte=until).exclude(choice=Rsvp.Choice.REFUSED)
    for row in rows.select_related("event").order_by("event__starts_at", "event", "answered_at", "pk"):
        if is_over(row.event) or is_cancelled(row.event):
            continue
        news = found.setdefault(row.event.pk, EventNews(row.event))
        if len(news.answers) < NAMED:
            news.answers.append(Answer(name_of(row), row.choice, row.plus_ones))
        else:
            news.more += 1
    for news in found.values():
        counts = totals(news.event)
        news.going, news.maybe = counts[Rsvp.Choice.GOING][1], counts[Rsvp.Choice.MAYBE][1]
    return list(found.values())
