"""A public site: a confidential client behind https, with the issuer on another origin than the PDS."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from elonara.bluesky import network as site_network
from elonara.bluesky.connections.oauth_service import BlueskyOAuthService
from elonara.bluesky.models import AssertionKey, MemberIdentity
from elonara.bluesky.oauth import client_keys
from elonara.bluesky.oauth import sessions as oauth_sessions
from elonara.bluesky.writing.oauth_agent import OAuthBlueskyAgent
from elonara.members.models import Member

SITE = "https://elonara.atnet.dev"


@pytest.fixture
def public_site(transactional_db, point_at, split_network, guarded_http, httpserver):
    """A site whose metadata and keys the network can fetch at its public URL. Gives the function that serves them."""
    point_at(split_network, ELONARA_SITE__URL=SITE)
    service = BlueskyOAuthService()

    def serve():
        httpserver.clear()
        httpserver.expect_request("/oauth/oauth-client-metadata.json").respond_with_json(service.client_metadata())
        httpserver.expect_request("/oauth/jwks.json").respond_with_json(service.jwks())
        split_network.forget_client(f"{SITE}/oauth/oauth-client-metadata.json", f"{SITE}/oauth/jwks.json")

    split_network.hostmap({SITE: httpserver.url_for("").rstrip("/")})
    serve()
    with site_network.use(guarded_http(split_network)):
        yield serve


@pytest.fixture
def connected(public_site, split_network):
    account = split_network.create_account()
    member = Member.objects.create_user("alice", password="a long password")
    service = BlueskyOAuthService()
    url = service.begin("connect", account.handle, member=member, browser="browser", confirmed=True)
    assert url.startswith("https://auth.atnet.dev/")
    callback = split_network.approve(url, account.handle)
    assert callback.startswith(f"{SITE}/auth/bluesky/callback")
    return service.finish(dict(parse_qsl(urlsplit(callback).query)), browser="browser").identity


def test_a_member_connects_and_posts(connected):
    assert connected.issuer == "https://auth.atnet.dev"
    assert connected.pds_url == "https://pds.atnet.dev"
    assert connected.assertion_kid
    made = OAuthBlueskyAgent().create_post_for_member(connected.member_id, {"text": "Hello"})
    assert made.success, made


def test_a_session_keeps_its_assertion_key_when_the_site_rotates_it(connected, public_site):
    old = connected.assertion_kid
    new = client_keys.rotate()
    public_site()
    kids = [key["kid"] for key in BlueskyOAuthService().jwks()["keys"]]
    assert kids == [new, old]
    assert "d" not in BlueskyOAuthService().jwks()["keys"][0]
    before = MemberIdentity.objects.get().bsky_access_token_enc
    oauth_sessions.fresh_token(connected.pk, refused=oauth_sessions.fresh_token(connected.pk))
    after = MemberIdentity.objects.get()
    assert after.bsky_access_token_enc != before
    assert after.assertion_kid == old


def test_a_retired_key_is_deleted_with_its_last_session(connected):
    client_keys.rotate()
    assert AssertionKey.objects.count() == 2
    BlueskyOAuthService().disconnect(connected.member)
    assert client_keys.forget_unused() == 1
    assert len(BlueskyOAuthService().jwks()["keys"]) == 1
