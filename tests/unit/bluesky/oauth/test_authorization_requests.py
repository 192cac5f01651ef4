"""Who may finish an authorization request, and with which response. The fake servers lie where a test wants it."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from tests.fakes.oauth import ALICE, BOB, AuthorizationServer

from elonara.bluesky import network as site_network
from elonara.bluesky.models import AuthorizationRequest, MemberIdentity
from elonara.bluesky.oauth import authorization_requests
from elonara.bluesky.oauth import sessions as oauth_sessions
from elonara.bluesky.oauth.outcomes import AuthorizationFailed, Connected, NeedsConfirmation, SignedIn


@pytest.fixture
def callback(service, server, member):
    """The callback's parameters of a connect request that alice has just consented to."""
    url = service.begin("connect", "alice.example.com", member=member, browser="hers", confirmed=True, next="/events")
    return server.approve(url, ALICE)


def failure(service, params, browser="hers"):
    with pytest.raises(AuthorizationFailed) as failed:
        service.finish(params, browser=browser)
    return failed.value


def test_a_request_is_finished_once(service, callback):
    assert isinstance(service.finish(callback, browser="hers"), Connected)
    assert failure(service, callback).reason == "expired"


def test_a_consumed_request_is_the_row_that_was_stored(service, callback, member):
    stored = AuthorizationRequest.objects.get()
    taken, started = authorization_requests.consume(callback["state"], "hers", member)
    for field in AuthorizationRequest._meta.concrete_fields:
        assert getattr(taken, field.attname) == getattr(stored, field.attname), field.name
    assert (started.state.reveal(), started.handle) == (callback["state"], "alice.example.com")
    assert not AuthorizationRequest.objects.exists()


@pytest.mark.promise("one-browser")
def test_of_ten_callbacks_at_once_one_succeeds(service, callback, server):
    found, start = [], threading.Barrier(10)

    def finish():
        start.wait()
        try:
            found.append(service.finish(callback, browser="hers"))
        except AuthorizationFailed as failed:
            found.append(failed.reason)
        finally:
            connection.close()

    threads = [threading.Thread(target=finish) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found.count("expired") == 9
    assert len(server.network.sent("/token")) == 1


@pytest.mark.promise("one-browser")
def test_another_browser_is_refused_and_does_not_consume_the_request(service, callback):
    failed = failure(service, callback, browser="his")
    assert failed.reason == "other_browser"
    assert failed.handle == ""
    assert isinstance(service.finish(callback, browser="hers"), Connected)


def test_an_empty_browser_value_is_refused(service, callback):
    assert failure(service, callback, browser="").reason == "other_browser"


@pytest.mark.promise("one-browser")
def test_a_request_expires_after_ten_minutes(service, callback, server):
    row = AuthorizationRequest.objects.get()
    assert timedelta(minutes=9) < row.expires_at - timezone.now() <= timedelta(minutes=10)
    AuthorizationRequest.objects.update(expires_at=timezone.now())
    failed = failure(service, callback)
    assert (failed.reason, failed.next, failed.handle) == ("expired", "/events", "alice.example.com")
    assert not server.network.sent("/token")


@pytest.mark.parametrize("state", ["", "made-up", "' OR 1=1"])
def test_an_unknown_state_is_refused(service, callback, state):
    assert failure(service, callback | {"state": state}).reason == "expired"


@pytest.mark.parametrize("iss", ["https://evil.example", "", "https://auth.example/"])
def test_a_callback_with_another_issuer_is_refused(service, callback, iss, server):
    assert failure(service, callback | {"iss": iss}).reason == "wrong_issuer"
    assert not server.network.sent("/token")
    assert failure(service, callback).reason == "expired"  # the mix-up has consumed the request


def test_a_callback_without_an_issuer_is_refused(service, callback):
    del callback["iss"]
    assert failure(service, callback).reason == "wrong_issuer"


def test_tokens_for_another_account_are_refused(service, callback, server):
    server.grants = {"sub": BOB}
    failed = failure(service, callback)
    assert (failed.reason, failed.expected, failed.got) == ("wrong_account", ALICE, BOB)
    assert not MemberIdentity.objects.exists()


@pytest.mark.promise("server-owns-account")
def test_a_server_cannot_speak_for_the_accounts_of_another(service, net, server, member):
    evil = AuthorizationServer(net, "https://evil.example", "https://evil-pds.example")
    evil.grants = {"sub": ALICE}
    net.person(BOB, "bob.example.com", evil.pds)
    url = service.begin("sign_in", "https://evil.example", browser="hers")
    failed = failure(service, evil.approve(url, BOB))
    assert failed.reason in {"wrong_issuer", "wrong_account"}


def test_the_expected_account_is_not_proved_by_a_server_that_only_claims_it(service, net, server, transactional_db):
    evil = AuthorizationServer(net, "https://evil.example", "https://evil-pds.example")
    evil.grants = {"sub": ALICE}
    url = service.begin("prove", "https://evil.example", browser="hers", expected_did=ALICE)
    assert failure(service, evil.approve(url, ALICE)).reason in {"wrong_issuer", "wrong_account"}


@pytest.mark.parametrize("purpose", ["prove", "sign_in"])
def test_somebody_else_at_the_same_server_does_not_prove_the_expected_account(
    service, net, server, transactional_db, purpose
):
    # Begun by the server's name: only the grant says who it was, and that it speaks for Bob is true.
    url = service.begin(purpose, server.issuer, browser="hers", expected_did=ALICE)
    failed = failure(service, server.approve(url, BOB))
    assert (failed.reason, failed.expected, failed.got) == ("wrong_account", ALICE, BOB)
    assert [session.alive for session in server.sessions] == [False]


def test_a_grant_without_the_scope_atproto_is_refused(service, callback, server):
    server.grants = {"scope": "transition:generic"}
    assert failure(service, callback).reason == "missing_scope"


def test_denied_consent_is_reported_as_such(service, server, member):
    url = service.begin("connect", "alice.example.com", member=member, browser="hers", confirmed=True)
    failed = failure(service, server.deny(url))
    assert failed.reason == "access_denied"
    assert "cancelled" in failed.sentence


def test_a_link_that_no_form_began_waits_for_confirmation(connect, service, member, make_member, server):
    waiting = connect(member, confirmed=False, browser="hers")
    assert isinstance(waiting, NeedsConfirmation)
    assert (waiting.did, waiting.handle) == (ALICE, "alice.example.com")
    assert not MemberIdentity.objects.exists()
    for browser, who in (("his", member), ("hers", make_member())):
        with pytest.raises(AuthorizationFailed):
            service.confirm(waiting.request_id, browser, who)
    assert isinstance(service.confirm(waiting.request_id, "hers", member), Connected)
    assert MemberIdentity.objects.get().member == member


def test_declining_a_link_revokes_its_session(connect, service, member, server):
    waiting = connect(member, confirmed=False, browser="hers")
    service.decline(waiting.request_id, "hers")
    assert not server.sessions[-1].alive
    assert not AuthorizationRequest.objects.exists()
    with pytest.raises(AuthorizationFailed):
        service.confirm(waiting.request_id, "hers", member)


@pytest.mark.promise("stolen-database")
def test_secrets_of_a_request_are_sealed_or_hashed(service, server, member, connect):
    url = service.begin("connect", "alice.example.com", member=member, browser="hers", confirmed=True)
    params = server.approve(url, ALICE)
    connect(member, confirmed=False)
    stored = str(list(AuthorizationRequest.objects.values()))
    for secret in (params["state"], server.sessions[-1].refresh_token, server.sessions[-1].access_token, "hers"):
        assert secret not in stored
    assert '"kty"' not in stored


@pytest.mark.promise("proof-keeps-nothing")
def test_signing_in_leaves_no_session_and_no_request(service, server, make_member):
    url = service.begin("sign_in", "alice.example.com", browser="hers", next="/events")
    outcome = service.finish(server.approve(url, ALICE), browser="hers")
    assert outcome == SignedIn(ALICE, "alice.example.com", "", None, "/events")
    assert not server.sessions[-1].alive
    assert not AuthorizationRequest.objects.exists()


@pytest.mark.promise("proof-keeps-nothing")
def test_signing_in_requests_the_scope_atproto_alone(service, server, transactional_db):
    service.begin("sign_in", "alice.example.com", browser="hers")
    assert AuthorizationRequest.objects.get().scope == "atproto"


def test_a_changed_handle_is_stored_when_its_owner_signs_in(connected, service, server, net):
    net.person(ALICE, "alicia.example.com", server.pds)
    site_network._network = None  # forget what was resolved
    url = service.begin("sign_in", "alicia.example.com", browser="hers")
    outcome = service.finish(server.approve(url, ALICE), browser="hers")
    assert outcome.identity.bsky_handle == "alicia.example.com"
    assert MemberIdentity.objects.get().bsky_handle == "alicia.example.com"


@pytest.mark.promise("one-did-one-member")
def test_two_members_who_link_one_account_at_once_do_not_both_get_it(connect, make_member, server):
    members, found, start = [make_member(), make_member()], [], threading.Barrier(2)

    def link(member):
        start.wait()
        try:
            found.append(connect(member).identity.member_id)
        except AuthorizationFailed as failed:
            found.append(failed.reason)
        finally:
            connection.close()

    threads = [threading.Thread(target=link, args=(member,)) for member in members]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "belongs_to_another_member" in found
    assert MemberIdentity.objects.count() == 1
    assert sum(session.alive for session in server.sessions) == 1


@pytest.mark.parametrize("purpose", ["connect", "reauthorize"])
def test_only_a_member_can_begin_a_request_that_stores_a_session(service, purpose):
    with pytest.raises(ValueError, match="signed-in"):
        service.begin(purpose, "alice.example.com", browser="hers")


def test_reauthorizing_without_an_account_says_what_to_do(service, member):
    with pytest.raises(AuthorizationFailed) as failed:
        service.reauthorize(member, "hers")
    assert failed.value.reason == "not_connected"


def test_a_handle_that_the_did_document_does_not_name_is_refused(service, net, member):
    net.txt["_atproto.mallory.example.com"] = [f"did={ALICE}"]
    with pytest.raises(AuthorizationFailed) as failed:
        service.begin("connect", "mallory.example.com", member=member, browser="hers", confirmed=True)
    assert failed.value.reason == "not_pointing_back"
    assert "@mallory.example.com" in failed.value.sentence


def test_a_server_that_is_down_is_reported_as_unreachable(service, net, server, member):
    del net.origins[server.pds]
    with pytest.raises(AuthorizationFailed) as failed:
        service.begin("connect", "alice.example.com", member=member, browser="hers", confirmed=True, next="/x")
    assert (failed.value.reason, failed.value.next) == ("unreachable", "/x")


def test_another_member_in_the_same_browser_is_refused(service, callback, make_member, member):
    with pytest.raises(AuthorizationFailed) as failed:
        service.finish(callback, browser="hers", member=make_member())
    assert failed.value.reason == "other_browser"
    assert isinstance(service.finish(callback, browser="hers", member=member), Connected)


def test_a_refresh_between_reading_and_storing_leaves_no_session_behind(connected, service, server, member):
    url = service.reauthorize(member, "hers")
    refreshed = []

    def refresh_meanwhile(execute, sql, *rest):
        """Another thread refreshes after the row was read and just before it is written."""
        if sql.startswith("UPDATE") and "connected_at" in sql and not refreshed:
            refreshed.append(None)
            refreshed.append(oauth_sessions.fresh_token(connected.pk, refused=oauth_sessions.fresh_token(connected.pk)))
        return execute(sql, *rest)

    with connection.execute_wrapper(refresh_meanwhile):
        found = service.finish(server.approve(url, ALICE), browser="hers").identity
    assert len(refreshed) == 2
    assert [session.alive for session in server.sessions] == [False, True]
    assert oauth_sessions.fresh_token(found.pk) == server.sessions[1].access_token


def test_of_two_confirmations_at_once_one_goes_on(connect, service, member, server):
    waiting = connect(member, confirmed=False, browser="hers")
    first = []

    def confirm_meanwhile(execute, sql, *rest):
        """The button was pressed twice: the other press is served just before this one deletes the request."""
        if sql.startswith("DELETE") and "authorizationrequest" in sql.replace("_", "") and not first:
            first.append(None)
            first.append(service.confirm(waiting.request_id, "hers", member))
        return execute(sql, *rest)

    with connection.execute_wrapper(confirm_meanwhile), pytest.raises(AuthorizationFailed):
        service.confirm(waiting.request_id, "hers", member)
    assert isinstance(first[1], Connected)
    assert [session.alive for session in server.sessions] == [True]
