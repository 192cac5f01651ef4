"""Times in words: neutral English, 24-hour clock; the zone is named only where the viewer's differs."""

from datetime import UTC, datetime, timedelta, tzinfo

from django.utils import timezone as clock

from elonara.events.models import Event
from elonara.members.time_zones import zone

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = ("January", "February", "March", "April", "May", "June", "July",
          "August", "September", "October", "November", "December")  # fmt: skip
# Beyond this, weekday and day alone would leave the year in doubt.
YEAR_SHOWN_AFTER = timedelta(days=300)


def exists_on_the_clock(local: datetime) -> bool:
    """Whether an aware local time exists in its zone: false in the hour that is skipped when summer time begins."""
    round_trip = local.astimezone(UTC).astimezone(local.tzinfo)
    return round_trip.replace(tzinfo=None) == local.replace(tzinfo=None)


def local_phrase(event: Event, tz: str | tzinfo | None = None, *, now: datetime | None = None) -> str:
    """When the event takes place, in the zone `tz` (the event's own by default).

    "Saturday 5 December, 16:00 to 19:00"; "…, 22:00 to 02:00 the next day"; "Saturday 5 December, 10:00 to Monday
    7 December, 16:00". The year is added when it is not the current one.
    """
    place = _zone(tz, event)
    start, this_year = event.starts_at.astimezone(place), (now or clock.now()).astimezone(place).year
    if event.ends_at is None:
        return f"{_day(start, this_year)}, {start:%H:%M}"
    end = event.ends_at.astimezone(place)
    first, last = _times(start, end)
    if start.date() == end.date():
        return f"{_day(start, this_year)}, {first} to {last}"
    if end.date() - start.date() == timedelta(days=1) and end.hour < 12 and end - start < timedelta(hours=18):
        return f"{_day(start, this_year)}, {first} to {last} the next day"
    return f"{_day(start, this_year)}, {first} to {_day(end, this_year)}, {last}"


def both_phrases(event: Event, viewer_tz: str | tzinfo | None, *, now: datetime | None = None) -> tuple[str, str]:
    """The phrase in the viewer's zone, and one in the event's: "16:00 to 19:00, Berlin time".

    Where both zones show the same time, the second is "" and the first names no zone.
    """
    if not viewer_tz or zones_agree(event, viewer_tz):
        return local_phrase(event, now=now), ""
    place, theirs = _zone(None, event), _zone(viewer_tz, event)
    start = event.starts_at.astimezone(place)
    there = local_phrase(event, place, now=now)
    if start.date() == event.starts_at.astimezone(theirs).date():
        there = there.split(", ", 1)[1]
    return (
        f"{local_phrase(event, theirs, now=now)}, {zone_label(theirs)}",
        f"{there}, {zone_label(place)}",
    )


def short_phrase(event: Event) -> str:
    """For posts, in the event's zone: "Sat 5 Dec 15:00".

    The year is added when the event starts long after it was created. It does not depend on today, so the text for an
    event is always the same.
    """
    start = event.starts_at.astimezone(_zone(None, event))
    created = event.created_at or clock.now()
    year = f" {start.year}" if event.starts_at - created > YEAR_SHOWN_AFTER else ""
    return f"{DAYS[start.weekday()][:3]} {start.day} {MONTHS[start.month - 1][:3]}{year} {start:%H:%M}"


def moment_phrase(event: Event, moment: datetime) -> str:
    """A moment on the clock of the event's zone: "Saturday 5 December, 16:00 (Berlin time)"."""
    local = moment.astimezone(_zone(None, event))
    return f"{_day(local, clock.now().astimezone(local.tzinfo).year)}, {local:%H:%M} ({zone_label(event.timezone)})"


def zones_agree(event: Event, viewer_tz: str | tzinfo) -> bool:
    """Whether both zones have the same UTC offset at the event's start and at its end."""
    place, theirs = _zone(None, event), _zone(viewer_tz, event)
    moments = [event.starts_at, *([event.ends_at] if event.ends_at else [])]
    return all(moment.astimezone(place).utcoffset() == moment.astimezone(theirs).utcoffset() for moment in moments)


def zone_label(tz: str | tzinfo) -> str:
    """A zone's name for display: "Berlin time", "Buenos Aires time", "UTC"."""
    name = tz if isinstance(tz, str) else getattr(tz, "key", "UTC")
    return "UTC" if "/" not in name else f"{name.rsplit('/', 1)[1].replace('_', ' ')} time"


def date_block(event: Event, tz: str | tzinfo | None = None) -> tuple[str, str, str]:
    """Weekday, day and month, all short, for the date block of a page: ("Sat", "5", "Dec")."""
    start = event.starts_at.astimezone(_zone(tz, event))
    return DAYS[start.weekday()][:3], str(start.day), MONTHS[start.month - 1][:3]


def _zone(tz: str | tzinfo | None, event: Event) -> tzinfo:
    if isinstance(tz, tzinfo):
        return tz
    return zone(tz or event.timezone)


def _day(moment: datetime, this_year: int) -> str:
    year = "" if moment.year == this_year else f" {moment.year}"
    return f"{DAYS[moment.weekday()]} {moment.day} {MONTHS[moment.month - 1]}{year}"


def _times(start: datetime, end: datetime) -> tuple[str, str]:
    first, last = f"{start:%H:%M}", f"{end:%H:%M}"
    ambiguous = start.date() == end.date() and end.replace(tzinfo=None) <= start.replace(tzinfo=None)
    if ambiguous:  # in the hour that is repeated when summer time ends
        return f"{first} ({_offset(start)})", f"{last} ({_offset(end)})"
    return first, last


def _offset(moment: datetime) -> str:
    minutes = round((moment.utcoffset() or timedelta()).total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'-' if minutes < 0 else '+'}{hours}" + (f":{rest:02}" if rest else "")


__all__ = [
    "both_phrases",
    "date_block",
    "exists_on_the_clock",
    "local_phrase",
    "moment_phrase",
    "short_phrase",
    "zone_label",
    "zones_agree",
]
