"""Discovery over real sockets: servers that redirect, stall, send too much, or have a private address."""

import time

import pytest
from werkzeug import Response

from elonara.atproto.errors import AddressRefused, NetworkError
from elonara.atproto.http import GuardedHttp
from elonara.atproto.oauth.metadata import BadServer, discover, discover_issuer

METADATA = "/.well-known/oauth-authorization-server"


@pytest.fixture
def http(httpserver):
    found = GuardedHttp([f"{httpserver.host}:{httpserver.port}"])
    yield found
    found.close()


@pytest.fixture
def issuer(httpserver):
    return f"http://{httpserver.host}:{httpserver.port}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_of_metadata_are_not_followed(http, httpserver, issuer, status):
    httpserver.expect_request(METADATA).respond_with_data("", status=status, headers={"location": f"{issuer}/other"})
    httpserver.expect_request("/other").respond_with_json({"issuer": issuer})
    with pytest.raises(BadServer, match=str(status)):
        discover_issuer(http, issuer)
    assert [request.path for request, _ in httpserver.log] == [METADATA]


def test_huge_metadata_is_refused(http, httpserver, issuer):
    httpserver.expect_request(METADATA).respond_with_data(" " * 70_000, content_type="application/json")
    with pytest.raises(NetworkError, match="more than") as caught:
        discover_issuer(http, issuer)
    assert not caught.value.ambiguous


def test_slow_metadata_ends_at_the_deadline(http, httpserver, issuer):
    def drip(_):
        def body():
            for _ in range(40):
                yield b" "
                time.sleep(0.05)

        return Response(body(), content_type="application/json")

    httpserver.expect_request(METADATA).respond_with_handler(drip)
    began = time.monotonic()
    with pytest.raises(NetworkError) as caught:
        discover_issuer(http, issuer, deadline=0.3)
    assert time.monotonic() - began < 1.5
    assert not caught.value.ambiguous


def test_a_pds_on_a_private_host_gets_no_request(httpserver, issuer):
    http = GuardedHttp()
    with pytest.raises(AddressRefused):
        discover(http, issuer)
    assert not httpserver.log
    http.close()


@pytest.mark.promise("no-inside")
def test_a_public_name_with_a_private_address_gets_no_request(httpserver):
    http = GuardedHttp(resolver=lambda host, port: [("127.0.0.1", httpserver.port)])
    with pytest.raises(AddressRefused):
        discover(http, "https://pds.example.com")
    assert not httpserver.log
    http.close()


def test_an_exempted_host_may_not_name_another_private_one(http, httpserver, issuer):
    good = {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": "http://127.0.0.1:1/token",
        "pushed_authorization_request_endpoint": f"{issuer}/par",
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "dpop_signing_alg_values_supported": ["ES256"],
        "scopes_supported": ["atproto"],
        "authorization_response_iss_parameter_supported": True,
        "require_pushed_authorization_requests": True,
        "client_id_metadata_document_supported": True,
    }
    httpserver.expect_request(METADATA).respond_with_json(good)
    with pytest.raises(BadServer, match="token_endpoint"):
        discover_issuer(http, issuer)
    httpserver.clear()
    httpserver.expect_request(METADATA).respond_with_json(good | {"token_endpoint": f"{issuer}/token"})
    assert discover_issuer(http, issuer).token_endpoint == f"{issuer}/token"
