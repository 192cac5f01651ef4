"""Servers that take their time, and members who depend on them."""

import time
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from tests.fakes.oauth import ALICE, BOB
from tests.unit.web.conftest import sign_in

from elonara.api import tokens
from elonara.atproto.errors import SlowBody
from elonara.bluesky import outward
from elonara.bluesky.models import AuthorizationRequest, MemberIdentity
from elonara.events import actions as events
from elonara.events.models import Event

GIVE_UP = 0.4
SLOW = 1.2


@pytest.fixture(autouse=True)
def soon(monkeypatch, transactional_db):
    cache.clear()
    monkeypatch.setattr(outward, "GIVE_UP_SECONDS", GIVE_UP)
    yield
    outward.wait_for_background(10)


@pytest.fixture
def slow(server, monkeypatch):
    """`slow("/token")`: requests to URLs with this part take SLOW seconds; the deadline of a call holds."""
    Client().get("/auth/bluesky/start", {"handle": "alice.example.com"})  # the first request of a process loads modules
    AuthorizationRequest.objects.all().delete()
    ask, parts = server.network.request, []

    def request(method, url, **options):
        if any(part in url for part in parts):
            deadline = options.get("deadline", 20.0)
            time.sleep(min(SLOW, deadline))
            if deadline < SLOW:
                raise SlowBody("it did not answer in time")
        return ask(method, url, **options)

    monkeypatch.setattr(server.network, "request", request)
    return SimpleNamespace(at=parts.append, off=parts.clear)


@pytest.fixture
def bob(make_member):
    member = make_member("bob")
    MemberIdentity.objects.create(member=member, bsky_did=BOB, bsky_handle="bob.example.com")
    return member


@pytest.fixture
def connected(make_member, authorize, server):
    """A member with a stored session whose access token has expired."""
    member, browser = make_member("carla"), Client()
    sign_in(browser, member)
    authorize(browser, browser.post("/auth/bluesky/connect", {"handle": "alice.example.com"}), ALICE)
    MemberIdentity.objects.update(bsky_token_expires_at=timezone.now())
    return member


@pytest.fixture
def ask_by_api():
    """`ask_by_api(member)`: a call of the API that asks the member's server about somebody."""

    def ask(member):
        if not (event := Event.objects.filter(created_by=member).first()):
            starts = timezone.now() + timedelta(days=3)
            event = events.create(member, title="Picnic", starts_at=starts, timezone="UTC")
        token = tokens.issue(member).access_token
        return Client().post(
            f"/api/v1/events/{event.slug}/invitations/preview",
            {"dids": [BOB]},
            content_type="application/json",
            headers={"Authorization": f"Bearer {token}"},
        )

    return ask


def timed(call):
    began = time.monotonic()
    response = call()
    return response, time.monotonic() - began
