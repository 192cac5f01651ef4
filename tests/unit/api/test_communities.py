"""`/communities`: create, read, change."""

import pytest
from tests.fakes.graph import somebody

from elonara import jobs
from elonara.communities import actions
from elonara.communities.models import Community
from elonara.invitations import actions as invitations

CHESS = {
    "name": "Chess club", "description": "Every Tuesday.", "visibility": "public", "joining": "open",
    "members_add_events": False,
}  # fmt: skip


def test_a_community_is_created_read_and_changed(alice, program):
    response = program.post("/communities", CHESS)
    assert response.status_code == 201
    made = response.json()
    assert made == CHESS | {
        "slug": made["slug"],
        "url": f"https://events.example/communities/{made['slug']}",
        "role": "admin",
        "posts_on_bluesky": 0,
    }
    assert program.get(f"/communities/{made['slug']}").json() == made
    changed = program.patch(f"/communities/{made['slug']}", {"description": ""}).json()
    assert changed == made | {"description": ""}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"visibility": "odd"}, "visibility"),
        ({"name": 1}, "name"),
    ],
)
def test_bad_input_names_its_field(program, chess, problem, change, field):
    for response in (program.post("/communities", CHESS | change), program.patch(f"/communities/{chess.slug}", change)):
        document = problem(response, 422, "invalid_input")
        assert [error["field"] for error in document["errors"]] == [field]
    assert Community.objects.count() == 1


def test_members_read_and_admins_change(program_of, mallory, chess, problem):
    stranger = program_of(mallory)
    assert stranger.get(f"/communities/{chess.slug}").json()["role"] is None
    problem(stranger.patch(f"/communities/{chess.slug}", {"name": "Mine"}), 403, "not_admin")
    actions.join(chess, member=mallory)
    assert stranger.get(f"/communities/{chess.slug}").json()["role"] == "member"
    problem(stranger.patch(f"/communities/{chess.slug}", {"name": "Mine"}), 403, "not_admin")


@pytest.mark.promise("private-is-absent")
def test_a_private_community_exists_for_members_and_invitees_only(alice, program, program_of, mallory, people, problem):
    secret = program.post("/communities", CHESS | {"visibility": "private"}).json()
    stranger = program_of(mallory)
    problem(stranger.get(f"/communities/{secret['slug']}"), 404, "not_found")
    problem(stranger.patch(f"/communities/{secret['slug']}", {"name": "Mine"}), 404, "not_found")
    people.append(somebody("mallory"))
    invitations.invite(alice, Community.objects.get(), ["did:plc:mallory"])
    jobs.drain()
    assert stranger.get(f"/communities/{secret['slug']}").json()["role"] is None


def test_without_a_token_nothing_is_created_or_read(nobody, chess, problem):
    problem(nobody.post("/communities", CHESS), 401, "unauthorized")
    problem(nobody.get(f"/communities/{chess.slug}"), 401, "unauthorized")
    problem(nobody.patch(f"/communities/{chess.slug}", {}), 401, "unauthorized")


def test_members_are_listed_searched_and_paged(program, program_of, mallory, chess, problem, make_member):
    actions.join(chess, member=mallory)
    actions.join(chess, did="did:plc:gil", handle="gil.example", name="Gil", invited=True)
    first = program.get(f"/communities/{chess.slug}/members?limit=2").json()
    assert [(one["username"], one["role"]) for one in first["members"]] == [("alice", "admin"), ("mallory", "member")]
    rest = program.get(f"/communities/{chess.slug}/members?cursor={first['cursor']}").json()
    (gil,) = rest["members"]
    assert (gil["username"], gil["name"], gil["handle"], rest["cursor"]) == (None, "Gil", "gil.example", None)
    found = program_of(make_member("zoe")).get(f"/communities/{chess.slug}/members?q=MALLORY").json()["members"]
    assert [one["username"] for one in found] == ["mallory"]
    problem(program.get(f"/communities/{chess.slug}/members?cursor=x"), 422, "bad_cursor")


@pytest.mark.promise("private-is-absent")
def test_the_members_of_a_private_community_are_listed_for_them_alone(program, program_of, mallory, problem):
    secret = program.post("/communities", CHESS | {"visibility": "private"}).json()
    address = f"/communities/{secret['slug']}/members"
    problem(program_of(mallory).get(address), 404, "not_found")
    actions.join(Community.objects.get(), member=mallory, invited=True)
    assert len(program_of(mallory).get(address).json()["members"]) == 2


def test_people_ask_to_join_and_are_accepted_or_declined(program, program_of, mallory, problem, make_member):
    made = program.post("/communities", CHESS | {"joining": "request"}).json()
    address, zoe = f"/communities/{made['slug']}", make_member("zoe")
    for member in (mallory, zoe):
        assert program_of(member).post(f"{address}/join", {"word": "Me too"}).json() == {"state": "asked"}
        problem(program_of(member).get(f"{address}/requests"), 403, "not_moderator")
    first, second = program.get(f"{address}/requests").json()["requests"]
    assert (first["username"], first["word"], first["outcome"]) == ("mallory", "Me too", "")
    problem(program_of(mallory).post(f"{address}/requests/{first['id']}/accept", {}), 403, "not_moderator")
    accepted = program.post(f"{address}/requests/{first['id']}/accept", {"word": "Welcome"}).json()
    assert accepted["outcome"] == "accepted"
    assert program_of(mallory).get(address).json()["role"] == "member"
    assert program_of(mallory).post(f"{address}/join", {}).json() == {"state": "member"}
    program.post(f"{address}/requests/{second['id']}/decline", {})
    problem(program.post(f"{address}/requests/{second['id']}/decline", {}), 403, "not_asked")
    problem(program_of(zoe).post(f"{address}/join", {}), 403, "declined")
    problem(program.post(f"{address}/requests/{second['id']}/accept", {"word": "x" * 301}), 422, "invalid_input")
    assert program.patch(address, {"joining": "open"}).json()["joining"] == "open"
    problem(program.patch(address, {"joining": "odd"}), 422, "invalid_input")


def test_a_plain_member_names_the_community_of_her_event_where_admins_allow_it(
    program, program_of, mallory, chess, problem
):
    event = {"title": "Blitz", "starts_at": "2027-05-01T16:00", "timezone": "UTC", "community": chess.slug}
    actions.join(chess, member=mallory)
    problem(program_of(mallory).post("/events", event), 403, "not_moderator")
    assert program.patch(f"/communities/{chess.slug}", {"members_add_events": True}).json()["members_add_events"]
    made = program_of(mallory).post("/events", event).json()
    assert made["community"] == chess.slug
    assert program_of(mallory).patch(f"/events/{made['slug']}", {"community": ""}).json()["community"] is None
