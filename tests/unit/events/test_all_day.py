"""Events of whole days: the same days to everybody, in every zone, in words, calendars and for search engines."""

import json
import re
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar

from elonara.events import actions, again, calendar_file, queries, times
from elonara.events.messages import facts, notices
from elonara.events.models import Event
from elonara.events.web_previews import web_preview
from elonara.members.errors import Invalid
from elonara.members.time_zones import zone_names

URL = "https://events.example.org/events/fair"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
# The clocks are put forward at midnight in these: that day begins at 01:00.
MIDNIGHT_CHANGES = ("America/Santiago", "Asia/Beirut", "Africa/Cairo", "America/Havana")


def days(first, last, zone="Europe/Lisbon"):
    start, end = times.day_begins(first, ZoneInfo(zone)), times.day_begins(last + timedelta(days=1), ZoneInfo(zone))
    return Event(
        pk=1, title="Fair", slug="fair", starts_at=start, ends_at=end, all_day=True, timezone=zone, created_at=NOW
    )


@pytest.fixture
def fair(make_event, soon):
    """Three whole days in Lisbon."""
    return make_event(
        starts_at=soon, ends_at=soon + timedelta(days=2), all_day=True, timezone="Europe/Lisbon", title="Fair"
    )


@pytest.mark.parametrize(
    ("first", "last", "phrase", "short"),
    [
        (date(2026, 12, 5), date(2026, 12, 5), "Saturday 5 December", "Sat 5 Dec"),
        (date(2026, 12, 5), date(2026, 12, 7), "Saturday 5 to Monday 7 December", "Sat 5 to Mon 7 Dec"),
        (date(2026, 11, 30), date(2026, 12, 1), "Monday 30 November to Tuesday 1 December", "Mon 30 Nov to Tue 1 Dec"),
        (
            date(2026, 12, 31),
            date(2027, 1, 1),
            "Thursday 31 December to Friday 1 January 2027",
            "Thu 31 Dec to Fri 1 Jan",
        ),
        (date(2027, 1, 2), date(2027, 1, 3), "Saturday 2 to Sunday 3 January 2027", "Sat 2 to Sun 3 Jan"),
        (date(2027, 1, 31), date(2027, 2, 1), "Sunday 31 January to Monday 1 February 2027", "Sun 31 Jan to Mon 1 Feb"),
        (date(2027, 12, 5), date(2027, 12, 5), "Sunday 5 December 2027", "Sun 5 Dec 2027"),
        (
            date(2027, 12, 31),
            date(2028, 1, 1),
            "Friday 31 December 2027 to Saturday 1 January 2028",
            "Fri 31 Dec to Sat 1 Jan 2028",
        ),
    ],
)
def test_days_in_words(first, last, phrase, short):
    event = days(first, last)
    assert times.local_phrase(event, now=NOW) == phrase
    assert times.with_zone(event, now=NOW) == phrase
    assert times.short_phrase(event) == short


@pytest.mark.parametrize("viewer", ["Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Tokyo", None])
def test_a_viewer_elsewhere_reads_the_same_day(viewer):
    assert times.both_phrases(days(date(2026, 12, 5), date(2026, 12, 5)), viewer, now=NOW) == (
        "Saturday 5 December",
        "",
    )


def test_every_zone_has_the_same_days_around_its_changes():
    """In the file, read without the library that wrote it, in words and for search engines."""
    around = [date(2027, 3, 28), date(2027, 4, 24), date(2027, 9, 5), date(2027, 10, 31), date(2026, 12, 31)]
    for name in zone_names():
        for first in around:
            event = days(first, first + timedelta(days=1), name)
            assert times.days_of(event) == (first, first + timedelta(days=1)), name
            text = calendar_file.ics(event, URL, "").decode()
            assert re.findall(r"^DTSTART;VALUE=DATE:(\d{8})\r$", text, re.MULTILINE) == [f"{first:%Y%m%d}"], name
            after = first + timedelta(days=2)
            assert re.findall(r"^DTEND;VALUE=DATE:(\d{8})\r$", text, re.MULTILINE) == [f"{after:%Y%m%d}"], name
            # What is stored once is stored the same a second time.
            assert times.whole_days(event.starts_at, event.ends_at, ZoneInfo(name)) == (event.starts_at, event.ends_at)


@pytest.mark.parametrize("name", MIDNIGHT_CHANGES)
def test_a_day_that_begins_at_one(make_event, name):
    """00:00 does not exist on it, and nobody is told so: only the day was asked for."""
    zone, day = ZoneInfo(name), date(2027, 1, 1)
    while times.exists_on_the_clock(datetime(day.year, day.month, day.day, tzinfo=zone)):
        day += timedelta(days=1)
    midnight = datetime.combine(day, time())
    event = make_event(starts_at=midnight, ends_at=midnight + timedelta(days=1), all_day=True, timezone=name)
    assert times.days_of(event) == (day, day)
    assert event.starts_at.astimezone(zone).hour == 1
    until_then = make_event(starts_at=midnight - timedelta(days=1), ends_at=midnight, all_day=True, timezone=name)
    assert until_then.ends_at == event.starts_at


def test_times_become_the_days_that_they_touch(make_event, soon):
    tokyo = ZoneInfo("Asia/Tokyo")
    event = make_event(starts_at=soon, all_day=True, timezone="Asia/Tokyo")
    day = soon.astimezone(tokyo).date()
    assert (event.starts_at, event.ends_at) == (
        times.day_begins(day, tokyo),
        times.day_begins(day + timedelta(days=1), tokyo),
    )


def test_a_program_that_sends_back_what_it_read_changes_nothing(fair, alice):
    before = (fair.starts_at, fair.ends_at, fair.sequence)
    actions.change(fair, by=alice, starts_at=fair.starts_at, ends_at=fair.ends_at, all_day=True)
    assert (fair.starts_at, fair.ends_at, fair.sequence) == before


def test_another_zone_keeps_the_days(fair, alice):
    before = times.days_of(fair)
    actions.change(fair, by=alice, timezone="Pacific/Auckland")
    assert times.days_of(fair) == before
    assert fair.starts_at.astimezone(ZoneInfo("Pacific/Auckland")).hour == 0


def test_today_can_be_chosen_although_it_has_begun(make_event):
    today = datetime.now(ZoneInfo("Europe/Lisbon")).replace(tzinfo=None)
    event = make_event(starts_at=today, all_day=True, timezone="Europe/Lisbon")
    assert not queries.is_over(event)
    with pytest.raises(Invalid) as fault:
        make_event(starts_at=today - timedelta(days=1), all_day=True, timezone="Europe/Lisbon")
    assert "past" in fault.value.errors["starts_at"]


def test_an_end_before_the_start_is_still_wrong(make_event, soon):
    with pytest.raises(Invalid) as fault:
        make_event(starts_at=soon, ends_at=soon - timedelta(days=1), all_day=True)
    assert "ends before it starts" in fault.value.errors["ends_at"]


def test_more_than_a_year_is_refused(make_event, soon):
    with pytest.raises(Invalid) as fault:
        make_event(starts_at=soon, ends_at=soon + timedelta(days=400), all_day=True)
    assert "more than a year" in fault.value.errors["ends_at"]


def test_turning_it_on_and_off_tells_guests_and_calendars(picnic, alice):
    timed = facts.facts_for(picnic, None)
    sequence = picnic.sequence
    actions.change(picnic, by=alice, all_day=True)
    assert picnic.ends_at - picnic.starts_at == timedelta(days=1)
    assert picnic.sequence == sequence + 1
    whole = facts.facts_for(picnic, None)
    assert facts.differences(timed, whole) == ("time",)
    assert "(" not in notices.of_change(picnic, ["time"], whole)
    actions.change(picnic, by=alice, all_day=False)
    assert facts.differences(whole, facts.facts_for(picnic, None)) == ("time",)  # the same moments, told as hours


def test_calendars_on_the_web_get_days(fair):
    first, last = times.days_of(fair)
    after = last + timedelta(days=1)
    google = parse_qs(urlsplit(calendar_file.google_link(fair, URL, "")).query)
    assert google["dates"] == [f"{first:%Y%m%d}/{after:%Y%m%d}"]
    outlook = parse_qs(urlsplit(calendar_file.outlook_link(fair, URL, "")).query)
    assert (outlook["startdt"], outlook["enddt"], outlook["allday"]) == (
        [first.isoformat()],
        [after.isoformat()],
        ["true"],
    )
    entry = Calendar.from_ical(calendar_file.ics(fair, URL, "")).walk("VEVENT")[0]
    assert (entry["DTSTART"].dt, entry["DTEND"].dt) == (first, after)


def test_search_engines_get_days_the_last_one_included(fair):
    preview = web_preview(fair, url=URL, site_name="Elonara")
    first, last = times.days_of(fair)
    read = json.loads(preview.json_ld)
    assert (read["startDate"], read["endDate"]) == (first.isoformat(), last.isoformat())
    assert dict(preview.names)["twitter:data1"] == times.days_phrase(fair)


@pytest.mark.parametrize("zone", ["Europe/Lisbon", "America/Santiago", "Pacific/Auckland"])
def test_doing_it_again_takes_as_many_days(make_event, alice, soon, zone):
    fair = make_event(starts_at=soon, ends_at=soon + timedelta(days=2), all_day=True, timezone=zone)
    first, last = times.days_of(fair)
    start = again.next_start(fair, alice).replace(tzinfo=None)
    for week in range(0, 52, 3):  # both changes of the clock of a year lie between
        fields = again.fields_of(fair, alice, start + timedelta(weeks=week))
        made = again.create(alice, of=fair, **fields)
        begins, ends = times.days_of(made)
        assert made.all_day
        assert (begins.weekday(), ends - begins) == (first.weekday(), last - first)


def test_another_zone_with_the_same_days_is_no_news(fair, alice):
    before = facts.facts_for(fair, None)
    actions.change(fair, by=alice, timezone="Pacific/Auckland")
    assert facts.differences(before, facts.facts_for(fair, None)) == ()


@pytest.mark.parametrize("end", [None, datetime(9999, 12, 31, 12)])  # noqa: DTZ001
def test_the_last_day_of_the_calendar_gets_a_sentence(make_event, end):
    with pytest.raises(Invalid) as fault:
        make_event(starts_at=datetime(9999, 12, 31, 10), ends_at=end, all_day=True, timezone="UTC")  # noqa: DTZ001
    assert "not a time of our calendar" in fault.value.errors["starts_at"]
