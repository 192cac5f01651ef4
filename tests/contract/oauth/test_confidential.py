"""A public site behind TLS: the real provider fetches its metadata and keys, and checks its assertions.

PDS and issuer have different origins here, as at bsky.social.
"""

from urllib.parse import parse_qsl, urlsplit

import pytest

from elonara.atproto.errors import InvalidGrant, OAuthError
from elonara.atproto.oauth.client import OAuthClient
from elonara.atproto.oauth.client_auth import ClientAssertionKey, ConfidentialClient, Keyring
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
def way(split_network, way_to):
    return way_to(split_network)


def trip(oauth, network, handle):
    started = oauth.begin(handle, scope=SCOPE)
    url = network.approve(started.authorize_url, handle)
    assert url.startswith(f"{SITE}/auth/bluesky/callback?")
    return started, oauth.finish(started, dict(parse_qsl(urlsplit(url).query)))


def test_a_confidential_site_connects_writes_refreshes_and_revokes(split_network, publish, way):
    client = client_with([ClientAssertionKey.generate()])
    publish(client)
    oauth = OAuthClient(way.http, way.resolver, client, way.nonces)
    person = split_network.create_account()
    started, tokens = trip(oauth, split_network, person.handle)
    assert (tokens.did, tokens.scope) == (person.did, SCOPE)
    assert (tokens.pds_url, tokens.issuer) == (split_network.pds_public_url, split_network.issuer)
    assert tokens.issuer != tokens.pds_url
    assert tokens.issuer.startswith("https://")
    assert started.kid == client.kid

    record = {"$type": "app.bsky.feed.post", "text": "hi", "createdAt": "2026-11-23T12:00:00Z"}
    body = {"repo": tokens.did, "collection": "app.bsky.feed.post", "record": record}
    auth = DpopAuth(started.dpop_key, tokens.access_token, way.nonces)
    made = Xrpc(way.http).procedure(tokens.pds_url, "com.atproto.repo.createRecord", body, auth=auth)
    assert made["uri"].startswith(f"at://{person.did}/")

    renewed = oauth.refresh(tokens.issuer, tokens.refresh_token, started.dpop_key, started.kid, tokens.did)
    assert oauth.revoke(renewed.issuer, renewed.refresh_token, started.dpop_key, started.kid)
    with pytest.raises(InvalidGrant):
        oauth.refresh(renewed.issuer, renewed.refresh_token, started.dpop_key, started.kid, tokens.did)


def test_a_session_goes_on_with_its_key_after_the_ring_has_turned(split_network, publish, way):
    old, new = ClientAssertionKey.generate(), ClientAssertionKey.generate()
    publish(client_with([old]))
    person = split_network.create_account()
    started, tokens = trip(
        OAuthClient(way.http, way.resolver, client_with([old]), way.nonces), split_network, person.handle
    )
    turned = client_with([new, old])
    publish(turned)
    oauth = OAuthClient(way.http, way.resolver, turned, way.nonces)
    renewed = oauth.refresh(tokens.issuer, tokens.refresh_token, started.dpop_key, started.kid, tokens.did)
    assert renewed.did == person.did
    with pytest.raises(OAuthError) as caught:  # another key of the same ring is not the session's
        oauth.refresh(tokens.issuer, renewed.refresh_token, started.dpop_key, new.kid, tokens.did)
    assert caught.value.code in {"invalid_client", "invalid_grant"}


def test_a_site_whose_keys_are_not_the_published_ones_is_refused(split_network, publish, way):
    publish(client_with([ClientAssertionKey.generate()]))
    oauth = OAuthClient(way.http, way.resolver, client_with([ClientAssertionKey.generate()]), way.nonces)
    with pytest.raises(OAuthError) as caught:
        oauth.begin(split_network.create_account().handle, scope=SCOPE)
    assert caught.value.code == "invalid_client"


def test_a_trip_can_begin_with_the_issuers_name(split_network, publish, way):
    client = client_with([ClientAssertionKey.generate()])
    publish(client)
    oauth = OAuthClient(way.http, way.resolver, client, way.nonces)
    person = split_network.create_account()
    started = oauth.begin(server=split_network.issuer, scope="atproto")
    url = split_network.approve(started.authorize_url, person.handle)
    tokens = oauth.finish(started, dict(parse_qsl(urlsplit(url).query)))
    assert (tokens.did, tokens.pds_url) == (person.did, split_network.pds_public_url)
