"""The filters of the lists of events: plain addresses, together with the search, the pages and each of the lists."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from tests.pages import page_text

from elonara.communities import actions as communities
from elonara.events.models import Event, EventHost, Rsvp

FILTERS = "when=month&from=2000-01-01&to=2900-01-01&places_left=1"


@pytest.fixture
def at(monkeypatch):
    """Sets the clock to a moment."""

    def set_(moment):
        monkeypatch.setattr(timezone, "now", lambda: moment)

    set_(datetime(2030, 5, 4, 10, 0, tzinfo=UTC))
    return set_


@pytest.fixture
def make(alice):
    def event(title, starts_at, **fields):
        fields = {"slug": title.lower(), "timezone": "Europe/Lisbon", "created_by": alice} | fields
        found = Event.objects.create(title=title, starts_at=starts_at, created_at=timezone.now(), **fields)
        EventHost.objects.create(event=found, member=alice, role="host", accepted_at=timezone.now())
        return found

    return event


@pytest.fixture
def week(make, at):
    """An event at noon on each day of two weeks, of which the sixth is today."""
    first = datetime(2030, 4, 29, 12, 0, tzinfo=UTC)
    return [make(f"Walk{day:02}", first + timedelta(days=day - 1)) for day in range(1, 15)]


def shown(client, query):
    text = page_text(client.get(f"/events?{query}"))
    return [int(part[:2]) for part in text.split("<bdi>Walk")[1:]]


@pytest.mark.parametrize(
    ("query", "days"),
    [
        ("", [6, 7, 8, 9, 10, 11, 12, 13, 14]),
        ("when=today", [6]),
        ("when=weekend", [6, 7]),
        ("when=week", [6, 7]),
        ("when=month", [6, 7, 8, 9, 10, 11, 12, 13, 14]),
        ("from=2030-05-07&to=2030-05-07", [9]),
        ("from=2030-05-07", [9, 10, 11, 12, 13, 14]),
        ("to=2030-05-05", [6, 7]),
        ("from=2030-05-06&to=2030-05-08&when=today", [8, 9, 10]),
        ("show=past&when=week", [5, 4, 3, 2, 1]),
        ("show=past&when=month", [5, 4, 3]),
        ("show=mine&when=week", [6, 7, 5, 4, 3, 2, 1]),  # those to come, the next one first; then the latest
        ("q=walk09&from=2030-05-07", [9]),
        ("q=walk09&when=today", []),
        # What is none of theirs is as if it was left out.
        ("when=never&from=&to=2030-13-01", [6, 7, 8, 9, 10, 11, 12, 13, 14]),
        ("from=2030-05-08&to=2030-05-06", [6, 7, 8, 9, 10, 11, 12, 13, 14]),
        ("from=0001-01-01&to=9999-12-31", [6, 7, 8, 9, 10, 11, 12, 13, 14]),
        ("from=20300507&to=x&when=today", [6]),
        ("community=nothing&places_left=maybe", [6, 7, 8, 9, 10, 11, 12, 13, 14]),
    ],
)
def test_days(signed_in, alice, week, query, days):
    assert shown(signed_in(alice), query) == days


def test_a_filter_that_fits_nothing_says_so_and_can_be_cleared(client, week):
    page = page_text(client.get("/events?when=today&places_left=1&from=2031-01-01"))
    assert "No upcoming event matches the filters" in page
    assert '<a class="button" href="/events">Clear the filters</a>' in page
    page = page_text(client.get("/events?show=past&when=today&q=picnic"))
    assert "No event matches “picnic” and the filters" in page
    assert 'href="/events?show=past&amp;q=picnic">Clear the filters</a>' in page


def test_what_is_chosen_stands_in_the_form_and_in_every_link(client, week, alice, circle):
    Event.objects.update(community=circle)
    page = page_text(client.get(f"/events?q=walk&from=2030-05-06&to=2030-05-08&community={circle.slug}&places_left=1"))
    for part in (
        'name="from" type="date" value="2030-05-06"',
        'name="to" type="date" value="2030-05-08"',
        f'<option value="{circle.slug}" selected>',
        'name="places_left" value="1" checked',
        'value="walk"',
        '<details class="fold" open>',
        # Another list keeps all of it, other days take the place of these.
        f'href="/events?from=2030-05-06&amp;to=2030-05-08&amp;community={circle.slug}&amp;places_left=1&amp;q=walk&amp;show=past"',
        f'href="/events?when=weekend&amp;community={circle.slug}&amp;places_left=1&amp;q=walk"',
        f'href="/events?community={circle.slug}&amp;places_left=1&amp;q=walk"',
    ):
        assert part in page, part
    page = page_text(client.get("/events?when=today"))
    assert '<input type="hidden" name="when" value="today">' in page
    assert '<details class="fold">' in page
    assert 'aria-current="true" >Today' in page or 'aria-current="true">Today' in page


def test_pages_keep_the_filters(client, make, at):
    for number in range(30):
        make(f"Walk{number:02}", datetime(2030, 5, 6, 8, number, tzinfo=UTC))
    assert 'rel="next" href="?from=2030-05-06&amp;page=2"' in page_text(client.get("/events?from=2030-05-06"))
    assert shown(client, "from=2030-05-06&page=2") == [24, 25, 26, 27, 28, 29]


def test_a_community_and_what_a_stranger_may_not_know_of_it(client, signed_in, week, alice):
    secret = communities.create(alice, name="Hidden circle", visibility="private")
    Event.objects.filter(title="Walk09").update(community=secret)
    page = page_text(client.get(f"/events?community={secret.slug}"))
    assert "Hidden circle" not in page
    assert shown(client, f"community={secret.slug}") == shown(client, "community=nothing") == list(range(6, 15))
    signed_in(alice)
    assert shown(client, f"community={secret.slug}") == [9]
    assert "Hidden circle" in page_text(client.get("/events"))


def test_places_left(client, week):
    Event.objects.filter(title__in=("Walk08", "Walk09")).update(capacity=1)
    Rsvp.objects.create(event=week[8], did="did:plc:x", choice="going")
    assert shown(client, "to=2030-05-08&places_left=1") == [6, 7, 8, 10]


def test_online_the_days_are_the_viewers(client, make, at):
    make("Walk01", datetime(2030, 5, 4, 22, 30, tzinfo=UTC), attendance="online")
    assert shown(client, "when=today") == [1]
    client.cookies["tz"] = "Pacific/Auckland"  # Saturday 22:00 there now, and Sunday 10:30 then
    assert shown(client, "when=today") == []
    assert shown(client, "from=2030-05-05&to=2030-05-05") == [1]


@pytest.mark.parametrize("show", ["upcoming", "mine", "past"])
@pytest.mark.parametrize("query", ["when=month", "from=2030-05-01", "places_left=1", f"q=walk&{FILTERS}"])
def test_as_many_queries_at_1_10_and_100_rows(signed_in, alice, make, at, query, show):
    browser, numbers = signed_in(alice), []
    start = datetime(2030, 5, 4, 9 if show == "past" else 11, 0, tzinfo=UTC)
    for first, last in ((0, 1), (1, 10), (10, 100)):
        for number in range(first, last):
            make(f"Walk{number}", start, capacity=5, timezone=("Europe/Lisbon", "Asia/Tokyo")[number % 2])
        browser.get("/events")
        with CaptureQueriesContext(connection) as seen:
            assert "<bdi>Walk" in page_text(browser.get(f"/events?show={show}&{query}"))
        numbers.append(len(seen))
    assert numbers[0] == numbers[1] == numbers[2]
