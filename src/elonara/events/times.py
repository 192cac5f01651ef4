"""Times in words: neutral, 24-hour clock; the zone is named only where the viewer's differs."""

import hashlib
from datetime import UTC, date, datetime, timedelta, tzinfo

from django.utils import timezone as clock
from django.utils.dates import MONTHS_ALT, WEEKDAYS, WEEKDAYS_ABBR
from django.utils.translation import gettext as _
from django.utils.translation import pgettext, pgettext_lazy

from elonara.events.models import Event
from elonara.members.time_zones import zone

# Django's own words, which it has in every language: months as they stand in a date.
DAYS = tuple(WEEKDAYS.values())
SHORT_DAYS = tuple(WEEKDAYS_ABBR.values())
MONTHS = tuple(MONTHS_ALT.values())
SHORT_MONTHS = (
    pgettext_lazy("abbreviated", "Jan"),
    pgettext_lazy("abbreviated", "Feb"),
    pgettext_lazy("abbreviated", "Mar"),
    pgettext_lazy("abbreviated", "Apr"),
    pgettext_lazy("abbreviated", "May"),
    pgettext_lazy("abbreviated", "Jun"),
    pgettext_lazy("abbreviated", "Jul"),
    pgettext_lazy("abbreviated", "Aug"),
    pgettext_lazy("abbreviated", "Sep"),
    pgettext_lazy("abbreviated", "Oct"),
    pgettext_lazy("abbreviated", "Nov"),
    pgettext_lazy("abbreviated", "Dec"),
)
# Beyond this, weekday and day alone would leave the year in doubt.
YEAR_SHOWN_AFTER = timedelta(days=300)


def exists_on_the_clock(local: datetime) -> bool:
    """Whether an aware local time exists in its zone: false in the hour that is skipped when summer time begins."""
    round_trip = local.astimezone(UTC).astimezone(local.tzinfo)
    return round_trip.replace(tzinfo=None) == local.replace(tzinfo=None)


def day_begins(day: date, tz: tzinfo) -> datetime:
    """The first moment of a day in a zone, in UTC: 01:00 where the clocks are put forward at midnight.

    A skipped or repeated 00:00 is read with the offset before the change (`fold` 0), which is that moment.
    """
    return datetime(day.year, day.month, day.day, tzinfo=tz).astimezone(UTC)


def whole_days(start: datetime, end: datetime | None, tz: tzinfo) -> tuple[datetime, datetime]:
    """The whole days of the zone in which something from `start` to `end` lies: from when until when, in UTC.

    The end is not part of it, as with DTEND (RFC 5545, section 3.6.1): a midnight ends the day before. An end that is
    missing, or not after the start, makes it one day.
    """
    first = start.astimezone(tz).date()
    last = first
    if end is not None and end > start:
        last = (end - timedelta(microseconds=1)).astimezone(tz).date()
    return day_begins(first, tz), day_begins(last + timedelta(days=1), tz)


def days_of(event: Event) -> tuple[date, date]:
    """The first and the last day of an event, in its zone. That the end is no part of it matters for whole days."""
    place, end = _zone(None, event), event.ends_at or event.starts_at
    first = event.starts_at.astimezone(place).date()
    return first, max(first, (end - timedelta(microseconds=1)).astimezone(place).date())


def local_phrase(event: Event, tz: str | tzinfo | None = None, *, now: datetime | None = None) -> str:
    """When the event takes place, in the zone `tz` (the event's own by default).

    "Saturday 5 December, 16:00 to 19:00"; "…, 22:00 to 02:00 the next day"; "Saturday 5 December, 10:00 to Monday
    7 December, 16:00". The year is added when it is not the current one. Whole days are those of the event's zone to
    everybody: "Saturday 5 December"; "Saturday 5 to Monday 7 December".
    """
    if event.all_day:
        return days_phrase(event, now=now)
    place = _zone(tz, event)
    day = _day(event.starts_at.astimezone(place), (now or clock.now()).astimezone(place).year)
    return _("{day}, {times}").format(day=day, times=_times_phrase(event, place, now))


def days_phrase(event: Event, *, now: datetime | None = None) -> str:
    """The day or days of an event of whole days: "Saturday 5 December", "Saturday 5 to Monday 7 December"."""
    first, last = days_of(event)
    this_year = (now or clock.now()).astimezone(_zone(None, event)).year
    if first == last:
        return _day(first, this_year)
    if (first.year, first.month) == (last.year, last.month):
        phrase = _("{weekday} {day} to {last_day}")
        return phrase.format(weekday=DAYS[first.weekday()], day=first.day, last_day=_day(last, this_year))
    begins = _day(first, first.year if first.year == last.year else this_year)
    return _("{first_day} to {last_day}").format(first_day=begins, last_day=_day(last, this_year))


def both_phrases(event: Event, viewer_tz: str | tzinfo | None, *, now: datetime | None = None) -> tuple[str, str]:
    """The phrase in the viewer's zone, and one in the event's: "16:00 to 19:00, Berlin time".

    Where both zones show the same time, the second is "" and the first names no zone. Whole days are not converted.
    """
    if event.all_day or not viewer_tz or zones_agree(event, viewer_tz):
        return local_phrase(event, now=now), ""
    place, theirs = _zone(None, event), _zone(viewer_tz, event)
    start = event.starts_at.astimezone(place)
    one_day = start.date() == event.starts_at.astimezone(theirs).date()
    there = _times_phrase(event, place, now) if one_day else local_phrase(event, place, now=now)
    return _in_zone(local_phrase(event, theirs, now=now), theirs), _in_zone(there, place)


def short_phrase(event: Event) -> str:
    """For posts, in the event's zone: "Sat 5 Dec 15:00"; for whole days "Sat 5 Dec", "Sat 5 to Mon 7 Dec".

    The year is added when the event starts long after it was created. It does not depend on today, so the text for an
    event is always the same.
    """
    start = event.starts_at.astimezone(_zone(None, event))
    created = event.created_at or clock.now()
    far = event.starts_at - created > YEAR_SHOWN_AFTER
    if event.all_day:
        first, last = days_of(event)
        ends = _short_day(last, with_year=far)
        if first == last:
            return ends
        if (first.year, first.month) == (last.year, last.month):
            phrase = pgettext("short date", "{weekday} {day} to {last_day}")
            return phrase.format(weekday=SHORT_DAYS[first.weekday()], day=first.day, last_day=ends)
        return pgettext("short date", "{first_day} to {last_day}").format(first_day=_short_day(first), last_day=ends)
    day = _short_day(start, with_year=far)
    return pgettext("short date", "{day} {time}").format(day=day, time=f"{start:%H:%M}")


def short_phrase_there(event: Event) -> str:
    """`short_phrase` with the city of the zone, as people say it: "Sat 5 Dec 15:00 Lisbon". Whole days need none."""
    when = short_phrase(event)
    return when if event.all_day else _("{when} {city}").format(when=when, city=zone_city(event.timezone))


def moment_phrase(event: Event, moment: datetime) -> str:
    """A moment on the clock of the event's zone: "Saturday 5 December, 16:00 (Berlin time)"."""
    local = moment.astimezone(_zone(None, event))
    day = _day(local, clock.now().astimezone(local.tzinfo).year)
    return _("{day}, {time} ({zone})").format(day=day, time=f"{local:%H:%M}", zone=zone_label(event.timezone))


def with_zone(event: Event, *, now: datetime | None = None) -> str:
    """When the event takes place, with the zone: "Saturday 5 December, 16:00, Berlin time". Whole days need none."""
    when = local_phrase(event, now=now)
    return when if event.all_day else _in_zone(when, event.timezone)


def zones_agree(event: Event, viewer_tz: str | tzinfo) -> bool:
    """Whether both zones have the same UTC offset at the event's start and at its end."""
    place, theirs = _zone(None, event), _zone(viewer_tz, event)
    moments = [event.starts_at, *([event.ends_at] if event.ends_at else [])]
    return all(moment.astimezone(place).utcoffset() == moment.astimezone(theirs).utcoffset() for moment in moments)


def zone_label(tz: str | tzinfo) -> str:
    """A zone's name for display: "Berlin time", "Buenos Aires time", "UTC"."""
    city = zone_city(tz)
    return city if city == "UTC" else _("{city} time").format(city=city)


def zone_city(tz: str | tzinfo) -> str:
    """The city in a zone's name: "Berlin", "Buenos Aires"; "UTC" where it names none."""
    name = tz if isinstance(tz, str) else getattr(tz, "key", "UTC")
    return "UTC" if "/" not in name else name.rsplit("/", 1)[1].replace("_", " ")


def _zone(tz: str | tzinfo | None, event: Event) -> tzinfo:
    if isinstance(tz, tzinfo):
        return tz
    return zone(tz or event.timezone)


def _in_zone(when: str, tz: str | tzinfo) -> str:
    return _("{when}, {zone}").format(when=when, zone=zone_label(tz))


def _short_day(day: date, *, with_year: bool = False) -> str:
    phrase = pgettext("short date", "{weekday} {day} {month}")
    if with_year:
        phrase = pgettext("short date", "{weekday} {day} {month} {year}")
    weekday, month = SHORT_DAYS[day.weekday()], SHORT_MONTHS[day.month - 1]
    return phrase.format(weekday=weekday, day=day.day, month=month, year=day.year)


def _day(moment: date, this_year: int) -> str:
    phrase = _("{weekday} {day} {month}") if moment.year == this_year else _("{weekday} {day} {month} {year}")
    weekday, month = DAYS[moment.weekday()], MONTHS[moment.month - 1]
    return phrase.format(weekday=weekday, day=moment.day, month=month, year=moment.year)


def _times_phrase(event: Event, place: tzinfo, now: datetime | None) -> str:
    """What follows the first day: "16:00", "16:00 to 19:00", "22:00 to 02:00 the next day"."""
    start = event.starts_at.astimezone(place)
    if event.ends_at is None:
        return f"{start:%H:%M}"
    end = event.ends_at.astimezone(place)
    first, last = _times(start, end)
    if start.date() == end.date():
        return _("{first} to {last}").format(first=first, last=last)
    if end.date() - start.date() == timedelta(days=1) and end.hour < 12 and end - start < timedelta(hours=18):
        return _("{first} to {last} the next day").format(first=first, last=last)
    day = _day(end, (now or clock.now()).astimezone(place).year)
    return _("{first} to {day}, {last}").format(first=first, day=day, last=last)


def _times(start: datetime, end: datetime) -> tuple[str, str]:
    first, last = f"{start:%H:%M}", f"{end:%H:%M}"
    ambiguous = start.date() == end.date() and end.replace(tzinfo=None) <= start.replace(tzinfo=None)
    if ambiguous:  # in the hour that is repeated when summer time ends
        return f"{first} ({utc_offset(start)})", f"{last} ({utc_offset(end)})"
    return first, last


def utc_offset(moment: datetime) -> str:
    """The offset of an aware time, for display: "UTC+1", "UTC-3:30"."""
    minutes = round((moment.utcoffset() or timedelta()).total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'-' if minutes < 0 else '+'}{hours}" + (f":{rest:02}" if rest else "")


def shown_mark(event: Event) -> str:
    """Stands for the time of an event and the place that everybody reads; another one where either has changed."""
    ends = event.ends_at and event.ends_at.astimezone(UTC)
    shown = [event.starts_at.astimezone(UTC), ends, event.all_day, event.timezone, event.public_location]
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]


__all__ = [
    "both_phrases",
    "day_begins",
    "days_of",
    "days_phrase",
    "exists_on_the_clock",
    "local_phrase",
    "moment_phrase",
    "short_phrase",
    "short_phrase_there",
    "shown_mark",
    "utc_offset",
    "whole_days",
    "with_zone",
    "zone_city",
    "zone_label",
    "zones_agree",
]
