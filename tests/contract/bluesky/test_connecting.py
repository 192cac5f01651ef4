"""Connecting accounts at the network's own authorization server."""

import pytest

from elonara import jobs
from elonara.atproto.errors import ErrorKind, XrpcError
from elonara.bluesky import network as site_network
from elonara.bluesky.models import AuthorizationRequest, MemberIdentity
from elonara.bluesky.oauth import scopes
from elonara.bluesky.oauth.outcomes import (
    AuthorizationFailed,
    Connected,
    NeedsConfirmation,
    Proved,
    SignedIn,
    Verified,
)
from elonara.bluesky.oauth.sessions import authorizer
from elonara.bluesky.sealed_columns import unsealed

WHO_AM_I = "com.atproto.server.getSession"


def works(identity):
    """Whether the PDS accepts the stored session."""
    pds_url, auth = authorizer(MemberIdentity.objects.get(pk=identity.pk))
    return site_network.xrpc().query(pds_url, WHO_AM_I, auth=auth)["did"] == identity.bsky_did


def test_a_member_connects_and_everything_is_granted(authorize, service, member, account, network):
    outcome = authorize("connect", account.handle, account, member=member, confirmed=True, next="/profile/edit")
    assert isinstance(outcome, Connected)
    assert outcome.next == "/profile/edit"
    found = service.get_identity_for_member(member.pk)
    assert (found.did, found.handle, found.state) == (account.did, account.handle, "active")
    assert set(found.scope.split()) == set(scopes.connect().split())
    assert found.can_read_graph
    assert found.can_write
    assert found.not_granted == []
    assert service.is_connected(member.pk)
    assert works(outcome.identity)
    network.sync()  # the AppView knows the account before its profile is read
    jobs.drain()
    assert service.get_identity_for_member(member.pk).display_name


def test_tokens_are_sealed_in_the_row(connected):
    row = MemberIdentity.objects.get()
    token = row.bsky_access_token_enc
    assert token.startswith("v1.")
    for column in ("bsky_access_token_enc", "bsky_refresh_token_enc", "dpop_key_enc"):
        # A piece that is long enough not to occur by chance.
        assert unsealed(row, column).reveal()[:24] not in getattr(row, column)
        assert '"kty"' not in getattr(row, column)


def test_denied_consent_connects_nothing(authorize, service, member, account):
    with pytest.raises(AuthorizationFailed) as failed:
        authorize("connect", account.handle, account, member=member, confirmed=True, deny=True, next="/events")
    assert failed.value.reason == "access_denied"
    assert failed.value.next == "/events"
    assert not service.is_connected(member.pk)
    assert not AuthorizationRequest.objects.exists()


def test_reauthorizing_overwrites_the_session_and_revokes_the_old_one(
    connected, service, network, member, account, finish, without_refresh
):
    before = MemberIdentity.objects.get()
    MemberIdentity.objects.update(bsky_scope="atproto")
    url = service.reauthorize(member, "browser")
    finish(network.approve(url, account.handle))
    after = MemberIdentity.objects.get()
    assert after.pk == before.pk
    assert after.bsky_access_token_enc != before.bsky_access_token_enc
    assert scopes.can_write(after.bsky_scope)
    assert works(after)
    pds_url, auth = authorizer(before)  # with the old tokens
    with pytest.raises(XrpcError) as refused:
        site_network.xrpc().query(pds_url, WHO_AM_I, auth=without_refresh(auth))
    assert refused.value.kind is ErrorKind.TOKEN_INVALID


def test_proving_it_once_more_stores_nothing(connected, service, network, member, account, finish):
    before = MemberIdentity.objects.get()
    outcome = finish(network.approve(service.verify(member, "browser", "/accounts/password/set/"), account.handle))
    assert outcome == Verified(account.did, member.pk, "/accounts/password/set/")
    after = MemberIdentity.objects.get()
    assert after.bsky_refresh_token_enc == before.bsky_refresh_token_enc
    assert works(after)
    assert not AuthorizationRequest.objects.exists()


def test_choosing_another_account_at_the_server_is_refused(service, network, make_account, member, account, finish):
    other = make_account()
    url = service.begin("connect", account.handle, member=member, browser="browser", confirmed=True)
    try:
        back = network.approve(url, other.handle, other.password)
    except RuntimeError:
        return  # the server itself refuses another account than the hinted one
    with pytest.raises(AuthorizationFailed) as failed:
        finish(back)
    assert failed.value.reason == "wrong_account"
    assert (failed.value.expected, failed.value.got) == (account.did, other.did)
    assert not service.is_connected(member.pk)


def test_beginning_with_a_servers_name_finds_the_account(authorize, service, network, member, account):
    outcome = authorize("connect", network.pds, account, member=member, confirmed=True)
    assert outcome.identity.bsky_did == account.did
    assert works(outcome.identity)


def test_signing_in_leaves_no_session_behind_and_does_not_touch_the_stored_one(connected, authorize, account):
    before = MemberIdentity.objects.get()
    outcome = authorize("sign_in", account.handle, account, next="/events")
    assert isinstance(outcome, SignedIn)
    assert outcome.identity == before
    after = MemberIdentity.objects.get()
    assert after.bsky_access_token_enc == before.bsky_access_token_enc
    assert after.bsky_refresh_token_enc == before.bsky_refresh_token_enc
    assert works(after)
    assert not AuthorizationRequest.objects.exists()


def test_signing_in_with_an_unknown_account_finds_no_identity(authorize, account):
    outcome = authorize("sign_in", account.did, account)
    assert isinstance(outcome, SignedIn)
    assert outcome.identity is None
    assert (outcome.did, outcome.handle) == (account.did, account.handle)
    assert not MemberIdentity.objects.exists()


def test_an_invitee_proves_the_account_and_the_pending_action_is_returned(authorize, account):
    outcome = authorize(
        "prove", account.handle, account, payload={"choice": "going"}, expected_did=account.did, next="/i/abc"
    )
    assert outcome == Proved(account.did, account.handle, outcome.display_name, {"choice": "going"}, "/i/abc")


def test_another_account_than_the_invited_one_is_refused_by_name(authorize, make_account, network, account):
    other = make_account()
    with pytest.raises(AuthorizationFailed) as failed:
        authorize("prove", network.pds, other, expected_did=account.did, payload={"choice": "going"})
    assert failed.value.reason == "wrong_account"
    assert other.handle in failed.value.sentence
    assert (failed.value.expected, failed.value.got) == (account.did, other.did)


@pytest.mark.promise("one-did-one-member")
def test_an_account_of_another_member_is_never_moved(connected, authorize, make_member, account, service, member):
    thief = make_member()
    with pytest.raises(AuthorizationFailed) as failed:
        authorize("connect", account.handle, account, member=thief, confirmed=True)
    assert failed.value.reason == "belongs_to_another_member"
    assert not service.is_connected(thief.pk)
    assert MemberIdentity.objects.get().member == member
    assert works(connected)


def test_a_member_keeps_one_account(connected, authorize, make_account, member):
    other = make_account()
    with pytest.raises(AuthorizationFailed) as failed:
        authorize("connect", other.handle, other, member=member, confirmed=True)
    assert failed.value.reason == "wrong_account"
    assert MemberIdentity.objects.get().bsky_did == connected.bsky_did


def test_a_link_that_no_form_began_waits_for_confirmation(authorize, service, member, account):
    waiting = authorize("connect", account.handle, account, member=member, browser="browser", next="/events")
    assert isinstance(waiting, NeedsConfirmation)
    assert waiting.did == account.did
    assert not service.is_connected(member.pk)
    assert service.waiting(waiting.request_id, "browser", member) == waiting
    assert works(service.confirm(waiting.request_id, "browser", member).identity)
    with pytest.raises(AuthorizationFailed):
        service.confirm(waiting.request_id, "browser", member)


@pytest.mark.promise("disconnect")
def test_disconnecting_revokes_the_session_and_keeps_the_way_to_sign_in(
    connected, service, member, authorize, account, without_refresh
):
    before = MemberIdentity.objects.get()
    assert service.disconnect(member)
    after = MemberIdentity.objects.get()
    assert (after.state, after.bsky_did) == ("revoked", account.did)
    assert not any((after.bsky_access_token_enc, after.bsky_refresh_token_enc, after.dpop_key_enc, after.bsky_scope))
    pds_url, auth = authorizer(before)
    with pytest.raises(XrpcError) as refused:
        site_network.xrpc().query(pds_url, WHO_AM_I, auth=without_refresh(auth))
    assert refused.value.kind is ErrorKind.TOKEN_INVALID
    assert authorize("sign_in", account.handle, account).identity == after


@pytest.mark.parametrize(
    ("identifier", "reason"),
    [
        ("nobody-at-all.test", "unknown_account"),
        ("not a handle", "unknown_account"),
        ("did:plc:nope", "unknown_account"),
    ],
)
def test_an_identifier_without_an_account_gets_a_sentence(service, member, identifier, reason):
    with pytest.raises(AuthorizationFailed) as failed:
        service.begin("connect", identifier, member=member, browser="browser", confirmed=True)
    assert failed.value.reason == reason
    assert identifier in failed.value.sentence


def test_a_server_that_granted_no_permission_is_asked_in_the_other_way_and_it_works(
    connect, service, finish, network, member, account
):
    row = connect(member, account)
    MemberIdentity.objects.update(no_permissions_issuer=row.issuer)
    url = service.reauthorize(member, "browser")
    finish(network.approve(url, account.handle, account.password))
    found = service.get_identity_for_member(member.pk)
    assert set(found.scope.split()) == {"atproto", "transition:generic"}
    assert (found.can_read_graph, found.can_write) == (True, True)
    assert works(found.row)
    before = found.row.bsky_access_token_enc
    MemberIdentity.objects.update(bsky_token_expires_at=None)  # the refresh, too, is by the id that asked so
    assert works(found.row)
    assert MemberIdentity.objects.get().bsky_access_token_enc != before
    assert service.disconnect(member)
