"""Our own stack against the real network, with its addresses exempted from vetting."""

import pytest

from elonara.atproto.app_password import BearerAuth, create_session
from elonara.atproto.identity import IdentityResolver
from elonara.atproto.xrpc import Xrpc


@pytest.fixture(scope="session")
def http(network, guarded_http):
    """The guarded door into the network."""
    return guarded_http(network)


@pytest.fixture(scope="session")
def xrpc(http):
    return Xrpc(http)


@pytest.fixture
def resolver(network, http):
    """A resolver without a memory of earlier tests; name servers know nobody here."""
    return IdentityResolver(http, plc_url=network.plc, handle_resolver_url=network.entryway, dns=lambda name: [])


@pytest.fixture
def account(network):
    """An account of this test alone."""
    return network.create_account()


@pytest.fixture
def auth(network, xrpc, account):
    """The credential of that account's app password."""
    return BearerAuth(create_session(xrpc, network.pds, account.did, account.app_password).access_jwt)
