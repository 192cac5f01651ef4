"""App passwords at a real PDS."""

from datetime import UTC, datetime

import pytest

from elonara.atproto.app_password import (
    AppSessionExpired,
    AuthFactorRequired,
    BearerAuth,
    MainPasswordRefused,
    create_session,
    delete_session,
    refresh_session,
)
from elonara.atproto.errors import ErrorKind, XrpcError
from elonara.atproto.xrpc import Xrpc


class Watched:
    """An Http that keeps what passes, to look for sessions that were left open."""

    def __init__(self, inner):
        self.inner = inner
        self.answers = []

    def request(self, method, url, **kwargs):
        answer = self.inner.request(method, url, **kwargs)
        self.answers.append((url, kwargs, answer))
        return answer


def test_an_app_password_opens_a_session_that_can_be_refreshed_and_ended(network, xrpc, account):
    session = create_session(xrpc, network.pds, account.handle, account.app_password)
    assert (session.did, session.handle, session.active) == (account.did, account.handle, True)
    assert session.kind in {"appPass", "appPassPrivileged"}
    assert session.expires_at > datetime.now(UTC)
    renewed = refresh_session(xrpc, network.pds, session.refresh_jwt)
    assert renewed.did == account.did
    who = xrpc.query(network.pds, "com.atproto.server.getSession", auth=BearerAuth(renewed.access_jwt))
    assert who["did"] == account.did
    delete_session(xrpc, network.pds, renewed.refresh_jwt)
    with pytest.raises(AppSessionExpired):
        refresh_session(xrpc, network.pds, renewed.refresh_jwt)
    delete_session(xrpc, network.pds, renewed.refresh_jwt)


def test_the_main_password_is_refused_and_its_session_is_closed(network, http, account):
    watched = Watched(http)
    with pytest.raises(MainPasswordRefused):
        create_session(Xrpc(watched), network.pds, account.did, account.password)
    opened = next(answer for url, _, answer in watched.answers if url.endswith("createSession"))
    assert opened.status == 200
    with pytest.raises(AppSessionExpired):
        refresh_session(Xrpc(http), network.pds, opened.json()["refreshJwt"])


def test_a_wrong_password_is_told_so(network, xrpc, account):
    for identifier in (account.did, "nobody-at-all.test"):
        with pytest.raises(XrpcError) as caught:
            create_session(xrpc, network.pds, identifier, "wrong")
        assert caught.value.kind is ErrorKind.WRONG_PASSWORD


def test_an_account_with_codes_by_email_takes_its_app_password_only(network, xrpc, account):
    network.require_email_code(account.handle)
    with pytest.raises(AuthFactorRequired):
        create_session(xrpc, network.pds, account.did, account.password)
    assert create_session(xrpc, network.pds, account.did, account.app_password).did == account.did


def test_an_app_password_cannot_manage_the_account_and_that_is_our_fault(network, xrpc, account, auth):
    with pytest.raises(XrpcError) as caught:
        xrpc.procedure(network.pds, "com.atproto.server.createAppPassword", {"name": "more"}, auth=auth)
    assert (caught.value.message, caught.value.kind) == ("Bad token scope", ErrorKind.WRONG_SCHEME_OR_HOST)


def test_a_refresh_token_is_no_access_token(network, xrpc, account):
    session = create_session(xrpc, network.pds, account.did, account.app_password)
    with pytest.raises(XrpcError) as caught:
        xrpc.query(network.pds, "com.atproto.server.getSession", auth=BearerAuth(session.refresh_jwt))
    assert caught.value.kind is ErrorKind.TOKEN_INVALID


@pytest.mark.parametrize("token", ["nonsense", "a.b.c"])
def test_a_token_that_is_none_is_invalid(network, xrpc, token):
    with pytest.raises(XrpcError) as caught:
        xrpc.query(network.pds, "com.atproto.server.getSession", auth=BearerAuth(token))
    assert caught.value.kind is ErrorKind.TOKEN_INVALID
