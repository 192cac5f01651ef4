"""The connections of `http.GuardedHttp`: to vetted addresses only, with one deadline for each call."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from elonara.atproto.addresses import DEFAULT_PORTS, Allowed, is_public
from elonara.atproto.connections.calls import RequestContext, current_request, system_resolver
from elonara.atproto.connections.http1 import Response1, request_bytes
from elonara.atproto.connections.targets import UrlParts
from elonara.atproto.errors import AddressRefused, NameNotFound

AddressResolver = Callable[[str, int], Sequence[tuple[str, int]]]

MAX_CONNECTIONS = 100
KEEP_ALIVE = 20
# Less than the five seconds after which Node servers close an idle connection by default: a request that is sent into a
# closing connection gets no response, and then we cannot know whether a post was made.
KEEP_ALIVE_SECONDS = 4.0
ADDRESSES_TO_TRY = 6
# An unreachable first address (IPv6 on a machine without it) must leave time for the next one.
SECONDS_PER_ADDRESS = 4.0


class GuardedStream:
    """A connection to a vetted address, whose every wait ends at the deadline of the call that uses it."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._call: RequestContext | None = None
        self.idle_since = 0.0  # on the monotonic clock

    def used_by(self, call: RequestContext | None) -> None:
        """From now on that call's deadline applies; None between calls."""
        self._call = call

    def read(self, max_bytes: int) -> bytes:
        """Read what has arrived, waiting until the deadline of the call at most."""
        self._sock.settimeout(self._running().until.left())
        return self._sock.recv(max_bytes)

    def write(self, data: bytes) -> None:
        """Write, and record that part of the request was sent: from now on a failure is ambiguous."""
        call = self._running()
        self._sock.settimeout(call.until.left())
        call.sent = True
        self._sock.sendall(data)

    def is_idle(self) -> bool:
        """Whether the server has neither closed it nor sent what nobody asked for."""
        if isinstance(self._sock, ssl.SSLSocket) and self._sock.pending():
            return False
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        return not poll.poll(0)

    def close(self) -> None:
        """Close the connection."""
        with contextlib.suppress(OSError):
            self._sock.close()

    def _running(self) -> RequestContext:
        if self._call is None:
            raise RuntimeError("a connection is used outside of a call")
        return self._call


@dataclass(frozen=True)
class OutgoingRequest:
    """What is sent, where `addresses.check_url` has allowed it."""

    method: str
    target: UrlParts
    headers: Mapping[str, str] = field(repr=False)
    content: bytes | None = field(repr=False)


class GuardedConnections:
    """Connections to vetted addresses, kept for a few seconds to be used again. Thread-safe."""

    def __init__(self, allowed: Allowed, resolver: AddressResolver | None, context: ssl.SSLContext) -> None:
        self._allowed, self._resolve, self._context = allowed, resolver or system_resolver, context
        self._places = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self._idle: deque[tuple[tuple[str, str, int], GuardedStream]] = deque()  # the one used last at the right
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close those that nobody uses."""
        with self._lock:
            idle, self._idle = self._idle, deque()
        for _, stream in idle:
            stream.close()

    @contextlib.contextmanager
    def response(self, request: OutgoingRequest, call: RequestContext) -> Iterator[Response1]:
        """Send a request; the response, whose body is to be read within the block.

        Raises ProtocolError, OSError (TimeoutError at the deadline), NetworkError.
        """
        target = request.target
        head = {"host": target.netloc.decode("ascii"), **request.headers}
        data = request_bytes(request.method, target.raw_path.decode("ascii"), head, request.content)
        place = target.scheme, target.host, target.port or DEFAULT_PORTS[target.scheme]
        if not self._places.acquire(timeout=call.until.left()):
            raise TimeoutError("too many servers are being asked")
        stream, kept = None, False
        token = current_request.set(call)
        try:
            stream = self._kept(place) or self._connect(*place, call)
            stream.used_by(call)
            stream.write(data)
            response = Response1(stream, request.method)
            yield response
            kept = response.reusable
        finally:
            if stream is not None:
                stream.used_by(None)
                if kept:
                    self._keep(place, stream)
                else:
                    stream.close()
            current_request.reset(token)
            self._places.release()

    def _kept(self, place: tuple[str, str, int]) -> GuardedStream | None:
        """One that is open to that server; closes what has been idle for too long."""
        found, closed = None, list[GuardedStream]()
        with self._lock:
            oldest = time.monotonic() - KEEP_ALIVE_SECONDS
            while self._idle and self._idle[0][1].idle_since < oldest:
                closed.append(self._idle.popleft()[1])
            for other, stream in reversed(list(self._idle)):
                if other == place:
                    self._idle.remove((other, stream))
                    if stream.is_idle():
                        found = stream
                        break
                    closed.append(stream)
        for stream in closed:
            stream.close()
        return found

    def _keep(self, place: tuple[str, str, int], stream: GuardedStream) -> None:
        stream.idle_since = time.monotonic()
        with self._lock:
            self._idle.append((place, stream))
            closed = self._idle.popleft()[1] if len(self._idle) > KEEP_ALIVE else None
        if closed is not None:
            closed.close()

    def _connect(self, scheme: str, host: str, port: int, call: RequestContext) -> GuardedStream:
        """Connect to the first vetted address of `host` that accepts the connection."""
        sock = self._open(self._vetted(host, port), call)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if scheme == "https":
                sock.settimeout(call.until.left())
                # The certificate is checked against the name that was asked for, never against the address.
                sock = self._context.wrap_socket(sock, server_hostname=host)
        except BaseException:
            sock.close()
            raise
        return GuardedStream(sock)

    def _vetted(self, host: str, port: int) -> list[tuple[str, int]]:
        addresses = list(self._resolve(host, port))
        if not addresses:
            raise NameNotFound(f"{host} has no address")
        if (host, port) not in self._allowed:
            addresses = [(ip, ip_port) for ip, ip_port in addresses if is_public(ip)]
            if not addresses:
                raise AddressRefused(f"{host} leads to an address that is not public")
        return addresses[:ADDRESSES_TO_TRY]

    def _open(self, addresses: list[tuple[str, int]], call: RequestContext) -> socket.socket:
        *first, last = addresses
        for address in first:
            wait = min(call.until.left(), SECONDS_PER_ADDRESS)
            with contextlib.suppress(OSError):
                return socket.create_connection(address, wait)
        return socket.create_connection(last, call.until.left())
