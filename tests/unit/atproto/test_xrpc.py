"""XRPC calls: what is sent, how often, and how responses are read."""

import pytest
from tests.fakes.http import FakeHttp, reply

from elonara.atproto.errors import ErrorKind, MalformedResponse, NetworkError, XrpcError
from elonara.atproto.xrpc import MAX_RETRIES, Xrpc

PDS = "https://pds.example.com"
NSID = "app.bsky.graph.getFollowers"


class Credential:
    """An authorizer that numbers its proofs and asks for `retries` retries."""

    def __init__(self, retries=0):
        self.proofs = 0
        self.retries = retries
        self.observed = []

    def headers(self, method, url):
        self.proofs += 1
        return {"authorization": f"DPoP token {method} {url}", "dpop": f"proof-{self.proofs}"}

    def retry(self, method, url, response):
        self.retries -= 1
        return self.retries >= 0

    def observe(self, url, response):
        self.observed.append((url, response.status))


@pytest.fixture
def http():
    return FakeHttp()


def test_a_query_sends_its_parameters(http):
    http.put("GET", f"{PDS}/xrpc/{NSID}", reply(body={"followers": []}))
    params = {"actor": "did:plc:x", "limit": 50, "cursor": None, "flag": True, "uris": ["a", "b"]}
    assert Xrpc(http).query(PDS, NSID, params, proxy="did:web:api.example.com#bsky_appview") == {"followers": []}
    asked = http.asked[0]
    assert asked.url == f"{PDS}/xrpc/{NSID}?actor=did%3Aplc%3Ax&limit=50&flag=true&uris=a&uris=b"
    assert asked.headers["atproto-proxy"] == "did:web:api.example.com#bsky_appview"
    assert "authorization" not in asked.headers


def test_a_procedure_sends_json_bytes_or_nothing(http):
    http.put("POST", f"{PDS}/xrpc/a.b.c", reply(body={}))
    xrpc = Xrpc(http)
    xrpc.procedure(f"{PDS}/", "a.b.c", {"text": "ü"})
    xrpc.procedure(PDS, "a.b.c", content=b"\x89PNG", content_type="image/png")
    xrpc.procedure(PDS, "a.b.c")
    assert [(asked.headers.get("content-type"), asked.body) for asked in http.asked] == [
        ("application/json", '{"text":"ü"}'.encode()),
        ("image/png", b"\x89PNG"),
        (None, b""),
    ]


def test_a_procedure_may_have_an_empty_response_but_a_query_may_not(http):
    http.put("POST", f"{PDS}/xrpc/a.b.c", reply(body=b""))
    http.put("GET", f"{PDS}/xrpc/a.b.c", reply(body=b""))
    assert Xrpc(http).procedure(PDS, "a.b.c") == {}
    with pytest.raises(MalformedResponse):
        Xrpc(http).query(PDS, "a.b.c")


def test_an_error_response_is_classified_by_its_method(http):
    nsid = "com.atproto.repo.createRecord"
    http.put("POST", f"{PDS}/xrpc/{nsid}", reply(500, {"error": "InternalServerError"}))
    with pytest.raises(XrpcError) as caught:
        Xrpc(http).procedure(PDS, nsid, {})
    assert caught.value.kind is ErrorKind.RECORD_EXISTS_OR_SERVER
    assert caught.value.ambiguous


@pytest.mark.parametrize("status", [201, 204, 301, 302, 304])
def test_any_other_success_is_malformed(http, status):
    http.put("POST", f"{PDS}/xrpc/a.b.c", reply(status, {}))
    with pytest.raises(MalformedResponse) as caught:
        Xrpc(http).procedure(PDS, "a.b.c")
    assert caught.value.status == status


@pytest.mark.parametrize("status", [400, 401])
def test_each_attempt_has_its_own_proof(http, status):
    http.put("POST", f"{PDS}/xrpc/a.b.c", reply(status, {"error": "use_dpop_nonce"}), reply(body={"ok": 1}))
    credential = Credential(retries=1)
    assert Xrpc(http).procedure(PDS, "a.b.c", {"a": 1}, auth=credential) == {"ok": 1}
    assert [asked.headers["dpop"] for asked in http.asked] == ["proof-1", "proof-2"]
    assert [asked.json for asked in http.asked] == [{"a": 1}, {"a": 1}]
    assert credential.observed == [(f"{PDS}/xrpc/a.b.c", status), (f"{PDS}/xrpc/a.b.c", 200)]


def test_the_proof_is_for_the_url_without_its_query(http):
    http.put("GET", f"{PDS}/xrpc/{NSID}", reply(body={}))
    Xrpc(http).query(PDS, NSID, {"actor": "x"}, auth=Credential())
    assert http.asked[0].headers["authorization"] == f"DPoP token GET {PDS}/xrpc/{NSID}"


def test_an_authorizer_that_always_retries_is_stopped(http):
    http.put("GET", f"{PDS}/xrpc/a.b.c", reply(401, {"error": "use_dpop_nonce"}))
    with pytest.raises(XrpcError) as caught:
        Xrpc(http).query(PDS, "a.b.c", auth=Credential(retries=99))
    assert caught.value.kind is ErrorKind.USE_DPOP_NONCE
    assert len(http.asked) == MAX_RETRIES + 1


@pytest.mark.parametrize("status", [403, 404, 429, 500, 502])
def test_other_errors_are_never_retried(http, status):
    http.put("POST", f"{PDS}/xrpc/a.b.c", reply(status, {}))
    with pytest.raises(XrpcError):
        Xrpc(http).procedure(PDS, "a.b.c", auth=Credential(retries=99))
    assert len(http.asked) == 1


def test_a_network_error_is_never_retried(http):
    http.put("POST", f"{PDS}/xrpc/a.b.c", NetworkError("lost", ambiguous=True))
    with pytest.raises(NetworkError):
        Xrpc(http).procedure(PDS, "a.b.c", auth=Credential(retries=99))
    assert len(http.asked) == 1
