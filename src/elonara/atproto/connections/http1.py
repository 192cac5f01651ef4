"""Requests and responses of HTTP/1.1 as bytes (RFC 9112): strict where two readings are possible, bounded everywhere.

A response is read as the server sends it; connections are opened, kept and closed by `pool`. Refused are two lengths
that differ, a length beside chunks, folded headers and control characters: what one reader takes for the end of a
response, another could take for the beginning of the next one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, overload

MAX_HEAD_BYTES = 100_000  # of a status line with its headers, and of the trailers
READ_BYTES = 65_536

# Heads are read as ISO 8859-1, of which every byte is a character.
_STATUS = re.compile(r"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [^\r\n\x00]*)?")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\x00]*)")
_LENGTH = re.compile(r"[0-9]{1,15}")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n\x00]*)?")


class ProtocolError(Exception):
    """The other side does not speak HTTP/1.1, or broke off. The message quotes nothing of what it sent."""


class Stream(Protocol):
    """A connection to read from."""

    def read(self, max_bytes: int) -> bytes:
        """What has arrived, up to that many bytes; empty at the end."""
        ...


class Headers(Mapping[str, str]):
    """Headers by name, whatever its case; those that came several times are joined with commas (RFC 9110, 5.3)."""

    def __init__(self, pairs: Sequence[tuple[str, str]] | Mapping[str, str] = ()) -> None:
        self._values: dict[str, str] = {}
        for name, value in pairs.items() if isinstance(pairs, Mapping) else pairs:
            name = name.lower()  # noqa: PLW2901
            self._values[name] = f"{self._values[name]}, {value}" if name in self._values else value

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    @overload
    def get(self, name: str, default: None = None, /) -> str | None: ...
    @overload
    def get(self, name: str, default: str, /) -> str: ...
    @overload
    def get[Other](self, name: str, default: Other, /) -> str | Other: ...
    def get(self, name: str, default: object = None, /) -> object:
        """As of every mapping. Most headers that are asked for are not there, and an exception takes its time."""
        return self._values.get(name.lower(), default)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<Headers {', '.join(self._values)}>"  # values may be secrets


def request_bytes(method: str, target: str, headers: Mapping[str, str], content: bytes | None) -> bytes:
    """A request as it is sent. Raises ProtocolError for what would end a line: nothing of it was sent then."""
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if content is not None or method not in {"GET", "HEAD"}:
        lines.append(f"content-length: {len(content or b'')}")
    text = "\r\n".join(lines)
    if text.count("\r") >= len(lines) or text.count("\n") >= len(lines) or "\x00" in text:
        raise ProtocolError("a header holds a control character")
    try:
        head = text.encode("ascii")
    except UnicodeEncodeError as fault:
        raise ProtocolError("a header is not ASCII") from fault
    return head + b"\r\n\r\n" + (content or b"")


class Response1:
    """One response on a connection: `status` and `headers` once it is made, then the body by `iter_raw`.

    Raises ProtocolError, in every method. `reusable` says afterwards whether another request may follow.
    """

    def __init__(self, stream: Stream, method: str) -> None:
        self._stream, self._buffer = stream, bytearray()
        self.reusable = False
        version = self._read_head()
        while self.status < 200:  # interim responses; the last one is what was asked for
            if self.status == 101:
                raise ProtocolError("another protocol was answered, which nobody asked for")
            version = self._read_head()
        self._may_be_kept = version == "1" and "close" not in self.headers.get("connection", "").lower()
        self._has_body = method != "HEAD" and self.status not in {204, 304}
        self._chunked, self._length = self._framing()

    def iter_raw(self) -> Iterator[bytes]:
        """The body as it comes, without chunk sizes, not decompressed."""
        if not self._has_body:
            pass
        elif self._chunked:
            yield from self._chunks()
        elif self._length is not None:
            yield from self._exactly(self._length)
        else:  # until the connection ends (RFC 9112, section 6.3)
            while part := self._some():
                yield part
            return
        # Bytes behind the end belong to no request: such a connection is not used again.
        self.reusable = self._may_be_kept and not self._buffer

    def _framing(self) -> tuple[bool, int | None]:
        coding, length = self.headers.get("transfer-encoding"), self.headers.get("content-length")
        if coding is not None:
            if coding.lower() != "chunked" or length is not None:
                raise ProtocolError("the length of the answer is given in two ways")
            return True, None
        if length is None:
            return False, None
        values = {value.strip() for value in length.split(",")}
        if len(values) != 1 or not _LENGTH.fullmatch(value := values.pop()):
            raise ProtocolError("the length of the answer is no number")
        return False, int(value)

    def _read_head(self) -> str:
        first, *lines = self._block().decode("iso-8859-1").split("\r\n")
        status = _STATUS.fullmatch(first)
        if status is None:
            raise ProtocolError("the answer is no HTTP/1.1")
        pairs = []
        for line in lines:
            header = _HEADER.fullmatch(line)
            if header is None:
                raise ProtocolError("a header of the answer cannot be read")
            pairs.append((header[1], header[2].rstrip(" \t")))
        self.status, self.headers = int(status[2]), Headers(pairs)
        return status[1]

    def _block(self) -> bytes:
        """What comes before the next empty line."""
        searched = 0
        while (end := self._buffer.find(b"\r\n\r\n", searched)) < 0:
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise ProtocolError("the headers of the answer are too long")
            searched = max(0, len(self._buffer) - 3)
            self._fill()
        block = bytes(self._buffer[:end])
        del self._buffer[: end + 4]
        return block

    def _chunks(self) -> Iterator[bytes]:
        while True:
            size = _CHUNK.fullmatch(self._line())
            if size is None:
                raise ProtocolError("the answer's chunks cannot be read")
            if not (length := int(size[1], 16)):
                break
            yield from self._exactly(length)
            if self._line():
                raise ProtocolError("a chunk of the answer is longer than it says")
        trailers = 0
        while line := self._line():
            trailers += len(line)
            if trailers > MAX_HEAD_BYTES:
                raise ProtocolError("the trailers of the answer are too long")

    def _line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise ProtocolError("a line of the answer is too long")
            self._fill()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def _exactly(self, length: int) -> Iterator[bytes]:
        while length:
            if not self._buffer:
                self._fill()
            part = bytes(self._buffer[:length])
            del self._buffer[: len(part)]
            length -= len(part)
            yield part

    def _some(self) -> bytes:
        part = bytes(self._buffer) or self._stream.read(READ_BYTES)
        self._buffer.clear()
        return part

    def _fill(self) -> None:
        part = self._stream.read(READ_BYTES)
        if not part:
            raise ProtocolError("the connection was closed before the end of the answer")
        self._buffer += part
