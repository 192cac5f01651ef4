"""Resolving handles and DIDs, in both directions, by DNS, https, PLC directory, did:web and a configured resolver."""

import pytest
from tests.fakes.http import FakeHttp, reply

from elonara.atproto.cache import TtlCache
from elonara.atproto.dns import DnsTxt
from elonara.atproto.errors import AddressRefused, IdentityError, NameNotFound, NetworkError
from elonara.atproto.http import GuardedHttp
from elonara.atproto.identity import MAX_CACHE_SECONDS, IdentityResolver

ALICE = "did:plc:alice2de2dwap2sbkpav7c6c"
BOB = "did:plc:bobbb2de2dwap2sbkpav7c6c"
PLC = "https://plc.example.com"
PDS = "https://pds.example.com"
RESOLVER = "https://resolver.example.com"
RESOLVE = f"{RESOLVER}/xrpc/com.atproto.identity.resolveHandle"


def document(did, *names, pds=PDS, **more):
    service = {"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": pds}
    return {"id": did, "alsoKnownAs": [f"at://{name}" for name in names], "service": [service], **more}


class FakeDns:
    """TXT records by name; an exception stored there is raised."""

    def __init__(self, **_):
        self.records = {}
        self.asked = []

    def __call__(self, name):
        self.asked.append(name)
        found = self.records.get(name, [])
        if isinstance(found, Exception):
            raise found
        return found


@pytest.fixture
def http():
    fake = FakeHttp()
    fake.put("GET", f"{PLC}/{ALICE}", reply(body=document(ALICE, "alice.com")))
    return fake


@pytest.fixture
def dns():
    fake = FakeDns()
    fake.records["_atproto.alice.com"] = ["v=spf1 -all", f"did={ALICE}"]
    return fake


@pytest.fixture
def resolver(http, dns):
    return IdentityResolver(http, plc_url=PLC + "/", handle_resolver_url=RESOLVER, dns=dns)


def refused(call, *args, **kwargs):
    with pytest.raises(IdentityError) as caught:
        call(*args, **kwargs)
    return caught.value.reason


# From a handle to a DID


def test_dns_is_queried_first(resolver, http, dns):
    assert resolver.resolve_handle("alice.com") == ALICE
    assert dns.asked == ["_atproto.alice.com"]
    assert http.asked == []


def test_then_https_following_three_redirects_at_most(resolver, http):
    http.put("GET", "https://bob.com/.well-known/atproto-did", reply(body=f"\n{BOB}\n".encode()))
    assert resolver.resolve_handle("bob.com") == BOB
    assert http.asked[0].redirects == 3


def test_https_is_used_where_dns_does_not_respond(resolver, http, dns):
    dns.records["_atproto.bob.com"] = NetworkError("timeout", ambiguous=False)
    http.put("GET", "https://bob.com/.well-known/atproto-did", reply(body=BOB.encode()))
    assert resolver.resolve_handle("bob.com") == BOB


def test_a_typed_handle_is_normalized(resolver):
    assert resolver.resolve("@Alice.COM ").handle == "alice.com"


def test_dns_that_names_two_accounts_is_refused_even_if_https_names_one(resolver, http, dns):
    dns.records["_atproto.bob.com"] = [f"did={ALICE}", f"did={BOB}"]
    http.put("GET", "https://bob.com/.well-known/atproto-did", reply(body=BOB.encode()))
    assert refused(resolver.resolve_handle, "bob.com") == "handle_not_found"
    assert http.asked == []


def test_the_same_did_twice_in_dns_is_accepted(resolver, dns):
    dns.records["_atproto.bob.com"] = [f"did={BOB}", f"did={BOB}"]
    assert resolver.resolve_handle("bob.com") == BOB


@pytest.mark.parametrize(
    "handle", ["", "bob", "@", "bob..com", "bob.com/x", "127.0.0.1", "handle.invalid", "a b.com", "bob.com:80"]
)
def test_what_is_not_a_handle_is_refused_without_a_request(resolver, http, dns, handle):
    assert refused(resolver.resolve_handle, handle) == "bad_handle"
    assert http.asked == dns.asked == []


@pytest.mark.parametrize("body", [b"", b"not a did", b"did:plc:", b"<html>", b"\xff\xfe", f"{BOB} {ALICE}".encode()])
def test_a_site_without_a_did_names_no_account(resolver, http, body):
    http.put("GET", "https://bob.com/.well-known/atproto-did", reply(body=body))
    assert refused(resolver.resolve_handle, "bob.com") == "handle_not_found"


@pytest.mark.parametrize(
    ("response", "dns_responds", "reason"),
    [
        (reply(404), True, "handle_not_found"),
        (reply(302, headers={"location": "/"}), True, "unreachable"),
        (reply(500), True, "unreachable"),
        (reply(429), True, "unreachable"),
        (NameNotFound("no such name"), True, "handle_not_found"),
        (NameNotFound("no such name"), False, "unreachable"),
        (AddressRefused("private"), True, "handle_not_found"),
        (AddressRefused("private"), False, "handle_not_found"),
        (NetworkError("refused", ambiguous=False), True, "unreachable"),
    ],
)
def test_missing_is_distinguished_from_unreachable(resolver, http, dns, response, dns_responds, reason):
    if not dns_responds:
        dns.records["_atproto.bob.com"] = NetworkError("timeout", ambiguous=False)
    http.put("GET", "https://bob.com/.well-known/atproto-did", response)
    assert refused(resolver.resolve_handle, "bob.com") == reason


@pytest.mark.parametrize("tld", ["test", "local", "localhost", "internal", "onion", "example", "arpa", "alt"])
def test_closed_tlds_go_to_the_configured_resolver_alone(http, dns, tld):
    http.put("GET", RESOLVE, reply(body={"did": BOB}))
    with_resolver = IdentityResolver(http, plc_url=PLC, handle_resolver_url=RESOLVER, dns=dns)
    without = IdentityResolver(http, plc_url=PLC, dns=dns)
    assert refused(without.resolve_handle, f"bob.{tld}") == "bad_handle"
    assert http.asked == []
    assert with_resolver.resolve_handle(f"bob.{tld}") == BOB
    assert dns.asked == []
    assert http.paths() == ["GET /xrpc/com.atproto.identity.resolveHandle"]


def test_the_configured_resolver_is_not_used_for_public_names(resolver, http):
    http.put("GET", RESOLVE, reply(body={"did": BOB}))
    assert refused(resolver.resolve_handle, "bob.com") == "handle_not_found"
    assert all(RESOLVER not in asked.url for asked in http.asked)


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (reply(400, {"error": "InvalidRequest", "message": "Unable to resolve handle"}), "handle_not_found"),
        (reply(400, {"error": "HandleNotFound"}), "handle_not_found"),
        (reply(body={"did": "nonsense"}), "handle_not_found"),
        (reply(body={}), "handle_not_found"),
        (reply(body=b"<html>"), "unreachable"),
        (reply(502), "unreachable"),
        (reply(429), "unreachable"),
        (NetworkError("down", ambiguous=False), "unreachable"),
    ],
)
def test_the_resolvers_errors_have_their_reasons(resolver, http, response, reason):
    http.put("GET", RESOLVE, response)
    assert refused(resolver.resolve_handle, "bob.test") == reason


# From a DID to its document


def test_the_directory_gives_the_document(resolver):
    found = resolver.resolve_did(ALICE)
    assert (found.did, found.handle, found.pds_url) == (ALICE, "alice.com", PDS)


def test_a_did_web_is_fetched_from_its_host(resolver, http):
    http.put("GET", "https://carol.com/.well-known/did.json", reply(body=document("did:web:carol.com", "carol.com")))
    http.put("GET", "https://carol.com/.well-known/atproto-did", reply(body=b"did:web:carol.com"))
    identity = resolver.resolve("did:web:carol.com")
    assert (identity.handle, identity.pds_url) == ("carol.com", PDS)
    assert http.asked[0].redirects == 0


@pytest.mark.parametrize(
    "did",
    [
        "",
        "did:plc:short",
        "did:plc:ALICE2DE2DWAP2SBKPAV7C6C",
        "did:web:",
        "did:web:localhost",
        "did:web:127.0.0.1",
        "did:web:a.com:path",
        "did:web:a.com%2F..%2Fx",
        "did:web:a.com%3Ax",
        "did:web:user%40a.com",
        "did:web:a.com%3A80%3A1",
        "did:web:a.com%23x",
        "did:web:%5B%3A%3A1%5D",
        "did:key:zQ3shZc2QzApp2oymGvQbzP8",
        "alice.com",
        f"{ALICE}/x",
        f"{ALICE}?x",
    ],
)
def test_an_unsupported_did_is_refused_without_a_request(resolver, http, did):
    assert refused(resolver.resolve_did, did) == "did_malformed"
    assert http.asked == []


def test_a_did_web_on_a_private_host_is_refused(dns):
    guarded = GuardedHttp(resolver=lambda host, port: [("127.0.0.1", port)])
    resolver = IdentityResolver(guarded, plc_url=PLC, dns=dns)
    assert refused(resolver.resolve_did, "did:web:evil.com") == "did_not_found"
    assert refused(resolver.resolve_did, "did:web:evil.com%3A8443") == "did_not_found"
    assert refused(resolver.resolve_handle, "evil.com") == "handle_not_found"


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (reply(404, {"message": "DID not registered"}), "did_not_found"),
        (reply(410, {"message": "DID not available"}), "did_not_found"),
        (reply(500), "unreachable"),
        (reply(429), "unreachable"),
        (reply(301, headers={"location": "https://elsewhere.example.com"}), "unreachable"),
        (reply(body=b"<html>"), "did_malformed"),
        (reply(body=b"[]"), "did_malformed"),
        (reply(body={}), "did_malformed"),
        (reply(body=document(ALICE, "bob.com")), "did_malformed"),
        (NetworkError("down", ambiguous=False), "unreachable"),
        (NameNotFound("no such name"), "unreachable"),
    ],
)
def test_the_directorys_errors_have_their_reasons(resolver, http, response, reason):
    http.put("GET", f"{PLC}/{BOB}", response)
    assert refused(resolver.resolve_did, BOB) == reason


@pytest.mark.parametrize(
    ("endpoint", "origin"),
    [
        ("https://pds.example.com", "https://pds.example.com"),
        ("https://PDS.example.com/", "https://pds.example.com"),
        ("https://pds.example.com:443", "https://pds.example.com"),
        ("http://127.0.0.1:2583", "http://127.0.0.1:2583"),
        ("http://[::1]:2583", "http://[::1]:2583"),
        ("https://pds.example.com/path", ""),
        ("https://pds.example.com?x", ""),
        ("https://pds.example.com#x", ""),
        ("https://me:secret@pds.example.com", ""),
        ("ftp://pds.example.com", ""),
        ("javascript:alert(1)", ""),
        ("https://", ""),
        ("https://pds.example.com:99999", ""),
        ("https://[", ""),
        ("", ""),
        (None, ""),
        (["https://pds.example.com"], ""),
    ],
)
def test_a_pds_url_is_an_origin_or_refused(resolver, http, endpoint, origin):
    http.put("GET", f"{PLC}/{BOB}", reply(body=document(BOB, "bob.com", pds=endpoint)))
    assert resolver.resolve_did(BOB).pds_url == origin


@pytest.mark.parametrize(
    "more",
    [
        {"service": []},
        {"service": None},
        {"service": [None, "x", {"id": 5}]},
        {"service": [{"id": "#other", "type": "AtprotoPersonalDataServer", "serviceEndpoint": PDS}]},
        {"service": [{"id": "#atproto_pds", "type": "Other", "serviceEndpoint": PDS}]},
    ],
)
def test_an_account_without_a_pds_is_an_error(resolver, http, dns, more):
    http.put("GET", f"{PLC}/{BOB}", reply(body=document(BOB, "bob.com") | more))
    dns.records["_atproto.bob.com"] = [f"did={BOB}"]
    assert refused(resolver.resolve, "bob.com") == "no_pds"
    assert refused(resolver.resolve, BOB) == "no_pds"


def test_a_service_id_may_include_the_did(resolver, http):
    service = {"id": f"{BOB}#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": PDS}
    http.put("GET", f"{PLC}/{BOB}", reply(body={"id": BOB, "service": [service]}))
    found = resolver.resolve_did(BOB)
    assert (found.handle, found.pds_url) == ("", PDS)


# Handle and DID in both directions


def test_a_handle_that_the_document_confirms_is_the_identity(resolver):
    identity = resolver.resolve("alice.com")
    assert (identity.did, identity.handle, identity.pds_url) == (ALICE, "alice.com", PDS)
    assert resolver.resolve(ALICE) == identity


@pytest.mark.promise("handles-both-ways")
def test_a_handle_that_claims_somebody_elses_account_is_a_mismatch(resolver, dns):
    dns.records["_atproto.evil.com"] = [f"did={ALICE}"]
    assert refused(resolver.resolve, "evil.com") == "handle_mismatch"


@pytest.mark.parametrize("names", [[], ["bob.com"], ["nonsense"], ["evil.com", "bob.com"]])
def test_from_a_did_a_handle_that_is_not_confirmed_is_invalid(resolver, http, dns, names):
    http.put("GET", f"{PLC}/{BOB}", reply(body=document(BOB, *names)))
    dns.records["_atproto.evil.com"] = [f"did={ALICE}"]
    identity = resolver.resolve(BOB)
    assert (identity.did, identity.handle, identity.pds_url) == (BOB, "handle.invalid", PDS)


def test_an_unreachable_handle_is_not_cached_as_invalid(resolver, dns):
    dns.records["_atproto.alice.com"] = NetworkError("timeout", ambiguous=False)
    assert resolver.resolve(ALICE).handle == "handle.invalid"
    dns.records["_atproto.alice.com"] = [f"did={ALICE}"]
    assert resolver.resolve(ALICE).handle == "alice.com"


# Caching


def test_results_are_cached(resolver, http, dns):
    for _ in range(3):
        resolver.resolve("alice.com")
    assert len(http.asked) == len(dns.asked) == 1


def test_fresh_bypasses_and_renews_the_cache(resolver, http):
    resolver.resolve("alice.com")
    http.put("GET", f"{PLC}/{ALICE}", reply(body=document(ALICE, "alice.com", pds="https://moved.example.com")))
    assert resolver.resolve("alice.com").pds_url == PDS
    assert resolver.resolve("alice.com", fresh=True).pds_url == "https://moved.example.com"
    assert resolver.resolve(ALICE).pds_url == "https://moved.example.com"


def test_a_changed_handle_is_noticed_in_spite_of_the_cache(resolver, http, dns):
    resolver.resolve("alice.com")
    http.put("GET", f"{PLC}/{ALICE}", reply(body=document(ALICE, "alice.org")))
    dns.records["_atproto.alice.org"] = [f"did={ALICE}"]
    assert resolver.resolve("alice.org").did == ALICE


def test_a_handle_that_moved_to_another_account_is_noticed(resolver, http, dns):
    resolver.resolve("alice.com")
    http.put("GET", f"{PLC}/{ALICE}", reply(body=document(ALICE, "alice.org")))
    resolver.resolve_did(ALICE, fresh=True)
    http.put("GET", f"{PLC}/{BOB}", reply(body=document(BOB, "alice.com")))
    dns.records["_atproto.alice.com"] = [f"did={BOB}"]
    assert resolver.resolve("alice.com").did == BOB


def test_failures_are_not_cached(resolver, http):
    http.put("GET", f"{PLC}/{BOB}", reply(500), reply(body=document(BOB, "bob.com")))
    assert refused(resolver.resolve_did, BOB) == "unreachable"
    assert resolver.resolve_did(BOB).handle == "bob.com"


def test_the_cache_lasts_less_than_ten_minutes():
    assert MAX_CACHE_SECONDS < 600


def test_a_ttl_cache_evicts_expired_and_surplus_items():
    now = [0.0]
    memory = TtlCache[str](ttl=10, size=2, clock=lambda: now[0])
    memory.put("a", "1")
    now[0] = 9.9
    assert memory.get("a") == "1"
    now[0] = 10
    assert memory.get("a") is None
    for name in "bcd":
        memory.put(name, name)
    assert [memory.get(name) for name in "bcd"] == [None, "c", "d"]
    memory.forget("c")
    assert memory.get("c") is None


def test_unresponsive_name_servers_are_a_network_error(monkeypatch):
    import dns.exception
    import dns.resolver

    asked = []

    class Silent:
        def __init__(self):
            pass

        def resolve(self, name, kind, **options):
            asked.append((name, kind, options["lifetime"], options["search"]))
            raise dns.exception.Timeout

    monkeypatch.setattr(dns.resolver, "Resolver", Silent)
    with pytest.raises(NetworkError) as caught:
        DnsTxt(timeout=2)("_atproto.alice.com")
    assert asked == [("_atproto.alice.com", "TXT", 2, False)]
    assert not caught.value.ambiguous


@pytest.mark.parametrize("absence", ["NXDOMAIN", "NoAnswer"])
def test_a_name_without_txt_is_no_error(monkeypatch, absence):
    import dns.resolver

    class Empty:
        def resolve(self, *_, **__):
            raise getattr(dns.resolver, absence).__new__(getattr(dns.resolver, absence))

    monkeypatch.setattr(dns.resolver, "Resolver", Empty)
    assert DnsTxt()("_atproto.alice.com") == []


def test_the_parts_of_a_txt_record_are_joined(monkeypatch):
    import dns.rdataclass
    import dns.rdatatype
    import dns.resolver
    from dns.rdtypes.ANY.TXT import TXT

    class Full:
        def resolve(self, *_, **__):
            kind = (dns.rdataclass.IN, dns.rdatatype.TXT)
            return [TXT(*kind, [b"did=did:plc:", b"alice"]), TXT(*kind, [b"\xff"])]

    monkeypatch.setattr(dns.resolver, "Resolver", Full)
    assert DnsTxt()("_atproto.alice.com") == ["did=did:plc:alice", "\ufffd"]
