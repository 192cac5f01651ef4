"""App passwords against a real PDS."""

import pytest
from django.utils import timezone

from elonara.atproto import app_password
from elonara.atproto.errors import XrpcError
from elonara.bluesky import hooks
from elonara.bluesky import network as site_network
from elonara.bluesky.app_password import app_passwords
from elonara.bluesky.app_password.app_passwords import AppPasswordRefused
from elonara.bluesky.app_password.sessions import authorizer
from elonara.bluesky.identity import oauth_posting
from elonara.bluesky.models import AppPasswordSession, MemberIdentity
from elonara.bluesky.refresh_lease import SessionEnded, TryLater
from elonara.bluesky.sealed_columns import unsealed
from elonara.bluesky.writing.factory import BlueskyAgentFactory
from elonara.bluesky.writing.legacy_agent import LegacyBlueskyAgent
from elonara.bluesky.writing.oauth_agent import OAuthBlueskyAgent

WHO_AM_I = "com.atproto.server.getSession"


def who_am_i(session):
    return site_network.xrpc().query(session.pds_url, WHO_AM_I, auth=authorizer(session))["did"]


def expired():
    """The stored session, after its access token has expired."""
    AppPasswordSession.objects.update(access_expires_at=timezone.now())
    return AppPasswordSession.objects.get()


@pytest.fixture
def stored(connected, member, account):
    return app_passwords.connect(member, "@" + account.handle, f" {account.app_password} ")


@pytest.fixture
def relay_policy(monkeypatch):
    """`relay_policy("")` lets every member post through the relay, `relay_policy("a reason")` none."""
    return lambda refusal: monkeypatch.setattr(hooks, "_relay_policy", lambda member_id: refusal)


@pytest.fixture
def relay(network, point_at, site, relay_policy):
    """A relay account in the settings, through which every member may post."""
    account = network.create_account()
    point_at(
        network,
        ELONARA_BLUESKY__RELAY__IDENTIFIER=account.handle,
        ELONARA_BLUESKY__RELAY__APP_PASSWORD=account.app_password,
    )
    relay_policy("")
    return account


def test_an_app_password_is_stored_sealed_with_its_session(stored, account):
    assert stored.did == account.did
    assert account.app_password not in str(vars(stored))
    assert unsealed(stored, "app_password_enc").reveal() == account.app_password
    assert who_am_i(stored) == account.did


def test_who_gave_an_app_password_that_opens_everything_is_not_accused(connect, network, site, member):
    """As a server that knows no app passwords takes it: refused and closed all the same, and the sentence says why."""
    account = network.create_account(password="abcd-efgh-ijkl-mnop")
    connect(member, account)
    with pytest.raises(AppPasswordRefused) as refused:
        app_passwords.connect(member, account.handle, account.password)
    assert (refused.value.reason, refused.value.sentence) == (
        "no_app_passwords", app_passwords.KNOWS_NO_APP_PASSWORDS,
    )  # fmt: skip
    assert not AppPasswordSession.objects.exists()


def test_who_consents_posts_by_oauth_in_legacy_mode_until_she_withdraws(connect, network, site, member):
    account = network.create_account(password="abcd-efgh-ijkl-mnop")
    connect(member, account)
    with pytest.raises(AppPasswordRefused):
        app_passwords.connect(member, account.handle, account.password)
    assert BlueskyAgentFactory.make(member.pk).readiness(member.pk).reason == "no_app_passwords"
    oauth_posting.consent(member, account.did)
    agent = BlueskyAgentFactory.make(member.pk)
    ready = agent.readiness(member.pk)
    assert (ready.can_post, ready.backend, ready.author_did) == (True, "oauth", account.did)
    made = agent.create_post_for_member(member.pk, {"text": "Hello", "langs": ["en"]})
    assert made.success, made
    oauth_posting.withdraw(member)
    key = made.uri.rsplit("/", 1)[1]
    assert agent.delete_post(member.pk, account.did, key).reason == "no_app_passwords"
    assert agent.find_post(member.pk, account.did, key).success


def test_the_real_server_says_that_it_has_app_passwords(network, site):
    assert app_password.are_known_at(site_network.xrpc(), network.pds)


@pytest.mark.promise("no-main-password")
def test_the_main_password_is_refused_and_nothing_of_it_is_kept(connected, member, account):
    with pytest.raises(AppPasswordRefused) as refused:
        app_passwords.connect(member, account.handle, account.password)
    assert refused.value.reason == "main_password"
    assert "It was not saved" in refused.value.sentence
    assert account.password not in str(refused.value)
    assert not AppPasswordSession.objects.exists()


def test_an_account_with_codes_by_email_is_asked_for_an_app_password(connected, network, member, account):
    network.require_email_code(account.handle)
    with pytest.raises(AppPasswordRefused) as refused:
        app_passwords.connect(member, account.handle, account.password)
    assert refused.value.reason == "email_code"
    assert "needs no code" in refused.value.sentence
    assert app_passwords.connect(member, account.handle, account.app_password).did == account.did


def test_a_wrong_app_password_gets_a_sentence(connected, member, account):
    with pytest.raises(AppPasswordRefused) as refused:
        app_passwords.connect(member, account.handle, "abcd-efgh-ijkl-mnop")
    assert refused.value.reason == "wrong_password"
    assert not AppPasswordSession.objects.exists()


def test_another_account_than_the_connected_one_is_refused_before_its_password_is_sent(
    connected, make_account, member, faults, network
):
    other = make_account()
    before = len(network.fault_log())
    faults({"match": "createSession", "kind": "delay-before", "ms": 1})
    with pytest.raises(AppPasswordRefused) as refused:
        app_passwords.connect(member, other.handle, other.app_password)
    assert refused.value.reason == "other_account"
    assert len(network.fault_log()) == before


def test_the_form_never_links_an_account(site, make_member, account):
    with pytest.raises(AppPasswordRefused) as refused:
        app_passwords.connect(make_member(), account.handle, account.app_password)
    assert refused.value.reason == "not_connected"
    assert not MemberIdentity.objects.exists()


def test_an_expired_token_is_refreshed_without_a_new_session(stored, account, faults, network):
    before = len(network.fault_log())
    faults({"match": "createSession", "kind": "delay-before", "ms": 1})
    assert who_am_i(expired()) == account.did
    assert len(network.fault_log()) == before
    after = AppPasswordSession.objects.get()
    assert after.access_jwt_enc != stored.access_jwt_enc
    assert after.access_expires_at > timezone.now()


def test_a_session_that_was_ended_elsewhere_is_replaced_by_a_new_one(stored, account):
    assert app_passwords.end_at_server(stored)
    assert who_am_i(expired()) == account.did


def test_a_revoked_app_password_needs_the_member(stored, account, network, needs_member, member):
    revoke_app_passwords(network, account)
    with pytest.raises(SessionEnded) as over:
        who_am_i(expired())
    assert over.value.reason == "app_password_refused"
    assert AppPasswordSession.objects.get().state == "refused"
    assert needs_member == [(member.pk, account.did)]
    ready = LegacyBlueskyAgent().readiness(member.pk)
    assert (ready.can_post, ready.voice, ready.reason) == (False, "compose", "app_password_refused")
    result = LegacyBlueskyAgent().create_post_for_member(member.pk, {"text": "Hello"})
    assert (result.success, result.needs_reauth, result.reason) == (False, True, "app_password_refused")


def test_a_server_that_is_down_costs_nothing(stored, account, faults):
    faults({"match": "refreshSession", "kind": "status", "status": 503, "body": {}, "times": 1})
    with pytest.raises(TryLater):
        who_am_i(expired())
    assert who_am_i(expired()) == account.did
    assert AppPasswordSession.objects.get().state == "active"


def test_removing_ends_the_session_at_the_server(stored, member):
    token = unsealed(stored, "refresh_jwt_enc").reveal()
    assert app_passwords.remove(member)
    assert not AppPasswordSession.objects.exists()
    with pytest.raises(XrpcError):
        site_network.xrpc().procedure(
            stored.pds_url, "com.atproto.server.refreshSession", auth=app_passwords.app_password.BearerAuth(token)
        )


def test_disconnecting_removes_the_app_password_too(stored, service, member):
    assert service.disconnect(member)
    assert not AppPasswordSession.objects.exists()


def test_the_relay_posts_for_a_host_without_an_app_password(connected, relay, member, account):
    agent = LegacyBlueskyAgent()
    ready = agent.readiness(member.pk)
    assert (ready.can_post, ready.voice, ready.author_did, ready.backend) == (True, "relay", relay.did, "relay")
    assert f"@{account.handle}" in ready.sentence
    made = agent.create_post_for_member(member.pk, {"text": "Alice invites you"}, author_did=relay.did)
    assert made.success, made
    assert relay.did in made.uri
    assert agent.delete_post(member.pk, relay.did, made.uri.rsplit("/", 1)[1]).success


def test_the_relay_is_for_hosts_whom_the_operator_approved(connected, relay, member, relay_policy):
    relay_policy("relay_not_approved")
    ready = LegacyBlueskyAgent().readiness(member.pk)
    assert (ready.can_post, ready.voice, ready.reason) == (False, "compose", "app_password_missing")
    assert "operator" in ready.sentence
    app_passwords.relay_session()
    for agent in (LegacyBlueskyAgent(), OAuthBlueskyAgent()):  # also after the write mode was switched
        result = agent.create_post_for_member(member.pk, {"text": "Hi"}, author_did=relay.did)
        assert (result.success, result.reason) == (False, "relay_not_approved")


def test_an_own_app_password_goes_before_the_relay(stored, relay, member, account):
    ready = LegacyBlueskyAgent().readiness(member.pk)
    assert (ready.voice, ready.author_did) == ("host", account.did)


def test_a_relay_whose_password_is_wrong_stops_nobody(connected, network, point_at, member, relay_policy):
    point_at(network, ELONARA_BLUESKY__RELAY__IDENTIFIER="bob.test", ELONARA_BLUESKY__RELAY__APP_PASSWORD="aaaa-bbbb")
    relay_policy("")
    ready = LegacyBlueskyAgent().readiness(member.pk)
    assert (ready.can_post, ready.voice) == (False, "compose")


def revoke_app_passwords(network, account):
    """What the owner of the account can do in the Bluesky app."""
    xrpc = site_network.xrpc()
    made = xrpc.procedure(
        network.pds, "com.atproto.server.createSession", {"identifier": account.did, "password": account.password}
    )
    auth = app_passwords.app_password.BearerAuth(made["accessJwt"])
    for known in xrpc.query(network.pds, "com.atproto.server.listAppPasswords", auth=auth)["passwords"]:
        xrpc.procedure(network.pds, "com.atproto.server.revokeAppPassword", {"name": known["name"]}, auth=auth)
