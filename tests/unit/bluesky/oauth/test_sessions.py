"""Refreshing a stored session: each refresh token once, under the lease, and what was broken off is remembered.

The same with a real authorization server and with processes is in tests/contract/bluesky/test_sessions.py.
"""

import logging
import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from tests.fakes.oauth import ALICE

from elonara.atproto.errors import NetworkError
from elonara.bluesky.models import MemberIdentity
from elonara.bluesky.oauth.sessions import fresh_token
from elonara.bluesky.refresh_lease import SessionEnded, TryLater
from elonara.bluesky.sealed_columns import unsealed

TOKEN = "/token"
LOST, UNSENT = NetworkError("no answer", ambiguous=True), NetworkError("no connection", ambiguous=False)


def row():
    return MemberIdentity.objects.get()


def expire():
    MemberIdentity.objects.update(bsky_token_expires_at=timezone.now())


def refreshed(net):
    return [request for request in net.sent(TOKEN) if request.form["grant_type"] == "refresh_token"]


@pytest.fixture
def session(connected, server, net):
    """The session at the server, expired here. The server's nonce is known, so each refresh is one request."""
    expire()
    fresh_token(row().pk)
    net.requests.clear()
    expire()
    return server.sessions[-1]


def test_two_refreshes_use_two_tokens(session, net):
    for _ in range(3):
        assert fresh_token(row().pk) == session.access_token
        assert unsealed(row(), "bsky_refresh_token_enc").reveal() == session.refresh_token
        expire()
    used = [request.form["refresh_token"] for request in refreshed(net)]
    assert len(set(used)) == len(used) == 3
    assert session.alive


def test_threads_that_refresh_at_once_use_one_token(session, server, net):
    def slowly(request):
        response = server.serve(request)
        threading.Event().wait(0.2 if request.path == TOKEN else 0)
        return response

    net.origins[server.issuer] = slowly
    pk, found, start = row().pk, [], threading.Barrier(4)

    def call():
        try:
            start.wait()
            found.append(fresh_token(pk))
        except (SessionEnded, TryLater) as fault:
            found.append(fault)
        finally:
            connection.close()

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [session.access_token] * 4
    assert len(refreshed(net)) == 1
    assert session.alive


def test_a_refresh_that_has_just_ended_is_not_repeated(session, net):
    meanwhile = []

    def refresh_meanwhile(execute, sql, *rest):
        """Another process refreshes after the expired row was read and before the lease is taken."""
        result = execute(sql, *rest)
        if sql.startswith("SELECT") and not meanwhile:
            meanwhile.append(None)
            meanwhile.append(fresh_token(pk))
        return result

    pk = row().pk
    with connection.execute_wrapper(refresh_meanwhile):
        found = fresh_token(pk)
    assert meanwhile == [None, found]
    assert len(refreshed(net)) == 1


def test_a_refresh_that_was_broken_off_is_remembered(session, net):
    net.faults.append((TOKEN, "after", LOST))
    with pytest.raises(TryLater):
        fresh_token(row().pk)
    assert row().attempt_started_at is not None
    # Its token was used up, and the server says so: the member ended nothing.
    with pytest.raises(SessionEnded) as fault:
        fresh_token(row().pk)
    assert fault.value.reason == row().state_reason == "refresh_lost"


def test_a_refresh_that_was_never_sent_leaves_no_trace(session, net):
    net.faults.append((TOKEN, "before", UNSENT))
    with pytest.raises(TryLater):
        fresh_token(row().pk)
    assert row().attempt_started_at is None
    assert fresh_token(row().pk) == session.access_token


def test_a_session_that_the_member_ended_is_no_broken_off_refresh(session):
    session.alive = False
    with pytest.raises(SessionEnded) as fault:
        fresh_token(row().pk)
    assert fault.value.reason == "revoked"


def test_a_refresh_that_is_overtaken_by_a_connect_stores_nothing(session, server, net, connect, member):
    overtaken = []

    def connect_meanwhile(request):
        response = server.serve(request)
        if request.form.get("grant_type") == "refresh_token" and response.status == 200 and not overtaken:
            overtaken.append(response.json()["access_token"])
            connect(member)
        return response

    net.origins[server.issuer] = connect_meanwhile
    with pytest.raises(TryLater):
        fresh_token(row().pk)
    assert len(overtaken) == 1
    old, new = server.sessions
    assert (old.alive, new.alive) == (False, True)
    assert fresh_token(row().pk) == new.access_token
    assert unsealed(row(), "bsky_refresh_token_enc").reveal() == new.refresh_token


def test_a_refresh_logs_no_token(session, caplog):
    caplog.set_level(logging.DEBUG)
    before = session.access_token, session.refresh_token
    fresh_token(row().pk)
    session.alive = False
    MemberIdentity.objects.update(bsky_token_expires_at=timezone.now() - timedelta(hours=1))
    with pytest.raises(SessionEnded):
        fresh_token(row().pk)
    said = " ".join(f"{record.getMessage()} {record.args} {record.exc_text}" for record in caplog.records)
    assert ALICE in said
    assert not [token for token in (*before, session.access_token, session.refresh_token) if token in said]
