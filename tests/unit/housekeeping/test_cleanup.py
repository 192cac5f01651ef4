"""Expired rows are deleted, the others stay."""

import copy
import time
import uuid
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone
from tests.fakes.oauth import ALICE, BOB

from elonara.bluesky.models import ActorView, AuthorizationRequest, DpopNonce, MemberIdentity, PdsHost
from elonara.bluesky.oauth.outcomes import AuthorizationFailed, NeedsConfirmation
from elonara.housekeeping import cleanup, workers
from elonara.housekeeping.models import Worker
from elonara.members.models import Creation, Notice, OneTimeLink


def begin(service, member, **options):
    return service.begin("connect", "alice.example.com", member=member, browser="hers", **options)


def test_expired_rows_of_every_kind_are_deleted_and_others_stay(transactional_db, make_member):
    now, member = timezone.now(), make_member()
    for index, age in enumerate((timedelta(minutes=1), timedelta(days=100))):
        then = now - age
        DpopNonce.objects.create(key_thumbprint=f"key{index}", origin="https://pds.example", nonce="n", seen_at=then)
        ActorView.objects.create(member=member, did=f"did:plc:{index}", person={}, checked_at=then)
        Session.objects.create(session_key=f"s{index}", session_data="", expire_date=now + timedelta(days=1) - age)
        OneTimeLink.objects.create(token_hash=f"h{index}", purpose="x", expires_at=now + timedelta(days=1) - age)
        Notice.objects.create(member=member, kind=f"k{index}", text="read", dismissed_at=then)
        PdsHost.objects.create(origin=f"https://{index}.example", paused_until=then, reason="rate_limited")
        Creation.objects.create(member=member, kind=Creation.Kind.EVENT, at=then)
        Worker.objects.create(name=f"w{index}", engine="embedded", version="1", started_at=then, seen_at=then)
    assert cleanup.clear() == 8
    for model in (DpopNonce, ActorView, Session, OneTimeLink, Notice, PdsHost, Creation, Worker):
        assert model.objects.count() == 1, model
    assert [worker.name for worker in workers.silent()] == ["w0"]
    assert cleanup.clear() == 0


@pytest.mark.promise("visitors-leave-nothing")
def test_an_unfinished_authorization_request_is_deleted_after_it_expires(service, member):
    begin(service, member, confirmed=True)
    assert cleanup.clear() == 0
    AuthorizationRequest.objects.update(expires_at=timezone.now() - timedelta(minutes=49))
    assert cleanup.clear() == 0
    AuthorizationRequest.objects.update(expires_at=timezone.now() - timedelta(minutes=51))
    assert cleanup.clear() == 1
    assert not AuthorizationRequest.objects.exists()


def test_who_comes_back_late_from_her_server_only_has_to_start_again(service, server, member):
    """The callback of a sign-in that was left open over lunch knows where it came from, and can obtain nothing."""
    url = begin(service, member, confirmed=True, next="/i/abc", payload={"ref": "abc", "answer": "going"})
    AuthorizationRequest.objects.update(expires_at=timezone.now() - timedelta(minutes=48))
    cleanup.clear()
    row = AuthorizationRequest.objects.get()
    assert (row.verifier_enc, row.dpop_key_enc) == ("", "")
    assert cleanup.clear() == 0
    with pytest.raises(AuthorizationFailed) as failed:
        service.finish(server.approve(url, ALICE), browser="hers")
    fault = failed.value
    assert (fault.reason, fault.handle, fault.next) == ("expired", "alice.example.com", "/i/abc")
    assert fault.payload == {"ref": "abc", "answer": "going"}
    assert not AuthorizationRequest.objects.exists()


def test_an_expired_sign_in_obtains_nothing_and_blames_no_browser(service, server, member):
    url = begin(service, member, confirmed=True, next="/i/abc")
    AuthorizationRequest.objects.update(expires_at=timezone.now() - timedelta(minutes=2))
    callback = server.approve(url, ALICE)
    with pytest.raises(AuthorizationFailed) as failed:
        service.finish(callback, browser="one that has forgotten")
    assert (failed.value.reason, failed.value.handle, failed.value.next) == ("expired", "", "")
    cleanup.clear()
    AuthorizationRequest.objects.update(expires_at=timezone.now() + timedelta(minutes=2))
    with pytest.raises(AuthorizationFailed) as failed:
        service.finish(callback, browser="hers")
    assert failed.value.reason == "expired", "its secrets are gone"
    assert not server.network.sent("/token")


def test_a_session_that_was_never_confirmed_is_revoked_at_its_server(service, server, member):
    url = begin(service, member)
    assert isinstance(service.finish(server.approve(url, ALICE), browser="hers"), NeedsConfirmation)
    assert server.sessions[-1].alive
    AuthorizationRequest.objects.update(expires_at=timezone.now() - timedelta(minutes=2))
    assert cleanup.clear() >= 1
    assert not server.sessions[-1].alive


def test_a_members_stored_session_is_left_alone(connected):
    cleanup.clear()
    assert MemberIdentity.objects.get().state == MemberIdentity.State.ACTIVE


@pytest.fixture
def kept_sessions(service, server, connect, make_member):
    """Two unfinished authorization requests, each with a session that is still alive at its server."""
    for did, handle in ((ALICE, "alice.example.com"), (BOB, "bob.example.com")):
        url = service.begin("connect", handle, member=make_member(), browser=did)
        assert isinstance(service.finish(server.approve(url, did), browser=did), NeedsConfirmation)
    AuthorizationRequest.objects.update(expires_at=timezone.now() - timedelta(minutes=2))


def test_a_server_that_revokes_nothing_holds_up_nobody_else(kept_sessions, server, monkeypatch):
    """Anybody can bring an authorization server, and leave any number of sessions there."""
    hostile = AuthorizationRequest.objects.order_by("expires_at").first()
    rows = []
    for number in range(cleanup.MAX_AUTHORIZATION_REQUESTS + 5):
        row = copy.copy(hostile)
        row.pk, row.state_hash, row.issuer = uuid.uuid4(), f"state-{number}", "https://hostile.example"
        row.expires_at = hostile.expires_at - timedelta(hours=1)
        rows.append(row)
    AuthorizationRequest.objects.bulk_create(rows)
    asked = []

    def revoke(tokens, key, row):
        asked.append(row.issuer)
        return row.issuer != "https://hostile.example"

    monkeypatch.setattr(cleanup, "revoke_tokens", revoke)
    # Tokens are sealed for the row that they are in, and these are copies.
    monkeypatch.setattr(cleanup.authorization_requests, "kept_tokens", lambda row: (row.issuer, row.pk))
    cleanup.clear()
    assert asked[0] == "https://hostile.example"
    assert asked.count("https://hostile.example") == 1
    assert len(asked) == 3


def test_slow_servers_do_not_make_a_run_exceed_its_time_limit(kept_sessions, server, monkeypatch):
    def slow(request):
        time.sleep(0.2)
        return server.serve(request)

    server.network.origins[server.issuer] = slow
    monkeypatch.setattr(cleanup, "MAX_REVOCATION_SECONDS", 0.1)
    cleanup.clear()
    assert [session.alive for session in server.sessions].count(False) == 1
    assert AuthorizationRequest.objects.count() == 1
    cleanup.clear()
    assert not any(session.alive for session in server.sessions)


def test_a_failure_in_one_kind_of_row_does_not_stop_the_others(kept_sessions, server, monkeypatch, caplog):
    def broken():
        raise OSError("no space")

    monkeypatch.setattr(cleanup.nonce_stores, "forget_old_nonces", broken)
    OneTimeLink.objects.create(token_hash="old", purpose="x", expires_at=timezone.now() - timedelta(days=1))
    with pytest.raises(cleanup.NotCleared, match="nonces: OSError"):
        cleanup.clear()
    assert not OneTimeLink.objects.exists()
    assert not any(session.alive for session in server.sessions)
    assert "no space" in caplog.text
