"""A site that points at the real network, members, and short ways to connect them."""

import itertools
import secrets
from urllib.parse import parse_qsl, urlsplit

import pytest

from elonara.bluesky import hooks
from elonara.bluesky.app_password import app_passwords
from elonara.bluesky.connections.oauth_service import BlueskyOAuthService
from elonara.bluesky.models import MemberIdentity
from elonara.bluesky.writing.legacy_agent import LegacyBlueskyAgent
from elonara.bluesky.writing.oauth_agent import OAuthBlueskyAgent
from elonara.members.models import Member

_numbers = itertools.count(1)
CONNECT, REAUTHORIZE, SIGN_IN, PROVE = "connect", "reauthorize", "sign_in", "prove"


@pytest.fixture
def site(transactional_db, point_at, network):
    """The site's settings are those of the network; nobody listens to hooks but the test."""
    return point_at(network)


@pytest.fixture
def service(site):
    return BlueskyOAuthService()


@pytest.fixture
def make_member(site):
    """Makes a member; each call another one."""

    def make():
        return Member.objects.create_user(f"member{next(_numbers)}", password="a long password")

    return make


@pytest.fixture
def member(make_member):
    return make_member()


@pytest.fixture
def account(network):
    return network.create_account()


@pytest.fixture
def travel(service, network):
    """Begin, consent at the server's own page as `account` (or press deny), come back."""

    def go(purpose, identifier, account, *, deny=False, browser="", come_back_with="", **wish):
        browser = browser or secrets.token_hex(8)
        url = service.begin(purpose, identifier, browser=browser, **wish)
        back = network.approve(url, account.handle, account.password, deny=deny)
        return service.finish(params_of(back), browser=come_back_with or browser)

    return go


@pytest.fixture
def come_back(service):
    """Finish a trip with the address that the server sent the browser back to."""

    def go(url, browser="browser"):
        return service.finish(params_of(url), browser=browser)

    return go


@pytest.fixture
def connect(travel):
    """Connect a member to an account; returns her row."""

    def go(member, account, **wish):
        return travel(CONNECT, account.handle, account, member=member, confirmed=True, **wish).identity

    return go


@pytest.fixture
def connected(connect, member, account):
    """A member with a session for `account`."""
    return connect(member, account)


@pytest.fixture
def needs_member():
    """Whom the site would tell that only they can help: (member_id, did), in order."""
    told = []

    def listen(member_id, did):
        told.append((member_id, did))

    hooks.on_needs_member.add(listen)
    yield told
    hooks.on_needs_member.remove(listen)


@pytest.fixture
def without_help():
    """An authorizer as it was made, which can get no other token."""

    def strip(auth):
        auth._on_invalid_token = auth._on_still_refused = None
        return auth

    return strip


@pytest.fixture(params=["app_password", "oauth"])
def agent(request, connected, member, account):
    """Both backends, each with what it needs for `member`."""
    if request.param == "oauth":
        return OAuthBlueskyAgent()
    app_passwords.connect(member, account.handle, account.app_password)
    # Nothing here may lean on the OAuth session.
    MemberIdentity.objects.update(state="needs_reauth", state_reason="revoked", bsky_access_token_enc="")
    return LegacyBlueskyAgent()


def params_of(url):
    """What the callback brought."""
    return dict(parse_qsl(urlsplit(url).query))
