"""What a guest must know of an event, as plain values that can be stored and compared.

Each reads what she may know: a hidden place is for who comes there, the link for who comes online.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from elonara.communities.validation import one_line
from elonara.events import location
from elonara.events.models import Event, Rsvp
from elonara.events.times import day_begins, days_of
from elonara.members.time_zones import zone

type GuestFacts = Mapping[str, str]


def facts_for(event: Event, answer: Rsvp | None) -> dict[str, str]:
    """What somebody with this answer may know. Times are ISO 8601 in UTC; "" is what there is not, or is hidden.

    For whole days `all_day` is "yes", and the times are days: the first, and the one after the last. Another zone, in
    which they are other moments, is no news.
    """
    starts_at, ends_at = _moment(event.starts_at), _moment(event.ends_at)
    if event.all_day:
        first, last = days_of(event)
        starts_at, ends_at = first.isoformat(), (last + timedelta(days=1)).isoformat()
    return {
        "starts_at": starts_at,
        "ends_at": ends_at,
        "all_day": "yes" if event.all_day else "",
        "place": one_line(location.where(event, answer)),
        "link": location.link(event, answer),
    }


def start_and_end(facts: GuestFacts, event: Event) -> tuple[datetime, datetime | None]:
    """The moments that these facts name, by the clock of the event's zone where they are days."""

    def moment(text: str) -> datetime:
        if facts.get("all_day"):
            return day_begins(date.fromisoformat(text), zone(event.timezone))
        return datetime.fromisoformat(text)

    return moment(facts["starts_at"]), moment(facts["ends_at"]) if facts.get("ends_at") else None


def without_hiding(before: Event, now: Event) -> Event:
    """The event as it was, as if its place had been hidden where it only is hidden since: that is no new place."""
    if not now.place_hidden or now.location != before.location:
        return before
    found = copy.copy(before)
    found.place_hidden = True
    return found


def differences(before: GuestFacts, now: GuestFacts) -> tuple[str, ...]:
    """What is different for the guest: `time`, `place`, `link`. A zone that names the same moments is no difference."""
    found = []
    if any(before.get(name, "") != now.get(name, "") for name in ("starts_at", "ends_at", "all_day")):
        found.append("time")
    found += [name for name in ("place", "link") if before.get(name, "") != now.get(name, "")]
    return tuple(found)


def _moment(value: datetime | None) -> str:
    return value.astimezone(UTC).isoformat() if value else ""
