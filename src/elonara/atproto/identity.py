"""Resolving handles and DIDs: which account they belong to and which PDS hosts it.

Specs: https://atproto.com/specs/handle and https://atproto.com/specs/did
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from elonara.atproto.cache import TtlCache
from elonara.atproto.dns import DnsTxt, TxtLookup
from elonara.atproto.errors import (
    AddressRefused,
    AtprotoError,
    ErrorKind,
    IdentityError,
    IdentityReason,
    MalformedResponse,
    NameNotFound,
    NetworkError,
    XrpcError,
)
from elonara.atproto.http import HttpClient, Response
from elonara.atproto.syntax import is_did, is_did_plc, is_handle, normalize_handle, normalize_identifier
from elonara.atproto.xrpc import Xrpc

HANDLE_INVALID = "handle.invalid"
# Top-level domains that no handle on the public network can have: resolved by the configured resolver alone.
CLOSED_TLDS = frozenset({"alt", "arpa", "example", "internal", "local", "localhost", "onion", "test"})
MAX_CACHE_SECONDS = 599.0  # the OAuth profile: identities are cached for less than ten minutes
CACHE_SIZE = 10_000
RESOLVE_DEADLINE_SECONDS = 10.0
MAX_DID_RESPONSE_BYTES = 4096
MAX_DID_DOCUMENT_BYTES = 256 * 1024


@dataclass(frozen=True)
class DidDocument:
    """What a DID document states. `handle` is not verified and may be empty; `pds_url` is an origin, or empty."""

    did: str
    handle: str
    pds_url: str


@dataclass(frozen=True)
class Identity:
    """An account. `handle` was verified in both directions, or is `handle.invalid`; `pds_url` is its PDS's origin."""

    did: str
    handle: str
    pds_url: str


class IdentityResolver:
    """Resolves handles and DIDs, cached for `ttl` seconds (under ten minutes). Thread-safe. Raises IdentityError.

    `handle_resolver_url` is a service with the method `com.atproto.identity.resolveHandle` for names that the public
    DNS does not have, such as `.test`; without it those are refused. `fresh` bypasses the cache.
    """

    def __init__(
        self,
        http: HttpClient,
        *,
        plc_url: str,
        handle_resolver_url: str = "",
        dns: TxtLookup | None = None,
        ttl: float = 300,
    ) -> None:
        self._http = http
        self._plc_url = plc_url.rstrip("/")
        self._handle_resolver_url = handle_resolver_url
        self._dns = dns or DnsTxt()
        self._handles: TtlCache[str] = TtlCache(min(ttl, MAX_CACHE_SECONDS), CACHE_SIZE)
        self._documents: TtlCache[DidDocument] = TtlCache(min(ttl, MAX_CACHE_SECONDS), CACHE_SIZE)

    def resolve_handle(self, handle: str, *, fresh: bool = False) -> str:
        """The DID that a handle names: DNS TXT at `_atproto`, then https. The DID may name another handle.

        Raises IdentityError: `bad_handle`, `handle_not_found`, `unreachable`.
        """
        handle = normalize_handle(handle)
        tld = handle.rpartition(".")[2]
        if not is_handle(handle) or tld == "invalid":
            raise IdentityError(f"{handle[:253]!r} is not a handle", reason="bad_handle")
        if not fresh and (known := self._handles.get(handle)):
            return known
        if tld not in CLOSED_TLDS:
            did = self._resolve_by_dns_or_https(handle)
        elif self._handle_resolver_url:
            did = self._resolve_by_service(handle)
        else:
            raise IdentityError(f"handles that end in .{tld} do not exist on the open network", reason="bad_handle")
        self._handles.put(handle, did)
        return did

    def resolve_did(self, did: str, *, fresh: bool = False) -> DidDocument:
        """The parts we need of the document of a DID (did:plc, did:web).

        Raises IdentityError: `did_malformed`, `did_not_found`, `unreachable`.
        """
        url = self._document_url(did)
        if not fresh and (known := self._documents.get(did)):
            return known
        try:
            response = self._http.request(
                "GET", url, deadline=RESOLVE_DEADLINE_SECONDS, max_bytes=MAX_DID_DOCUMENT_BYTES
            )
            if response.status != 200:
                raise _refusal(response, f"the document of {did}", "did_not_found")
            document = _read_document(did, response.json())
        except MalformedResponse as fault:
            raise IdentityError(f"the document of {did} cannot be read", reason="did_malformed") from fault
        except (NameNotFound, AddressRefused) as fault:
            # A PLC directory without an address is a fault of our settings or network and may pass. The host of a
            # did:web is part of the DID: without an address, the DID does not exist.
            reason: IdentityReason = "unreachable" if is_did_plc(did) else "did_not_found"
            raise IdentityError(f"the document of {did} cannot be fetched: {fault}", reason=reason) from fault
        except NetworkError as fault:
            raise IdentityError(f"the document of {did} cannot be fetched: {fault}", reason="unreachable") from fault
        self._documents.put(did, document)
        return document

    def resolve(self, identifier: str, *, fresh: bool = False) -> Identity:
        """The account of a handle or a DID.

        A handle must be named by its DID's document too, else IdentityError `handle_mismatch`. Given a DID, a handle
        that cannot be verified becomes `handle.invalid`. An account without a PDS is IdentityError `no_pds`.
        """
        identifier = normalize_identifier(identifier)
        if is_did(identifier):
            document = self.resolve_did(identifier, fresh=fresh)
            handle = document.handle if self._handle_is_verified(document, fresh) else HANDLE_INVALID
        else:
            handle = identifier
            document = self.resolve_did(self.resolve_handle(handle, fresh=fresh), fresh=fresh)
            if document.handle != handle:
                if not fresh:  # the cache may be older than a change of handle
                    return self.resolve(handle, fresh=True)
                raise IdentityError(f"{handle} leads to an account that does not use it", reason="handle_mismatch")
        if not document.pds_url:
            raise IdentityError(f"{handle} has no server that holds its posts", reason="no_pds")
        return Identity(document.did, handle, document.pds_url)

    def _handle_is_verified(self, document: DidDocument, fresh: bool) -> bool:
        try:
            return bool(document.handle) and self.resolve_handle(document.handle, fresh=fresh) == document.did
        except IdentityError:
            return False

    def _resolve_by_dns_or_https(self, handle: str) -> str:
        dns_fault: NetworkError | None = None
        try:
            dids = {text[4:].strip() for text in self._dns(f"_atproto.{handle}") if text.startswith("did=")}
        except NetworkError as fault:
            dns_fault, dids = fault, set()
        if len(dids) > 1:
            raise IdentityError(f"{handle} names several accounts in its DNS", reason="handle_not_found")
        if dids and is_did(did := dids.pop()):
            return did
        try:
            url = f"https://{handle}/.well-known/atproto-did"
            response = self._http.request(
                "GET", url, deadline=RESOLVE_DEADLINE_SECONDS, max_bytes=MAX_DID_RESPONSE_BYTES, redirects=3
            )
            if response.status != 200:
                raise _refusal(response, handle, "handle_not_found")
            did = response.text().strip()
        except (NetworkError, XrpcError) as fault:
            absent = isinstance(fault, NameNotFound) and dns_fault is None
            wrong = isinstance(fault, (AddressRefused, MalformedResponse))
            if absent or wrong:
                raise IdentityError(f"no account has the handle {handle}", reason="handle_not_found") from fault
            raise IdentityError(f"{handle} cannot be looked up now: {fault}", reason="unreachable") from fault
        if not is_did(did):
            raise IdentityError(f"{handle} does not name an account", reason="handle_not_found")
        return did

    def _resolve_by_service(self, handle: str) -> str:
        try:
            found = Xrpc(self._http).query(
                self._handle_resolver_url,
                "com.atproto.identity.resolveHandle",
                {"handle": handle},
                deadline=RESOLVE_DEADLINE_SECONDS,
            )
        except XrpcError as fault:
            if fault.kind is ErrorKind.BAD_REQUEST:
                raise IdentityError(f"no account has the handle {handle}", reason="handle_not_found") from fault
            raise IdentityError(f"{handle} cannot be looked up now", reason="unreachable") from fault
        except AtprotoError as fault:
            raise IdentityError(f"{handle} cannot be looked up now: {fault}", reason="unreachable") from fault
        did = found.get("did")
        if not (isinstance(did, str) and is_did(did)):
            raise IdentityError(f"{handle} does not name an account", reason="handle_not_found")
        return did

    def _document_url(self, did: str) -> str:
        if is_did_plc(did):
            return f"{self._plc_url}/{did}"
        host = unquote(did.removeprefix("did:web:"))
        # AT Protocol allows did:web for a bare host name only: no path (further colons), and ports only in tests.
        if is_did(did) and did.startswith("did:web:") and did.count(":") == 2 and is_handle(host.partition(":")[0]):
            name, colon, port = host.partition(":")
            if not colon or (port.isascii() and port.isdigit()):
                return f"https://{name.lower()}{colon}{port}/.well-known/did.json"
        raise IdentityError(f"{did[:100]!r} is not a DID of this network", reason="did_malformed")


def _refusal(response: Response, what: str, absent: IdentityReason) -> IdentityError:
    if 400 <= response.status < 500 and response.status != 429:
        return IdentityError(f"{what} was not found", reason=absent)
    return IdentityError(f"{what} cannot be looked up now (status {response.status})", reason="unreachable")


def _read_document(did: str, found: dict[str, Any]) -> DidDocument:
    if found.get("id") != did:
        raise IdentityError(f"the document of {did} is about another account", reason="did_malformed")
    names = found.get("alsoKnownAs")
    names = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
    handle = next((normalize_handle(name) for name in names if name.startswith("at://")), "")
    services = found.get("service")
    endpoint: Any = None
    for service in services if isinstance(services, list) else []:
        if isinstance(service, dict) and service.get("id") in {"#atproto_pds", f"{did}#atproto_pds"}:
            endpoint = service.get("serviceEndpoint") if service.get("type") == "AtprotoPersonalDataServer" else None
            break
    return DidDocument(did, handle if is_handle(handle) else "", _origin(endpoint))


def _origin(endpoint: Any) -> str:
    """The origin of a service endpoint, empty where it is not an http(s) URL without path, query or user."""
    if not isinstance(endpoint, str) or len(endpoint) > 2048:
        return ""
    try:
        parts = urlsplit(endpoint)
        port = parts.port
    except ValueError:
        return ""
    plain = not (parts.username or parts.password or parts.query or parts.fragment or parts.path.strip("/"))
    if parts.scheme not in {"http", "https"} or not parts.hostname or not plain:
        return ""
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    shown = "" if port is None or port == {"http": 80, "https": 443}[parts.scheme] else f":{port}"
    return f"{parts.scheme}://{host}{shown}"
