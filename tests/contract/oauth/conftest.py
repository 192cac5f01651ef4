from types import SimpleNamespace

import pytest

from elonara.atproto.identity import IdentityResolver
from elonara.atproto.oauth.stores import MemoryNonces


@pytest.fixture
def client_parts_for(guarded_http):
    """Makes what an OAuth client needs for a network: guarded HTTP, an identity resolver, a nonce store."""

    def make(network):
        http = guarded_http(network)
        resolver = IdentityResolver(http, plc_url=network.plc, handle_resolver_url=network.entryway)
        return SimpleNamespace(http=http, resolver=resolver, nonces=MemoryNonces())

    return make
