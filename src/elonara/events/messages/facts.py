"""What a guest must know of an event, as plain values that can be stored and compared.

Each reads what she may know: a hidden place is for who comes there, the link for who comes online.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import UTC, datetime

from elonara.communities.validation import one_line
from elonara.events import location
from elonara.events.models import Event, Rsvp

type GuestFacts = Mapping[str, str]


def facts_for(event: Event, answer: Rsvp | None) -> dict[str, str]:
    """What somebody with this answer may know. Times are ISO 8601 in UTC; "" is what there is not, or is hidden.

    `all_day` is "yes" for whole days, which are told without a time.
    """
    return {
        "starts_at": _moment(event.starts_at),
        "ends_at": _moment(event.ends_at),
        "all_day": "yes" if event.all_day else "",
        "place": one_line(location.where(event, answer)),
        "link": location.link(event, answer),
    }


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
