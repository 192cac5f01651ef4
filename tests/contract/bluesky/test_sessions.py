"""Stored sessions: their tokens expire, are refreshed by one process at a time, and can be lost."""

import json
import os
import subprocess
import sys
import threading
from datetime import timedelta

import pytest
from django.conf import settings as site_settings
from django.db import connection
from django.utils import timezone

from elonara.bluesky import network as site_network
from elonara.bluesky.models import MemberIdentity
from elonara.bluesky.oauth import sessions as oauth_sessions
from elonara.bluesky.oauth.client import clients
from elonara.bluesky.refresh_lease import SessionEnded, TryLater
from elonara.bluesky.sealed_columns import dpop_key, unsealed

WHO_AM_I = "com.atproto.server.getSession"


def row():
    return MemberIdentity.objects.get()


def who_am_i():
    pds_url, auth = oauth_sessions.authorizer(row())
    return site_network.xrpc().query(pds_url, WHO_AM_I, auth=auth)["did"]


def secret(column):
    return unsealed(row(), column).reveal()


def spend_refresh_token():
    """What a process does that is killed between the server's response and the commit."""
    identity = row()
    MemberIdentity.objects.update(attempt_started_at=timezone.now())
    clients().sessions.refresh(
        identity.issuer, secret("bsky_refresh_token_enc"), dpop_key(identity), "", identity.bsky_did
    )


@pytest.fixture
def refreshes(connected, network):
    """How often a refresh token was sent since the test began. The server's nonce is known by then."""
    expire()
    who_am_i()
    network.faults([])

    def count():
        return len([done for done in network.fault_log() if "oauth/token" in done["url"]])

    before = count()
    expire()
    return lambda: count() - before


def expire():
    MemberIdentity.objects.update(bsky_token_expires_at=timezone.now())


def test_an_expired_token_is_refreshed_before_the_call(connected, account):
    before = row()
    expire()
    assert who_am_i() == account.did
    after = row()
    assert after.bsky_access_token_enc != before.bsky_access_token_enc
    assert after.bsky_refresh_token_enc != before.bsky_refresh_token_enc
    assert after.bsky_token_expires_at > timezone.now() + timedelta(minutes=5)
    assert (after.attempt_started_at, after.lease_until, after.state) == (None, None, "active")


def test_a_token_that_expires_early_is_refreshed_within_the_call(network, connect, member, account):
    network.token_max_age(1)
    try:
        connect(member, account)
        # According to the row it is still valid.
        MemberIdentity.objects.update(bsky_token_expires_at=timezone.now() + timedelta(hours=1))
        network.token_max_age(3600)
        before = secret("bsky_access_token_enc")
        threading.Event().wait(2.1)
        assert who_am_i() == account.did
        assert secret("bsky_access_token_enc") != before
    finally:
        network.token_max_age(3600)


def test_twelve_threads_at_once_refresh_once(refreshes, account, faults):
    faults({"match": "oauth/token", "kind": "delay-after", "ms": 200})
    results, start = [], threading.Barrier(12)

    def call():
        try:
            start.wait()
            results.append(who_am_i())
        except Exception as fault:  # noqa: BLE001
            results.append(fault)
        finally:
            connection.close()

    threads = [threading.Thread(target=call) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [account.did] * 12
    assert refreshes() == 1
    assert row().state == "active"


PROCESS = """
import json, os, sys
options = json.loads(sys.argv[1])
os.environ.update(options["environment"])
import django
from django.conf import settings
django.setup()
from django.db import connections
connections["default"].settings_dict["NAME"] = options["database"]
from elonara.bluesky import network
from elonara.bluesky.models import MemberIdentity
from elonara.bluesky.oauth import sessions
sys.stdin.readline()
pds_url, auth = sessions.authorizer(MemberIdentity.objects.get())
print(network.xrpc().query(pds_url, "com.atproto.server.getSession", auth=auth)["did"])
"""


@pytest.mark.sqlite_only
def test_two_processes_at_once_refresh_once(refreshes, account, faults, network):
    faults({"match": "oauth/token", "kind": "delay-after", "ms": 300})
    environment = {
        **network.settings(),
        "DJANGO_SETTINGS_MODULE": "elonara.config.settings",
        "ELONARA_DATA_DIR": str(site_settings.ELONARA.data_dir),
        "ELONARA_CONFIG": os.devnull,
    }
    options = json.dumps({"environment": environment, "database": str(connection.settings_dict["NAME"])})
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=dict(os.environ),
        )
        for _ in range(2)
    ]
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    results = [process.communicate(timeout=60)[0].strip() for process in processes]
    assert results == [account.did, account.did]
    assert refreshes() == 1


def test_a_session_revoked_elsewhere_needs_the_member(connected, account, needs_member, member):
    identity = row()
    assert oauth_sessions.revoke(identity.issuer, secret("bsky_refresh_token_enc"), dpop_key(identity), "")
    with pytest.raises(SessionEnded) as over:
        who_am_i()
    assert over.value.reason == "revoked"
    after = row()
    assert (after.state, after.state_reason) == ("needs_reauth", "revoked")
    assert not after.bsky_refresh_token_enc
    assert needs_member == [(member.pk, account.did)]
    with pytest.raises(SessionEnded):
        who_am_i()
    assert len(needs_member) == 1


def test_a_process_killed_between_response_and_commit_costs_the_session_and_no_loop(connected, needs_member):
    expire()
    spend_refresh_token()
    with pytest.raises(SessionEnded) as over:
        who_am_i()
    assert over.value.reason == "refresh_lost"
    assert (row().state, row().state_reason) == ("needs_reauth", "refresh_lost")
    assert len(needs_member) == 1


def test_a_process_killed_before_the_request_was_sent_costs_nothing(connected, account):
    expire()
    MemberIdentity.objects.update(attempt_started_at=timezone.now() - timedelta(minutes=5))
    assert who_am_i() == account.did
    assert row().attempt_started_at is None


def test_a_lost_response_is_noticed_at_the_next_attempt(refreshes, faults):
    faults({"match": "oauth/token", "kind": "drop-after", "times": 1})
    with pytest.raises(TryLater):
        who_am_i()
    assert row().state == "active"
    assert row().attempt_started_at is not None
    with pytest.raises(SessionEnded) as over:
        who_am_i()
    assert over.value.reason == "refresh_lost"


def test_a_server_that_is_down_costs_nothing(connected, account, faults):
    expire()
    faults({"match": "oauth/token", "kind": "status", "status": 503, "times": 1})
    with pytest.raises(TryLater):
        who_am_i()
    assert who_am_i() == account.did


def test_a_refresh_that_was_overtaken_by_a_new_connection_stores_nothing(refreshes, connect, member, account, faults):
    faults({"match": "oauth/token", "kind": "delay-after", "ms": 8000, "times": 1})
    found = []

    def refresh():
        try:
            who_am_i()
        except Exception as fault:  # noqa: BLE001
            found.append(fault)
        finally:
            connection.close()

    thread = threading.Thread(target=refresh)
    thread.start()
    threading.Event().wait(0.4)
    reconnected = connect(member, account)
    thread.join()
    assert row().bsky_refresh_token_enc == reconnected.bsky_refresh_token_enc
    assert isinstance(found[0], TryLater)
    assert who_am_i() == account.did


def test_under_another_address_the_session_waits_and_then_goes_on(connected, point_at, network, needs_member, account):
    point_at(network, ELONARA_SITE__URL="http://127.0.0.1:8001")
    with pytest.raises(TryLater) as waits:
        who_am_i()
    assert waits.value.reason == "address_changed"
    point_at(network)
    assert who_am_i() == account.did
    assert not needs_member
