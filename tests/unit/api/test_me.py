"""`/me` and `/me/bluesky`: the caller's account and their people on Bluesky."""

from datetime import timedelta

import pytest
from django.utils import timezone
from tests.fakes.agent import FakeAgent
from tests.fakes.graph import somebody

from elonara.bluesky.graph.service import GraphUnavailable
from elonara.bluesky.models import ActorView, MemberIdentity
from elonara.bluesky.writing.agent import Readiness
from elonara.invitations import actions as invitations
from elonara.invitations.opt_out_models import OptOut

COLUMNS = {"did", "handle", "display_name", "avatar", "mutual", "invitable", "reason"}


def names(page):
    return [person["handle"].partition(".")[0] for person in page["people"]]


@pytest.mark.promise("no-token-to-programs")
def test_me_shows_the_connection_and_no_bluesky_token(alice, program):
    ends = timezone.now() + timedelta(minutes=50)
    MemberIdentity.objects.update(bsky_token_expires_at=ends, bsky_access_token_enc="v1.sealed")
    response = program.get("/me")
    found = response.json()
    assert found["member_id"] == alice.pk
    assert set(found["bluesky"]) == {
        "connected", "did", "handle", "scope", "expires_at", "state", "can_write", "write_backend",
    }  # fmt: skip
    assert found["bluesky"] | {"expires_at": ""} == {
        "connected": True,
        "did": "did:plc:host",
        "handle": "alice.example",
        "scope": "atproto",
        "expires_at": "",
        "state": "active",
        "can_write": True,
        "write_backend": "app_password",
    }
    assert found["bluesky"]["expires_at"].startswith(ends.strftime("%Y-%m-%dT%H:%M"))
    assert "sealed" not in response.content.decode()


def test_me_without_bluesky_is_null(make_member, friends, program_of):
    assert program_of(make_member("walter")).get("/me").json()["bluesky"] is None


def test_me_after_disconnecting_keeps_the_did(alice, program, agent: FakeAgent):
    MemberIdentity.objects.update(state="revoked", state_reason="disconnected", bsky_scope="")
    agent.ready = Readiness(False, "did:plc:host", "alice.example", "compose", "", "app_password_missing", "Not yet.")
    found = program.get("/me").json()["bluesky"]
    assert (found["connected"], found["state"], found["did"]) == (False, "revoked", "did:plc:host")
    assert (found["can_write"], found["write_backend"]) == (False, "")


def test_followers_and_follows_say_whether_they_can_be_invited(program):
    followers = program.get("/me/bluesky/followers").json()
    assert names(followers) == ["bob", "carol", "eve"]
    assert all(set(person) == COLUMNS for person in followers["people"])
    bob, carol, eve = followers["people"]
    assert (bob["mutual"], bob["invitable"], bob["reason"]) == (True, True, None)
    assert (carol["mutual"], carol["invitable"]) == (False, True)
    assert (eve["invitable"], eve["reason"]) == (False, "blocked_by")
    assert names(program.get("/me/bluesky/follows").json()) == ["bob", "dan", "eve"]


def test_pages_follow_each_other_to_the_end(program, people):
    people += [somebody(f"guest{number}") for number in range(7)]
    found, cursor = [], None
    while True:
        page = program.get("/me/bluesky/followers", limit=4, **({"cursor": cursor} if cursor else {})).json()
        found += names(page)
        cursor = page["cursor"]
        if cursor is None:
            break
    assert len(found) == len(set(found)) == 10


def test_a_search_of_followers_finds_followers_only(program):
    assert names(program.get("/me/bluesky/followers", q="@da").json()) == []
    assert names(program.get("/me/bluesky/follows", q="@da").json()) == ["dan"]


def test_a_target_says_who_cannot_be_invited_to_it(alice, program, picnic, chess):
    invitations.invite(alice, picnic, ["did:plc:bob"])
    by_event = program.get("/me/bluesky/followers", event=picnic.slug).json()["people"][0]
    assert (by_event["invitable"], by_event["reason"]) == (False, "already_invited")
    by_community = program.get("/me/bluesky/followers", community=chess.slug).json()["people"][0]
    assert by_community["invitable"]
    assert program.get("/me/bluesky/followers").json()["people"][0]["invitable"]


def test_a_target_that_the_caller_may_not_see_is_404(mallory, program_of, supper, friends, problem):
    stranger = program_of(mallory)
    problem(stranger.get("/me/bluesky/followers", event=supper.slug), 404, "not_found")
    problem(stranger.get("/me/bluesky/followers", event="no-such"), 404, "not_found")
    problem(stranger.get("/me/bluesky/followers", community="no\x00such"), 422, "invalid_input")


def test_who_opted_out_cannot_be_invited_to_anything(alice, program):
    OptOut.objects.create(did="did:plc:bob", host=alice)
    assert program.get("/me/bluesky/followers").json()["people"][0]["reason"] == "opted_out_host"


@pytest.mark.promise("unknown-is-no")
def test_people_whose_blocks_are_unknown_can_be_seen_and_not_invited(program, friends):
    friends.known = False
    people = program.get("/me/bluesky/followers").json()["people"]
    assert {person["reason"] for person in people} == {"view_unknown"}


def test_the_limit_is_validated(program, problem):
    for limit in (0, 101, "many", -1):
        document = problem(program.get("/me/bluesky/followers", limit=limit), 422, "invalid_input")
        assert document["errors"][0]["field"] == "limit"


def test_a_missing_connection_is_409_and_a_network_fault_503(program, friends, problem):
    for reason, status in {
        "not_connected": 409,
        "account_deactivated": 409,
        "unreachable": 503,
        "server": 503,
        "rate_limited": 503,
    }.items():
        friends.down = GraphUnavailable(reason, "A sentence.")
        problem(program.get("/me/bluesky/follows"), status, reason)
        problem(program.post("/me/bluesky/sync"), status, reason)


def test_sync_deletes_the_cached_graph_and_reads_again(alice, mallory, program, friends, people):
    old = somebody("zoe", muted=True)
    for member in (alice, mallory):
        ActorView.objects.create(member=member, did=old.did, person=old.to_dict(), checked_at=timezone.now())
    people[0] = somebody("bob", muted=True)
    found = program.post("/me/bluesky/sync").json()
    assert (found["forgotten"], found["read"], found["known"]) == (1, 4, True)
    kept = {row.did: row.person for row in ActorView.objects.filter(member=alice)}
    assert sorted(kept) == ["did:plc:bob", "did:plc:carol", "did:plc:dan", "did:plc:eve"]
    assert kept["did:plc:bob"]["muted"]
    assert ActorView.objects.filter(member=mallory).count() == 1


def test_a_sync_that_fails_leaves_nothing_stale(alice, program, friends, problem):
    bob = somebody("bob")
    ActorView.objects.create(member=alice, did=bob.did, person=bob.to_dict(), checked_at=timezone.now())
    friends.down = GraphUnavailable("unreachable", "Your server does not answer.")
    problem(program.post("/me/bluesky/sync"), 503, "unreachable")
    assert not ActorView.objects.exists()


def test_without_a_token_nothing_is_read(nobody, problem):
    for path in ("/me", "/me/bluesky/followers", "/me/bluesky/follows"):
        problem(nobody.get(path), 401, "unauthorized")
    problem(nobody.post("/me/bluesky/sync"), 401, "unauthorized")
