"""A program that knows nothing but the API, and a host whose account is on the real network."""

import itertools
import secrets
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.core.cache import cache
from django.test import Client
from tests.contract.invitations.conftest import (  # noqa: F401
    account,
    deliver,
    forty,
    friends,
    people,
    posts,
    site,
    three,
)

from elonara.bluesky.app_password import app_passwords
from elonara.bluesky.connections.oauth_service import BlueskyOAuthService
from elonara.members.models import Member

PASSWORD = "correct horse battery staple"
_numbers = itertools.count(1)


@pytest.fixture
def mode():
    """The write mode; tests are given both."""
    return "legacy"


@pytest.fixture
def host(site, point_at, network, account, mode):  # noqa: F811
    """A member with a password, connected at the PDS's own page; in legacy mode with an app password, too."""
    cache.clear()
    point_at(network, ELONARA_BLUESKY__WRITES__MODE=mode)
    member = Member.objects.create_user(f"programmer{next(_numbers)}", password=PASSWORD, display_name="Alice")
    service, browser = BlueskyOAuthService(), secrets.token_hex(8)
    url = service.begin("connect", account.handle, member=member, browser=browser, confirmed=True)
    back = network.approve(url, account.handle, account.password)
    service.finish(dict(parse_qsl(urlsplit(back).query)), browser=browser)
    if mode == "legacy":
        app_passwords.connect(member, account.handle, account.app_password)
    return member


class Program:
    """Signs in with a password, then calls with the token; every answer is checked to be the expected status."""

    def __init__(self, username, password=PASSWORD):
        self._client, self._headers = Client(), {}
        found = self("POST", "/tokens", {"username": username, "password": password}, status=201)
        self._headers = {"Authorization": f"{found['token_type']} {found['access_token']}"}

    def __call__(self, method, path, body=None, *, status=200, **params):
        more = {} if body is None else {"data": body, "content_type": "application/json"}
        call = getattr(self._client, method.lower())
        answer = call(f"/api/v1{path}", headers=self._headers, query_params=params, **more)
        assert answer.status_code == status, answer.content
        return answer.json()


@pytest.fixture
def program(host):
    return Program(host.username)
