"""A member looks up names that lead to servers which strangers run."""

import time

import pytest
from tests.fakes.oauth import Network, answer

from elonara.bluesky import network
from elonara.bluesky.graph import service as graph_service
from elonara.bluesky.graph.service import GraphUnavailable
from elonara.bluesky.models import MemberIdentity
from elonara.members.models import Member

APPVIEW = "https://public.api.bsky.app"


class NoAuthorization:
    """Adds no headers: the fake network needs none."""

    def headers(self, method, url):
        return {}

    def retry(self, method, url, response):
        return False

    def observe(self, url, response):
        pass


@pytest.fixture
def member(db):
    member = Member.objects.create_user("alice")
    MemberIdentity.objects.create(member=member, bsky_did="did:plc:host", bsky_handle="alice.example")
    return member


@pytest.fixture
def slow(monkeypatch):
    """Each lookup of a name takes four seconds and finds no account. Gives the names that were looked up."""
    now = [time.monotonic()]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    net, looked_up = Network(), []
    net.origins[APPVIEW] = lambda _request: answer(200, {"profiles": []})

    def dns(name):
        looked_up.append(name)
        now[0] += 4
        return []

    with network.use(net, dns=dns):
        yield looked_up


def test_a_hundred_slow_names_do_not_block_a_thread_for_half_an_hour(member, slow):
    with pytest.raises(GraphUnavailable) as refused:
        graph_service.BlueskyGraphService().confirm(member.pk, [f"p{number}.slow.example.com" for number in range(100)])
    assert refused.value.reason == "unreachable"
    assert "fewer" in refused.value.sentence
    assert len(slow) < 6


def test_two_unknown_names_are_left_out(member, slow):
    assert graph_service.BlueskyGraphService().confirm(member.pk, ["a.slow.example.com", "b.slow.example.com"]) == {}


def test_an_account_that_was_taken_down_counts_as_labelled(bluesky):
    bluesky(appview_url=APPVIEW)
    net = Network()
    gone = {"error": "AccountTakedown", "message": "Account has been suspended"}
    net.origins[APPVIEW] = lambda _request: answer(400, gone)
    with network.use(net, dns=lambda _name: []):
        assert graph_service.BlueskyGraphService().labels("did:plc:host") == ("!takedown",)


def test_a_name_with_characters_that_no_database_stores_can_be_confirmed(member, monkeypatch):
    net = Network()
    bob = {"did": "did:plc:bob", "handle": "bob.example", "displayName": "B\x00ob\ud800", "viewer": {}}
    viewer = graph_service.Viewer("did:plc:host", APPVIEW, NoAuthorization(), MemberIdentity())
    monkeypatch.setattr(graph_service.BlueskyGraphService, "_viewer", lambda *_: viewer)
    net.origins[APPVIEW] = lambda _request: answer(200, {"profiles": [bob]})
    with network.use(net, dns=lambda _name: []):
        found = graph_service.BlueskyGraphService().confirm(member.pk, ["did:plc:bob"])
        assert found["did:plc:bob"].name == "Bob"
        assert graph_service.BlueskyGraphService().confirm(member.pk, ["did:plc:bob"]) == found
