"""HTTP/1.1 as bytes: what is read, in whatever pieces it comes, and what is refused."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elonara.atproto.connections.http1 import MAX_HEAD_BYTES, Headers, ProtocolError, Response1, request_bytes
from elonara.atproto.errors import NetworkError
from elonara.atproto.http import GuardedHttp


class Pieces:
    """A connection on which these bytes arrive, `size` at a time."""

    def __init__(self, data, size=65_536):
        self.data, self.size = data, size

    def read(self, max_bytes):
        part = self.data[: min(self.size, max_bytes)]
        self.data = self.data[len(part) :]
        return part


def read(data, method="GET", size=65_536):
    response = Response1(Pieces(data, size), method)
    return response.status, b"".join(response.iter_raw()), response.reusable


HEAD = b"HTTP/1.1 200 OK\r\n"
READ = {
    "a length": (HEAD + b"content-length: 2\r\n\r\nhi", b"hi", True),
    "the same length twice": (HEAD + b"content-length: 2\r\nContent-Length: 2\r\n\r\nhi", b"hi", True),
    "the same length in one header": (HEAD + b"content-length: 2, 2\r\n\r\nhi", b"hi", True),
    "an empty body": (HEAD + b"content-length: 0\r\n\r\n", b"", True),
    "chunks": (HEAD + b"transfer-encoding: chunked\r\n\r\n1\r\nh\r\n1;x=y\r\ni\r\n0\r\n\r\n", b"hi", True),
    "chunks with trailers": (HEAD + b"Transfer-Encoding: Chunked\r\n\r\n2\r\nhi\r\n0\r\na: b\r\n\r\n", b"hi", True),
    "until the end": (HEAD + b"x: y\r\n\r\nhi", b"hi", False),
    "a server that closes": (HEAD + b"connection: Close\r\ncontent-length: 2\r\n\r\nhi", b"hi", False),
    "an old server": (b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi", b"hi", False),
    "no reason": (b"HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nhi", b"hi", True),
    "interim responses": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"
        + HEAD
        + b"content-length: 2\r\n\r\nhi",
        b"hi",
        True,
    ),
    "no headers": (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
    "a length where there is no body": (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", b"", True),
}


@pytest.mark.parametrize("size", [65_536, 7, 1])
@pytest.mark.parametrize("case", READ)
def test_responses_are_read_in_whatever_pieces_they_come(case, size):
    data, body, reusable = READ[case]
    assert read(data, size=size)[1:] == (body, reusable)


def test_the_answer_to_head_has_no_body():
    assert read(HEAD + b"content-length: 9\r\n\r\n", "HEAD") == (200, b"", True)


TWO_WAYS = {
    "two lengths": b"content-length: 2\r\ncontent-length: 3\r\n\r\nhi",
    "a length beside chunks": b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "another coding": b"transfer-encoding: gzip\r\n\r\nhi",
    "two codings": b"transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "a negative length": b"content-length: -2\r\n\r\nhi",
    "a signed length": b"content-length: +2\r\n\r\nhi",
    "a hexadecimal length": b"content-length: 0x2\r\n\r\nhi",
    "a length in other digits": "content-length: ²\r\n\r\nhi".encode("latin-1"),
    "an empty length": b"content-length: \r\n\r\nhi",
    "a length without end": b"content-length: " + b"9" * 40 + b"\r\n\r\nhi",
    "a folded header": b"x: y\r\n content-length: 2\r\n\r\nhi",
    "a space before the colon": b"content-length : 2\r\n\r\nhi",
    "a header without a name": b": 2\r\n\r\nhi",
    "no colon": b"nonsense\r\n\r\nhi",
    "a zero byte": b"x: \x00\r\ncontent-length: 2\r\n\r\nhi",
    "a lone newline": b"x: y\ncontent-length: 2\r\n\r\nhi",
    "a signed chunk": b"transfer-encoding: chunked\r\n\r\n+2\r\nhi\r\n0\r\n\r\n",
    "a chunk that is longer": b"transfer-encoding: chunked\r\n\r\n2\r\nhix\r\n0\r\n\r\n",
    "a chunk without a size": b"transfer-encoding: chunked\r\n\r\n\r\nhi\r\n0\r\n\r\n",
}


@pytest.mark.promise("bounded-answers")
@pytest.mark.parametrize("case", TWO_WAYS)
def test_what_can_be_read_in_two_ways_is_refused(case):
    with pytest.raises(ProtocolError):
        read(HEAD + TWO_WAYS[case])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTTP/1.1 200 O",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 99 x\r\n\r\n",
        b"HTTP/1.1  200 OK\r\n\r\n",
        b"ICY 200 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        HEAD + b"content-length: 3\r\n\r\nhi",
        HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n",
        HEAD + b"x: " + b"y" * (2 * MAX_HEAD_BYTES),
        HEAD + b"x: y\r\n" * MAX_HEAD_BYTES,
        HEAD + b"transfer-encoding: chunked\r\n\r\n" + b"0" * (2 * MAX_HEAD_BYTES),
        HEAD + b"transfer-encoding: chunked\r\n\r\n0\r\n" + b"x: y\r\n" * MAX_HEAD_BYTES + b"\r\n",
    ],
    ids=range(13),
)
def test_what_is_no_whole_response_is_refused(data):
    with pytest.raises(ProtocolError):
        read(data)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_response_or_refused(data):
    for begin in (b"", HEAD, HEAD + b"transfer-encoding: chunked\r\n\r\n"):
        try:
            status, body, _ = read(begin + data)
        except ProtocolError:
            continue
        assert 200 <= status <= 999
        assert len(body) <= len(data)


@pytest.mark.parametrize("text", ["x\r\nevil: 1", "x\nevil: 1", "x\x00", "ü"])
def test_a_request_holds_no_line_that_a_value_brought_along(text):
    for target, headers in ((f"/{text}", {}), ("/", {"dpop": text}), ("/", {text: "x"})):
        with pytest.raises(ProtocolError) as caught:
            request_bytes("POST", target, headers, b"secret")
        assert text not in str(caught.value)


def test_a_value_that_cannot_be_sent_is_not_ambiguous(raw_server):
    server = raw_server(lambda connection: None)
    http = GuardedHttp([server.host])
    with pytest.raises(NetworkError) as caught:
        http.request("POST", server.url, headers={"authorization": "DPoP a\r\nb"})
    assert not caught.value.ambiguous
    assert server.requests == []
    http.close()


def test_bytes_behind_a_response_never_begin_the_next_one(raw_server):
    evil = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"
    server = raw_server(lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi" + evil))
    http = GuardedHttp([server.host])
    assert [http.request("GET", server.url).body for _ in range(3)] == [b"hi"] * 3
    assert server.connections == 3
    http.close()


def test_kept_connections_that_the_server_closed_are_not_used_again(raw_server):
    both = threading.Barrier(2)
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"

    def act(connection):
        if server.connections <= 2:
            both.wait(5)
        connection.sendall(answer)
        return False

    server = raw_server(act)
    http = GuardedHttp([server.host])
    with ThreadPoolExecutor(2) as pool:
        assert [found.body for found in pool.map(lambda _: http.request("POST", server.url), range(2))] == [b"hi"] * 2
    assert all(server.ended.acquire(timeout=5) for _ in range(2))
    assert http.request("POST", server.url).body == b"hi"
    assert server.connections == 3
    http.close()


def test_headers_ignore_case_join_what_came_twice_and_print_no_values():
    headers = Headers([("X-A", "1"), ("x-a", "2"), ("Set-Cookie", "s3cret")])
    assert headers["x-A"] == headers.get("X-a") == "1, 2"
    assert dict(Headers({"A": "b"})) == {"a": "b"}
    assert "s3cret" not in repr(headers)
