"""Every zone at its own changes of the clock: what is left out is refused, what is repeated is kept.

The files are read by the few lines below and not by the library that wrote them.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest

from elonara.events import calendar_file
from elonara.events.models import Event
from elonara.events.times import exists_on_the_clock
from elonara.events.validation.times import clean_times
from elonara.members.time_zones import zone_names

URL = "https://events.example.org/events/picnic"
FIRST, LAST = datetime(2027, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
# Ten moments around a change, before and after it.
AROUND = [timedelta(**one) for one in (
    {"days": -1}, {"hours": -2}, {"hours": -1}, {"minutes": -1}, {}, {"minutes": 1}, {"minutes": 30}, {"hours": 1},
    {"hours": 2}, {"days": 1},
)]  # fmt: skip


@cache
def changes(name):
    """The moments in a year at which the zone's offset changes, each with the offset before and after."""
    zone, found, moment = ZoneInfo(name), [], FIRST
    while moment < LAST:
        following = moment + timedelta(days=1)
        if offset(moment, zone) != offset(following, zone):
            low, high = moment, following
            while high - low > timedelta(minutes=1):
                middle = low + (high - low) / 2
                low, high = (low, middle) if offset(middle, zone) != offset(moment, zone) else (middle, high)
            at = high.replace(second=0, microsecond=0)
            found.append((at, offset(moment, zone), offset(following, zone)))
        moment = following
    return found


def offset(moment, zone):
    return moment.astimezone(zone).utcoffset()


def on_the_clock(moment, zone):
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def test_every_zone_is_looked_at():
    assert len(zone_names()) > 400
    with_changes = [name for name in zone_names() if changes(name)]
    assert len(with_changes) > 100
    assert {"Africa/Casablanca", "Australia/Lord_Howe", "America/Santiago", "Europe/Lisbon"} <= set(with_changes)


@pytest.mark.django_db
def test_what_a_clock_leaves_out_is_refused_and_what_it_repeats_is_kept(monkeypatch):
    """As the form and the API give it: a local time without an offset."""
    monkeypatch.setattr("django.utils.timezone.now", lambda: FIRST - timedelta(days=30))
    refused = kept = 0
    for name in zone_names():
        zone = ZoneInfo(name)
        for at, before, after in changes(name):
            wall = (at + before).replace(tzinfo=None)  # where the clock stands when it is changed
            if after > before:
                left_out = wall + (after - before) / 2
                assert not exists_on_the_clock(left_out.replace(tzinfo=zone))
                _, errors = clean_times({"starts_at": left_out, "timezone": name}, None)
                assert f"There is no {left_out:%H:%M} on that day in {name}" in errors["starts_at"]
                _, errors = clean_times({"starts_at": left_out, "timezone": name, "all_day": True}, None)
                assert errors == {}
                refused += 1
            else:
                second = at + (before - after) / 2
                event = Event(starts_at=second, ends_at=second + timedelta(hours=3), timezone=name)
                values, errors = clean_times({"starts_at": on_the_clock(second, zone), "timezone": name}, event)
                assert (values["starts_at"], errors) == (second, {}), name
                kept += 1
    assert refused > 100
    assert kept > 100


def test_files_say_the_moments_and_the_days_around_every_change():
    event = Event(pk=1, title="Picnic", created_at=FIRST, slug="picnic")
    seen = set()
    for name in zone_names():
        for change in changes(name) or [(FIRST, None, None)]:
            if change in seen:
                continue  # another zone with the same rules at that moment
            seen.add(change)
            for distance in AROUND:
                event.timezone, event.starts_at = name, change[0] + distance
                text = calendar_file.ics(event, URL, "").decode()
                start, end = (datetime.strptime(found, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) for found in re.findall(
                    r"^DT(?:START|END):(\d{8}T\d{6}Z)\r$", text, re.MULTILINE
                ))  # fmt: skip
                assert (start, end) == (event.starts_at, event.starts_at + timedelta(hours=3)), name
    assert len(seen) > 40
