"""`GET /events`: the lists of the pages, with the same search and filters."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from elonara.communities import actions as communities
from elonara.events.guests import rsvps
from elonara.events.models import Event


@pytest.fixture(autouse=True)
def april(monkeypatch):
    """Freezes the time in April 2030."""
    now = dt.datetime(2030, 4, 1, 12, tzinfo=dt.UTC)
    monkeypatch.setattr(timezone, "now", lambda: now)


@pytest.fixture
def walks(make_event):
    return [
        make_event(title=f"Walk{day}", starts_at=f"2030-04-0{day}T14:00", timezone="Asia/Tokyo", location="Park")
        for day in range(2, 6)
    ]


def titles(response):
    assert response.status_code == 200, response.content
    return [event["title"] for event in response.json()["events"]]


def test_an_event_of_the_list(program, walks, chess):
    rsvps.respond(walks[0], choice="going", did="did:plc:x")
    Event.objects.filter(pk=walks[0].pk).update(community=chess)
    document = program.get("/events", to="2030-04-02").json()
    assert document == {
        "events": [
            {
                "slug": walks[0].slug, "url": f"https://events.example/events/{walks[0].slug}", "title": "Walk2",
                "starts_at": "2030-04-02T05:00:00Z", "ends_at": None, "all_day": False, "timezone": "Asia/Tokyo",
                "location": "Park",
                "visibility": "public", "status": "scheduled", "community": chess.slug, "going": 1,
            }
        ],
        "page": 1,
        "pages": 1,
    }  # fmt: skip


def test_filters_are_those_of_the_page(program, walks, make_event):
    assert titles(program.get("/events")) == ["Walk2", "Walk3", "Walk4", "Walk5"]
    assert titles(program.get("/events", **{"from": "2030-04-03", "to": "2030-04-04"})) == ["Walk3", "Walk4"]
    assert titles(program.get("/events", **{"from": "2030-04-03", "q": "walk5"})) == ["Walk5"]
    assert titles(program.get("/events", when="today")) == []
    Event.objects.filter(title="Walk3").update(starts_at=timezone.now() + dt.timedelta(hours=2))
    assert titles(program.get("/events", when="today")) == ["Walk3"]
    Event.objects.filter(title="Walk4").update(capacity=1)
    rsvps.respond(Event.objects.get(title="Walk4"), choice="going", did="did:plc:x")
    assert titles(program.get("/events", places_left="true")) == ["Walk3", "Walk2", "Walk5"]
    assert titles(program.get("/events", show="past")) == []
    make_event(title="Supper", visibility="private", starts_at="2030-04-02T10:00", timezone="UTC")
    assert titles(program.get("/events", show="mine", to="2030-04-02", q="supper")) == ["Supper"]


def test_online_the_day_is_the_callers(program, program_of, mallory, make_event):
    make_event(
        title="Call", starts_at="2030-04-02T23:30", timezone="UTC", attendance="online", online_link="https://x.example"
    )
    assert titles(program.get("/events", to="2030-04-02")) == []  # 01:30 in Berlin
    assert titles(program.get("/events", **{"from": "2030-04-03"})) == ["Call"]
    mallory.timezone = "America/Lima"
    mallory.save()
    assert titles(program_of(mallory).get("/events", to="2030-04-02")) == ["Call"]


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"when": "never"}, "when"),
        ({"when": ""}, "when"),
        ({"from": "2030-13-01"}, "from"),
        ({"from": "20300401"}, "from"),
        ({"to": "1900000000"}, "to"),
        ({"to": "2030-04-01T00:00:00"}, "to"),
        ({"from": "0001-01-01"}, "from"),
        ({"to": "9999-12-31"}, "to"),
        ({"from": "2030-04-02", "to": "2030-04-01"}, "to"),
        ({"when": "today", "to": "2030-04-01"}, "when"),
        ({"community": "nothing"}, "community"),
        ({"places_left": "maybe"}, "places_left"),
        ({"show": "all"}, "show"),
        ({"page": "0"}, "page"),
        ({"q": "x" * 101}, "q"),
    ],
)
def test_a_wrong_value_is_refused(program, problem, params, field):
    document = problem(program.get("/events", **params), 422, "invalid_input")
    assert [error["field"].rpartition(".")[2] for error in document["errors"]] == [field]


def test_what_the_caller_may_not_know(program, program_of, mallory, alice, problem, make_event):
    secret = communities.create(alice, name="Secret circle", visibility="private")
    make_event(title="Open", community=secret, location="Behind the oak", place_hidden=True, count_hidden=True)
    make_event(title="Supper", visibility="private")
    stranger = program_of(mallory)
    (event,) = stranger.get("/events").json()["events"]
    assert (event["title"], event["community"], event["location"], event["going"]) == ("Open", None, "", None)
    known = problem(stranger.get("/events", community=secret.slug), 422, "invalid_input")
    assert known == problem(stranger.get("/events", community="nothing"), 422, "invalid_input")
    assert program.get("/events", community=secret.slug).json()["events"][0]["community"] == secret.slug


def test_pages_and_queries(program, alice, make_event, monkeypatch):
    monkeypatch.setattr("elonara.api.event_list.EVENTS_ON_A_PAGE", 10)
    numbers = []
    for first, last in ((0, 1), (1, 10), (10, 25)):
        for number in range(first, last):
            make_event(title=f"Walk{number}", starts_at=f"2030-04-03T{number % 24:02}:00")
        program.get("/events")
        with CaptureQueriesContext(connection) as seen:
            program.get("/events", when="week", places_left="1", q="walk")
        numbers.append(len(seen))
    assert numbers[0] == numbers[1] == numbers[2]
    found = program.get("/events", page=9).json()
    assert (found["page"], found["pages"], len(found["events"])) == (3, 3, 5)
