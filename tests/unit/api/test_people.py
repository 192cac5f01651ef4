"""`/me/bluesky`: the caller's people as they are stored, and reading them again."""

import base64
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from tests.fakes.graph import somebody
from tests.fakes.known import graph_with

from elonara import jobs
from elonara.bluesky.graph.models import KnownList, KnownListMember, KnownPerson, StoredGraph
from elonara.bluesky.models import MemberIdentity
from elonara.events.models import Event, Rsvp
from elonara.invitations import actions as invitations
from elonara.invitations.opt_out_models import OptOut
from elonara.members.models import Member

COLUMNS = {"did", "handle", "display_name", "avatar", "mutual", "invitable", "reason"}
LISTS = ("followers", "follows", "mutuals")


def names(page):
    return [person["handle"].partition(".")[0] for person in page["people"]]


class TestLists:
    def test_followers_follows_and_mutuals_say_who_can_be_invited(self, graph, program):
        followers = program.get("/me/bluesky/followers").json()
        assert names(followers) == ["bob", "carol", "eve"]
        assert all(set(person) == COLUMNS for person in followers["people"])
        bob, carol, eve = followers["people"]
        assert (bob["mutual"], bob["invitable"], bob["reason"]) == (True, True, None)
        assert (carol["mutual"], carol["invitable"]) == (False, True)
        assert (eve["invitable"], eve["reason"]) == (False, "blocked_by")
        assert names(program.get("/me/bluesky/follows").json()) == ["bob", "dan", "eve"]
        assert names(program.get("/me/bluesky/mutuals").json()) == ["bob", "eve"]

    def test_no_network_is_asked(self, graph, program, friends):
        friends.down = AssertionError("asked")
        for which in LISTS:
            assert program.get(f"/me/bluesky/{which}").status_code == 200

    @pytest.mark.parametrize("which", LISTS)
    @pytest.mark.parametrize("sort", ["newest", "oldest", "name", "likely"])
    def test_pages_follow_each_other_to_the_end(self, sort, which, alice, program, people):
        people += [somebody(f"guest{number}") for number in range(7)]
        graph_with(alice, people)
        found, cursor = [], None
        while True:
            page = program.get(f"/me/bluesky/{which}", limit=4, sort=sort, **({"cursor": cursor} if cursor else {}))
            found += names(page.json())
            assert len(found) < 50
            if (cursor := page.json()["cursor"]) is None:
                break
        assert len(found) == len(set(found)) == {"followers": 10, "follows": 10, "mutuals": 9}[which]

    def test_orders(self, graph, program):
        assert names(program.get("/me/bluesky/followers", sort="oldest").json()) == ["eve", "carol", "bob"]
        assert names(program.get("/me/bluesky/followers", sort="name").json()) == ["bob", "carol", "eve"]
        assert names(program.get("/me/bluesky/followers", sort="likely").json()) == ["bob", "eve", "carol"]

    def test_a_search_finds_parts_of_names_and_handles_of_that_list_only(self, alice, program, people):
        people += [replace(somebody("sakura"), display_name="Sakura Tanaka"), somebody("tomoko", follows_you=False)]
        graph_with(alice, people)
        assert names(program.get("/me/bluesky/followers", q="tanaka sak").json()) == ["sakura"]
        assert names(program.get("/me/bluesky/followers", q="@da").json()) == []
        assert names(program.get("/me/bluesky/follows", q="@da").json()) == ["dan"]
        assert names(program.get("/me/bluesky/followers", q="tomo").json()) == []
        assert names(program.get("/me/bluesky/mutuals", q="example").json()) == ["bob", "eve", "sakura"]

    def test_a_target_says_who_cannot_be_invited_to_it(self, graph, alice, program, picnic, chess):
        invitations.invite(alice, picnic, ["did:plc:bob"])
        by_event = program.get("/me/bluesky/followers", event=picnic.slug).json()["people"][0]
        assert (by_event["invitable"], by_event["reason"]) == (False, "already_invited")
        by_community = program.get("/me/bluesky/followers", community=chess.slug).json()["people"][0]
        assert by_community["invitable"]
        assert program.get("/me/bluesky/followers").json()["people"][0]["invitable"]

    def test_a_target_that_the_caller_may_not_see_is_404(self, mallory, program_of, supper, friends, problem):
        stranger = program_of(mallory)
        problem(stranger.get("/me/bluesky/followers", event=supper.slug), 404, "not_found")
        problem(stranger.get("/me/bluesky/followers", event="no-such"), 404, "not_found")
        problem(stranger.get("/me/bluesky/followers", community="no\x00such"), 422, "invalid_input")

    def test_nobody_reads_the_people_of_others(self, graph, mallory, program_of):
        graph_with(mallory, [somebody("own")])
        assert names(program_of(mallory).get("/me/bluesky/followers").json()) == ["own"]

    def test_without_a_token_nothing_is_read(self, nobody, problem):
        for path in (*LISTS, "sync"):
            problem(nobody.get(f"/me/bluesky/{path}"), 401, "unauthorized")
        problem(nobody.post("/me/bluesky/sync"), 401, "unauthorized")

    def test_the_limit_is_validated(self, graph, program, problem):
        for limit in (0, 101, "many", -1):
            document = problem(program.get("/me/bluesky/followers", limit=limit), 422, "invalid_input")
            assert document["errors"][0]["field"] == "limit"
        problem(program.get("/me/bluesky/followers", sort="rank"), 422, "invalid_input")


def test_who_opted_out_cannot_be_invited_to_anything(graph, alice, program):
    OptOut.objects.create(did="did:plc:bob", host=alice)
    assert program.get("/me/bluesky/followers").json()["people"][0]["reason"] == "opted_out_host"


@pytest.mark.promise("unknown-is-no")
def test_people_whose_blocks_are_unknown_can_be_seen_and_not_invited(alice, people, program):
    graph_with(alice, people, known=False)
    page = program.get("/me/bluesky/followers").json()["people"]
    assert {person["reason"] for person in page} == {"view_unknown"}


class TestFilters:
    @pytest.fixture
    def came(self, graph, make_event):
        """Bob and dan came to an earlier event of alice's, and a stranger."""
        event = make_event(title="Earlier")
        Event.objects.filter(pk=event.pk).update(starts_at=timezone.now() - timedelta(days=9))
        for name in ("bob", "dan", "zed"):
            Rsvp.objects.create(event=event, did=f"did:plc:{name}", choice="going", handle=f"{name}.example")
        return event

    def test_leave_those_who_are_on_both_lists(self, came, program):
        found = {which: names(program.get(f"/me/bluesky/{which}", filter="came").json()) for which in LISTS}
        assert found == {"followers": ["bob"], "follows": ["bob", "dan"], "mutuals": ["bob"]}
        assert names(program.get("/me/bluesky/follows", filter="came", q="da").json()) == ["dan"]
        assert names(program.get("/me/bluesky/follows", filter="came", sort="name", limit=1).json()) == ["bob"]

    def test_of_the_graph(self, graph, program):
        assert names(program.get("/me/bluesky/followers", filter="follows").json()) == ["bob", "eve"]
        assert names(program.get("/me/bluesky/followers", filter="everyone").json()) == ["bob", "carol", "eve"]

    def test_of_a_list_on_bluesky_and_of_conversations(self, graph, program):
        one = KnownList.objects.create(graph=graph, uri="at://x/1", name="Chess", position=0, people=2)
        for did in ("did:plc:carol", "did:plc:dan"):
            KnownListMember.objects.create(known_list=one, person=KnownPerson.objects.get(did=did))
        KnownPerson.objects.filter(did="did:plc:dan").update(talked=3, talked_at=timezone.now())
        assert names(program.get("/me/bluesky/followers", filter=f"list:{one.pk}").json()) == ["carol"]
        assert names(program.get("/me/bluesky/follows", filter="talks").json()) == ["dan"]

    def test_of_the_event_s_community(self, graph, alice, chess, make_event, program):
        event = make_event(community=chess)
        chess.memberships.create(did="did:plc:carol")
        found = program.get("/me/bluesky/followers", filter="community", event=event.slug).json()
        assert names(found) == ["carol"]
        assert names(program.get("/me/bluesky/followers", filter="community").json()) == []

    def test_that_do_not_exist_are_refused(self, graph, mallory, program, program_of, problem):
        one = KnownList.objects.create(graph=graph, uri="at://x/1", name="Chess", position=0)
        graph_with(mallory, [somebody("own")])
        for caller, name in [
            (program, "nobody"), (program, "list:"), (program, "list:x"), (program, "list:999"), (program, "graph"),
            (program_of(mallory), f"list:{one.pk}"),
        ]:  # fmt: skip
            document = problem(caller.get("/me/bluesky/followers", filter=name), 422, "invalid_input")
            assert document["errors"][0]["field"] == "filter"


def encoded(value):
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().strip("=")


class TestCursors:
    @pytest.mark.parametrize(
        "cursor",
        ["nonsense", "þ", "-", "--1", "１", "a", "z5", "a-1", "9" * 19, "a" + "9" * 19, "-" + "9" * 18, "W10",
         encoded(b"7 \x00"), encoded(b"9" * 40 + b" x"), encoded(b"\xff\xfe"), encoded([1, 2, 3]), encoded([None, "x"]),
         encoded([10**40, "x"]), encoded(["\x00", "x"]), encoded({"a": 1}), encoded(b"[" * 700), "x" * 1000],
    )  # fmt: skip
    def test_one_that_is_none_is_a_400_or_a_place_in_the_list(self, cursor, graph, program, problem):
        for wanted in (
            {}, {"sort": "name"}, {"sort": "likely"}, {"sort": "oldest"}, {"q": "example"}, {"filter": "came"},
            {"filter": "came", "q": "example"}, {"filter": "talks", "sort": "name"},
        ):  # fmt: skip
            response = program.get("/me/bluesky/followers", cursor=cursor, **wanted)
            if response.status_code != 200:
                document = problem(response, 400, "bad_cursor")
                assert document["errors"][0]["field"] == "cursor"

    def test_nonsense_is_a_400(self, graph, program, problem):
        for wanted in ({}, {"sort": "name"}, {"q": "example"}, {"filter": "came"}):
            for which in LISTS:
                problem(program.get(f"/me/bluesky/{which}", cursor="nonsense", **wanted), 400, "bad_cursor")

    def test_a_longer_one_than_we_give_is_refused(self, graph, program, problem):
        problem(program.get("/me/bluesky/followers", cursor="x" * 1001), 422, "invalid_input")
        problem(program.get("/me/bluesky/followers", cursor="x\x00"), 422, "invalid_input")

    def test_the_longest_that_we_give_is_taken(self, alice, program):
        longest = [somebody(f"guest{number}") for number in range(3)]
        graph_with(alice, longest)
        KnownPerson.objects.update(sort_name="🦋" * 100)
        page = program.get("/me/bluesky/followers", sort="name", limit=1).json()
        then = program.get("/me/bluesky/followers", sort="name", limit=1, cursor=page["cursor"])
        assert then.status_code == 200
        assert names(then.json()) == ["guest1"]


class TestBeforeTheFirstReading:
    """An empty list would say that nobody follows her."""

    @pytest.mark.parametrize("which", LISTS)
    def test_it_is_said(self, which, alice, program, problem):
        response = program.get(f"/me/bluesky/{which}")
        problem(response, 503, "syncing")
        assert response["Retry-After"]
        graph_with(alice, [], state="running", read_at=None, full_read_at=None)
        problem(program.get(f"/me/bluesky/{which}"), 503, "syncing")

    def test_those_who_are_read_are_shown_meanwhile(self, alice, people, program):
        graph_with(alice, people, state="running", read_at=None, full_read_at=None, read=4)
        assert names(program.get("/me/bluesky/followers").json()) == ["bob", "carol", "eve"]

    def test_who_has_nobody_has_an_empty_list(self, alice, program):
        graph_with(alice, [])
        assert program.get("/me/bluesky/followers").json() == {"people": [], "cursor": None}

    def test_who_is_not_connected_is_told(self, alice, program, problem):
        MemberIdentity.objects.update(state="revoked", state_reason="disconnected")
        for which in (*LISTS, "sync"):
            problem(program.get(f"/me/bluesky/{which}"), 409, "not_connected")
        problem(program.post("/me/bluesky/sync"), 409, "not_connected")
        assert not StoredGraph.objects.exists()
        alice.bluesky.delete()
        problem(program.get("/me/bluesky/followers"), 409, "not_connected")

    def test_whose_session_has_ended_still_has_her_people(self, graph, program):
        MemberIdentity.objects.update(state="needs_reauth", state_reason="revoked")
        assert names(program.get("/me/bluesky/followers").json()) == ["bob", "carol", "eve"]

    @pytest.mark.parametrize(
        ("reason", "status"),
        [("unreachable", 503), ("rate_limited", 503), ("server", 503), ("account_deactivated", 409),
         ("account_takendown", 409), ("not_connected", 409)],
    )  # fmt: skip
    def test_why_nothing_could_be_read(self, reason, status, alice, program, problem):
        graph_with(alice, [], state="failed", reason=reason, read_at=None, full_read_at=None)
        problem(program.get("/me/bluesky/followers"), status, reason)
        assert program.get("/me/bluesky/sync").json()["state"] == "failed"

    def test_a_failure_later_hides_nobody(self, alice, people, program):
        graph_with(alice, people, state="failed", reason="unreachable")
        assert names(program.get("/me/bluesky/followers").json()) == ["bob", "carol", "eve"]


class TestSync:
    FIELDS = ("state", "read", "total", "known", "read_at")

    def test_its_progress(self, graph, program):
        found = program.get("/me/bluesky/sync").json()
        assert tuple(found) == self.FIELDS
        assert found | {"read_at": ""} == {"state": "done", "read": 6, "total": 6, "known": True, "read_at": ""}
        assert found["read_at"].startswith(f"{graph.read_at:%Y-%m-%dT%H:%M}")

    def test_post_begins_one_and_answers_its_state(self, graph, program):
        response = program.post("/me/bluesky/sync")
        assert response.status_code == 202
        assert tuple(response.json()) == self.FIELDS
        assert response.json()["state"] == "running"
        again = program.post("/me/bluesky/sync")
        assert (again.status_code, again.json()["state"]) == (202, "running")
        graph.refresh_from_db()
        assert graph.pass_number == 2  # the second press began none

    def test_post_reads_lists_and_conversations_too(self, graph, program):
        StoredGraph.objects.update(
            lists_due_at=timezone.now() + timedelta(days=5), talks_due_at=timezone.now() + timedelta(days=5)
        )
        assert not jobs.due("lists")
        program.post("/me/bluesky/sync")
        assert jobs.due("lists") == jobs.due("talks") == [str(graph.pk)]

    def test_people_stay_while_they_are_read_again(self, graph, program):
        program.post("/me/bluesky/sync")
        assert names(program.get("/me/bluesky/followers").json()) == ["bob", "carol", "eve"]

    def test_before_there_is_a_row_it_is_running(self, alice, program):
        found = program.get("/me/bluesky/sync").json()
        assert found == {"state": "running", "read": 0, "total": None, "known": False, "read_at": None}
        assert program.post("/me/bluesky/sync").status_code == 202
        assert StoredGraph.objects.get().member == alice

    @pytest.mark.parametrize(("standing", "code"), [("pending", "pending"), ("suspended", "suspended")])
    def test_who_may_not_act_sends_the_site_nowhere(self, standing, code, graph, program, problem):
        Member.objects.update(standing=standing)
        response = program.post("/me/bluesky/sync")
        assert response.status_code in {401, 403}
        assert StoredGraph.objects.get().state == "done"

    def test_every_value_is_in_the_schema(self, site):
        said = Client().get("/api/v1/openapi.json").json()
        operations = said["paths"]["/api/v1/me/bluesky/sync"]
        assert set(operations) == {"get", "post"}
        assert "202" in operations["post"]["responses"]
        for which in LISTS:
            operation = said["paths"][f"/api/v1/me/bluesky/{which}"]["get"]
            assert {"200", "400", "401", "404", "409", "422", "503"} <= set(operation["responses"])
            parameters = {one["name"]: one["schema"] for one in operation["parameters"]}
            assert set(parameters) == {"q", "filter", "sort", "cursor", "limit", "event", "community"}
            assert parameters["sort"]["enum"] == ["newest", "oldest", "name", "likely"]
            assert parameters["limit"]["maximum"] == 100
