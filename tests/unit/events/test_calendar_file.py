"""iCalendar files of events."""

from datetime import timedelta

import pytest
from icalendar import Calendar

from elonara.events import actions, calendar_file

URL = "https://events.example.org/events/picnic"


def entry(event):
    return Calendar.from_ical(calendar_file.ics(event, URL)).walk("VEVENT")[0]


def test_an_event_is_written_in_its_own_zone(make_event, soon):
    event = make_event(
        ends_at=soon + timedelta(hours=3), location="Park; by the oak", description="Bring\ncake, please"
    )
    parsed = Calendar.from_ical(calendar_file.ics(event, URL))
    vevent = parsed.walk("VEVENT")[0]
    assert parsed.walk("VTIMEZONE")[0]["TZID"] == vevent["DTSTART"].params["TZID"] == "Europe/Berlin"
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


def test_an_event_without_end_has_none(picnic):
    assert "DTEND" not in entry(picnic)


@pytest.mark.parametrize("zone", ["UTC", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe"])
def test_other_zones_are_written_correctly(make_event, zone):
    event = make_event(timezone=zone)
    assert entry(event).start == event.starts_at


@pytest.mark.promise("files-sound")
def test_text_cannot_break_out_of_its_line(make_event):
    text = calendar_file.ics(make_event(description="x\r\nEND:VEVENT\r\nBEGIN:VALARM"), URL)
    assert text.count(b"\r\nEND:VEVENT\r\n") == 1
    assert b"\r\nBEGIN:VALARM" not in text
