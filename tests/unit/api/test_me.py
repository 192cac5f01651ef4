"""`/me`: the caller's account. Their people are in `test_people`."""

from datetime import timedelta

import pytest
from django.utils import timezone
from tests.fakes.agent import FakeAgent

from elonara.bluesky.models import MemberIdentity
from elonara.bluesky.writing.agent import Readiness


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


def test_without_a_token_nothing_is_read(nobody, problem):
    problem(nobody.get("/me"), 401, "unauthorized")
