"""A site with members and a graph of friends, used by API clients."""

import itertools
import json
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from joserfc import jwt
from tests.fakes.agent import FakeAgent
from tests.fakes.graph import FakeGraph, somebody
from tests.fakes.known import graph_with

from elonara.api import tokens
from elonara.bluesky.graph import service as graph_service
from elonara.bluesky.models import MemberIdentity
from elonara.bluesky.oauth.client import client_id
from elonara.bluesky.writing import factory
from elonara.communities import actions as communities
from elonara.events import actions as events
from elonara.invitations.consent import spam_labels
from elonara.invitations.outbox import thumbnails
from elonara.members.models import Member

ALICE = "did:plc:host"
PASSWORD = "correct horse battery staple"
# The fields of one invitation in a response.
ROW = {
    "id", "did", "handle", "state", "reason", "sentence", "uri", "attempts", "sent_at", "answer", "can",
    "text", "preview_id", "caution",
}  # fmt: skip
_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def clear_caches():
    """Clears the caches of the process between tests: thumbnails, labels."""
    thumbnails.forget()
    spam_labels.forget_labels()


@pytest.fixture
def site(set_options, transactional_db):
    cache.clear()  # counts of failed sign-ins
    set_options(
        site={"url": "https://events.example"},
        invitations={"spacing_seconds": 0, "per_day": 200, "first_week_per_day": 200, "per_week": 1000},
    )


@pytest.fixture
def agent(site):
    agent = FakeAgent(author_did=ALICE)
    with factory.use(agent):
        yield agent


@pytest.fixture
def people():
    """Alice's followers and follows; tests add to the list."""
    return [
        somebody("bob"),
        somebody("carol", you_follow=False),
        somebody("dan", follows_you=False),
        somebody("eve", blocked_by=True),
    ]


@pytest.fixture
def friends(agent, people):
    fake = FakeGraph(people)
    with graph_service.use(fake):
        yield fake


@pytest.fixture
def make_member(site):
    """Makes a member; with `did` one who is connected."""

    def make(name="", did="", **fields):
        name = name or f"person{next(_numbers)}"
        member = Member.objects.create_user(name, password=PASSWORD, **fields)
        if did:
            MemberIdentity.objects.create(
                member=member, bsky_did=did, bsky_handle=f"{name}.example", pds_url="https://pds.example",
                bsky_scope="atproto", state="active", state_reason="", client_id=client_id(),
            )  # fmt: skip
        return member

    return make


@pytest.fixture
def alice(make_member, friends):
    return make_member("alice", ALICE, display_name="Alice", timezone="Europe/Berlin")


@pytest.fixture
def graph(alice, people):
    """What is stored of alice's people, read to its ends."""
    return graph_with(alice, people, read=6, expected=6)


@pytest.fixture
def mallory(make_member):
    """A member without any role in alice's events and communities."""
    return make_member("mallory", "did:plc:mallory")


class Program:
    """An API client, with or without a token."""

    def __init__(self, token=""):
        self._client = Client(enforce_csrf_checks=True, raise_request_exception=False)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def _call(self, method, path, body=None, params=None):
        more = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
        return self._client.generic(
            method, f"/api/v1{path}", headers=self._headers, query_params=params, **more
        )  # fmt: skip

    def get(self, path, **params):
        return self._call("GET", path, params=params)

    def post(self, path, body=None):
        return self._call("POST", path, body)

    def patch(self, path, body):
        return self._call("PATCH", path, body)


@pytest.fixture
def nobody(site):
    """A client without a token."""
    return Program()


@pytest.fixture
def program_of():
    """`program_of(member)`: a client with a token of that member."""
    return lambda member: Program(tokens.issue(member).access_token)


@pytest.fixture
def program(alice, program_of):
    """A client with alice's token."""
    return program_of(alice)


@pytest.fixture
def soon():
    return (timezone.now() + timedelta(days=12)).replace(hour=14, minute=0, second=0, microsecond=0)


@pytest.fixture
def make_event(alice, soon):
    def make(host=None, **fields):
        return events.create(host or alice, **{"title": "Picnic", "starts_at": soon, "timezone": "UTC"} | fields)

    return make


@pytest.fixture
def picnic(make_event):
    return make_event()


@pytest.fixture
def supper(make_event):
    return make_event(title="Secret supper", visibility="private")


@pytest.fixture
def chess(alice):
    return communities.create(alice, name="Chess club")


@pytest.fixture
def problem():
    """`problem(response, 404, "not_found")`: assert that the response is this problem document; returns it."""

    def check(response, status, code):
        assert response["Content-Type"] == "application/problem+json", response.content
        document = response.json()
        assert (response.status_code, document["status"], document["code"]) == (status, status, code), document
        assert document["type"] == "about:blank"
        assert document["title"]
        assert document["detail"].endswith((".", ">"))
        assert response["Cache-Control"] == "no-store"
        return document

    return check


def ask(nobody, username="alice", password=PASSWORD):
    return nobody.post("/tokens", {"username": username, "password": password})


@pytest.fixture(params=["event", "community"])
def place(request):
    """The address of a target: `/events/…` or `/communities/…`."""
    target = request.getfixturevalue("picnic" if request.param == "event" else "chess")
    return f"/{'events' if request.param == 'event' else 'communities'}/{target.slug}"


def rows(program, place):
    return {row["did"]: row for row in program.get(f"{place}/invitations").json()["invitations"]}


def claims_of(token):
    return jwt.decode(token, tokens._key(settings.SECRET_KEY), algorithms=["HS256"]).claims
