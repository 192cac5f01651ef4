"""Events of some days, each by the clock of its own place: an event in Auckland is on the day that Auckland has.

"Today" is today there, too. Online there is no place, so such an event is on the viewer's day, and by the clock of its
own zone where the viewer's is not known. Whole days are the same days to everybody.

No database converts by a zone that stands in a column, so the instants at which the days begin and end are computed
here, for each zone that an event of about that time has.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final, Literal, get_args

from django.db.models import Q, QuerySet
from django.utils import timezone

from elonara.events.models import Event
from elonara.events.times import day_begins
from elonara.members.time_zones import zone

When = Literal["today", "weekend", "week", "month"]
WHENS: Final[tuple[When, ...]] = get_args(When)
FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2999, 12, 31)  # that can be asked for
_DAY: Final = timedelta(days=1)
_SATURDAY: Final = 5  # of a week that begins on Monday, day 0
# Clocks are at most so far ahead of UTC, and behind it.
_MOST_AHEAD, _MOST_BEHIND = timedelta(hours=14), timedelta(hours=12)


@dataclass(frozen=True)
class Days:
    """Which days: `when`, in words; else from `first` to `last`, both included, None for no bound on that side."""

    when: When | None = None
    first: date | None = None
    last: date | None = None

    def __bool__(self) -> bool:
        return bool(self.when or self.first or self.last)

    def on(self, today: date) -> tuple[date, date]:
        """The first and the last day where it is `today`."""
        monday = today - timedelta(days=today.weekday())
        match self.when:
            case "today":
                return today, today
            case "weekend":
                return monday + _SATURDAY * _DAY, monday + (_SATURDAY + 1) * _DAY
            case "week":
                return monday, monday + 6 * _DAY
            case "month":
                next_month = (today.replace(day=1) + timedelta(days=31)).replace(day=1)
                return today.replace(day=1), next_month - _DAY
        return self.first or FIRST_DAY, self.last or LAST_DAY

    def between(self, there: tzinfo, now: datetime) -> tuple[datetime, datetime]:
        """When the days begin and end (UTC) by the clock of a zone. The end is the beginning of the day after."""
        first, last = self.on(now.astimezone(there).date())
        return day_begins(first, there), day_begins(last + _DAY, there)


def on_days(
    rows: QuerySet[Event], wanted: Days, viewer: tzinfo | None = None, *, now: datetime | None = None
) -> QuerySet[Event]:
    """The events that are on one of the days, in part at least. Takes one query for the zones.

    `viewer` is the zone for events that are online alone; None where it is not known.
    """
    if not wanted:
        return rows
    now = now or timezone.now()
    about = rows.filter(_within(*_anywhere(wanted, now)))
    zones_at: dict[tuple[datetime, datetime], list[str]] = defaultdict(list)
    for name in about.order_by().values_list("timezone", flat=True).distinct():
        zones_at[wanted.between(zone(name), now)].append(name)
    by_own_clock = Q(pk__in=())
    for bounds, names in sorted(zones_at.items()):
        by_own_clock |= Q(timezone__in=sorted(names)) & _within(*bounds)
    if viewer is None:
        return rows.filter(by_own_clock)
    online = Q(attendance=Event.Attendance.ONLINE, all_day=False)
    return rows.filter(~online & by_own_clock | online & _within(*wanted.between(viewer, now)))


def _anywhere(wanted: Days, now: datetime) -> tuple[datetime, datetime]:
    """A span of time that holds the days of every zone on earth."""
    first, _ = wanted.on((now - _MOST_BEHIND).astimezone(UTC).date())
    _, last = wanted.on((now + _MOST_AHEAD).astimezone(UTC).date())
    return day_begins(first, UTC) - _MOST_AHEAD, day_begins(last + _DAY, UTC) + _MOST_BEHIND


def _within(begin: datetime, end: datetime) -> Q:
    """Takes place between the two, in part at least. An event without an end is where it starts."""
    return Q(starts_at__lt=end) & (Q(ends_at__gt=begin) | Q(ends_at=None, starts_at__gte=begin))
