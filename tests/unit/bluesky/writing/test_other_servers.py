"""Writing at PDS implementations that word a refused token differently: one refresh, one write, nobody asked."""

import secrets
import time

import pytest
from tests.fakes.bluesky import Bluesky
from tests.fakes.profiles import MILLIPDS, OAUTH_SERVERS, ODD, SERVERS

from elonara.bluesky import network as site_network
from elonara.bluesky.app_password import app_passwords
from elonara.bluesky.connections.oauth_service import BlueskyOAuthService
from elonara.bluesky.models import AppPasswordSession, MemberIdentity
from elonara.bluesky.writing.legacy_agent import LegacyBlueskyAgent
from elonara.bluesky.writing.oauth_agent import OAuthBlueskyAgent

POST = {"text": "Hello", "langs": ["en"]}


@pytest.fixture
def world(bluesky):
    found = Bluesky(time.time)
    with site_network.use(found, dns=found.dns):
        yield found


@pytest.fixture
def account(world, member):
    """A member's connected account, with an app password and one post behind it."""
    found = world.account("alice.example.com")
    service = BlueskyOAuthService()
    url = service.begin("connect", found.handle, member=member, browser="hers", confirmed=True)
    service.finish(world.server.approve(url, found.did), browser="hers")
    app_passwords.connect(member, "", found.app_password)
    return found


def lose_early(world):
    """The token in the row is refused, though by its date it is still valid."""
    for session in world.server.sessions:
        world.pds.end_oauth_token(session.access_token)


def expire(world):
    world.pds.expired_before = time.time() + 0.001
    time.sleep(0.002)


TROUBLES = {"rotated away": lose_early, "expired": expire, "another nonce": lambda world: world.change_nonces()}


@pytest.mark.promise("grant-stands")
@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("profile", [*OAUTH_SERVERS, *ODD], ids=str)
def test_a_refused_token_costs_one_refresh_and_makes_one_post(world, account, member, hook_calls, profile, trouble):
    agent, key = OAuthBlueskyAgent(), "3k" + secrets.token_hex(5)[:11]
    assert agent.create_post_for_member(member.pk, POST).success
    world.speak_as(profile)
    TROUBLES[trouble](world)
    used = refreshes(world)
    result = agent.create_post_for_member(member.pk, POST, rkey=key)
    assert result.success, result
    assert len(world.pds.records) == 2
    assert refreshes(world) - used == (0 if trouble == "another nonce" else 1)
    assert MemberIdentity.objects.get().state == "active"
    assert not [call for call in hook_calls if call[0] == "on_needs_member"]


@pytest.mark.parametrize("profile", OAUTH_SERVERS, ids=str)
def test_a_grant_that_was_revoked_ends_the_session_whatever_the_words(world, account, member, hook_calls, profile):
    world.speak_as(profile)
    world.revoke_sessions()
    result = OAuthBlueskyAgent().create_post_for_member(member.pk, POST)
    assert (result.success, result.needs_reauth, result.reason) == (False, True, "revoked")
    assert MemberIdentity.objects.get().state_reason == "revoked"
    assert ("on_needs_member", member.pk, account.did) in hook_calls


@pytest.mark.parametrize("profile", [*OAUTH_SERVERS, *ODD], ids=str)
def test_a_server_that_refuses_the_token_it_has_just_given_ends_no_session(world, account, member, hook_calls, profile):
    world.speak_as(profile)
    world.pds.end_oauth_token = lambda token: None
    world.pds.oauth_token = lambda did, thumbprint, scope: f"never-{secrets.token_hex(8)}"
    lose = MemberIdentity.objects.get()
    MemberIdentity.objects.filter(pk=lose.pk).update(bsky_token_expires_at=lose.connected_at)
    result = OAuthBlueskyAgent().create_post_for_member(member.pk, POST)
    assert (result.success, result.needs_reauth, result.retryable) == (False, False, True)
    assert MemberIdentity.objects.get().state == "active"
    assert MemberIdentity.objects.get().bsky_refresh_token_enc
    assert not [call for call in hook_calls if call[0] == "on_needs_member"]


def forget(world):
    world.pds.forgotten = set(world.pds.accounts)
    original = world.pds._session

    def session(account, *more):
        world.pds.forgotten.discard(account.did)
        return original(account, *more)

    world.pds._session = session


@pytest.mark.parametrize("trouble", [expire, forget])
@pytest.mark.parametrize("profile", SERVERS, ids=str)
def test_a_refused_token_of_an_app_password_is_refreshed_once(world, account, member, hook_calls, profile, trouble):
    agent = LegacyBlueskyAgent()
    assert agent.create_post_for_member(member.pk, POST).success
    world.speak_as(profile)
    trouble(world)
    asked = len(world.sent("refreshSession")), len(world.sent("createSession"))
    result = agent.create_post_for_member(member.pk, POST)
    assert result.success, result
    assert len(world.pds.records) == 2
    assert (len(world.sent("refreshSession")), len(world.sent("createSession"))) == (asked[0] + 1, asked[1])
    assert AppPasswordSession.objects.get().state == "active"
    assert not [call for call in hook_calls if call[0] == "on_needs_member"]


@pytest.mark.parametrize("profile", SERVERS, ids=str)
def test_a_refused_refresh_token_of_an_app_password_makes_a_new_session(world, account, member, profile):
    world.speak_as(profile)
    expire(world)
    world.pds._ended = _Everything()
    asked = len(world.sent("createSession"))
    result = LegacyBlueskyAgent().create_post_for_member(member.pk, POST)
    assert result.success, result
    assert len(world.sent("createSession")) == asked + 1


@pytest.mark.parametrize("profile", SERVERS, ids=str)
def test_a_wrong_app_password_is_called_wrong(world, account, member, profile):
    world.speak_as(profile)
    with pytest.raises(app_passwords.AppPasswordRefused) as refused:
        app_passwords.connect(member, "", "aaaa-bbbb-cccc-dddd")
    assert refused.value.reason == "wrong_password"


def test_a_proxy_that_asks_for_a_password_of_its_own_drops_no_app_password(world, account, member, hook_calls):
    expire(world)
    world.pds._ended = _Everything()
    page = MILLIPDS.answers["bearer invalid"]

    def proxy(call):
        headers = {"content-type": "text/html", "www-authenticate": 'Basic realm="staging"'}
        return type(serve(call))(page.status, b"<html>401 Authorization Required</html>", headers)

    serve, world.pds.answer = world.pds.answer, proxy
    result = LegacyBlueskyAgent().create_post_for_member(member.pk, POST)
    assert (result.success, result.needs_reauth, result.retryable) == (False, False, True)
    assert AppPasswordSession.objects.get().state == "active"


class _Everything:
    def __contains__(self, _):
        return True

    def add(self, _):
        pass


def refreshes(world):
    """How many refresh tokens were used up."""
    return sum(len(session.old) for session in world.server.sessions)
