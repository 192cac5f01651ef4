"""What the rest of the site can read of a member's Bluesky identity, and how the identity is disconnected."""

import pytest
from tests.fakes.oauth import ALICE, BOB

from elonara.bluesky import hooks, sealed_columns
from elonara.bluesky.connections.linking import LastWayToSignIn
from elonara.bluesky.identity import identities
from elonara.bluesky.models import MemberIdentity
from elonara.bluesky.oauth import scopes
from elonara.bluesky.oauth.outcomes import AuthorizationFailed
from elonara.bluesky.writing.legacy_agent import LegacyBlueskyAgent
from elonara.bluesky.writing.oauth_agent import OAuthBlueskyAgent
from elonara.sealing import CannotUnseal


def test_identity_and_connection_of_a_member_with_and_without_an_account(
    service, connected, member, make_member, server
):
    found = service.get_identity_for_member(member.pk)
    assert (found.did, found.handle, found.access_token.reveal()) == (
        ALICE,
        "alice.example.com",
        server.sessions[-1].access_token,
    )
    assert service.is_connected(member.pk)
    other = make_member()
    assert service.get_identity_for_member(other.pk) is None
    assert not service.is_connected(other.pk)


def test_the_rows_of_a_did_and_of_a_member_are_none_one_or_two(connected, connect, member, make_member):
    other = make_member()
    assert identities.either(BOB, other.pk) == []
    assert identities.either(ALICE, other.pk) == identities.either(BOB, member.pk) == [connected]
    assert identities.either(ALICE, member.pk) == [connected]
    second = connect(other, BOB).identity
    assert {row.pk for row in identities.either(ALICE, other.pk)} == {connected.pk, second.pk}


def test_an_identity_prints_no_secret(service, connected, member, server):
    found = service.get_identity_for_member(member.pk)
    printed = f"{found!r} {found} {found.access_token!r} {found.access_token}"
    assert server.sessions[-1].access_token not in printed
    assert "v1." not in printed


def test_a_sealed_value_opens_in_its_own_row_and_column_alone(connected, connect, make_member, service):
    other = connect(make_member(), BOB).identity
    MemberIdentity.objects.filter(pk=other.pk).update(bsky_refresh_token_enc=connected.bsky_refresh_token_enc)
    with pytest.raises(CannotUnseal):
        sealed_columns.unsealed(MemberIdentity.objects.get(pk=other.pk), "bsky_refresh_token_enc")
    # Another column of the same row is another place, too.
    MemberIdentity.objects.filter(pk=connected.pk).update(bsky_access_token_enc=connected.bsky_refresh_token_enc)
    with pytest.raises(CannotUnseal):
        sealed_columns.unsealed(MemberIdentity.objects.get(pk=connected.pk), "bsky_access_token_enc")


def test_connecting_again_keeps_connected_at_and_revokes_the_old_session(
    connect, connected, member, server, hook_calls
):
    again = connect(member).identity
    assert again.pk == connected.pk
    assert again.connected_at == connected.connected_at
    assert [session.alive for session in server.sessions] == [False, True]
    assert hook_calls[-1] == ("on_ready", member.pk, ALICE)


def test_the_old_session_survives_a_request_that_fails(connected, service, server, member):
    url = service.reauthorize(member, "hers")
    with pytest.raises(AuthorizationFailed):
        service.finish(server.deny(url), browser="hers")
    assert server.sessions[0].alive
    assert service.is_connected(member.pk)


def test_disconnecting_drops_the_tokens_even_where_the_server_is_down(
    connected, service, server, net, member, hook_calls
):
    del net.origins[server.issuer]
    assert service.disconnect(member) is False
    row = MemberIdentity.objects.get()
    assert (row.state, row.state_reason, row.bsky_refresh_token_enc) == ("revoked", "disconnected", "")
    assert ("on_disconnect", member.pk, ALICE) in hook_calls


def test_a_listener_that_fails_stops_the_disconnect(connected, service, member, server):
    def fail(member_id, did):
        raise RuntimeError("rows could not be cancelled")

    hooks.on_disconnect.add(fail)
    try:
        with pytest.raises(RuntimeError):
            service.disconnect(member)
    finally:
        hooks.on_disconnect.remove(fail)
    assert service.is_connected(member.pk)
    assert server.sessions[0].alive


@pytest.mark.promise("last-way-in")
def test_the_last_way_to_sign_in_stays(connected, service, member):
    member.set_unusable_password()
    member.save()
    with pytest.raises(LastWayToSignIn):
        service.remove_sign_in(member)
    assert MemberIdentity.objects.exists()
    member.set_password("a long password")
    member.save()
    service.remove_sign_in(member)
    assert not MemberIdentity.objects.exists()


def test_a_proved_account_becomes_a_way_to_sign_in_once(service, make_member):
    one, two = make_member(), make_member()
    row = service.link_sign_in(one, ALICE, "alice.example.com")
    assert (row.state, row.state_reason) == ("revoked", "not_connected")
    assert service.link_sign_in(one, ALICE, "alice.example.com") == row
    with pytest.raises(AuthorizationFailed) as failed:
        service.link_sign_in(two, ALICE, "alice.example.com")
    assert failed.value.reason == "belongs_to_another_member"
    with pytest.raises(AuthorizationFailed):
        service.link_sign_in(one, BOB, "bob.example.com")


def test_a_loopback_session_ends_in_two_weeks(connected):
    assert (connected.session_ends_at - connected.connected_at).days == 14


def test_a_partial_grant_is_described_in_words(connect, member, server, service):
    reads = " ".join(scope for scope in scopes.connect().split() if not scope.startswith(("repo:", "blob:")))
    server.grants = {"scope": reads}
    connect(member)
    found = service.get_identity_for_member(member.pk)
    assert (found.can_read_graph, found.can_write) == (True, False)
    assert "Write and delete posts for you" in found.not_granted
    ready = OAuthBlueskyAgent().readiness(member.pk)
    assert (ready.can_post, ready.reason) == (False, "scope_missing")
    assert "Reauthorize" in ready.sentence
    result = OAuthBlueskyAgent().create_post_for_member(member.pk, {"text": "Hello"})
    assert (result.success, result.needs_reauth, result.reason) == (False, True, "scope_missing")


def test_readiness_says_what_is_missing_and_why_connecting_was_not_enough(connected, member, make_member):
    ready = LegacyBlueskyAgent().readiness(member.pk)
    assert (ready.can_post, ready.voice, ready.author_did) == (False, "compose", ALICE)
    assert "asks twice" in ready.sentence
    assert "copy" in ready.sentence
    nobody = LegacyBlueskyAgent().readiness(make_member().pk)
    assert (nobody.can_post, nobody.reason, nobody.author_did) == (False, "not_connected", "")


def test_a_post_without_a_credential_waits_for_the_member(connected, member):
    result = LegacyBlueskyAgent().create_post_for_member(member.pk, {"text": "Hello"})
    assert (result.success, result.needs_reauth, result.reason) == (False, True, "app_password_missing")
