"""The HTTP client for all requests to the network, guarded against SSRF.

URLs are chosen by strangers (a handle, a DID document, a server's metadata), so every connection is vetted: the name is
resolved here, addresses that are not public are refused, and the connection goes to the very address that was vetted
(no second lookup, hence no DNS rebinding), while TLS still checks the name. No redirects unless asked for, no proxies
or other settings from the environment, no cookies, bounded bodies, and one deadline for the whole call.
"""

from __future__ import annotations

import json as jsonlib
import ssl
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlencode

import httpx2

from elonara.atproto.addresses import Allowed, check_url
from elonara.atproto.connections.bodies import bounded_body
from elonara.atproto.connections.calls import Deadline, RequestContext
from elonara.atproto.connections.http1 import Headers, ProtocolError
from elonara.atproto.connections.pool import AddressResolver, GuardedConnections, OutgoingRequest
from elonara.atproto.connections.targets import Params, target
from elonara.atproto.errors import BodyTooLarge, MalformedResponse, NetworkError, SlowBody

REDIRECTS = frozenset({301, 302, 303, 307, 308})
USER_AGENT = "Elonara"


@dataclass(frozen=True)
class Response:
    """An HTTP response. `headers` ignores case; `url` is the one that gave it, after any redirect."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    url: str

    def __post_init__(self) -> None:
        if not isinstance(self.headers, Headers):
            object.__setattr__(self, "headers", Headers(self.headers))

    def json(self) -> dict[str, Any]:
        """The body as a JSON object. Raises MalformedResponse for anything else."""
        try:
            found = jsonlib.loads(self.body)
        except (ValueError, RecursionError) as fault:
            raise MalformedResponse(self.status, f"{host_of(self.url)} did not answer with JSON") from fault
        if b"\\ud" in self.body.lower():
            # Half of a surrogate pair: JSON can write it, and no database can store it.
            found = jsonlib.loads(jsonlib.dumps(found, ensure_ascii=False).encode("utf-8", "ignore"))
        if not isinstance(found, dict):
            raise MalformedResponse(self.status, f"{host_of(self.url)} answered with JSON that is not an object")
        return found

    def text(self) -> str:
        """The body as UTF-8. Raises MalformedResponse for anything else."""
        try:
            return self.body.decode()
        except UnicodeDecodeError as fault:
            raise MalformedResponse(self.status, f"{host_of(self.url)} did not answer with text") from fault


class HttpClient(Protocol):
    """The HTTP client that this package expects; `GuardedHttp` is the real one."""

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        params: Params | None = None,
        max_bytes: int = 1 << 20,
        deadline: float = 20.0,
        redirects: int = 0,
    ) -> Response:
        """Send one request; returns the response, whatever its status. Raises NetworkError and its subclasses."""
        ...


class GuardedHttp:
    """An HTTP client for URLs that strangers chose. One connection pool, safe to share between threads.

    `allow_private_hosts` are `host:port` pairs that may use plain http, any port and a private address: the sandbox, or
    a PDS in one's own network. `resolver(host, port)` returns `(address, port)` pairs to try in order, each of them
    vetted; the system's resolver by default. `ssl_context` replaces the usual certificate checks.
    """

    def __init__(
        self,
        allow_private_hosts: Collection[str] = (),
        *,
        resolver: AddressResolver | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._allowed = Allowed(allow_private_hosts)
        context = ssl_context or httpx2.create_ssl_context(trust_env=False)
        self._connections = GuardedConnections(self._allowed, resolver, context)

    def close(self) -> None:
        """Close the pooled connections."""
        self._connections.close()

    def check(self, url: str) -> None:
        """Raise AddressRefused where `request` would refuse `url` without resolving its name."""
        check_url(target(url), self._allowed)

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        params: Params | None = None,
        max_bytes: int = 1 << 20,
        deadline: float = 20.0,
        redirects: int = 0,
    ) -> Response:
        """Send one request; returns the response, whatever its status.

        `deadline` is in seconds from now and covers everything from name lookup to the last byte. At most one of
        `content`, `json` and `form` is the body. `max_bytes` bounds the response's body, also after decompression.
        `redirects` is how many to follow (GET only, each target vetted anew, without the caller's headers); further
        ones, and those of other methods, are returned as the response.

        Raises AddressRefused, BodyTooLarge, SlowBody, NetworkError.
        """
        head = {"user-agent": USER_AGENT, "accept": "*/*", "accept-encoding": "identity"}
        head |= {name.lower(): value for name, value in (headers or {}).items()}
        if json is not None:
            content = jsonlib.dumps(json, ensure_ascii=False, separators=(",", ":")).encode()
            head.setdefault("content-type", "application/json")
        elif form is not None:
            content = urlencode(form).encode()
            head.setdefault("content-type", "application/x-www-form-urlencoded")
        until = Deadline(time.monotonic() + deadline)
        where = target(url).with_params(params) if params else target(url)
        while True:
            check_url(where, self._allowed)
            response = self._send(OutgoingRequest(method, where, head, content), max_bytes, until)
            location = response.headers.get("location")
            if method != "GET" or response.status not in REDIRECTS or not location or redirects <= 0:
                return response
            redirects -= 1
            where = where.joined(location)
            head = {name: head[name] for name in ("user-agent", "accept", "accept-encoding")}

    def _send(self, request: OutgoingRequest, max_bytes: int, until: Deadline) -> Response:
        host = request.target.host
        call = RequestContext(until)
        try:
            with self._connections.response(request, call) as response:
                body = bounded_body(response, max_bytes)
            return Response(response.status, response.headers, body, request.target.text)
        except BodyTooLarge:
            raise
        except NetworkError as fault:
            fault.ambiguous = call.sent
            raise
        except TimeoutError as fault:
            if call.sent:
                raise SlowBody(f"{host} did not answer in time") from fault
            raise NetworkError(f"{host} could not be reached in time", ambiguous=False) from fault
        except (ProtocolError, OSError) as fault:
            if call.sent:
                raise NetworkError(f"{host} broke off the conversation", ambiguous=True) from fault
            raise NetworkError(f"{host} could not be reached: {fault}", ambiguous=False) from fault


def host_of(url: str) -> str:
    """The host of a URL, for messages: the path and the query may hold secrets."""
    try:
        return httpx2.URL(url).host or "the server"
    except httpx2.InvalidURL:
        return "the server"
