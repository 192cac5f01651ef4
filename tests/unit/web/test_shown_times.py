"""The time of an event on its page: the clock of its place first, the viewer's own first where it is online."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from tests.pages import page_text

from elonara.events import actions
from elonara.web.parts import times

START = datetime(2030, 12, 5, 15, tzinfo=UTC)
HOURS = timedelta(hours=3)
LISBON = "Europe/Lisbon"


def shown(viewer, *, zone=LISBON, end=START + HOURS, online=False):
    return times.when(START, end, zone, ZoneInfo(viewer) if viewer else None, online=online)


@pytest.mark.parametrize(
    ("viewer", "beside", "short"),
    [
        ("Europe/Berlin", "Lisbon time. For you in Berlin: 16:00 to 19:00.", "Thu, 15:00 Lisbon"),
        ("Asia/Tokyo", "Lisbon time. For you in Tokyo: Friday 6 December, 00:00 to 03:00.", "Thu, 15:00 Lisbon"),
        ("America/St_Johns", "Lisbon time. For you in St Johns: 11:30 to 14:30.", "Thu, 15:00 Lisbon"),
        ("Europe/London", "Lisbon time, the same as yours.", "Thu, 15:00"),
        (LISBON, "Lisbon time.", "Thu, 15:00"),
        (None, "Lisbon time (UTC+0).", "Thu, 15:00"),
    ],
)
def test_a_place_has_its_own_clock_first(viewer, beside, short):
    found = shown(viewer)
    assert found.sentence == "Thursday 5 December 2030, 15:00 to 18:00"
    assert (found.beside, found.short) == (beside, short)
    assert found.viewer_unknown == (viewer is None)


@pytest.mark.parametrize(
    ("viewer", "sentence", "beside"),
    [
        ("Europe/Berlin", "Thursday 5 December 2030, 16:00 to 19:00",
         "Your time, Berlin. In Lisbon it is 15:00 to 18:00."),
        ("Asia/Tokyo", "Friday 6 December 2030, 00:00 to 03:00",
         "Your time, Tokyo. In Lisbon it is Thursday 5 December, 15:00 to 18:00."),
        ("Europe/London", "Thursday 5 December 2030, 15:00 to 18:00", "Lisbon time, the same as yours."),
        (None, "Thursday 5 December 2030, 15:00 to 18:00", "Lisbon time (UTC+0)."),
    ],
)  # fmt: skip
def test_online_the_viewers_clock_is_first(viewer, sentence, beside):
    found = shown(viewer, online=True)
    assert (found.sentence, found.beside) == (sentence, beside)


@pytest.mark.parametrize(
    ("zone", "beside"),
    [
        ("UTC", "UTC time."),
        ("Asia/Kathmandu", "Kathmandu time (UTC+5:45)."),
        ("America/St_Johns", "St Johns time (UTC-3:30)."),
    ],
)
def test_without_a_known_viewer_the_offset_is_named(zone, beside):
    assert shown(None, zone=zone).beside == beside


def test_a_first_visit_gets_the_script_and_a_known_viewer_does_not(client, picnic, alice):
    page = client.get(f"/events/{picnic.slug}").content.decode()
    assert "viewer-time.js" in page
    assert f'data-zone="{picnic.timezone}"' in page
    assert "data-online" not in page
    actions.change(picnic, by=alice, attendance="online", online_link="https://meet.example/x")
    assert "data-online" in client.get(f"/events/{picnic.slug}").content.decode()
    client.cookies["tz"] = "Asia/Tokyo"
    page = page_text(client.get(f"/events/{picnic.slug}"))
    assert "viewer-time.js" not in page
    assert "Your time, Tokyo." in page
