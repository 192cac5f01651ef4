"""A site that points at the real network, members, and fixtures that connect them."""

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


@pytest.fixture
def site(transactional_db, point_at, network):
    """The site with the settings of the network."""
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
def authorize(service, network):
    """Begin a request, consent (or deny) as `account` on the server's own page, and finish in the callback."""

    def go(purpose, identifier, account, *, deny=False, browser="", **options):
        browser = browser or secrets.token_hex(8)
        url = service.begin(purpose, identifier, browser=browser, **options)
        callback = network.approve(url, account.handle, account.password, deny=deny)
        return service.finish(params_of(callback), browser=browser)

    return go


@pytest.fixture
def finish(service):
    """Finish a request with the URL that the server redirected the browser to."""

    def go(url, browser="browser"):
        return service.finish(params_of(url), browser=browser)

    return go


@pytest.fixture
def connect(authorize):
    """Connect a member to an account; returns her row."""

    def go(member, account, **options):
        return authorize("connect", account.handle, account, member=member, confirmed=True, **options).identity

    return go


@pytest.fixture
def connected(connect, member, account):
    """A member with a session for `account`."""
    return connect(member, account)


@pytest.fixture
def needs_member():
    """The members whom the site would notify that only they can help: (member_id, did), in order."""
    notified = []

    def listen(member_id, did):
        notified.append((member_id, did))

    hooks.on_needs_member.add(listen)
    yield notified
    hooks.on_needs_member.remove(listen)


@pytest.fixture
def without_refresh():
    """Makes an authorizer keep the token that it has."""

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
    # The tests with app passwords must not need the OAuth session.
    MemberIdentity.objects.update(state="needs_reauth", state_reason="revoked", bsky_access_token_enc="")
    return LegacyBlueskyAgent()


def params_of(url):
    """The parameters of a callback URL."""
    return dict(parse_qsl(urlsplit(url).query))
