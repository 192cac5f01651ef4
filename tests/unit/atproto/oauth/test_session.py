"""Requests to the PDS with a DPoP-bound token: nonces, refused tokens and retries."""

import base64
import hashlib
import json
import threading

import pytest
from tests.fakes.oauth import ALICE

from elonara.atproto.errors import ErrorKind, XrpcError
from elonara.atproto.http import Response
from elonara.atproto.oauth.secret import Secret
from elonara.atproto.oauth.session import DpopAuth, error_of
from elonara.atproto.xrpc import Xrpc

NSID = "com.atproto.server.getSession"


@pytest.fixture
def xrpc(network):
    return Xrpc(network)


class Renewals:
    """Stands in for the session store: gives its tokens one after the other, each time a token was refused."""

    def __init__(self, *tokens):
        self.tokens, self.calls, self.still_refused = list(tokens), 0, 0

    def __call__(self):
        self.calls += 1
        return self.tokens.pop(0) if self.tokens else None

    def moved(self):
        self.still_refused += 1


@pytest.fixture
def auth(signed_in, nonces):
    started, tokens = signed_in

    def make(renewals=None, token=None):
        return DpopAuth(
            started.dpop_key,
            token or tokens.access_token,
            nonces,
            on_invalid_token=renewals,
            on_still_refused=renewals.moved if renewals else None,
        )

    return make


def test_a_signed_request_is_accepted_after_one_nonce(xrpc, auth, server, network):
    assert xrpc.query(server.pds, NSID, auth=auth())["did"] == ALICE
    first, second = network.sent(NSID)
    assert first.headers["authorization"].startswith("DPoP ")
    assert first.headers["dpop"] != second.headers["dpop"]


def test_the_next_request_uses_the_nonce(xrpc, auth, server, network):
    signed = auth()
    xrpc.query(server.pds, NSID, auth=signed)
    xrpc.procedure(server.pds, NSID, {"x": 1}, auth=auth())
    assert len(network.sent(NSID)) == 3


def test_a_nonce_that_comes_with_a_success_is_used_next(xrpc, auth, server, network, nonces):
    signed = auth()
    xrpc.query(server.pds, NSID, auth=signed)
    server.nonce["pds"] = "pds-nonce-2"
    signed.observe(server.pds + "/xrpc/x", Response(200, {"dpop-nonce": "pds-nonce-2"}, b"{}", ""))
    asked = len(network.sent(NSID))
    xrpc.query(server.pds, NSID, auth=signed)
    assert len(network.sent(NSID)) == asked + 1


def test_nonces_of_two_origins_and_of_two_keys_are_kept_apart(xrpc, auth, server, nonces, signed_in):
    xrpc.query(server.pds, NSID, auth=auth())
    thumbprint = signed_in[0].dpop_key.thumbprint
    assert nonces.get(thumbprint, server.pds) == "pds-nonce-1"
    assert nonces.get(thumbprint, server.issuer) == "as-nonce-1"
    assert nonces.get("another key", server.pds) is None


def test_a_pds_that_always_wants_another_nonce_is_asked_twice_and_no_more(xrpc, auth, server, network):
    server.nonce_loop = True
    with pytest.raises(XrpcError) as caught:
        xrpc.query(server.pds, NSID, auth=auth(Renewals("x")))
    assert caught.value.kind is ErrorKind.USE_DPOP_NONCE
    assert len(network.sent(NSID)) == 2


@pytest.mark.promise("bound-tokens")
def test_the_proof_binds_the_token_and_leaves_the_query_out(xrpc, auth, server, network):
    xrpc.query(server.pds, NSID, {"actor": ALICE}, auth=auth())
    request = network.sent(NSID)[-1]
    claims = json.loads(base64.urlsafe_b64decode(request.headers["dpop"].split(".")[1] + "=="))
    token = request.headers["authorization"].removeprefix("DPoP ")
    assert claims["htu"] == f"{server.pds}/xrpc/{NSID}"
    assert claims["ath"] == base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()


def test_a_refused_token_is_replaced_and_the_request_sent_again(xrpc, auth, server, signed_in):
    renewals = Renewals(signed_in[1].access_token)
    signed = auth(renewals, token="expired")
    assert xrpc.query(server.pds, NSID, auth=signed)["did"] == ALICE
    assert (renewals.calls, renewals.still_refused) == (1, 0)
    xrpc.query(server.pds, NSID, auth=signed)
    assert renewals.calls == 1  # the new token stays


def test_the_store_is_read_twice_at_most_then_the_did_is_resolved_and_the_request_fails(xrpc, auth, server, network):
    renewals = Renewals("other", Secret("another"), "yet another")
    with pytest.raises(XrpcError) as caught:
        xrpc.query(server.pds, NSID, auth=auth(renewals, token="expired"))
    assert caught.value.kind is ErrorKind.TOKEN_INVALID
    assert (renewals.calls, renewals.still_refused) == (2, 1)
    assert len(network.sent(NSID)) == 4  # nonce, expired, other, another


def test_without_a_stored_token_the_request_fails_at_once(xrpc, auth, server, network):
    renewals = Renewals()
    with pytest.raises(XrpcError):
        xrpc.query(server.pds, NSID, auth=auth(renewals, token="expired"))
    assert (renewals.calls, renewals.still_refused) == (1, 0)


def test_a_token_that_was_refused_is_not_tried_again(xrpc, auth, server, network):
    renewals = Renewals("expired")
    with pytest.raises(XrpcError):
        xrpc.query(server.pds, NSID, auth=auth(renewals, token="expired"))
    assert (renewals.calls, renewals.still_refused) == (1, 1)
    assert len(network.sent(NSID)) == 2


def test_the_next_request_may_ask_the_store_again(xrpc, auth, server):
    renewals = Renewals(None, None)
    signed = auth(renewals, token="expired")
    for _ in range(2):
        with pytest.raises(XrpcError):
            xrpc.query(server.pds, NSID, auth=signed)
    assert renewals.calls == 2


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, "InvalidToken"),
        (401, "invalid_dpop_proof"),
        (401, "AccountDeactivated"),
        (401, "AuthMissing"),
        (403, "ScopeMissingError"),
        (400, "InvalidRequest"),
    ],
)
def test_other_errors_are_not_retried(auth, server, status, error):
    renewals = Renewals("another")
    signed = auth(renewals)
    refused = Response(status, {}, json.dumps({"error": error, "message": "m"}).encode(), "")
    assert not signed.retry("GET", f"{server.pds}/xrpc/x", refused)
    assert renewals.calls == 0


def test_use_dpop_nonce_without_a_nonce_is_not_retried(auth, server):
    assert not auth().retry("GET", f"{server.pds}/x", Response(401, {}, b'{"error":"use_dpop_nonce"}', ""))


def test_the_error_is_read_from_the_challenge_where_the_body_has_none():
    challenge = {"www-authenticate": 'DPoP algs="ES256", error="use_dpop_nonce", error_description="x"'}
    assert error_of(Response(401, challenge, b"<html>", "")) == "use_dpop_nonce"
    assert error_of(Response(401, {}, b"[]", "")) == ""
    assert error_of(Response(401, {}, b'{"error": 5}', "")) == ""


def test_threads_share_one_authorizer_and_each_has_its_own_retries(xrpc, auth, server, signed_in):
    lock, calls = threading.Lock(), []

    def renew():
        with lock:
            calls.append(1)
            return signed_in[1].access_token

    signed = auth(token="expired")
    signed._on_invalid_token = renew
    outcomes = []
    threads = [
        threading.Thread(target=lambda: outcomes.append(xrpc.query(server.pds, NSID, auth=signed)["did"]))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == [ALICE] * 8


def test_a_token_that_another_thread_has_renewed_meanwhile_is_tried(auth, server, signed_in):
    """Refused with the old token, while another thread had already stored the new one in the shared authorizer."""
    refused = Response(401, {}, b'{"error":"invalid_token"}', "")
    renewals = Renewals(*[signed_in[1].access_token] * 3)
    signed = auth(renewals, token="expired")
    url = f"{server.pds}/xrpc/x"
    signed.headers("GET", url)
    other = threading.Thread(target=lambda: (signed.headers("GET", url), signed.retry("GET", url, refused)))
    other.start()
    other.join()
    assert signed.retry("GET", url, refused)
    signed.headers("GET", url)
    assert not signed.retry("GET", url, refused)  # this time it is the new one that was refused
