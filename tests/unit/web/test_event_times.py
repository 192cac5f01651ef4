"""Times in the form of an event around the changes of a clock: what does not exist is refused, what is kept is kept."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from tests.pages import page_text

from elonara.events.models import Event
from elonara.events.times import days_of, days_phrase, whole_days
from elonara.web.events.forms import EventForm

ZONES = [
    "Europe/Lisbon",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "America/Santiago",
    "Asia/Beirut",
]
FIRST_DAY = datetime(2027, 2, 1, tzinfo=UTC)


def change(name, *, forward):
    """The instant at which the zone's clock is put forward (or back) next, and by how much."""
    zone, moment = ZoneInfo(name), FIRST_DAY
    for _ in range(370 * 48):
        following = moment + timedelta(minutes=30)
        jump = following.astimezone(zone).utcoffset() - moment.astimezone(zone).utcoffset()
        if jump and (jump > timedelta()) == forward:
            return following, abs(jump)
        moment = following
    raise LookupError(name)


def posted(**fields):
    values = {"title": "Picnic", "visibility": "public", "timezone": "UTC", "plus_ones_allowed": "0"}
    return values | {name: str(value) for name, value in fields.items()}


@pytest.mark.parametrize("name", ZONES)
@pytest.mark.parametrize("field", ["starts_at", "ends_at"])
def test_a_time_that_the_clock_leaves_out_is_refused_by_the_form(client, signed_in, alice, name, field):
    at, jump = change(name, forward=True)
    zone = ZoneInfo(name)
    # On the wall, the clock shows these minutes on no clock: from the old time of the change on.
    left_out = (at - timedelta(minutes=1)).astimezone(zone).replace(tzinfo=None) + timedelta(minutes=1) + jump / 2
    before = left_out - timedelta(hours=5)
    times = {"starts_at": left_out} if field == "starts_at" else {"starts_at": before, "ends_at": left_out}
    texts = {key: f"{value:%Y-%m-%dT%H:%M}" for key, value in times.items()}
    response = signed_in(alice).post("/events/create", posted(timezone=name, **texts))
    assert f"There is no {left_out:%H:%M} on that day in {name}" in page_text(response)
    assert not Event.objects.exists()


@pytest.mark.parametrize("name", ZONES)
def test_saving_what_was_not_touched_changes_nothing(client, signed_in, alice, picnic, name):
    at, jump = change(name, forward=False)
    second = at + jump / 2  # the later of the two moments that the clock shows alike
    Event.objects.filter(pk=picnic.pk).update(timezone=name, starts_at=second, ends_at=second + jump)
    picnic.refresh_from_db()
    form = {key: value for key, value in EventForm.initial_of(picnic).items() if value not in (None, "")}
    form = posted(**form) | {key: f"{form[key]:%Y-%m-%dT%H:%M}" for key in ("starts_at", "ends_at")}
    response = signed_in(alice).post(f"/events/{picnic.slug}/edit", form | {"description": "Bring cake."})
    assert response.status_code == 302, page_text(response)
    after = Event.objects.get(pk=picnic.pk)
    assert (after.starts_at, after.ends_at, after.sequence) == (second, second + jump, picnic.sequence)
    assert after.description == "Bring cake."


LISBON = ZoneInfo("Europe/Lisbon")


def test_the_last_day_that_is_typed_is_part_of_the_event(signed_in, alice):
    first = datetime.now(LISBON).replace(tzinfo=None) + timedelta(days=5)
    form = posted(
        timezone="Europe/Lisbon", all_day="on", starts_at=f"{first:%Y-%m-%dT18:00}",
        ends_at=f"{first + timedelta(days=2):%Y-%m-%d}",
    )  # fmt: skip
    signed_in(alice).post("/events/create", form)
    event = Event.objects.get()
    assert event.all_day
    assert days_of(event) == (first.date(), (first + timedelta(days=2)).date())
    page = signed_in(alice).get(f"/events/{event.slug}")
    assert "All day." in page_text(page)
    assert days_phrase(event) in page_text(page)


def test_one_day_needs_no_end(signed_in, alice):
    day = datetime.now(LISBON).replace(tzinfo=None) + timedelta(days=5)
    signed_in(alice).post("/events/create", posted(timezone="Europe/Lisbon", all_day="on", starts_at=f"{day:%Y-%m-%d}"))
    assert days_of(Event.objects.get()) == (day.date(), day.date())


def test_a_last_day_before_the_first_is_refused(signed_in, alice):
    day = datetime.now(LISBON) + timedelta(days=5)
    form = posted(
        timezone="Europe/Lisbon", all_day="on", starts_at=f"{day:%Y-%m-%dT00:00}",
        ends_at=f"{day - timedelta(days=1):%Y-%m-%dT00:00}",
    )  # fmt: skip
    response = signed_in(alice).post("/events/create", form)
    assert "The event ends before it starts." in page_text(response)
    assert not Event.objects.exists()


@pytest.mark.parametrize("name", ZONES)
def test_saving_whole_days_untouched_changes_nothing(signed_in, alice, picnic, name):
    at, _ = change(name, forward=True)
    begins, ends = whole_days(at, at + timedelta(days=3), ZoneInfo(name))
    Event.objects.filter(pk=picnic.pk).update(timezone=name, starts_at=begins, ends_at=ends, all_day=True)
    picnic.refresh_from_db()
    form = {key: value for key, value in EventForm.initial_of(picnic).items() if value not in (None, "", False)}
    form = posted(**form) | {key: f"{form[key]:%Y-%m-%dT%H:%M}" for key in ("starts_at", "ends_at")}
    response = signed_in(alice).post(f"/events/{picnic.slug}/edit", form | {"description": "Bring cake."})
    assert response.status_code == 302, page_text(response)
    after = Event.objects.get(pk=picnic.pk)
    assert (after.starts_at, after.ends_at, after.sequence) == (begins, ends, picnic.sequence)


def test_a_visitor_far_away_reads_the_same_day(client, alice, picnic):
    begins, ends = whole_days(picnic.starts_at, None, LISBON)
    Event.objects.filter(pk=picnic.pk).update(timezone="Europe/Lisbon", starts_at=begins, ends_at=ends, all_day=True)
    picnic.refresh_from_db()
    client.cookies["tz"] = "Pacific/Kiritimati"
    first = days_of(picnic)[0]
    assert days_phrase(picnic) in page_text(client.get(f"/events/{picnic.slug}"))
    for address in (f"/events/{picnic.slug}", "/events"):
        page = client.get(address).content.decode()
        assert f'datetime="{first}' in page
        assert f"<b>{first.day}</b>" in page
