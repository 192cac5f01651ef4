import pytest
from tests.fakes.oauth import ALICE, BOB, PLC, SCOPE, AuthorizationServer, Network

from elonara.atproto.identity import IdentityResolver
from elonara.atproto.oauth.client import OAuthClient
from elonara.atproto.oauth.client_auth import ClientAssertionKey, ConfidentialClient, Keyring, LoopbackClient
from elonara.atproto.oauth.stores import MemoryNonces


@pytest.fixture
def network():
    return Network()


@pytest.fixture
def server(network):
    found = AuthorizationServer(network)
    network.person(ALICE, "alice.example.com", found.pds)
    network.person(BOB, "bob.example.com", found.pds)
    return found


@pytest.fixture
def resolver(network):
    return IdentityResolver(network, plc_url=PLC, dns=network.dns)


@pytest.fixture
def nonces():
    return MemoryNonces()


@pytest.fixture
def loopback():
    return LoopbackClient("http://127.0.0.1:8000/auth/bluesky/callback", SCOPE)


@pytest.fixture
def client(network, resolver, loopback, nonces):
    return OAuthClient(network, resolver, loopback, nonces)


@pytest.fixture
def keyring():
    return Keyring([ClientAssertionKey.generate(), ClientAssertionKey.generate()])


@pytest.fixture
def confidential(network, server, resolver, nonces, keyring):
    site = "https://elonara.example"
    who = ConfidentialClient(
        client_id=f"{site}/oauth/oauth-client-metadata.json",
        redirect_uri=f"{site}/auth/bluesky/callback",
        scope=SCOPE,
        jwks_uri=f"{site}/oauth/jwks.json",
        keyring=keyring,
        name="Elonara",
    )
    server.jwks = who.jwks()
    return OAuthClient(network, resolver, who, nonces)


@pytest.fixture
def signed_in(client, server):
    """The authorization request that Alice began, and the tokens it gave."""
    started = client.begin("alice.example.com", scope=SCOPE)
    return started, client.finish(started, server.approve(started.authorize_url, ALICE))
