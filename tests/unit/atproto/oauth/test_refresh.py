"""Refreshing: a refresh token is sent once, and an error says whether it may be used up."""

import threading
import time

import pytest
from tests.fakes.oauth import ALICE, BOB, SCOPE

from elonara.atproto.errors import InvalidGrant, MissingScope, NetworkError, OAuthError, SlowBody, WrongAccount
from elonara.atproto.oauth import client as client_module
from elonara.atproto.oauth.metadata import BadServer


@pytest.fixture
def refresh(client, signed_in):
    started, tokens = signed_in

    def run(token=None, **options):
        return client.refresh(
            tokens.issuer, token or tokens.refresh_token, started.dpop_key, started.kid, ALICE, **options
        )

    return run


def test_a_refresh_brings_new_tokens_of_the_same_session(refresh, server, signed_in):
    _, before = signed_in
    after = refresh(handle="alice.example.com", pds_url=server.pds)
    assert after.access_token != before.access_token
    assert after.refresh_token != before.refresh_token
    assert (after.did, after.handle, after.pds_url, after.scope) == (ALICE, "alice.example.com", server.pds, SCOPE)
    assert len(server.sessions) == 1


def test_a_replayed_refresh_token_ends_the_session(refresh, signed_in):
    after = refresh()
    with pytest.raises(InvalidGrant) as caught:
        refresh()
    assert caught.value.replayed
    with pytest.raises(InvalidGrant):
        refresh(after.refresh_token)


def test_a_stale_nonce_costs_one_more_request_and_no_session(refresh, server, network):
    server.nonce["as"] = "as-nonce-2"
    assert refresh().did == ALICE
    tries = [request for request in network.sent("/token") if request.form["grant_type"] == "refresh_token"]
    assert len(tries) == 2
    assert tries[0].headers["dpop"] != tries[1].headers["dpop"]
    assert server.sessions[0].alive


def test_a_server_that_always_wants_another_nonce_is_asked_twice_and_no_more(refresh, server, network):
    server.nonce_loop = True
    asked = len(network.sent("/token"))
    with pytest.raises(OAuthError) as caught:
        refresh()
    assert caught.value.code == "use_dpop_nonce"
    assert len(network.sent("/token")) == asked + 2
    server.nonce_loop = False
    assert refresh().did == ALICE  # the token was never used up


@pytest.mark.parametrize(
    "fault", [NetworkError("cut", ambiguous=True), SlowBody("slow"), SlowBody("slow", ambiguous=False)]
)
def test_after_an_ambiguous_failure_the_token_is_not_sent_again(refresh, network, server, fault):
    network.faults = [("/token", "after", fault)]
    asked = len(network.sent("/token"))
    with pytest.raises(NetworkError) as caught:
        refresh()
    assert caught.value.ambiguous
    assert len(network.sent("/token")) == asked + 1


def test_a_server_that_could_not_be_reached_leaves_the_token_unused(refresh, network):
    network.faults = [("/token", "before", NetworkError("refused", ambiguous=False))]
    with pytest.raises(NetworkError) as caught:
        refresh()
    assert not caught.value.ambiguous
    assert refresh().did == ALICE


@pytest.mark.parametrize("status", [500, 502, 503, 302])
def test_a_status_that_neither_grants_nor_refuses_is_ambiguous(refresh, server, network, status):
    server.token_status = status
    asked = len(network.sent("/token"))
    with pytest.raises(NetworkError) as caught:
        refresh()
    assert caught.value.ambiguous
    assert len(network.sent("/token")) == asked + 1


def test_a_busy_server_refuses_without_using_the_token(refresh, server):
    server.token_status = 429
    with pytest.raises(OAuthError) as caught:
        refresh()
    assert caught.value.status == 429
    server.token_status = None
    assert refresh().did == ALICE


def test_unreachable_metadata_is_not_ambiguous(client, refresh, network, server):
    client._discovery._ttl = 0
    client._discovery._known.clear()
    network.faults = [("oauth-authorization-server", "before", NetworkError("cut", ambiguous=True))]
    with pytest.raises(NetworkError) as caught:
        refresh()
    assert not caught.value.ambiguous
    server.lies = {"token_endpoint": "http://auth.example/token"}
    with pytest.raises(BadServer):
        refresh()


def test_a_refresh_for_another_account_is_refused_and_revoked(refresh, server):
    server.grants = {"sub": BOB}
    with pytest.raises(WrongAccount):
        refresh()
    assert not server.sessions[0].alive


def test_a_refresh_that_lost_atproto_is_refused(refresh, server):
    server.grants = {"scope": "repo:app.bsky.feed.post"}
    with pytest.raises(MissingScope):
        refresh()


def test_a_server_that_does_not_rotate_leaves_the_token_as_it_is(refresh, server, signed_in):
    server.grants = {"refresh_token": None}
    assert refresh().refresh_token == signed_in[1].refresh_token


@pytest.mark.parametrize(
    ("said", "seconds"), [(600, 600), (None, 300), (0, 300), (-5, 300), ("600", 300), (10**30, 3600), (True, 300)]
)
def test_the_token_lifetime_is_bounded(refresh, server, said, seconds):
    server.grants = {"expires_in": said}
    assert abs(refresh().expires_at.timestamp() - time.time() - seconds) < 10


@pytest.mark.promise("refresh-once")
def test_two_at_once_use_the_token_once(refresh, server):
    outcomes = []

    def run():
        try:
            outcomes.append(refresh().did)
        except OAuthError as fault:
            outcomes.append(fault.code)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [ALICE, "invalid_grant"]


def test_all_of_a_refresh_fits_into_its_deadline(client, refresh, server, network, monkeypatch):
    seen = []
    request = network.request

    def spy(method, url, **options):
        seen.append(options["deadline"])
        return request(method, url, **options)

    monkeypatch.setattr(network, "request", spy)
    server.nonce["as"] = "as-nonce-2"
    refresh()
    assert len(seen) == 2
    assert client_module.FLOW_DEADLINE_SECONDS >= seen[0] > seen[1] > 0


def test_nothing_is_sent_after_the_deadline(refresh, server, network, monkeypatch):
    monkeypatch.setattr(client_module, "FLOW_DEADLINE_SECONDS", 0.0)
    asked = len(network.requests)
    with pytest.raises(NetworkError) as caught:
        refresh()
    assert not caught.value.ambiguous
    assert len(network.requests) == asked


def test_revoking_ends_the_session(client, signed_in, server, refresh):
    started, tokens = signed_in
    assert client.revoke(tokens.issuer, tokens.refresh_token, started.dpop_key, started.kid) is True
    assert not server.sessions[0].alive
    with pytest.raises(InvalidGrant):
        refresh()


def test_revoking_twice_or_something_unknown_is_no_error(client, signed_in):
    started, tokens = signed_in
    for _ in range(2):
        assert client.revoke(tokens.issuer, "unknown", started.dpop_key, started.kid) is True


def test_a_server_without_revocation_says_so(client, server):
    server.lies = {"revocation_endpoint": None}
    started = client.begin("alice.example.com", scope=SCOPE)
    tokens = client.finish(started, server.approve(started.authorize_url, ALICE))
    assert client.revoke(tokens.issuer, tokens.refresh_token, started.dpop_key, started.kid) is False
