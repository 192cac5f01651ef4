"""Posts that are out: what of them is old, the update, taking them back, and how many stay."""

import pytest

from elonara import jobs
from elonara.events import actions as events
from elonara.invitations import actions
from elonara.invitations.models import Correction, Invitation, State

PEOPLE = ["did:plc:bob", "did:plc:carol"]


@pytest.fixture
def out(alice, friends, picnic):
    actions.invite(alice, picnic, PEOPLE)
    jobs.drain()
    return picnic


@pytest.fixture
def circle(alice, friends, chess):
    actions.invite(alice, chess, PEOPLE)
    jobs.drain()
    return chess


def path(target, rest=""):
    return f"/{'events' if hasattr(target, 'starts_at') else 'communities'}/{target.slug}{rest}"


def states():
    return set(Invitation.objects.values_list("state", flat=True))


@pytest.mark.parametrize(
    ("kind", "name", "words"), [("out", "title", "the old title"), ("circle", "name", "the old name")]
)
def test_an_edit_is_told_and_the_update_posted(kind, name, words, request, program, agent):
    target = request.getfixturevalue(kind)
    assert program.get(path(target, "/posts")).json()["notice"] is None
    program.patch(path(target), {name: "Supper"})
    found = program.get(path(target, "/posts")).json()
    assert found["standing"] == {"announcements": 1, "invitations": 2, "updates": 0, "total": 3}
    notice = found["notice"]
    assert (notice["why"], notice["count"], notice["words"]) == ("outdated", 3, words)
    assert [facet["features"][0]["$type"][-5:] for facet in notice["update"]["facets"]] == ["#link"]
    response = program.post(path(target, "/posts/update"), {"preview_id": notice["preview_id"]})
    assert (response.status_code, response.json()["state"]) == (202, "queued")
    again = program.post(path(target, "/posts/update"), {"preview_id": notice["preview_id"]})
    assert again.json()["id"] == response.json()["id"]
    jobs.drain()
    found = program.get(path(target, "/posts")).json()
    assert (found["notice"], found["standing"]["updates"]) == (None, 1)
    assert [(row["state"], row["text"]) for row in found["updates"]] == [("sent", notice["update"]["text"])]
    assert len(agent.posts) == 4


def test_the_preview_id_is_optional_and_binding(out, alice, program, problem):
    program.patch(path(out), {"title": "Supper"})
    shown = program.get(path(out, "/posts")).json()["notice"]["preview_id"]
    program.patch(path(out), {"title": "Breakfast"})
    problem(program.post(path(out, "/posts/update"), {"preview_id": shown}), 409, "preview_changed")
    assert not Correction.objects.exists()
    assert program.post(path(out, "/posts/update")).status_code == 202


def test_without_an_edit_there_is_nothing_to_post(out, program, problem):
    problem(program.post(path(out, "/posts/update")), 409, "wrong_state")


@pytest.mark.parametrize("kind", ["out", "circle"])
def test_making_it_private_says_how_many_stay(kind, request, program):
    target = request.getfixturevalue(kind)
    assert program.get(path(target)).json()["posts_on_bluesky"] == 3
    assert program.patch(path(target), {"visibility": "private"}).json()["posts_on_bluesky"] == 3
    assert program.get(path(target, "/posts")).json()["notice"]["why"] == "private"
    assert program.post(path(target, "/posts/take-back")).json() == {"taken_back": 3, "stay": 0}
    assert states() == {State.UNDOING}


@pytest.mark.parametrize("kind", ["out", "circle"])
def test_making_it_private_takes_them_back_in_the_same_call(kind, request, program):
    target = request.getfixturevalue(kind)
    answer = program.patch(path(target), {"visibility": "private", "take_back": True}).json()
    assert (answer["visibility"], answer["posts_on_bluesky"]) == ("private", 0)
    assert states() == {State.UNDOING}


def test_what_still_holds_is_not_taken_back(out, program):
    program.patch(path(out), {"description": "Bring bread", "take_back": True})
    assert states() == {State.SENT}
    assert program.post(path(out, "/posts/take-back"), {"only_wrong": False}).json() == {"taken_back": 3, "stay": 0}


def test_only_who_runs_it_may(out, alice, mallory, program, program_of, problem):
    program.patch(path(out), {"title": "Supper"})
    other = program_of(mallory)
    problem(other.get(path(out, "/posts")), 403, "not_allowed")
    problem(other.post(path(out, "/posts/update")), 403, "not_allowed")
    problem(other.post(path(out, "/posts/take-back"), {"only_wrong": False}), 403, "not_allowed")
    assert other.get(path(out)).json()["posts_on_bluesky"] is None
    events.change(out, by=alice, visibility="private")
    problem(other.get(path(out, "/posts")), 404, "not_found")
    assert states() == {State.SENT}
