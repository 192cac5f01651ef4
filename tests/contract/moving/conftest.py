"""A host whose account can move from one PDS to another, or be taken down."""

import secrets
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from sandbox import migration
from tests.contract.invitations.conftest import (  # noqa: F401
    account,
    deliver,
    friends,
    host,
    make_event,
    mode,
    people,
    site,
    three,
)

from elonara.bluesky.app_password import app_passwords
from elonara.bluesky.connections.oauth_service import BlueskyOAuthService
from elonara.bluesky.models import AppPasswordSession, MemberIdentity
from elonara.bluesky.writing.agent import POSTS


@pytest.fixture(scope="session")
def network(moving_network):
    """Here every test gets the network with two PDSs."""
    return moving_network


@pytest.fixture
def friend(friends):  # noqa: F811
    return friends[0]


@pytest.fixture
def posts_at(account):  # noqa: F811
    """The keys of the posts in the host's repository at one PDS."""

    def read(pds):
        params = {"repo": account.did, "collection": POSTS, "limit": 100}
        with httpx2.Client(base_url=f"{pds}/xrpc/", timeout=30, trust_env=False) as client:
            found = client.get("com.atproto.repo.listRecords", params=params)
        return [one["uri"].rsplit("/", 1)[1] for one in found.json().get("records", [])]

    return read


@pytest.fixture
def begin_to_move(network, account):  # noqa: F811
    """The migration of the host's account, to be taken step by step."""
    return lambda: migration.Migration.of(network, account)


@pytest.fixture
def move(network, account):  # noqa: F811
    """Move the host's account to the other PDS, as a person's tool does."""

    def go():
        moved = migration.move(network, account)
        network.sync()
        return moved

    return go


@pytest.fixture
def reauthorize(network, account):  # noqa: F811
    """The host presses Reauthorize and consents at the server that she is sent to."""

    def go(member):
        service, browser = BlueskyOAuthService(), secrets.token_hex(8)
        url = service.reauthorize(member, browser)
        back = network.approve(url, account.handle, account.password)
        service.finish(dict(parse_qsl(urlsplit(back).query)), browser=browser, member=member)
        return url

    return go


@pytest.fixture
def help_it_on(mode, reauthorize):  # noqa: F811
    """What the host is asked for after a move: Reauthorize, and in legacy mode an app password of the new home."""

    def go(member, moved):
        reauthorize(member)
        if mode == "legacy":
            app_passwords.connect(member, "", moved.app_password())

    return go


@pytest.fixture
def stored(mode):  # noqa: F811
    """The row of the credential that posts are written with."""

    def read():
        return (AppPasswordSession if mode == "legacy" else MemberIdentity).objects.get()

    return read
