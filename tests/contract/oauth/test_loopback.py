"""The loopback client against a real PDS and its OAuth provider."""

import json
import time
from urllib.parse import parse_qsl, urlsplit

import pytest

from elonara.atproto.errors import (
    AccessDenied,
    ClientRefused,
    ErrorKind,
    IdentityError,
    InvalidGrant,
    NetworkError,
    OAuthError,
    WrongAccount,
    WrongIssuer,
    XrpcError,
)
from elonara.atproto.oauth.client import OAuthClient
from elonara.atproto.oauth.client_auth import LoopbackClient
from elonara.atproto.oauth.session import DpopAuth
from elonara.atproto.xrpc import Xrpc

WRITE = "repo:app.bsky.feed.post?action=create&action=delete"
FOLLOWERS = "app.bsky.graph.getFollowers"
POST = "app.bsky.feed.post"


class Site:
    """A site in development: a loopback client, and the calls that it makes for a person who has consented."""

    def __init__(self, network, parts):
        self.network, self.parts = network, parts
        self.graph = f"rpc:{FOLLOWERS}?aud={network.appview_did}%23bsky_appview"
        self.scope = f"atproto {self.graph} {WRITE}"
        client = LoopbackClient("http://127.0.0.1:8000/auth/bluesky/callback", self.scope)
        self.oauth = OAuthClient(parts.http, parts.resolver, client, parts.nonces)
        self.xrpc = Xrpc(parts.http)

    def callback(self, started, handle, **options):
        return dict(parse_qsl(urlsplit(self.network.approve(started.authorize_url, handle, **options)).query))

    def connect(self, handle, scope=""):
        started = self.oauth.begin(handle, scope=scope or self.scope)
        return started, self.oauth.finish(started, self.callback(started, handle))

    def refresh(self, started, tokens):
        return self.oauth.refresh(tokens.issuer, tokens.refresh_token, started.dpop_key, started.kid, tokens.did)

    def auth(self, started, tokens, on_invalid_token=None):
        return DpopAuth(started.dpop_key, tokens.access_token, self.parts.nonces, on_invalid_token=on_invalid_token)

    def followers(self, tokens, auth):
        proxy = f"{self.network.appview_did}#bsky_appview"
        return self.xrpc.query(tokens.pds_url, FOLLOWERS, {"actor": tokens.did}, auth=auth, proxy=proxy)["followers"]

    def post(self, tokens, auth, text):
        record = {"$type": POST, "text": text, "createdAt": "2026-11-23T12:00:00Z"}
        body = {"repo": tokens.did, "collection": POST, "record": record}
        return self.xrpc.procedure(tokens.pds_url, "com.atproto.repo.createRecord", body, auth=auth)


@pytest.fixture
def site(network, client_parts_for):
    return Site(network, client_parts_for(network))


@pytest.fixture
def person(network):
    return network.create_account()


def test_a_person_connects_reads_writes_is_refreshed_and_disconnects(site, network):
    alice = network.accounts["alice.test"]
    started, tokens = site.connect("alice.test")
    assert (tokens.did, tokens.handle, tokens.pds_url) == (alice.did, "alice.test", network.pds)
    assert set(tokens.scope.split()) == set(site.scope.split())
    assert 0 < tokens.expires_at.timestamp() - time.time() <= 3600
    auth = site.auth(started, tokens)
    assert {"bob.test", "carol.test", "dan.test"} <= {one["handle"] for one in site.followers(tokens, auth)}
    assert all("viewer" in one for one in site.followers(tokens, auth))
    assert site.post(tokens, auth, "hello")["uri"].startswith(f"at://{alice.did}/{POST}/")

    refreshed = site.refresh(started, tokens)
    assert refreshed.access_token != tokens.access_token
    assert site.followers(tokens, site.auth(started, refreshed))

    assert site.oauth.revoke(refreshed.issuer, refreshed.refresh_token, started.dpop_key, started.kid)
    with pytest.raises(InvalidGrant) as caught:
        site.refresh(started, refreshed)
    assert not caught.value.replayed


def test_denied_consent_is_reported_as_such(site, person):
    started = site.oauth.begin(person.handle, scope="atproto")
    params = site.callback(started, person.handle, deny=True)
    assert params["iss"] == site.network.issuer
    with pytest.raises(AccessDenied):
        site.oauth.finish(started, params)


def test_another_account_chosen_at_the_server_is_refused_and_its_session_revoked(site, person, network):
    started = site.oauth.begin(person.handle, scope="atproto", login_hint=False)
    with pytest.raises(WrongAccount) as caught:
        site.oauth.finish(started, site.callback(started, "bob.test"))
    assert caught.value.got == network.accounts["bob.test"].did


def test_a_request_that_begins_with_a_server_finds_the_account(site, person, network):
    started = site.oauth.begin(server=network.pds, scope="atproto")
    assert started.did is None
    tokens = site.oauth.finish(started, site.callback(started, person.handle))
    assert (tokens.did, tokens.handle, tokens.pds_url) == (person.did, person.handle, network.pds)
    assert tokens.scope == "atproto"


def test_a_wrong_issuer_and_a_second_use_of_the_code_are_refused(site, person):
    started = site.oauth.begin(person.handle, scope="atproto")
    params = site.callback(started, person.handle)
    with pytest.raises(WrongIssuer):
        site.oauth.finish(started, params | {"iss": "https://evil.example"})
    site.oauth.finish(started, params)
    with pytest.raises(OAuthError):
        site.oauth.finish(started, params)


def test_a_replayed_refresh_token_ends_the_whole_session(site, person):
    started, tokens = site.connect(person.handle, "atproto")
    refreshed = site.refresh(started, tokens)
    with pytest.raises(InvalidGrant) as caught:
        site.refresh(started, tokens)
    assert caught.value.replayed
    with pytest.raises(InvalidGrant):
        site.refresh(started, refreshed)


def test_an_expired_token_is_refreshed_once_and_the_call_goes_through(site, person, network):
    network.token_max_age(1)
    try:
        started, tokens = site.connect(person.handle)
    finally:
        network.token_max_age(3600)
    calls = []

    def refresh():
        calls.append(1)
        return site.refresh(started, tokens).access_token

    time.sleep(2.1)
    auth = site.auth(started, tokens, refresh)
    assert site.post(tokens, auth, "late")["uri"]
    assert site.post(tokens, auth, "later")["uri"]
    assert len(calls) == 1


def test_an_expired_token_that_cannot_be_refreshed_is_reported_as_expired(site, person, network):
    network.token_max_age(1)
    try:
        started, tokens = site.connect(person.handle)
    finally:
        network.token_max_age(3600)
    time.sleep(2.1)
    with pytest.raises(XrpcError) as caught:
        site.post(tokens, site.auth(started, tokens), "late")
    assert caught.value.kind is ErrorKind.TOKEN_EXPIRED


def test_a_scope_that_was_not_granted_is_reported_as_missing(site, person):
    started, tokens = site.connect(person.handle, "atproto")
    with pytest.raises(XrpcError) as caught:
        site.post(tokens, site.auth(started, tokens), "no")
    assert caught.value.kind is ErrorKind.SCOPE_MISSING


def test_a_refresh_whose_response_is_lost_is_ambiguous_and_sent_once(site, person, faults):
    started, tokens = site.connect(person.handle, "atproto")
    faults({"match": "/oauth/token", "kind": "drop-after", "times": 1})
    with pytest.raises(NetworkError) as caught:
        site.refresh(started, tokens)
    assert caught.value.ambiguous
    with pytest.raises(InvalidGrant):  # the server has used the token
        site.refresh(started, tokens)


def test_an_unknown_handle_is_refused(site):
    with pytest.raises(IdentityError):
        site.oauth.begin("nobody-here.test", scope="atproto")


def test_a_whole_authorization_leaves_no_secret_in_what_can_be_printed(site, person):
    started, tokens = site.connect(person.handle, "atproto")
    printed = f"{started!r} {tokens!r} {site.auth(started, tokens)!r}"
    secrets = [started.verifier, started.state, tokens.access_token, tokens.refresh_token]
    assert not any(secret.reveal() in printed for secret in secrets)
    assert json.loads(started.dpop_key.to_json())["d"] not in printed


def test_a_scope_that_our_id_does_not_declare_is_about_us_and_asks_for_nothing_else(site, person):
    """As where a server has an old copy of our metadata: no reason to ask for `transition:generic` instead."""

    class OldCopy(LoopbackClient):
        def asking(self, scope):
            return self

    client = OldCopy("http://127.0.0.1:8000/auth/bluesky/callback", "atproto transition:generic")
    oauth = OAuthClient(site.parts.http, site.parts.resolver, client, site.parts.nonces)
    with pytest.raises(ClientRefused) as refused:
        oauth.begin(person.handle, scope=lambda server: [site.scope, "atproto transition:generic"])
    assert refused.value.code == "invalid_scope"


def test_the_server_lists_no_permission_though_it_knows_them(site, network):
    """So that none is listed says nothing (its own comment: they "can't be enumerated")."""
    document = site.parts.http.request("GET", f"{network.pds}/.well-known/oauth-authorization-server").json()
    assert not [scope for scope in document["scopes_supported"] if not scope.startswith(("atproto", "transition:"))]
    assert "transition:generic" in document["scopes_supported"]
