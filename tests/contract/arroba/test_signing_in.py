"""Sessions of app passwords at arroba, a second implementation of their side of the protocol (docs/servers.md)."""

from datetime import timedelta

import pytest
from django.utils import timezone
from tests.contract.arroba.conftest import PASSWORD, a_token

from elonara.bluesky.app_password import app_passwords
from elonara.bluesky.app_password.app_passwords import AppPasswordRefused
from elonara.bluesky.app_password.sessions import fresh_token
from elonara.bluesky.models import AppPasswordSession
from elonara.bluesky.refresh_lease import SessionEnded, TryLater
from elonara.bluesky.sealed_columns import unsealed
from elonara.bluesky.writing.factory import BlueskyAgentFactory
from elonara.bluesky.writing.legacy_agent import LegacyBlueskyAgent

POST = {"text": "Hello", "langs": ["en"]}


def expired(failing_for=None):
    """The stored session, whose access token has expired, and which could not be refreshed for so many minutes."""
    now = timezone.now()
    since = now - timedelta(minutes=failing_for) if failing_for else None
    AppPasswordSession.objects.update(access_expires_at=now, attempt_started_at=since)
    return AppPasswordSession.objects.get()


def refused(member, password):
    with pytest.raises(AppPasswordRefused) as caught:
        app_passwords.connect(member, "", password)
    assert not AppPasswordSession.objects.exists()
    return caught.value


def test_an_app_password_is_kept_with_its_session(host, account):
    row = AppPasswordSession.objects.get()
    assert (row.did, row.state) == (account.did, "active")
    assert unsealed(row, "app_password_enc").reveal() == account.app_password
    ready = BlueskyAgentFactory.make(host.pk).readiness(host.pk)
    assert (ready.can_post, ready.backend, ready.author_did) == (True, "app_password", account.did)


def test_a_wrong_password_is_called_wrong(member):
    assert refused(member, "aaaa-bbbb-cccc-dddd").reason == "wrong_password"


def test_where_every_session_opens_the_whole_account_nobody_is_accused(server, member):
    server.tell(token=a_token("com.atproto.access"))
    found = refused(member, PASSWORD)
    assert (found.reason, found.sentence) == ("no_app_passwords", app_passwords.KNOWS_NO_APP_PASSWORDS)
    server.tell(password="a main password")
    assert refused(member, "a main password").reason == "no_app_passwords"
    ready = LegacyBlueskyAgent().readiness(member.pk)
    assert (ready.can_post, ready.voice, ready.reason) == (False, "compose", "no_app_passwords")
    assert "copy the text" in ready.sentence


def test_a_token_that_does_not_say_what_it_opens_is_not_kept(server, member):
    server.tell(token="opaque-" + a_token().replace(".", "-"))
    assert refused(member, PASSWORD).reason == "no_app_passwords"


def test_another_token_is_fetched_where_the_server_does_not_know_ours_any_more(server, host, account):
    server.tell(token=a_token())
    result = LegacyBlueskyAgent().create_post_for_member(host.pk, POST, author_did=account.did)
    assert result.success, result
    assert list(server.posts(account.did).values()) == ["Hello"]
    assert AppPasswordSession.objects.get().state == "active"


def test_a_server_that_refreshes_no_session_gets_a_new_one_after_a_while(server, host):
    """Its refreshSession ends with a 500 whenever it is asked."""
    with pytest.raises(TryLater):
        fresh_token(expired())
    with pytest.raises(TryLater):
        fresh_token(expired(failing_for=9))
    assert fresh_token(expired(failing_for=11)) == server.token
    row = AppPasswordSession.objects.get()
    assert (row.state, row.attempt_started_at) == ("active", None)


def test_a_password_that_is_no_longer_taken_needs_the_member(server, host):
    server.tell(token=a_token(), password="another")
    with pytest.raises(SessionEnded) as over:
        fresh_token(expired())
    assert over.value.reason == "app_password_refused"
    assert AppPasswordSession.objects.get().state == "refused"


def test_a_session_that_it_cannot_end_does_not_keep_the_password(host):
    app_passwords.remove(host)
    assert not AppPasswordSession.objects.exists()
