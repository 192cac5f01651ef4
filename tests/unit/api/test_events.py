"""`/events`: create, read, change."""

import datetime as dt

import pytest
from django.utils import timezone
from tests.fakes.graph import somebody

from elonara import jobs
from elonara.communities import actions as communities
from elonara.events import actions
from elonara.events.models import Event
from elonara.invitations import actions as invitations

PICNIC = {
    "title": "Picnic",
    "starts_at": "2030-05-01T16:00",
    "ends_at": "2030-05-01T19:00",
    "timezone": "Europe/Berlin",
    "description": "Bring bread.",
    "location": "The oak",
    "visibility": "public",
}


@pytest.fixture
def picnic_in_may(monkeypatch):
    """Freezes the time in April 2030."""
    now = dt.datetime(2030, 4, 1, 12, tzinfo=dt.UTC)
    monkeypatch.setattr(timezone, "now", lambda: now)


@pytest.fixture(autouse=True)
def april(picnic_in_may):
    pass


def test_an_event_is_created_and_read(alice, program):
    response = program.post("/events", PICNIC)
    assert response.status_code == 201
    made = response.json()
    assert made["slug"]
    assert made["url"] == f"https://events.example/events/{made['slug']}"
    # Local time in the event's time zone, returned in UTC.
    assert (made["starts_at"], made["ends_at"]) == ("2030-05-01T14:00:00Z", "2030-05-01T17:00:00Z")
    assert {name: made[name] for name in ("title", "timezone", "description", "location", "visibility")} == {
        name: PICNIC[name] for name in ("title", "timezone", "description", "location", "visibility")
    }
    assert (made["status"], made["community"]) == ("scheduled", None)
    assert program.get(f"/events/{made['slug']}").json() == made
    assert Event.objects.get().created_by == alice


def test_an_offset_wins_over_the_zone_and_the_zone_may_be_the_members_own(program):
    made = program.post("/events", {"title": "Picnic", "starts_at": "2030-05-01T16:00:00+00:00"}).json()
    assert (made["starts_at"], made["timezone"]) == ("2030-05-01T16:00:00Z", "Europe/Berlin")


def test_whole_days_have_an_end_that_is_no_part_of_them(program):
    day = {"all_day": True, "starts_at": "2030-05-01", "ends_at": "2030-05-03"}
    made = program.post("/events", PICNIC | day).json()
    assert made["all_day"] is True
    assert (made["starts_at"], made["ends_at"]) == ("2030-04-30T22:00:00Z", "2030-05-02T22:00:00Z")
    back = {name: made[name] for name in ("all_day", "starts_at", "ends_at", "timezone")}
    assert program.patch(f"/events/{made['slug']}", back).json() == made
    moved = program.patch(f"/events/{made['slug']}", {"starts_at": "2030-05-02T09:30"}).json()
    assert (moved["starts_at"], moved["ends_at"]) == ("2030-05-01T22:00:00Z", "2030-05-02T22:00:00Z")
    timed = program.patch(
        f"/events/{made['slug']}", {"all_day": False, "starts_at": "2030-05-02T10:00", "ends_at": None}
    ).json()
    assert (timed["all_day"], timed["starts_at"], timed["ends_at"]) == (False, "2030-05-02T08:00:00Z", None)
    again = program.post("/events", {"copy_of": made["slug"], "starts_at": "2030-05-09T10:00"}).json()
    assert again["all_day"] is False


def test_a_cover_has_the_mood_that_was_chosen(program):
    made = program.post("/events", PICNIC).json()
    assert made["mood"] == "any"
    assert program.patch(f"/events/{made['slug']}", {"mood": "calm"}).json()["mood"] == "calm"
    again = program.post("/events", {"copy_of": made["slug"], "starts_at": "2030-05-09T10:00"}).json()
    assert again["mood"] == "calm"
    assert program.post("/events", PICNIC | {"mood": "lively"}).json()["mood"] == "lively"


def test_an_event_of_a_community_needs_a_role_in_it(program, chess, mallory, program_of, problem):
    assert program.post("/events", PICNIC | {"community": chess.slug}).json()["community"] == chess.slug
    refused = program_of(mallory).post("/events", PICNIC | {"community": chess.slug})
    assert refused.status_code in {403, 422}
    document = problem(program.post("/events", PICNIC | {"community": "no-such"}), 422, "invalid_input")
    assert document["errors"][0]["field"] == "community"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "x" * 121}, "title"),
        ({"title": None}, "title"),
        ({"starts_at": "2029-05-01T16:00"}, "starts_at"),
        ({"starts_at": "tomorrow"}, "starts_at"),
        ({"starts_at": 1_900_000_000}, "starts_at"),
        ({"starts_at": "9999-12-31T23:59:59-14:00"}, "starts_at"),
        ({"starts_at": "2030-13-01T00:00"}, "starts_at"),
        ({"ends_at": "2030-05-01T15:00"}, "ends_at"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"visibility": "secret"}, "visibility"),
        ({"mood": "wild"}, "mood"),
        ({"description": "x" * 5001}, "description"),
        ({"location": ["here"]}, "location"),
    ],
)
def test_bad_input_names_its_field(program, problem, change, field):
    document = problem(program.post("/events", PICNIC | change), 422, "invalid_input")
    assert field in [error["field"] for error in document["errors"]]
    assert all(error["problem"] for error in document["errors"])
    assert not Event.objects.exists()


def test_what_is_missing_is_named(program, problem):
    document = problem(program.post("/events", {}), 422, "invalid_input")
    assert [error["field"] for error in document["errors"]] == ["title", "starts_at"]


@pytest.fixture
def event(alice):
    return actions.create(alice, **PICNIC)


def test_a_patch_changes_what_it_names_and_nothing_else(program, event):
    found = program.patch(f"/events/{event.slug}", {"location": "The lake", "ends_at": None}).json()
    assert (found["location"], found["ends_at"]) == ("The lake", None)
    assert (found["title"], found["description"], found["slug"]) == ("Picnic", "Bring bread.", event.slug)
    assert program.patch(f"/events/{event.slug}", {}).json() == found


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": None}, "title"),
        ({"starts_at": None}, "starts_at"),
        ({"timezone": ""}, "timezone"),
        ({"visibility": None}, "visibility"),
        ({"ends_at": "2030-04-30T00:00"}, "ends_at"),
    ],
)
def test_a_patch_checks_as_well(program, event, problem, change, field):
    document = problem(program.patch(f"/events/{event.slug}", change), 422, "invalid_input")
    assert field in [error["field"] for error in document["errors"]]


def test_a_time_without_offset_is_in_the_events_time_zone(program, event):
    found = program.patch(f"/events/{event.slug}", {"starts_at": "2030-05-01T15:30"}).json()
    assert found["starts_at"] == "2030-05-01T13:30:00Z"


def test_only_hosts_change_an_event(program_of, mallory, event, problem):
    stranger = program_of(mallory)
    assert stranger.get(f"/events/{event.slug}").status_code == 200
    problem(stranger.patch(f"/events/{event.slug}", {"title": "Mine"}), 403, "not_host")
    event.refresh_from_db()
    assert event.title == "Picnic"


def test_a_cancelled_event_is_not_changed(alice, program, event, problem):
    actions.cancel(event, alice)
    problem(program.patch(f"/events/{event.slug}", {"title": "Again"}), 403, "cancelled")


@pytest.mark.promise("private-is-absent")
def test_a_private_event_does_not_exist_for_others(program, program_of, mallory, problem):
    supper = program.post("/events", PICNIC | {"visibility": "private"}).json()
    stranger = program_of(mallory)
    for response in (
        stranger.get(f"/events/{supper['slug']}"),
        stranger.patch(f"/events/{supper['slug']}", {"title": "Mine"}),
        stranger.get(f"/events/{supper['slug']}/invitations"),
        stranger.post(f"/events/{supper['slug']}/invitations", {"dids": ["did:plc:bob"]}),
        stranger.post(f"/events/{supper['slug']}/invitations/preview", {"dids": ["did:plc:bob"]}),
        stranger.get("/events/no-such-event"),
        stranger.get("/events/no%00such"),
    ):
        problem(response, 404, "not_found")


def test_an_invited_member_sees_it(alice, program, program_of, mallory, people):
    people.append(somebody("mallory"))
    supper = program.post("/events", PICNIC | {"visibility": "private"}).json()
    invitations.invite(alice, Event.objects.get(), ["did:plc:mallory"])
    jobs.drain()
    assert program_of(mallory).get(f"/events/{supper['slug']}").json()["title"] == "Picnic"


def test_a_moderator_of_its_community_sees_it_too(alice, program, program_of, mallory, chess):
    made = program.post("/events", PICNIC | {"visibility": "private", "community": chess.slug}).json()
    communities.join(chess, member=mallory)
    assert program_of(mallory).get(f"/events/{made['slug']}").status_code == 200


def test_without_a_token_nothing_is_created_read_or_changed(nobody, event, problem):
    problem(nobody.post("/events", PICNIC), 401, "unauthorized")
    problem(nobody.get(f"/events/{event.slug}"), 401, "unauthorized")
    problem(nobody.patch(f"/events/{event.slug}", {"title": "Mine"}), 401, "unauthorized")
