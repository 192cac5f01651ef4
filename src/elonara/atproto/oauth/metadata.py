"""Discovery: which authorization server issues tokens for a PDS, and where its endpoints are.

RFC 9728 (protected resource metadata), RFC 8414 (authorization server metadata) and the AT Protocol OAuth profile,
which requires PAR, DPoP with ES256, PKCE with S256, `iss` in the callback, and client ids that are metadata documents.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from elonara.atproto.errors import AddressRefused, MalformedResponse, NetworkError, OAuthError
from elonara.atproto.http import HttpClient
from elonara.atproto.oauth.dpop import origin

MAX_METADATA_BYTES = 64 * 1024
MAX_URL = 2000
DISCOVERY_DEADLINE_SECONDS = 10.0
CACHE_SECONDS = 300.0


class UrlGuard(HttpClient, Protocol):
    """An HTTP client that can also check a URL which only the browser will open; `http.GuardedHttp` is one."""

    def check(self, url: str) -> None:
        """Raise AddressRefused unless `url` is https to a public host, or exempted by the operator."""
        ...


class BadServer(OAuthError):
    """A server's metadata is unusable or untrue. The server is at fault; no credential was sent to it."""

    def __init__(self, description: str) -> None:
        super().__init__("invalid_server", description)


@dataclass(frozen=True)
class AuthorizationServer:
    """Validated metadata of an authorization server."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    par_endpoint: str
    revocation_endpoint: str  # "" where the server has none
    auth_methods: tuple[str, ...]  # without `private_key_jwt` where the server does not accept ES256
    scopes: tuple[str, ...]


def discover(http: UrlGuard, pds_url: str, *, deadline: float = DISCOVERY_DEADLINE_SECONDS) -> AuthorizationServer:
    """The authorization server of the PDS at `pds_url`, whose metadata must name exactly one.

    Raises BadServer where a document is untrue or incomplete, NetworkError (never ambiguous) where it is unreachable.
    """
    end = time.monotonic() + deadline
    resource = _origin(pds_url, "The address of the PDS")
    document = _fetch(http, f"{resource}/.well-known/oauth-protected-resource", end)
    if document.get("resource") != resource:
        raise BadServer(f"The PDS {resource} describes another server as itself.")
    servers = document.get("authorization_servers")
    if not isinstance(servers, list) or len(servers) != 1 or not isinstance(servers[0], str):
        raise BadServer(f"The PDS {resource} does not name exactly one authorization server.")
    return discover_issuer(http, servers[0], deadline=end - time.monotonic())


def discover_issuer(
    http: UrlGuard, issuer: str, *, deadline: float = DISCOVERY_DEADLINE_SECONDS
) -> AuthorizationServer:
    """The metadata of `issuer`, an origin such as `https://bsky.social`. Raises as `discover`."""
    end = time.monotonic() + deadline
    if not isinstance(issuer, str) or _origin(issuer, "The issuer") != issuer:
        raise BadServer("The name of the authorization server is not a plain https origin.")
    return validate_metadata(http, issuer, _fetch(http, f"{issuer}/.well-known/oauth-authorization-server", end))


def validate_metadata(http: UrlGuard, issuer: str, document: Mapping[str, Any]) -> AuthorizationServer:
    """Validate `document` as the metadata of `issuer`. Raises BadServer, naming the first requirement not met."""
    if document.get("issuer") != issuer:
        raise BadServer(f"The authorization server {issuer} describes another server as itself.")
    for flag in (
        "require_pushed_authorization_requests",
        "authorization_response_iss_parameter_supported",
        "client_id_metadata_document_supported",
    ):
        if document.get(flag) is not True:
            raise BadServer(f"The authorization server {issuer} does not promise {flag}.")
    for name, needed in (
        ("response_types_supported", "code"),
        ("grant_types_supported", "authorization_code"),
        ("grant_types_supported", "refresh_token"),
        ("code_challenge_methods_supported", "S256"),
        ("dpop_signing_alg_values_supported", "ES256"),
        ("scopes_supported", "atproto"),
    ):
        if needed not in _strings(document.get(name)):
            raise BadServer(f"The authorization server {issuer} does not offer {needed} in {name}.")
    methods = _strings(document.get("token_endpoint_auth_methods_supported"))
    algorithms = _strings(document.get("token_endpoint_auth_signing_alg_values_supported"))
    if "ES256" not in algorithms:
        methods = tuple(method for method in methods if method != "private_key_jwt")
    revocation = document.get("revocation_endpoint")
    return AuthorizationServer(
        issuer=issuer,
        authorization_endpoint=_endpoint(http, issuer, document, "authorization_endpoint"),
        token_endpoint=_endpoint(http, issuer, document, "token_endpoint"),
        par_endpoint=_endpoint(http, issuer, document, "pushed_authorization_request_endpoint"),
        revocation_endpoint=_endpoint(http, issuer, document, "revocation_endpoint") if revocation else "",
        auth_methods=methods,
        scopes=_strings(document.get("scopes_supported")),
    )


class Discovery:
    """`discover` and `discover_issuer`, cached for `ttl` seconds. Thread-safe; failures are not cached."""

    def __init__(self, http: UrlGuard, *, ttl: float = CACHE_SECONDS, size: int = 1000) -> None:
        self._http, self._ttl, self._size = http, ttl, size
        self._known: OrderedDict[tuple[str, str], tuple[float, AuthorizationServer]] = OrderedDict()
        self._lock = threading.Lock()

    def of_pds(
        self, pds_url: str, *, fresh: bool = False, deadline: float = DISCOVERY_DEADLINE_SECONDS
    ) -> AuthorizationServer:
        """As `discover`."""
        found = None if fresh else self._get("pds", pds_url)
        if found is None:
            found = discover(self._http, pds_url, deadline=deadline)
            self._put("pds", pds_url, found)
            self._put("issuer", found.issuer, found)
        return found

    def of_issuer(self, issuer: str, *, deadline: float = DISCOVERY_DEADLINE_SECONDS) -> AuthorizationServer:
        """As `discover_issuer`."""
        found = self._get("issuer", issuer)
        if found is None:
            found = discover_issuer(self._http, issuer, deadline=deadline)
            self._put("issuer", issuer, found)
        return found

    def _get(self, kind: str, name: str) -> AuthorizationServer | None:
        with self._lock:
            until, found = self._known.get((kind, name), (0.0, None))
            return found if until > time.monotonic() else None

    def _put(self, kind: str, name: str, found: AuthorizationServer) -> None:
        with self._lock:
            self._known[kind, name] = (time.monotonic() + self._ttl, found)
            self._known.move_to_end((kind, name))
            while len(self._known) > self._size:
                self._known.popitem(last=False)


def _fetch(http: UrlGuard, url: str, end: float) -> Mapping[str, Any]:
    """The JSON object at `url`. Only status 200 counts, redirects are not followed."""
    remaining = end - time.monotonic()
    if remaining <= 0:
        raise NetworkError(f"{url} did not answer in time", ambiguous=False)
    try:
        response = http.request(
            "GET", url, headers={"accept": "application/json"}, max_bytes=MAX_METADATA_BYTES, deadline=remaining
        )
    except NetworkError as fault:
        if not fault.ambiguous:
            raise
        # Never ambiguous, because a GET of a document changes nothing at the server and can always be retried.
        raise NetworkError(str(fault), ambiguous=False) from fault
    if response.status != 200:
        raise BadServer(f"{url} answered {response.status} instead of its metadata.")
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise BadServer(f"{url} is not JSON.")
    try:
        return response.json()
    except MalformedResponse as fault:
        raise BadServer(f"{url} is not a JSON object.") from fault


def _endpoint(http: UrlGuard, issuer: str, document: Mapping[str, Any], name: str) -> str:
    url = document.get(name)
    if not isinstance(url, str) or not url.isascii() or not url.isprintable() or "#" in url or len(url) > MAX_URL:
        raise BadServer(f"The authorization server {issuer} has no usable {name}.")
    try:
        http.check(url)
    except AddressRefused as fault:
        raise BadServer(f"The {name} of {issuer} may not be opened: {fault}.") from fault
    return url


def _origin(url: str, what: str) -> str:
    try:
        return origin(url)
    except ValueError as fault:
        raise BadServer(f"{what} is not a web address.") from fault


def _strings(value: object) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()
