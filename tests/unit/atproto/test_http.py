"""The guarded HTTP client: where it connects, what it refuses, and which errors are ambiguous."""

import contextlib
import gzip
import json
import socket
import ssl
import threading
import time
import tracemalloc
import zlib

import pytest
import werkzeug
from tests.ports import free_port

from elonara.atproto.connections import calls
from elonara.atproto.errors import AddressRefused, BodyTooLarge, MalformedResponse, NameNotFound, NetworkError, SlowBody
from elonara.atproto.http import GuardedHttp, Response

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"


@pytest.fixture
def http():
    """Makes a GuardedHttp that may connect to the given servers on this machine; closed after the test."""
    with contextlib.ExitStack() as stack:

        def make(*servers, **kwargs):
            hosts = [server if isinstance(server, str) else f"127.0.0.1:{server.port}" for server in servers]
            made = GuardedHttp(hosts, **kwargs)
            stack.callback(made.close)
            return made

        yield make


# Where it connects


@pytest.mark.promise("no-inside")
@pytest.mark.parametrize(
    "ip",
    [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "::1",
        "::ffff:127.0.0.1",
        "fe80::1%eth0",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "fd00::1",
        "224.0.0.1",
        "192.168.1.1",
    ],
)
def test_a_name_with_a_private_address_is_refused(http, httpserver, ip):
    guarded = http(resolver=lambda host, port: [(ip, httpserver.port)])
    with pytest.raises(AddressRefused) as caught:
        guarded.request("GET", "https://evil.example.com/")
    assert not caught.value.ambiguous
    assert "evil.example.com" in str(caught.value)
    assert ip not in str(caught.value)  # the message must not reveal addresses of our network
    assert httpserver.log == []


@pytest.mark.promise("no-inside")
def test_the_name_is_resolved_once_and_the_vetted_address_is_connected_to(http, monkeypatch):
    tried = []

    def refuse(address, *_, **__):
        tried.append(address)
        raise ConnectionRefusedError(111, "refused")

    monkeypatch.setattr(socket, "create_connection", refuse)
    lookups = iter([[("93.184.216.34", 443)], [("127.0.0.1", 443)]])
    guarded = http(resolver=lambda host, port: next(lookups))
    with pytest.raises(NetworkError):
        guarded.request("GET", "https://rebinding.example.com/")
    assert tried == [("93.184.216.34", 443)]
    with pytest.raises(AddressRefused):  # the second lookup is vetted as well
        guarded.request("GET", "https://rebinding.example.com/")
    assert len(tried) == 1


def test_private_addresses_among_public_ones_are_never_tried(http, monkeypatch):
    tried = []

    def refuse(address, *_, **__):
        tried.append(address[0])
        raise ConnectionRefusedError(111, "refused")

    monkeypatch.setattr(socket, "create_connection", refuse)
    addresses = [("127.0.0.1", 443), ("1.1.1.1", 443), ("::1", 443), ("10.1.2.3", 443), ("8.8.8.8", 443)]
    with pytest.raises(NetworkError) as caught:
        http(resolver=lambda host, port: addresses).request("POST", "https://mixed.example.com/", content=b"x")
    assert tried == ["1.1.1.1", "8.8.8.8"]
    assert not caught.value.ambiguous


def test_the_next_address_is_tried_when_the_first_does_not_respond(http, httpserver):
    httpserver.expect_request("/").respond_with_data("hi")
    addresses = [("127.0.0.1", free_port()), ("127.0.0.1", httpserver.port)]
    guarded = http("two.example.com:80", resolver=lambda host, port: addresses)
    assert guarded.request("GET", "http://two.example.com/").body == b"hi"


def test_localhost_is_refused_by_name_and_by_address(http, httpserver):
    for host in ("localhost", "127.0.0.1", "127.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:7f00:1]"):
        with pytest.raises(AddressRefused):
            http().request("GET", f"http://{host}:{httpserver.port}/")
        with pytest.raises(AddressRefused):
            http().request("GET", f"https://{host}/")
    assert httpserver.log == []


def test_a_name_in_the_hosts_file_of_this_machine_is_vetted_too(http):
    # The system's resolver finds this name in the hosts file, with a loopback address.
    with pytest.raises(AddressRefused):
        http(resolver=lambda host, port: calls.system_resolver("localhost", port)).request(
            "GET", "https://home.example.com/"
        )


def test_an_exempted_host_is_reached(http, httpserver):
    httpserver.expect_request("/a", query_string="x=1").respond_with_json({"yes": True})
    response = http(httpserver).request("GET", httpserver.url_for("/a"), params={"x": "1"})
    assert response.status == 200
    assert response.json() == {"yes": True}
    assert response.url.endswith("/a?x=1")


def test_an_exemption_does_not_cover_another_port(http, httpserver):
    with pytest.raises(AddressRefused):
        http(f"127.0.0.1:{httpserver.port + 1}").request("GET", httpserver.url_for("/"))


@pytest.mark.parametrize(
    "url", ["", "not an address", "https://", "https://[::1", "http:///x", "https://a b.com/", "\x00"]
)
def test_what_is_not_a_url_is_refused(http, url):
    with pytest.raises(AddressRefused):
        http().request("GET", url)


def test_proxies_of_the_environment_are_not_used(http, httpserver, monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    httpserver.expect_request("/").respond_with_data("direct")
    assert http(httpserver).request("GET", httpserver.url_for("/")).body == b"direct"


# TLS


def trusting(certificate):
    return ssl.create_default_context(cafile=certificate[0])


def test_tls_checks_the_name_and_not_the_address(http, tls_server, certificate):
    tls_server.expect_request("/").respond_with_handler(lambda request: werkzeug.Response(request.headers["host"]))
    guarded = http(
        "good.example.com:443",
        resolver=lambda host, port: [("127.0.0.1", tls_server.port)],
        ssl_context=trusting(certificate),
    )
    assert guarded.request("GET", "https://good.example.com/").body == b"good.example.com"
    assert tls_server.names == ["good.example.com"]


def test_a_certificate_for_another_name_is_refused(http, tls_server, certificate):
    guarded = http(
        "other.example.com:443",
        resolver=lambda host, port: [("127.0.0.1", tls_server.port)],
        ssl_context=trusting(certificate),
    )
    with pytest.raises(NetworkError, match="could not be reached") as caught:
        guarded.request("POST", "https://other.example.com/", content=b"secret")
    assert not caught.value.ambiguous
    assert tls_server.log == []


def test_a_self_signed_certificate_is_refused(http, tls_server):
    guarded = http("good.example.com:443", resolver=lambda host, port: [("127.0.0.1", tls_server.port)])
    with pytest.raises(NetworkError) as caught:
        guarded.request("GET", "https://good.example.com/")
    assert not caught.value.ambiguous
    assert tls_server.log == []


# Redirects


def test_a_redirect_is_returned_unless_following_was_requested(http, httpserver):
    httpserver.expect_request("/").respond_with_data(status=302, headers={"location": "/next"})
    response = http(httpserver).request("GET", httpserver.url_for("/"))
    assert response.status == 302
    assert len(httpserver.log) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed_on_request_but_without_the_callers_headers(http, httpserver, status):
    httpserver.expect_request("/").respond_with_data(status=status, headers={"location": "/next"})
    httpserver.expect_request("/next").respond_with_data("there")
    response = http(httpserver).request(
        "GET", httpserver.url_for("/"), redirects=1, headers={"Authorization": "DPoP x"}
    )
    assert response.body == b"there"
    assert response.url == httpserver.url_for("/next")
    assert [bool(request.headers.get("authorization")) for request, _ in httpserver.log] == [True, False]


def test_no_more_redirects_are_followed_than_requested(http, httpserver):
    httpserver.expect_request("/").respond_with_data(status=302, headers={"location": "/"})
    response = http(httpserver).request("GET", httpserver.url_for("/"), redirects=3)
    assert response.status == 302
    assert len(httpserver.log) == 4


@pytest.mark.promise("redirects-vetted")
@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:1/",
        "http://example.com/",
        "https://169.254.169.254/latest/",
        "https://localhost/",
        "file:///etc/passwd",
        "//127.0.0.1:22/",
        "https://2130706433/",
        "https://x@example.com/",
        "https://private.example.com/",
        "https://a..b/",
        "https://[",
    ],
)
def test_every_target_of_a_redirect_is_vetted(http, raw_server, target):
    server = raw_server(
        lambda connection: connection.sendall(
            f"HTTP/1.1 302 Found\r\nlocation: {target}\r\ncontent-length: 0\r\n\r\n".encode()
        )
    )
    guarded = http(server, resolver=lambda host, port: [("127.0.0.1", port)])
    with pytest.raises(AddressRefused):
        guarded.request("GET", server.url, redirects=3)
    assert len(server.requests) == 1


@pytest.mark.promise("redirects-vetted")
def test_a_post_is_never_redirected(http, httpserver):
    httpserver.expect_request("/").respond_with_data(status=307, headers={"location": "/next"})
    assert http(httpserver).request("POST", httpserver.url_for("/"), content=b"x", redirects=3).status == 307
    assert len(httpserver.log) == 1


# Bodies


@pytest.mark.promise("bounded-answers")
def test_a_body_may_be_as_large_as_allowed_and_no_larger(http, httpserver):
    httpserver.expect_request("/").respond_with_data(b"x" * 1000)
    guarded = http(httpserver)
    assert len(guarded.request("GET", httpserver.url_for("/"), max_bytes=1000).body) == 1000
    with pytest.raises(BodyTooLarge) as caught:
        guarded.request("GET", httpserver.url_for("/"), max_bytes=999)
    assert caught.value.ambiguous


def test_a_body_without_content_length_is_cut_off_at_the_bound(http, raw_server):
    sent = []

    def endless(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            sent.append(65536)

    server = raw_server(endless)
    with pytest.raises(BodyTooLarge):
        http(server).request("GET", server.url, max_bytes=100_000)
    time.sleep(0.05)
    assert sum(sent) < 20_000_000  # the connection was closed, the body not read to its end


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_unrequested_compression_is_undone_within_the_bound(http, httpserver, coding):
    pack = gzip.compress if coding == "gzip" else zlib.compress
    httpserver.expect_request("/small").respond_with_data(pack(b"hello"), headers={"content-encoding": coding})
    httpserver.expect_request("/bomb").respond_with_data(pack(b"0" * 50_000_000), headers={"content-encoding": coding})
    guarded = http(httpserver)
    assert guarded.request("GET", httpserver.url_for("/small")).body == b"hello"
    with pytest.raises(BodyTooLarge):
        guarded.request("GET", httpserver.url_for("/bomb"))
    assert httpserver.log[0][0].headers["accept-encoding"] == "identity"


@pytest.mark.promise("bounded-answers")
def test_a_decompression_bomb_is_refused_before_it_is_unpacked(http, httpserver):
    # One chunk of 64 KB unpacks to 60 MB, far more than the process allocates for anything else during the call.
    bomb = gzip.compress(bytes(100_000_000), 9)
    httpserver.expect_request("/").respond_with_data(bomb, headers={"content-encoding": "gzip"})
    guarded, url = http(httpserver), httpserver.url_for("/")
    tracemalloc.start()
    try:
        with pytest.raises(BodyTooLarge):
            guarded.request("GET", url, max_bytes=100_000)
        assert tracemalloc.get_traced_memory()[1] < 25_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "x" * 100])
def test_other_codings_are_refused(http, httpserver, coding):
    httpserver.expect_request("/").respond_with_data(b"hello", headers={"content-encoding": coding})
    with pytest.raises(NetworkError, match="not asked for"):
        http(httpserver).request("GET", httpserver.url_for("/"))


def test_a_broken_compressed_body_is_a_network_error(http, httpserver):
    httpserver.expect_request("/").respond_with_data(b"not gzip", headers={"content-encoding": "gzip"})
    with pytest.raises(NetworkError, match="broken body"):
        http(httpserver).request("GET", httpserver.url_for("/"))


# Time


def timed(call):
    began = time.monotonic()
    with pytest.raises(NetworkError) as caught:
        call()
    return caught.value, time.monotonic() - began


def drip(parts, seconds=0.05):
    def act(connection):
        for part in parts:
            connection.sendall(part)
            time.sleep(seconds)

    return act


SLOW = {
    "a response that never comes": drip([], 5),
    "a status line one byte at a time": drip([bytes([byte]) for byte in b"HTTP/1.1 200 OK\r\nx: " + b"y" * 500]),
    "headers without end": drip([b"HTTP/1.1 200 OK\r\n", *[b"x: y\r\n"] * 500]),
    "interim responses without end": drip([b"HTTP/1.1 103 Early Hints\r\n\r\n"] * 500),
    "a body one byte at a time": drip([b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n", *[b"x"] * 500]),
    "a body that stops": drip([b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\nx"], 5),
}


@pytest.mark.promise("bounded-answers")
@pytest.mark.parametrize("act", SLOW.values(), ids=SLOW)
def test_slow_responses_end_at_the_deadline_and_are_ambiguous(http, raw_server, act):
    server = raw_server(act)
    fault, seconds = timed(lambda: http(server).request("POST", server.url, content=b"x", deadline=0.4))
    assert isinstance(fault, SlowBody)
    assert fault.ambiguous
    assert 0.3 < seconds < 1.5


def test_a_slow_tls_handshake_ends_at_the_deadline_and_nothing_was_sent(http, raw_server):
    server = raw_server(drip([], 5))
    fault, seconds = timed(lambda: http(server).request("POST", f"https://{server.host}/", content=b"x", deadline=0.4))
    assert not fault.ambiguous
    assert seconds < 1.5


def test_a_hanging_lookup_ends_at_the_deadline_and_nothing_was_sent(http, monkeypatch):
    let_go = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: let_go.wait(5))
    fault, seconds = timed(lambda: http().request("POST", "https://slow.example.com/", content=b"x", deadline=0.3))
    let_go.set()
    assert not fault.ambiguous
    assert "in time" in str(fault)
    assert seconds < 1.5


def test_the_number_of_hanging_lookups_is_bounded(http, monkeypatch):
    let_go = threading.Event()
    running = []

    def hang(*_, **__):
        running.append(1)
        let_go.wait(5)
        raise socket.gaierror(-2, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    guarded = http()

    def ask():
        with contextlib.suppress(NetworkError):
            guarded.request("GET", "https://slow.example.com/", deadline=0.3)

    askers = [threading.Thread(target=ask) for _ in range(calls.MAX_PARALLEL_LOOKUPS + 10)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert len(running) == calls.MAX_PARALLEL_LOOKUPS
    let_go.set()


def test_redirects_share_one_deadline(http, raw_server):
    def act(connection):
        time.sleep(0.2)
        connection.sendall(b"HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n")

    server = raw_server(act)
    fault, seconds = timed(lambda: http(server).request("GET", server.url, redirects=50, deadline=0.5))
    assert isinstance(fault, SlowBody)
    assert seconds < 1.5


# Which errors are ambiguous


def test_an_unknown_name_is_not_ambiguous(http, monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(NameNotFound) as caught:
        http().request("POST", "https://nowhere.example.com/", content=b"x")
    assert not caught.value.ambiguous


def test_a_name_without_addresses_is_not_found(http):
    with pytest.raises(NameNotFound):
        http(resolver=lambda host, port: []).request("GET", "https://empty.example.com/")


def test_a_refused_connection_is_not_ambiguous(http):
    port = free_port()
    with pytest.raises(NetworkError) as caught:
        http(f"127.0.0.1:{port}").request("POST", f"http://127.0.0.1:{port}/", content=b"x")
    assert not caught.value.ambiguous


HANGS_UP = {
    "at once": lambda connection: False,
    "in the middle of the headers": lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\ncont") or False,
    "in the middle of the body": lambda c: c.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx") or False,
    "after nonsense": lambda connection: connection.sendall(b"\x16\x03\x01 what\r\n\r\n") or False,
    "after headers that are too long": lambda c: c.sendall(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 300_000) or False,
    "after wanting another protocol": lambda c: c.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"
    ),
}


@pytest.mark.parametrize("act", HANGS_UP.values(), ids=HANGS_UP)
def test_a_connection_closed_after_the_request_is_ambiguous(http, raw_server, act):
    server = raw_server(act)
    with pytest.raises(NetworkError) as caught:
        http(server).request("POST", server.url, content=b"x")
    assert caught.value.ambiguous
    assert len(server.requests) >= 1


def test_nothing_is_sent_after_the_deadline(http, raw_server):
    server = raw_server(lambda connection: connection.sendall(OK))
    fault, _ = timed(lambda: http(server).request("POST", server.url, content=b"x", deadline=0))
    assert not fault.ambiguous
    assert server.requests == []


# What is kept between requests


def test_connections_are_kept_and_shared(http, raw_server):
    server = raw_server(lambda connection: connection.sendall(OK))
    guarded = http(server)
    for _ in range(5):
        assert guarded.request("GET", server.url).body == b"hi"
    assert server.connections == 1


def test_the_deadline_belongs_to_the_call_and_not_to_the_connection(http, raw_server):
    server = raw_server(lambda connection: time.sleep(0.2) or connection.sendall(OK))
    guarded = http(server)
    assert guarded.request("GET", server.url, deadline=5).body == b"hi"
    assert timed(lambda: guarded.request("GET", server.url, deadline=0.1))[1] < 0.18
    assert guarded.request("GET", server.url, deadline=5).body == b"hi"


def test_many_threads_share_one_client(http, httpserver):
    httpserver.expect_request("/").respond_with_handler(lambda request: werkzeug.Response(request.args["n"]))
    guarded = http(httpserver)
    wrong = []

    def ask(number):
        for turn in range(5):
            response = guarded.request("GET", httpserver.url_for("/"), params={"n": f"{number}-{turn}"})
            if response.text() != f"{number}-{turn}":
                wrong.append(response)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(httpserver.log) == 60


def test_cookies_are_never_kept(http, httpserver):
    httpserver.expect_request("/").respond_with_data("x", headers={"set-cookie": "track=1; Path=/"})
    guarded = http(httpserver)
    for _ in range(2):
        guarded.request("GET", httpserver.url_for("/"))
    assert all("cookie" not in request.headers for request, _ in httpserver.log)


def test_header_names_ignore_case():
    response = Response(200, {"DPoP-Nonce": "abc"}, b"", "https://example.com/")
    assert response.headers["dpop-nonce"] == response.headers.get("DPOP-NONCE") == "abc"


def test_bodies_are_sent_as_given(http, httpserver):
    httpserver.expect_request("/").respond_with_handler(
        lambda request: werkzeug.Response(
            json.dumps([request.headers.get("content-type"), request.get_data(as_text=True)])
        )
    )
    guarded, url = http(httpserver), httpserver.url_for("/")
    sent = [
        guarded.request("POST", url, json={"a": "ü"}),
        guarded.request("POST", url, form={"a": "ü&b"}),
        guarded.request("POST", url, content=b"raw", headers={"Content-Type": "image/png"}),
        guarded.request("POST", url),
    ]
    assert [json.loads(response.body) for response in sent] == [
        ["application/json", '{"a":"ü"}'],
        ["application/x-www-form-urlencoded", "a=%C3%BC%26b"],
        ["image/png", "raw"],
        [None, ""],
    ]


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'"text"', b"null", b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_body_that_is_not_a_json_object_is_malformed(body):
    with pytest.raises(MalformedResponse) as caught:
        Response(200, {}, body, "https://example.com/secret?token=abc").json()
    assert "abc" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_messages_and_reprs_contain_neither_path_nor_body(http, raw_server):
    server = raw_server(lambda connection: False)
    with pytest.raises(NetworkError) as caught:
        http(server).request("POST", f"{server.url}path?code=s3cret", content=b"s3cret")
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in repr(Response(200, {}, b"s3cret", "https://example.com/"))
