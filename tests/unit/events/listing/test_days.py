"""An event is on the day that its own place has, on both sides of the date line."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from elonara.events.listing.days import FIRST_DAY, LAST_DAY, WHENS, Days, on_days
from elonara.events.models import Event

# A Saturday in Europe. 23:00 on the Friday in Pago Pago (-11), already Sunday 00:00 in Kiritimati (+14).
NOW = datetime(2030, 5, 4, 10, 0, tzinfo=UTC)
LISBON, PAGO, KIRITIMATI, AUCKLAND = "Europe/Lisbon", "Pacific/Pago_Pago", "Pacific/Kiritimati", "Pacific/Auckland"


@pytest.fixture
def event(alice):
    def make(title, starts, zone, ends="", **fields):
        there = ZoneInfo(zone)
        local = [datetime.fromisoformat(text).replace(tzinfo=there) if text else None for text in (starts, ends)]
        return Event.objects.create(
            title=title, slug=title.lower(), starts_at=local[0], ends_at=local[1], timezone=zone, created_by=alice,
            **fields,
        )  # fmt: skip

    return make


def found(wanted, viewer="", now=NOW):
    rows = on_days(Event.objects.all(), wanted, ZoneInfo(viewer) if viewer else None, now=now)
    return set(rows.values_list("title", flat=True))


def day(text):
    return Days(first=date.fromisoformat(text), last=date.fromisoformat(text))


@pytest.mark.every_value_on_postgres
@pytest.mark.parametrize("zone", [PAGO, "America/Los_Angeles", LISBON, "Asia/Kolkata", AUCKLAND, KIRITIMATI])
@pytest.mark.parametrize("viewer", ["", PAGO, KIRITIMATI])
def test_a_day_is_that_of_the_place_whoever_looks(event, zone, viewer):
    event("First", "2030-05-04 00:00", zone)
    event("Last", "2030-05-04 23:59", zone, "2030-05-05 02:00")
    event("Before", "2030-05-03 20:00", zone, "2030-05-04 00:00")
    event("After", "2030-05-05 00:00", zone)
    assert found(day("2030-05-04"), viewer) == {"First", "Last"}


def test_today_is_what_today_is_at_the_place(event):
    for zone in (PAGO, LISBON, KIRITIMATI):
        for number in (3, 4, 5):
            event(f"{zone[-4:]}{number}", f"2030-05-0{number} 12:00", zone)
    # One moment, three dates: Friday, Saturday and Sunday.
    assert found(Days(when="today")) == {"Pago3", "sbon4", "mati5"}


def test_this_weekend_where_the_week_has_changed_already(event):
    monday_there = datetime(2030, 5, 5, 12, 0, tzinfo=UTC)  # Sunday 01:00 in Pago Pago, Monday 02:00 in Kiritimati
    for zone in (PAGO, KIRITIMATI):
        for number in ("04", "05", "11", "12"):
            event(f"{zone[-4:]}{number}", f"2030-05-{number} 12:00", zone)
    assert found(Days(when="weekend"), now=monday_there) == {"Pago04", "Pago05", "mati11", "mati12"}
    assert found(Days(when="week"), now=monday_there) == {"Pago04", "Pago05", "mati11", "mati12"}


def test_this_month_where_the_month_has_changed_already(event):
    new_year = datetime(2029, 12, 31, 10, 30, tzinfo=UTC)  # 2030 has begun in Kiritimati
    for zone in (PAGO, KIRITIMATI):
        for text in ("2029-12-01", "2029-12-31", "2030-01-01", "2030-01-31", "2030-02-01"):
            event(f"{zone[-4:]}{text}", f"{text} 09:00", zone)
    assert found(Days(when="month"), now=new_year) == {
        "Pago2029-12-01", "Pago2029-12-31", "mati2030-01-01", "mati2030-01-31",
    }  # fmt: skip


def test_online_there_is_no_place_so_the_viewers_day_counts(event):
    event("Call", "2030-05-04 23:30", LISBON, attendance="online")  # Sunday in Auckland
    event("Both", "2030-05-04 23:30", LISBON, attendance="both")
    assert found(day("2030-05-04"), AUCKLAND) == {"Both"}
    assert found(day("2030-05-05"), AUCKLAND) == {"Call"}
    assert found(day("2030-05-04")) == {"Call", "Both"}
    assert found(Days(when="today"), AUCKLAND) == {"Both"}


def test_an_event_of_several_days_is_on_each_of_them(event):
    event("Festival", "2030-05-03 18:00", LISBON, "2030-05-06 12:00")
    assert [found(day(f"2030-05-0{n}")) != set() for n in range(2, 8)] == [False, True, True, True, True, False]


def test_without_an_end_it_is_on_the_day_that_it_starts_on(event):
    event("Party", "2030-05-04 23:00", LISBON)
    assert found(day("2030-05-04")) == {"Party"}
    assert found(day("2030-05-05")) == set()


@pytest.mark.parametrize(
    ("zone", "text", "first", "last"),
    [
        # Midnight is left out in Cairo on 26 April 2030: the day begins at 01:00, and has 23 hours.
        ("Africa/Cairo", "2030-04-26", "2030-04-25 22:00", "2030-04-26 21:00"),
        # 25 hours in Berlin.
        ("Europe/Berlin", "2030-10-27", "2030-10-26 22:00", "2030-10-27 23:00"),
    ],
)
def test_days_of_23_and_25_hours(zone, text, first, last):
    begin, end = day(text).between(ZoneInfo(zone), NOW)
    assert f"{begin:%Y-%m-%d %H:%M}" == first
    assert f"{end:%Y-%m-%d %H:%M}" == last


def test_open_ends(event):
    for number in (3, 4, 5):
        event(f"Day{number}", f"2030-05-0{number} 12:00", LISBON)
    assert found(Days(first=date(2030, 5, 4))) == {"Day4", "Day5"}
    assert found(Days(last=date(2030, 5, 4))) == {"Day3", "Day4"}
    assert found(Days()) == {"Day3", "Day4", "Day5"}
    assert found(Days(first=FIRST_DAY, last=LAST_DAY), KIRITIMATI) == {"Day3", "Day4", "Day5"}


@pytest.mark.parametrize("when", WHENS)
def test_words_mean_whole_days_around_today(when):
    for number in range(400):
        today = date(2028, 1, 1) + timedelta(days=number)
        first, last = Days(when=when).on(today)
        match when:
            case "today":
                assert first == last == today
            case "weekend":
                assert (first.weekday(), last.weekday(), (last - first).days) == (5, 6, 1)
                assert 0 <= (last - today).days <= 6
            case "week":
                assert (first.weekday(), (last - first).days) == (0, 6)
                assert first <= today <= last
            case _:
                assert first.day == 1
                assert (last + timedelta(days=1)).day == 1
                assert first <= today <= last
                assert first.month == last.month


def test_an_unknown_zone_is_taken_as_utc(event):
    Event.objects.filter(pk=event("Old", "2030-05-04 12:00", LISBON).pk).update(timezone="Mars/Base")
    assert found(day("2030-05-04")) == {"Old"}


@pytest.mark.parametrize("viewer", ["", PAGO, KIRITIMATI, "Europe/Berlin"])
def test_whole_days_online_are_the_same_days_to_everybody(event, viewer):
    event("Fair", "2030-05-05 00:00", AUCKLAND, "2030-05-06 00:00", all_day=True, attendance="online")
    assert found(day("2030-05-05"), viewer) == {"Fair"}
    assert found(day("2030-05-04"), viewer) == set()
