"""A public site behind TLS: the real provider fetches its metadata and keys, and checks its assertions.

PDS and issuer have different origins here, as at bsky.social.
"""

import time
from urllib.parse import parse_qsl, urlsplit

import pytest

from elonara.atproto.errors import ClientRefused, InvalidGrant, OAuthError
from elonara.atproto.oauth.client import OAuthClient
from elonara.atproto.oauth.client_auth import ClientAssertionKey, ConfidentialClient, Keyring
from elonara.atproto.oauth.clocks import server_clocks
from elonara.atproto.oauth.session import DpopAuth
from elonara.atproto.xrpc import Xrpc

SITE = "https://oauth-contract.atnet.dev"
SCOPE = "atproto repo:app.bsky.feed.post?action=create"


def client_with(keys):
    return ConfidentialClient(
        client_id=f"{SITE}/oauth/oauth-client-metadata.json",
        redirect_uri=f"{SITE}/auth/bluesky/callback",
        scope=SCOPE,
        jwks_uri=f"{SITE}/oauth/jwks.json",
        keyring=Keyring(keys),
        name="Elonara",
        client_uri=SITE,
    )


@pytest.fixture
def publish(split_network, httpserver):
    """Serves a client's two documents under the site's https name, where the provider fetches them."""

    def serve(client):
        httpserver.clear()
        httpserver.expect_request("/oauth/oauth-client-metadata.json").respond_with_json(client.metadata())
        httpserver.expect_request("/oauth/jwks.json").respond_with_json(client.jwks())
        split_network.hostmap({SITE: f"http://127.0.0.1:{httpserver.port}"})
        split_network.forget_client(client.client_id, f"{SITE}/oauth/jwks.json")

    yield serve
    split_network.hostmap({SITE: None})


@pytest.fixture
def parts(split_network, client_parts_for):
    return client_parts_for(split_network)


def authorize(oauth, network, handle):
    started = oauth.begin(handle, scope=SCOPE)
    url = network.approve(started.authorize_url, handle)
    assert url.startswith(f"{SITE}/auth/bluesky/callback?")
    return started, oauth.finish(started, dict(parse_qsl(urlsplit(url).query)))


def test_a_confidential_site_connects_writes_refreshes_and_revokes(split_network, publish, parts):
    client = client_with([ClientAssertionKey.generate()])
    publish(client)
    oauth = OAuthClient(parts.http, parts.resolver, client, parts.nonces)
    person = split_network.create_account()
    started, tokens = authorize(oauth, split_network, person.handle)
    assert (tokens.did, tokens.scope) == (person.did, SCOPE)
    assert (tokens.pds_url, tokens.issuer) == (split_network.pds_public_url, split_network.issuer)
    assert tokens.issuer != tokens.pds_url
    assert tokens.issuer.startswith("https://")
    assert started.kid == client.kid

    record = {"$type": "app.bsky.feed.post", "text": "hi", "createdAt": "2026-11-23T12:00:00Z"}
    body = {"repo": tokens.did, "collection": "app.bsky.feed.post", "record": record}
    auth = DpopAuth(started.dpop_key, tokens.access_token, parts.nonces)
    made = Xrpc(parts.http).procedure(tokens.pds_url, "com.atproto.repo.createRecord", body, auth=auth)
    assert made["uri"].startswith(f"at://{person.did}/")

    refreshed = oauth.refresh(tokens.issuer, tokens.refresh_token, started.dpop_key, started.kid, tokens.did)
    assert oauth.revoke(refreshed.issuer, refreshed.refresh_token, started.dpop_key, started.kid)
    with pytest.raises(InvalidGrant):
        oauth.refresh(refreshed.issuer, refreshed.refresh_token, started.dpop_key, started.kid, tokens.did)


def test_a_session_keeps_its_key_after_the_keys_were_rotated(split_network, publish, parts):
    old, new = ClientAssertionKey.generate(), ClientAssertionKey.generate()
    publish(client_with([old]))
    person = split_network.create_account()
    started, tokens = authorize(
        OAuthClient(parts.http, parts.resolver, client_with([old]), parts.nonces), split_network, person.handle
    )
    rotated = client_with([new, old])
    publish(rotated)
    oauth = OAuthClient(parts.http, parts.resolver, rotated, parts.nonces)
    refreshed = oauth.refresh(tokens.issuer, tokens.refresh_token, started.dpop_key, started.kid, tokens.did)
    assert refreshed.did == person.did
    with pytest.raises(OAuthError) as caught:  # another key of the same client is not the session's
        oauth.refresh(tokens.issuer, refreshed.refresh_token, started.dpop_key, new.kid, tokens.did)
    assert caught.value.code in {"invalid_client", "invalid_grant"}


def test_a_site_whose_keys_are_not_the_published_ones_is_refused(split_network, publish, parts):
    publish(client_with([ClientAssertionKey.generate()]))
    oauth = OAuthClient(parts.http, parts.resolver, client_with([ClientAssertionKey.generate()]), parts.nonces)
    with pytest.raises(OAuthError) as caught:
        oauth.begin(split_network.create_account().handle, scope=SCOPE)
    assert caught.value.code == "invalid_client"


@pytest.mark.parametrize("off", [-600, -60, 30, 600])
def test_a_clock_that_is_off_is_corrected_by_the_server_s_date(split_network, publish, parts, monkeypatch, off):
    client = client_with([ClientAssertionKey.generate()])
    publish(client)
    server_clocks.forget()
    monkeypatch.setattr(server_clocks, "wall", lambda: time.time() + off)  # this machine's clock
    oauth = OAuthClient(parts.http, parts.resolver, client, parts.nonces)
    person = split_network.create_account()
    started, tokens = authorize(oauth, split_network, person.handle)
    auth = DpopAuth(started.dpop_key, tokens.access_token, parts.nonces)
    assert Xrpc(parts.http).query(tokens.pds_url, "com.atproto.server.getSession", auth=auth)["did"] == person.did
    refreshed = oauth.refresh(tokens.issuer, tokens.refresh_token, started.dpop_key, started.kid, tokens.did)
    assert server_clocks.ahead(tokens.issuer) == pytest.approx(off, abs=3)
    monkeypatch.undo()  # set right
    assert oauth.refresh(tokens.issuer, refreshed.refresh_token, started.dpop_key, started.kid, tokens.did)


def test_a_clock_beyond_correction_is_called_the_clock(split_network, publish, parts, monkeypatch):
    client = client_with([ClientAssertionKey.generate()])
    publish(client)
    server_clocks.forget()
    monkeypatch.setattr(server_clocks, "wall", lambda: time.time() + 3 * 3600)
    with pytest.raises(ClientRefused) as caught:
        OAuthClient(parts.http, parts.resolver, client, parts.nonces).begin(
            split_network.create_account().handle, scope=SCOPE
        )
    assert caught.value.is_clock
    server_clocks.forget()


@pytest.mark.parametrize("document", ["/oauth/oauth-client-metadata.json", "/oauth/jwks.json"])
def test_documents_that_the_server_cannot_fetch_leave_the_grant_as_it_is(
    split_network, publish, parts, httpserver, document
):
    client = client_with([ClientAssertionKey.generate()])
    publish(client)
    oauth = OAuthClient(parts.http, parts.resolver, client, parts.nonces)
    person = split_network.create_account()
    started, tokens = authorize(oauth, split_network, person.handle)
    httpserver.clear()
    for path, body in (("/oauth/oauth-client-metadata.json", client.metadata()), ("/oauth/jwks.json", client.jwks())):
        if path != document:
            httpserver.expect_request(path).respond_with_json(body)
    split_network.forget_client(client.client_id, f"{SITE}/oauth/jwks.json")

    def refresh():
        return oauth.refresh(tokens.issuer, tokens.refresh_token, started.dpop_key, started.kid, tokens.did)

    with pytest.raises(ClientRefused) as caught:
        refresh()
    assert not caught.value.is_clock
    with pytest.raises(ClientRefused):
        oauth.begin(person.handle, scope=SCOPE)
    publish(client)
    assert refresh().did == person.did


def test_a_request_can_begin_with_the_issuers_url(split_network, publish, parts):
    client = client_with([ClientAssertionKey.generate()])
    publish(client)
    oauth = OAuthClient(parts.http, parts.resolver, client, parts.nonces)
    person = split_network.create_account()
    started = oauth.begin(server=split_network.issuer, scope="atproto")
    url = split_network.approve(started.authorize_url, person.handle)
    tokens = oauth.finish(started, dict(parse_qsl(urlsplit(url).query)))
    assert (tokens.did, tokens.pds_url) == (person.did, split_network.pds_public_url)
