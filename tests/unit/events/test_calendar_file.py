"""iCalendar files of events."""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from zoneinfo import available_timezones

import pytest
from icalendar import Calendar

from elonara.events import actions, calendar_file, queries
from elonara.events.models import Event

URL = "https://events.example.org/events/picnic"


def entry(event):
    return Calendar.from_ical(calendar_file.ics(event, URL, event.location)).walk("VEVENT")[0]


def test_an_event_is_written_with_everything_a_calendar_shows(make_event, soon):
    event = make_event(
        ends_at=soon + timedelta(hours=3), location="Park; by the oak", description="Bring\ncake, please"
    )
    parsed = Calendar.from_ical(calendar_file.ics(event, URL, event.location))
    vevent = parsed.walk("VEVENT")[0]
    assert str(vevent["DTSTART"].to_ical(), "ascii").endswith("Z")
    assert not parsed.walk("VTIMEZONE")
    assert (vevent.start, vevent.end) == (event.starts_at, event.ends_at)
    assert (str(vevent["SUMMARY"]), str(vevent["LOCATION"]), str(vevent["URL"])) == ("Picnic", "Park; by the oak", URL)
    assert str(vevent["DESCRIPTION"]) == f"Bring\ncake, please\n\n{URL}"
    assert str(vevent["STATUS"]) == "CONFIRMED"


def test_a_change_keeps_the_uid_and_raises_the_sequence(picnic, alice):
    before = entry(picnic)
    actions.change(picnic, by=alice, title="Swim")
    after = entry(picnic)
    assert after["UID"] == before["UID"]
    assert (before["SEQUENCE"], after["SEQUENCE"]) == (0, 1)


def test_two_events_have_two_uids(make_event):
    assert calendar_file.uid(make_event()) != calendar_file.uid(make_event())


def test_a_cancelled_event_says_so(picnic, alice):
    actions.cancel(picnic, alice)
    assert str(entry(picnic)["STATUS"]) == "CANCELLED"


def test_an_event_without_end_ends_after_three_hours_as_on_its_page(picnic):
    assert entry(picnic).end == queries.ends(picnic) == picnic.starts_at + timedelta(hours=3)


# Each is near a change of the clock somewhere: Ramadan in Casablanca, spring and autumn north and south.
MOMENTS = [
    datetime(2027, 2, 7, 2, 30, tzinfo=UTC),
    datetime(2027, 3, 28, 1, tzinfo=UTC),
    datetime(2027, 10, 31, 0, 59, tzinfo=UTC),
]


def test_every_zone_is_written_correctly_around_its_changes():
    """Read again without the library that wrote it: the two lines are all that decides."""
    event = Event(pk=1, title="Picnic", created_at=datetime(2026, 11, 1, tzinfo=UTC), slug="picnic")
    for name in sorted(available_timezones()):
        for moment in MOMENTS:
            event.timezone, event.starts_at = name, moment
            text = calendar_file.ics(event, URL, event.location).decode()
            (start,) = re.findall(r"^DTSTART:(\d{8}T\d{6})Z\r$", text, re.MULTILINE)
            (end,) = re.findall(r"^DTEND:(\d{8}T\d{6})Z\r$", text, re.MULTILINE)
            assert datetime.strptime(start, "%Y%m%dT%H%M%S").replace(tzinfo=UTC) == moment, name
            assert datetime.strptime(end, "%Y%m%dT%H%M%S").replace(tzinfo=UTC) == moment + timedelta(hours=3), name


def test_links_add_the_same_times_to_calendars_on_the_web(make_event):
    event = make_event(timezone="Africa/Casablanca", title="Tea & cake", location="Rue 5 #3")
    start, end = (moment.astimezone(UTC) for moment in (event.starts_at, queries.ends(event)))
    google = parse_qs(urlsplit(calendar_file.google_link(event, URL, event.location)).query)
    assert google["dates"] == [f"{start:%Y%m%dT%H%M%SZ}/{end:%Y%m%dT%H%M%SZ}"]
    assert (google["text"], google["details"], google["location"]) == (["Tea & cake"], [URL], ["Rue 5 #3"])
    outlook = parse_qs(urlsplit(calendar_file.outlook_link(event, URL, event.location)).query)
    assert [datetime.fromisoformat(outlook[name][0]) for name in ("startdt", "enddt")] == [start, end]
    assert outlook["subject"] == ["Tea & cake"]


@pytest.mark.promise("files-sound")
def test_text_cannot_break_out_of_its_line(make_event):
    text = calendar_file.ics(make_event(description="x\r\nEND:VEVENT\r\nBEGIN:VALARM"), URL, "")
    assert text.count(b"\r\nEND:VEVENT\r\n") == 1
    assert b"\r\nBEGIN:VALARM" not in text
