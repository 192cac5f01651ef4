"""Times in words."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elonara.events import times
from elonara.events.models import Event

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def event(start, end=None, zone="Europe/Berlin", created=NOW):
    place = ZoneInfo(zone)
    at = lambda text: datetime.fromisoformat(text).replace(tzinfo=place).astimezone(UTC)  # noqa: E731
    return Event(starts_at=at(start), ends_at=at(end) if end else None, timezone=zone, created_at=created)


@pytest.mark.parametrize(
    ("start", "end", "phrase"),
    [
        ("2026-12-05T16:00", "2026-12-05T19:00", "Saturday 5 December, 16:00 to 19:00"),
        ("2026-12-05T16:00", None, "Saturday 5 December, 16:00"),
        ("2026-12-05T22:00", "2026-12-06T02:00", "Saturday 5 December, 22:00 to 02:00 the next day"),
        ("2026-12-05T10:00", "2026-12-06T16:00", "Saturday 5 December, 10:00 to Sunday 6 December, 16:00"),
        ("2026-12-05T10:00", "2026-12-07T16:00", "Saturday 5 December, 10:00 to Monday 7 December, 16:00"),
        ("2026-12-05T00:00", "2026-12-06T00:00", "Saturday 5 December, 00:00 to Sunday 6 December, 00:00"),
        ("2027-01-02T16:00", "2027-01-02T19:00", "Saturday 2 January 2027, 16:00 to 19:00"),
        ("2026-12-31T22:00", "2027-01-01T03:00", "Thursday 31 December, 22:00 to 03:00 the next day"),
        ("2026-12-31T10:00", "2027-01-02T10:00", "Thursday 31 December, 10:00 to Saturday 2 January 2027, 10:00"),
    ],
)
def test_the_phrase_in_the_events_zone(start, end, phrase):
    assert times.local_phrase(event(start, end), now=NOW) == phrase


def test_both_zones_are_given_where_they_differ():
    picnic = event("2026-12-05T16:00", "2026-12-05T19:00")
    assert times.both_phrases(picnic, "America/New_York", now=NOW) == (
        "Saturday 5 December, 10:00 to 13:00, New York time",
        "16:00 to 19:00, Berlin time",
    )
    assert times.both_phrases(picnic, "Asia/Tokyo", now=NOW) == (
        "Sunday 6 December, 00:00 to 03:00, Tokyo time",
        "Saturday 5 December, 16:00 to 19:00, Berlin time",
    )


def test_zones_with_the_same_time_give_one_phrase():
    picnic = event("2026-12-05T16:00", "2026-12-05T19:00")
    assert times.both_phrases(picnic, "Europe/Paris", now=NOW) == ("Saturday 5 December, 16:00 to 19:00", "")
    assert times.both_phrases(picnic, "", now=NOW) == ("Saturday 5 December, 16:00 to 19:00", "")
    assert not times.zones_agree(picnic, "Europe/London")


def test_zones_that_agree_only_in_winter_differ_in_summer():
    assert times.zones_agree(event("2026-12-05T16:00", zone="Africa/Lagos"), "Europe/Berlin")
    assert not times.zones_agree(event("2027-07-05T16:00", zone="Africa/Lagos"), "Europe/Berlin")


def test_the_repeated_hour_is_written_with_its_offsets():
    party = event("2026-10-25T02:30")
    party.ends_at = party.starts_at + timedelta(minutes=45)
    phrase = times.local_phrase(party, now=datetime(2026, 10, 1, tzinfo=UTC))
    assert phrase == "Sunday 25 October, 02:30 (UTC+2) to 02:15 (UTC+1)"


def test_posts_have_a_short_form_that_does_not_depend_on_today():
    assert times.short_phrase(event("2026-12-05T15:00")) == "Sat 5 Dec 15:00"
    assert times.short_phrase(event("2027-11-27T15:00")) == "Sat 27 Nov 2027 15:00"


def test_zone_labels():
    assert times.zone_label("America/Argentina/Buenos_Aires") == "Buenos Aires time"
    assert times.zone_label("UTC") == "UTC"


def test_the_skipped_hour_does_not_exist():
    berlin = ZoneInfo("Europe/Berlin")
    assert not times.exists_on_the_clock(datetime(2027, 3, 28, 2, 30, tzinfo=berlin))
    assert times.exists_on_the_clock(datetime(2027, 3, 28, 3, 0, tzinfo=berlin))
    assert times.exists_on_the_clock(datetime(2026, 10, 25, 2, 30, tzinfo=berlin))


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.timedeltas(timedelta(minutes=1), timedelta(days=20)),
    st.sampled_from(
        ["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC", "Pacific/Apia"]
    ),
)
def test_a_range_never_reads_as_if_it_ended_before_it_began(start, length, zone):
    phrase = times.local_phrase(Event(starts_at=start, ends_at=start + length, timezone=zone), now=NOW)
    day, _, hours = phrase.partition(", ")
    assert day.split()[0] in times.DAYS
    if ", " not in hours and "next day" not in hours and "UTC" not in hours:
        first, last = hours.split(" to ")
        # Minutes are all that is shown, so less than a minute may read as the same time.
        assert first <= last
