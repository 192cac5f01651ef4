"""Event times as shown to one viewer: in the viewer's time zone, and in the event's where the two differ."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.http import HttpRequest
from django.utils import dateformat, timezone

from elonara.events.models import Event
from elonara.events.times import days_phrase

COOKIE = "tz"


def zone_named(name: str) -> ZoneInfo | None:
    """The time zone of an IANA name, or None for anything else."""
    try:
        return ZoneInfo(name) if name and len(name) <= 64 else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def zone_of(request: HttpRequest) -> ZoneInfo | None:
    """The viewer's time zone: the member's setting, else the browser's cookie; None where neither is set."""
    chosen = getattr(request.user, "timezone", "") if hasattr(request, "user") else ""
    return zone_named(chosen) or zone_named(request.COOKIES.get(COOKIE, ""))


def city(zone: tzinfo) -> str:
    """`Europe/Berlin` as `Berlin`."""
    return str(zone).rsplit("/", 1)[-1].replace("_", " ")


@dataclass(frozen=True)
class ShownTime:
    """One event's time as shown; `day` is its start in the viewer's time zone."""

    day: datetime
    sentence: str  # Saturday 5 December, 16:00 to 19:00
    beside: str  # Lisbon time. Or: Your time, Berlin. In Lisbon it is 15:00 to 18:00.
    short: str  # Sat, 15:00


def _span(start: datetime, end: datetime | None) -> str:
    if end is None:
        return dateformat.format(start, "H:i")
    if end.date() == start.date():
        return f"{start:%H:%M} to {end:%H:%M}"
    return f"{start:%H:%M} to {dateformat.format(end, 'l j F, H:i')}"


def when(starts_at: datetime, ends_at: datetime | None, event_zone: str, viewer: ZoneInfo | None) -> ShownTime:
    """The time of an event for one viewer, in the event's time zone where the viewer's is unknown."""
    there = zone_named(event_zone) or ZoneInfo("UTC")
    here = viewer or there
    return _when(starts_at, ends_at, there, here, timezone.now().astimezone(here).year)


def whole_days(event: Event) -> ShownTime:
    """The days of an event of whole days: the same to every viewer, whatever the zone."""
    first = event.starts_at.astimezone(zone_named(event.timezone) or ZoneInfo("UTC"))
    return ShownTime(first, days_phrase(event), "All day.", dateformat.format(first, "D"))


# Lists show each time to everybody, twice. It is a function of these values and nothing else.
@lru_cache(maxsize=1000)
def _when(starts_at: datetime, ends_at: datetime | None, there: ZoneInfo, here: ZoneInfo, this_year: int) -> ShownTime:
    start, end = starts_at.astimezone(here), ends_at.astimezone(here) if ends_at else None
    year = "" if start.year == this_year else " Y"
    sentence = f"{dateformat.format(start, f'l j F{year}')}, {_span(start, end)}"
    beside = f"{city(there)} time."
    if start.utcoffset() != starts_at.astimezone(there).utcoffset():
        start_there, end_there = starts_at.astimezone(there), ends_at.astimezone(there) if ends_at else None
        day = "" if start_there.date() == start.date() else dateformat.format(start_there, "l j F, ")
        beside = f"Your time, {city(here)}. In {city(there)} it is {day}{_span(start_there, end_there)}."
    elif str(here) != str(there):
        beside = f"{city(there)} time, and yours."
    return ShownTime(start, sentence, beside, dateformat.format(start, "D, H:i"))
