"""DPoP proofs and keys (RFC 9449, section 4.2)."""

import base64
import hashlib
import json
import pickle
import time

import pytest
from joserfc import jws
from joserfc.jwk import ECKey

from elonara.atproto.http import Response
from elonara.atproto.oauth.dpop import DpopKey, nonce_of, origin, target
from elonara.atproto.oauth.jose import BadKey


def parts(proof):
    """Header and claims of a proof whose signature holds by the key in its own header."""
    head = json.loads(base64.urlsafe_b64decode(proof.split(".")[0] + "=="))
    found = jws.deserialize_compact(proof, ECKey.import_key(head["jwk"]), algorithms=["ES256"])
    return head, json.loads(found.payload)


def test_a_proof_has_method_url_time_and_the_public_key_alone():
    key = DpopKey.generate()
    head, claims = parts(key.proof("post", "https://PDS.example:443/xrpc/a.b.c?x=1#y"))
    assert head["typ"] == "dpop+jwt"
    assert head["alg"] == "ES256"
    assert sorted(head["jwk"]) == ["crv", "kty", "x", "y"]
    assert claims["htm"] == "POST"
    assert claims["htu"] == "https://pds.example/xrpc/a.b.c"
    assert abs(claims["iat"] - time.time()) < 5
    assert sorted(claims) == ["htm", "htu", "iat", "jti"]


@pytest.mark.parametrize("method", ["GET", "POST", "get", "Delete"])
def test_a_proof_is_for_one_method(method):
    _, claims = parts(DpopKey.generate().proof(method, "https://a.example/"))
    assert claims["htm"] == method.upper()


def test_a_proof_has_nonce_and_token_hash_where_given():
    _, claims = parts(DpopKey.generate().proof("GET", "https://a.example/", nonce="n1", access_token="tok"))
    assert claims["nonce"] == "n1"
    assert claims["ath"] == base64.urlsafe_b64encode(hashlib.sha256(b"tok").digest()).rstrip(b"=").decode()


def test_every_proof_has_its_own_jti():
    key = DpopKey.generate()
    assert len({parts(key.proof("GET", "https://a.example/"))[1]["jti"] for _ in range(50)}) == 50


def test_a_signature_is_padded_where_r_or_s_is_small():
    key = DpopKey.generate()

    def small(proof):
        signature = base64.urlsafe_b64decode(proof.split(".")[2] + "==")
        assert len(signature) == 64
        return 0 in {signature[0], signature[32]}  # about one in 128

    found = next(proof for proof in (key.proof("GET", "https://a.example/") for _ in range(5000)) if small(proof))
    assert parts(found)


def test_a_key_survives_storing_and_is_imported_once():
    key = DpopKey.generate()
    again = DpopKey.from_json(key.to_json())
    assert again.thumbprint == key.thumbprint
    assert parts(again.proof("GET", "https://a.example/"))[0]["jwk"] == dict(key.public_jwk)
    assert DpopKey.from_json(key.to_json()) is again


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "null",
        '{"kty":"EC","crv":"P-256","x":"A","y":"B","d":"Zm9vc2VjcmV0"}',
        '{"kty":"oct","k":"AAAA"}',
    ],
)
def test_a_damaged_key_is_refused_without_showing_it(text):
    with pytest.raises(BadKey) as caught:
        DpopKey.from_json(text)
    assert "Zm9vc2VjcmV0" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_a_key_without_its_private_half_or_of_another_curve_is_refused():
    for key in (ECKey.generate_key("P-256", private=False), ECKey.generate_key("P-384")):
        with pytest.raises(BadKey):
            DpopKey(key)


def test_a_key_shows_no_secret_and_is_never_pickled():
    key = DpopKey.generate()
    secret = json.loads(key.to_json())["d"]
    assert secret not in f"{key!r} {key}"
    with pytest.raises(TypeError):
        pickle.dumps(key)


def test_origins_drop_default_ports_and_case():
    assert origin("HTTPS://A.Example:443/x?y") == "https://a.example"
    assert origin("http://127.0.0.1:8000/x") == "http://127.0.0.1:8000"
    assert origin("https://[2001:db8::1]:8443/") == "https://[2001:db8::1]:8443"
    assert target("https://a.example?x=1") == "https://a.example/"
    with pytest.raises(ValueError, match="host"):
        origin("not an address")


@pytest.mark.parametrize(
    ("value", "kept"), [("abc-1", True), ("", False), ("a b", False), ('a"b', False), ("a" * 501, False)]
)
def test_only_a_well_formed_nonce_is_kept(value, kept):
    response = Response(401, {"DPoP-Nonce": value}, b"", "https://a.example/")
    assert nonce_of(response) == (value if kept else None)


def test_keys_are_written_as_joserfc_reads_and_names_them():
    for _ in range(300):  # one in 256 coordinates begins with a zero byte
        key = DpopKey.generate()
        read = ECKey.import_key(json.loads(key.to_json()))
        assert read.thumbprint() == key.thumbprint
        assert read.as_dict(private=False) | dict(key.public_jwk) == read.as_dict(private=False)
        assert DpopKey.from_json(key.to_json()).thumbprint == key.thumbprint


@pytest.mark.parametrize("curve", ["P-384", "secp256k1"])
def test_keys_of_other_curves_are_refused(curve):
    text = json.dumps(ECKey.generate_key(curve).as_dict(private=True))
    with pytest.raises(BadKey):
        DpopKey.from_json(text)


def test_a_public_key_is_no_key_to_sign_with():
    with pytest.raises(BadKey):
        DpopKey.from_json(json.dumps(ECKey.generate_key("P-256").as_dict(private=False)))
