"""The transport of `http.GuardedHttp`: connects to vetted addresses only, with one deadline for each call."""

from __future__ import annotations

import contextvars
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import httpcore2
import httpx2

from elonara.atproto.addresses import Allowed, is_public
from elonara.atproto.errors import AddressRefused, BodyTooLarge, NameNotFound, NetworkError

AddressResolver = Callable[[str, int], Sequence[tuple[str, int]]]

MAX_CONNECTIONS = 100
KEEP_ALIVE = 20
# Less than the five seconds after which Node servers close an idle connection by default: a request that is sent into a
# closing connection gets no response, and then we cannot know whether a post was made.
KEEP_ALIVE_SECONDS = 4.0
MAX_PARALLEL_LOOKUPS = 16
ADDRESSES_TO_TRY = 6
# An unreachable first address (IPv6 on a machine without it) must leave time for the next one.
SECONDS_PER_ADDRESS = 4.0


class UnguardedError(RuntimeError):
    """A request bypassed the address check, or would: a bug here or a change in httpx2, never a server's fault."""


class Deadline:
    """The time, on the monotonic clock, by which a call must have ended."""

    def __init__(self, at: float) -> None:
        self._at = at

    def left(self) -> float:
        """Seconds left. Raises httpx2.TimeoutException where none are."""
        left = self._at - time.monotonic()
        if left <= 0:
            raise httpx2.TimeoutException("the deadline has passed")
        return left


@dataclass
class RequestContext:
    """The state of the running request: its deadline, and whether any byte of it was sent."""

    until: Deadline
    sent: bool = False


# httpx2 and httpcore2 do not pass our own state down to the network backend. The transport runs in its caller's thread,
# so a context variable does.
current_request: contextvars.ContextVar[RequestContext] = contextvars.ContextVar("current_call")


class GuardedTransport(httpx2.HTTPTransport):
    """httpx2's transport over a connection pool whose sockets are opened by `GuardedBackend`."""

    def __init__(self, allowed: Allowed, resolver: AddressResolver | None, ssl_context: ssl.SSLContext | None) -> None:
        context = ssl_context or httpx2.create_ssl_context(trust_env=False)
        super().__init__(verify=context, trust_env=False)
        # httpx2 has no public parameter for a network backend, hence the private attribute. Check that it exists and is
        # a pool, or else requests would go out through one that vets nothing.
        if not isinstance(getattr(self, "_pool", None), httpcore2.ConnectionPool):
            raise UnguardedError(
                "this version of httpx2 keeps its connection pool elsewhere: addresses cannot be vetted"
            )
        self._pool.close()
        self._pool = httpcore2.ConnectionPool(
            ssl_context=context,
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=KEEP_ALIVE,
            keepalive_expiry=KEEP_ALIVE_SECONDS,
            network_backend=GuardedBackend(allowed, resolver),
        )

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request. Raises UnguardedError where the response did not come over a guarded connection."""
        response = super().handle_request(request)
        if not isinstance(response.extensions.get("network_stream"), GuardedStream):
            response.close()
            raise UnguardedError("an answer came over a connection that was not vetted")
        return response


class GuardedBackend(httpcore2.NetworkBackend):
    """Opens TCP connections to vetted addresses."""

    def __init__(self, allowed: Allowed, resolver: AddressResolver | None) -> None:
        self._allowed = allowed
        self._resolve = resolver or system_resolver
        self._tcp = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the deadline of the call applies instead
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to the first vetted address of `host` that accepts the connection."""
        addresses = list(self._resolve(host, port))
        if not addresses:
            raise NameNotFound(f"{host} has no address")
        if (host, port) not in self._allowed:
            addresses = [(ip, ip_port) for ip, ip_port in addresses if is_public(ip)]
            if not addresses:
                raise AddressRefused(f"{host} leads to an address that is not public")
        until = current_request.get().until
        *first, last = addresses[:ADDRESSES_TO_TRY]
        for ip, ip_port in first:
            try:
                wait = min(until.left(), SECONDS_PER_ADDRESS)
                return GuardedStream(self._tcp.connect_tcp(ip, ip_port, wait, local_address, socket_options))
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return GuardedStream(self._tcp.connect_tcp(*last, until.left(), local_address, socket_options))

    def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore2.NetworkStream:
        """Always refused: no server of this network listens on a Unix socket."""
        raise AddressRefused("socket files are not asked")


class GuardedStream(httpcore2.NetworkStream):
    """A connection whose every wait ends at the deadline of the call that uses it."""

    def __init__(self, inner: httpcore2.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        """Read what has arrived, waiting until the deadline of the call at most."""
        return self._inner.read(max_bytes, current_request.get().until.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        """Write, and record that part of the request was sent: from now on a failure is ambiguous."""
        call = current_request.get()
        call.sent = True
        self._inner.write(buffer, call.until.left())

    def close(self) -> None:
        """Close the connection."""
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore2.NetworkStream:
        """Start TLS, with the certificate checked against `server_hostname`: the name requested, never the address."""
        return GuardedStream(self._inner.start_tls(ssl_context, server_hostname, current_request.get().until.left()))

    def get_extra_info(self, info: str) -> Any:
        """As the wrapped stream gives it."""
        return self._inner.get_extra_info(info)


_lookups = threading.BoundedSemaphore(MAX_PARALLEL_LOOKUPS)


def system_resolver(host: str, port: int) -> list[tuple[str, int]]:
    """The addresses of a name by the system's resolver, within the deadline of the current call.

    `getaddrinfo` cannot be interrupted, so it runs in a thread of its own, which is abandoned at the deadline; their
    number is bounded. Raises NameNotFound where the name does not exist.
    """
    until = current_request.get().until
    if not _lookups.acquire(timeout=until.left()):
        raise httpx2.ConnectTimeout("too many names are being looked up")
    outcome: list[Any] = []

    def look_up() -> None:
        try:
            outcome.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP))
        except (OSError, UnicodeError) as fault:
            outcome.append(fault)
        finally:
            _lookups.release()

    thread = threading.Thread(target=look_up, name="lookup", daemon=True)
    thread.start()
    thread.join(until.left())
    if not outcome:
        raise httpx2.ConnectTimeout(f"{host} was not found in time")
    if isinstance(outcome[0], Exception):
        raise NameNotFound(f"{host} was not found") from outcome[0]
    return list(dict.fromkeys((str(info[4][0]), int(info[4][1])) for info in outcome[0]))


def bounded_body(response: httpx2.Response, max_bytes: int) -> bytes:
    """The body, decompressed where the server compressed it though we asked for `identity`.

    Raises BodyTooLarge beyond `max_bytes`, NetworkError for another coding or a broken body.
    """
    coding = response.headers.get("content-encoding", "identity").strip().lower()
    if coding not in {"identity", "", "gzip", "deflate"}:
        raise NetworkError(
            f"the server answered in the coding {coding[:20]!r}, which was not asked for", ambiguous=True
        )
    declared = response.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > max_bytes:
        raise BodyTooLarge(f"the server answered with more than {max_bytes} bytes")
    unpack = zlib.decompressobj(wbits=47) if coding in {"gzip", "deflate"} else None
    chunks: list[bytes] = []
    size = 0
    for raw in response.iter_raw():
        try:
            chunk = unpack.decompress(raw, max_bytes - size + 1) if unpack else raw
        except zlib.error as fault:
            raise NetworkError("the server answered with a broken body", ambiguous=True) from fault
        size += len(chunk)
        if size > max_bytes:
            raise BodyTooLarge(f"the server answered with more than {max_bytes} bytes")
        chunks.append(chunk)
    return b"".join(chunks)
