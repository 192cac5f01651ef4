"""Sessions of app passwords at servers that refresh none, for a while or for ever."""

from datetime import timedelta

import pytest
from django.utils import timezone
from tests.fakes.bluesky import Bluesky

from elonara.bluesky import network
from elonara.bluesky.app_password.sessions import fresh_token
from elonara.bluesky.models import AppPasswordSession, MemberIdentity
from elonara.bluesky.refresh_lease import TryLater

PAGE = (b"<!doctype html><title>500 Internal Server Error</title>", {"content-type": "text/html"})


@pytest.fixture
def world(bluesky, clock):
    found = Bluesky(lambda: clock.now().timestamp())
    with network.use(found, dns=found.dns):
        yield found


@pytest.fixture
def session(world, member):
    """A member's app password with a session, whose access token has expired."""
    from elonara.bluesky.app_password import app_passwords

    account = world.account("alice.example.com")
    MemberIdentity.objects.create(
        member=member, bsky_did=account.did, bsky_handle=account.handle, pds_url="https://pds.example"
    )
    app_passwords.connect(member, "", account.app_password)
    AppPasswordSession.objects.update(access_expires_at=timezone.now())
    return AppPasswordSession.objects.get()


def refuse(world, status, body, headers=None):
    """From now on refreshSession is answered so."""
    serve = world.pds.answer

    def answer(call):
        found = serve(call)
        return type(found)(status, body, headers or {}) if "refreshSession" in call.path else found

    world.pds.answer = answer


def signed_in(world):
    return len(world.sent("createSession"))


@pytest.mark.parametrize("broken", [(500, *PAGE), (502, b"", {}), (200, b"[]", {"content-type": "application/json"})])
def test_a_server_that_fails_to_refresh_for_ten_minutes_is_asked_for_a_new_session(world, session, clock, broken):
    refuse(world, *broken)
    before = signed_in(world)
    for minutes in (0, 5, 4.5):
        clock.pass_(minutes=minutes)
        with pytest.raises(TryLater):
            fresh_token(session)
    assert signed_in(world) == before
    clock.pass_(minutes=1)
    assert fresh_token(session)
    assert signed_in(world) == before + 1
    row = AppPasswordSession.objects.get()
    assert (row.state, row.attempt_started_at) == ("active", None)


@pytest.mark.parametrize(
    ("status", "error"), [(501, "MethodNotImplemented"), (404, ""), (405, ""), (400, "InvalidRequest")]
)
def test_a_server_without_that_method_is_asked_for_a_new_session_at_once(world, session, status, error):
    refuse(world, status, {"error": error, "message": "Not here"})
    before = signed_in(world)
    assert fresh_token(session)
    assert signed_in(world) == before + 1


def test_a_rate_limit_is_waited_for_however_long(world, session, clock):
    refuse(world, 429, {"error": "RateLimitExceeded"})
    before = signed_in(world)
    for _ in range(3):
        with pytest.raises(TryLater) as later:
            fresh_token(session)
        assert later.value.reason == "rate_limited"
        clock.pass_(minutes=20)
    assert signed_in(world) == before


def test_a_crash_in_a_refresh_long_ago_signs_in_anew_only_where_the_server_fails(world, session, clock):
    AppPasswordSession.objects.update(attempt_started_at=clock.now() - timedelta(days=2))
    before = signed_in(world)
    assert fresh_token(session)
    assert signed_in(world) == before
