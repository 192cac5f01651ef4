"""Event times as shown to one viewer: on the clock of the event's place, and on the viewer's where the two differ."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.http import HttpRequest
from django.utils import dateformat, timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from elonara.events.models import Event
from elonara.events.times import days_phrase, utc_offset, zone_city

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


@dataclass(frozen=True)
class ShownTime:
    """One event's time as shown: first on the clock of its place, online on the viewer's own; then on the other one."""

    day: datetime  # the start, in the zone of `sentence`
    sentence: str  # Saturday 5 December, 16:00 to 19:00
    beside: str  # Lisbon time. For you in Berlin: 17:00 to 20:00. Or: Your time, Berlin. In Lisbon it is 15:00.
    short: str  # Sat, 15:00. Or, where the viewer's clock shows another time: Sat, 15:00 Lisbon
    viewer_unknown: bool = False  # a script adds the viewer's time: `viewer-time.js`


def _span(start: datetime, end: datetime | None) -> str:
    if end is None:
        return dateformat.format(start, "H:i")
    if end.date() == start.date():
        return _("{start} to {end}").format(start=f"{start:%H:%M}", end=f"{end:%H:%M}")
    return _("{start} to {end}").format(start=f"{start:%H:%M}", end=dateformat.format(end, "l j F, H:i"))


def when(
    starts_at: datetime, ends_at: datetime | None, event_zone: str, viewer: ZoneInfo | None, *, online: bool = False
) -> ShownTime:
    """The time of an event for one viewer; `online`: it has no place, so the viewer's own clock comes first."""
    there = zone_named(event_zone) or ZoneInfo("UTC")
    year = timezone.now().astimezone(viewer or there).year
    return _when(starts_at, ends_at, there, viewer, online=online, year=year, language=get_language())


def whole_days(event: Event) -> ShownTime:
    """The days of an event of whole days: the same to every viewer, whatever the zone."""
    first = event.starts_at.astimezone(zone_named(event.timezone) or ZoneInfo("UTC"))
    return ShownTime(first, days_phrase(event), _("All day."), dateformat.format(first, "D"))


# Lists show each time to everybody, twice. It is a function of these values and nothing else.
@lru_cache(maxsize=1000)
def _when(
    starts_at: datetime,
    ends_at: datetime | None,
    there: ZoneInfo,
    viewer: ZoneInfo | None,
    *,
    online: bool,
    year: int,
    language: str | None,  # that of the words: a key of the cache
) -> ShownTime:
    def on(zone: ZoneInfo) -> tuple[datetime, datetime | None]:
        return starts_at.astimezone(zone), ends_at.astimezone(zone) if ends_at else None

    start, end = on(there)
    city = zone_city(there)
    if viewer is None:
        named = _("{city} time.") if str(there) == "UTC" else _("{city} time ({offset}).")
        beside = named.format(city=city, offset=utc_offset(start))
        short = dateformat.format(start, "D, H:i")
        return ShownTime(start, _sentence(start, end, year), beside, short, viewer_unknown=True)
    mine, mine_end = on(viewer)
    if mine.utcoffset() == start.utcoffset():
        said = _("{city} time.") if str(viewer) == str(there) else _("{city} time, the same as yours.")
        return ShownTime(start, _sentence(start, end, year), said.format(city=city), dateformat.format(start, "D, H:i"))
    if online:
        theirs = f"{_day_if_other(start, mine)}{_span(start, end)}"
        beside = _("Your time, {yours}. In {city} it is {time}.").format(
            yours=zone_city(viewer), city=city, time=theirs
        )
        return ShownTime(mine, _sentence(mine, mine_end, year), beside, dateformat.format(mine, "D, H:i"))
    yours = f"{_day_if_other(mine, start)}{_span(mine, mine_end)}"
    beside = _("{city} time. For you in {yours}: {time}.").format(city=city, yours=zone_city(viewer), time=yours)
    short = f"{dateformat.format(start, 'D, H:i')} {city}"
    return ShownTime(start, _sentence(start, end, year), beside, short)


def _sentence(start: datetime, end: datetime | None, this_year: int) -> str:
    return f"{dateformat.format(start, 'l j F' + ('' if start.year == this_year else ' Y'))}, {_span(start, end)}"


def _day_if_other(moment: datetime, first: datetime) -> str:
    return "" if moment.date() == first.date() else dateformat.format(moment, "l j F, ")
