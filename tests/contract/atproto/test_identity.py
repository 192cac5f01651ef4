"""Handles and DIDs of real accounts."""

import pytest
from tests.ports import free_port

from elonara.atproto.app_password import BearerAuth, create_session
from elonara.atproto.errors import IdentityError
from elonara.atproto.http import GuardedHttp
from elonara.atproto.identity import IdentityResolver
from elonara.atproto.xrpc import Xrpc


def test_alice_is_found_by_handle_and_by_did(network, resolver):
    alice = network.accounts["alice.test"]
    identity = resolver.resolve("@Alice.test")
    assert (identity.did, identity.handle) == (alice.did, "alice.test")
    assert identity.pds_url == network.pds_public_url
    assert resolver.resolve(alice.did) == identity


@pytest.mark.parametrize(
    ("identifier", "reason"),
    [
        ("nobody-at-all.test", "handle_not_found"),
        ("did:plc:aaaaaaaaaaaaaaaaaaaaaaaa", "did_not_found"),
        ("handle.invalid", "bad_handle"),
        ("alice", "bad_handle"),
    ],
)
def test_who_is_not_there_is_told_so(resolver, identifier, reason):
    with pytest.raises(IdentityError) as caught:
        resolver.resolve(identifier)
    assert caught.value.reason == reason


def test_a_directory_that_is_down_is_unreachable(network, http):
    port = free_port()
    resolver = IdentityResolver(GuardedHttp([f"127.0.0.1:{port}"]), plc_url=f"http://127.0.0.1:{port}")
    with pytest.raises(IdentityError) as caught:
        resolver.resolve(network.accounts["alice.test"].did)
    assert caught.value.reason == "unreachable"


def test_a_changed_handle_is_followed(network, xrpc, resolver, account):
    before = resolver.resolve(account.did)
    login = {"identifier": account.did, "password": account.password}
    token = xrpc.procedure(network.pds, "com.atproto.server.createSession", login)["accessJwt"]
    handle = f"r{account.handle}"
    xrpc.procedure(network.pds, "com.atproto.identity.updateHandle", {"handle": handle}, auth=BearerAuth(token))
    assert resolver.resolve(handle).did == account.did == before.did
    assert resolver.resolve(account.did, fresh=True).handle == handle
    with pytest.raises(IdentityError) as caught:
        resolver.resolve(account.handle, fresh=True)
    assert caught.value.reason in {"handle_not_found", "handle_mismatch"}


def test_a_pds_behind_tls_is_reached_by_its_name(tls_network, guarded_http):
    alice = tls_network.accounts["alice.test"]
    http = guarded_http(tls_network)
    resolver = IdentityResolver(
        http, plc_url=tls_network.plc, handle_resolver_url=tls_network.entryway, dns=lambda name: []
    )
    identity = resolver.resolve("alice.test")
    assert identity.pds_url == tls_network.pds_public_url == "https://pds.atnet.dev"
    session = create_session(Xrpc(http), identity.pds_url, identity.did, alice.app_password)
    assert session.did == alice.did
