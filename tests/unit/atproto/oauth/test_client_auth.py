"""The site as an OAuth client: loopback and confidential clients."""

import base64
import json
import time

import pytest
from joserfc import jws
from joserfc.jwk import ECKey
from tests.fakes.oauth import SCOPE, query_of

from elonara.atproto.errors import OAuthError
from elonara.atproto.oauth.client_auth import ClientAssertionKey, ConfidentialClient, Keyring, LoopbackClient

SITE = "https://elonara.example"
ISSUER = "https://auth.example"


def client(keyring, **changes):
    fields = {
        "client_id": f"{SITE}/oauth/oauth-client-metadata.json",
        "redirect_uri": f"{SITE}/auth/bluesky/callback",
        "scope": SCOPE,
        "jwks_uri": f"{SITE}/oauth/jwks.json",
        "keyring": keyring,
        "name": "Elonara",
    }
    return ConfidentialClient(**{**fields, **changes})


def test_a_loopback_clients_id_holds_its_metadata():
    found = LoopbackClient("http://127.0.0.1:8000/auth/bluesky/callback", SCOPE)
    assert found.client_id.startswith("http://localhost?")
    assert query_of(found.client_id) == {"redirect_uri": "http://127.0.0.1:8000/auth/bluesky/callback", "scope": SCOPE}
    assert found.auth_params(ISSUER, "") == {"client_id": found.client_id}
    assert found.metadata()["token_endpoint_auth_method"] == "none"


@pytest.mark.parametrize(
    "uri", ["http://localhost:8000/x", "https://127.0.0.1/x", "http://10.0.0.1/x", "http://a.example/x"]
)
def test_a_loopback_client_redirects_to_a_loopback_address_only(uri):
    with pytest.raises(ValueError, match=r"127\.0\.0\.1"):
        LoopbackClient(uri, SCOPE)


def test_the_metadata_document_has_what_servers_require():
    found = client(Keyring([ClientAssertionKey.generate()])).metadata()
    assert found == {
        "client_id": f"{SITE}/oauth/oauth-client-metadata.json",
        "client_name": "Elonara",
        "application_type": "web",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "redirect_uris": [f"{SITE}/auth/bluesky/callback"],
        "scope": SCOPE,
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "ES256",
        "jwks_uri": f"{SITE}/oauth/jwks.json",
        "dpop_bound_access_tokens": True,
    }


def test_the_jwks_has_current_and_retired_public_keys_alone():
    new, old = ClientAssertionKey.generate(), ClientAssertionKey.generate()
    found = client(Keyring([new, old])).jwks()["keys"]
    assert [key["kid"] for key in found] == [new.kid, old.kid]
    assert all(sorted(key) == ["alg", "crv", "kid", "kty", "use", "x", "y"] for key in found)


def test_an_assertion_is_for_the_issuer_new_each_time_and_signed_by_the_sessions_key():
    new, old = ClientAssertionKey.generate(), ClientAssertionKey.generate()
    found = client(Keyring([new, old]))
    assert found.kid == new.kid
    seen = set()
    for _ in range(2):
        params = found.auth_params(ISSUER, old.kid)
        token = jws.deserialize_compact(
            params["client_assertion"], ECKey.import_key(dict(old.public_jwk)), algorithms=["ES256"]
        )
        claims = json.loads(token.payload)
        assert token.protected == {"typ": "JWT", "alg": "ES256", "kid": old.kid}
        assert claims["iss"] == claims["sub"] == params["client_id"] == found.client_id
        assert claims["aud"] == ISSUER
        assert claims["iat"] <= time.time() < claims["exp"] <= time.time() + 61
        seen.add(claims["jti"])
    assert len(seen) == 2


def test_a_session_whose_key_is_gone_cannot_be_continued():
    with pytest.raises(OAuthError) as caught:
        client(Keyring([ClientAssertionKey.generate()])).auth_params(ISSUER, "gone")
    assert caught.value.code == "invalid_client"


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "http://elonara.example/x.json"},
        {"client_id": "https://elonara.example/"},
        {"redirect_uri": "https://other.example/callback"},
        {"jwks_uri": "https://other.example/jwks"},
    ],
)
def test_a_confidential_client_stays_on_its_own_https_origin(changes):
    with pytest.raises(ValueError, match="client id"):
        client(Keyring([ClientAssertionKey.generate()]), **changes)


def test_a_keyring_is_never_empty():
    with pytest.raises(ValueError, match="key"):
        Keyring([])


def test_nothing_in_an_assertion_header_is_private():
    key = ClientAssertionKey.generate()
    assertion = client(Keyring([key])).auth_params(ISSUER, key.kid)["client_assertion"]
    shown = b"".join(base64.urlsafe_b64decode(part + "==") for part in assertion.split(".")[:2]).decode()
    assert json.loads(key.to_json())["d"] not in shown
