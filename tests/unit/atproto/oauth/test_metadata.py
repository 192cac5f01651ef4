"""Discovery: metadata is accepted only where all of it is consistent and complete."""

import pytest
from tests.fakes.oauth import answer

from elonara.atproto.errors import NetworkError
from elonara.atproto.http import Response
from elonara.atproto.oauth.metadata import BadServer, Discovery, discover, discover_issuer


def test_a_pds_leads_to_its_authorization_server(network, server):
    found = discover(network, server.pds)
    assert found.issuer == server.issuer
    assert found.par_endpoint == "https://auth.example/par"
    assert found.token_endpoint == "https://auth.example/token"
    assert found.auth_methods == ("none", "private_key_jwt")


@pytest.mark.parametrize(
    "lie",
    [
        {"resource": "https://other.example"},
        {"resource": "https://pds.example/"},
        {"resource": None},
        {"authorization_servers": None},
        {"authorization_servers": []},
        {"authorization_servers": ["https://auth.example", "https://evil.example"]},
        {"authorization_servers": [17]},
        {"authorization_servers": "https://auth.example"},
        {"authorization_servers": ["https://auth.example/path"]},
        {"authorization_servers": ["https://auth.example/"]},
        {"authorization_servers": ["not an address"]},
    ],
)
def test_a_pds_that_describes_itself_wrongly_is_refused(network, server, lie):
    server.resource_lies = lie
    with pytest.raises(BadServer):
        discover(network, server.pds)


@pytest.mark.parametrize(
    "lie",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"require_pushed_authorization_requests": False},
        {"require_pushed_authorization_requests": "true"},
        {"authorization_response_iss_parameter_supported": None},
        {"client_id_metadata_document_supported": None},
        {"dpop_signing_alg_values_supported": ["RS256"]},
        {"dpop_signing_alg_values_supported": None},
        {"code_challenge_methods_supported": ["plain"]},
        {"scopes_supported": ["openid"]},
        {"grant_types_supported": ["authorization_code"]},
        {"response_types_supported": ["token"]},
        {"pushed_authorization_request_endpoint": None},
        {"token_endpoint": None},
        {"token_endpoint": "http://auth.example/token"},
        {"token_endpoint": "https://127.0.0.1/token"},
        {"token_endpoint": "https://localhost/token"},
        {"token_endpoint": "https://2130706433/token"},
        {"token_endpoint": "https://auth.example:8443/token"},
        {"token_endpoint": "https://user@auth.example/token"},
        {"token_endpoint": ["https://auth.example/token"]},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "https://[::1]/authorize"},
        {"authorization_endpoint": "https://auth.example/authorize#fragment"},
        {"authorization_endpoint": "https://auth.example/a\r\nset-cookie: x"},
        {"pushed_authorization_request_endpoint": "https://169.254.169.254/par"},
        {"revocation_endpoint": "http://auth.example/revoke"},
    ],
)
def test_untrue_or_incomplete_server_metadata_is_refused(network, server, lie):
    server.lies = lie
    with pytest.raises(BadServer) as caught:
        discover(network, server.pds)
    assert "auth.example" in str(caught.value)
    assert not network.sent("/par")


def test_a_server_without_revocation_is_fine(network, server):
    server.lies = {"revocation_endpoint": None}
    assert discover(network, server.pds).revocation_endpoint == ""


def test_private_key_jwt_without_es256_does_not_count(network, server):
    server.lies = {"token_endpoint_auth_signing_alg_values_supported": ["RS256"]}
    assert discover(network, server.pds).auth_methods == ("none",)


@pytest.mark.parametrize("status", [201, 204, 301, 302, 307, 404, 500])
def test_metadata_must_have_status_200(network, server, status):
    network.origins[server.issuer] = lambda _: answer(status, server.metadata(), {"location": "https://auth.example/b"})
    with pytest.raises(BadServer, match=str(status)):
        discover_issuer(network, server.issuer)
    assert len(network.sent("auth.example")) == 1


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/html", b"{}"),
        ("application/json", b"{"),
        ("application/json", b"[]"),
        ("application/json", b"[" * 100_000),
        ("application/json", b"\xff\xfe"),
        ("", b"{}"),
    ],
)
def test_metadata_that_is_not_a_json_object_is_refused(network, server, kind, body):
    network.origins[server.issuer] = lambda _: Response(200, {"content-type": kind}, body, "")
    with pytest.raises(BadServer):
        discover_issuer(network, server.issuer)


@pytest.mark.parametrize(
    "issuer", ["https://auth.example/", "https://AUTH.example", "https://auth.example/x", "auth.example", ""]
)
def test_an_issuer_is_a_plain_origin(network, server, issuer):
    with pytest.raises(BadServer):
        discover_issuer(network, issuer)
    assert not network.requests


def test_an_unreachable_server_is_a_network_error_and_can_be_retried(network, server):
    network.faults = [("oauth-authorization-server", "before", NetworkError("gone", ambiguous=True))]
    with pytest.raises(NetworkError) as caught:
        discover(network, server.pds)
    assert caught.value.ambiguous is False
    assert discover(network, server.pds).issuer == server.issuer


def test_discovery_is_cached_and_expires(network, server):
    memory = Discovery(network)
    memory.of_pds(server.pds)
    asked = len(network.requests)
    assert memory.of_pds(server.pds) == memory.of_issuer(server.issuer)
    assert len(network.requests) == asked
    memory.of_pds(server.pds, fresh=True)
    assert len(network.requests) == asked + 2
    forgetful = Discovery(network, ttl=0)
    forgetful.of_issuer(server.issuer)
    forgetful.of_issuer(server.issuer)
    assert len(network.requests) == asked + 4


def test_a_failed_discovery_is_not_cached(network, server):
    memory = Discovery(network)
    server.lies = {"issuer": "https://evil.example"}
    with pytest.raises(BadServer):
        memory.of_pds(server.pds)
    server.lies = {}
    assert memory.of_pds(server.pds).issuer == server.issuer


def test_the_discovery_cache_is_bounded(network, server):
    memory = Discovery(network, size=1)
    memory.of_pds(server.pds)
    asked = len(network.requests)
    memory.of_issuer(server.issuer)
    memory.of_pds(server.pds)
    assert len(network.requests) == asked + 2
