"""Handles and DIDs: who an account is and where it lives.

Specs: https://atproto.com/specs/handle and https://atproto.com/specs/did
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from elonara.atproto.network import Http

HANDLE_INVALID = "handle.invalid"

# `dns(name)` gives the TXT strings at a name, none when there is no such name; raises NetworkError otherwise.
TxtLookup = Callable[[str], Sequence[str]]


@dataclass(frozen=True)
class DidDocument:
    """What a DID document claims. `handle` is unproven and may be empty; `pds_url` is an origin, or empty."""

    did: str
    handle: str
    pds_url: str


@dataclass(frozen=True)
class Identity:
    """An account: `handle` was checked both ways, or is `handle.invalid`; `pds_url` is the origin of its PDS."""

    did: str
    handle: str
    pds_url: str


class IdentityResolver:
    """Resolves handles and DIDs, remembering answers for `ttl` seconds (under ten minutes). Safe to share.

    `handle_resolver_url` is a service that answers `com.atproto.identity.resolveHandle` for names that the open
    Internet does not have, such as `.test`; without it those are refused. Raises IdentityError.
    """

    def __init__(
        self,
        http: Http,
        *,
        plc_url: str,
        handle_resolver_url: str = "",
        dns: TxtLookup | None = None,
        ttl: float = 300,
    ) -> None: ...

    def resolve_handle(self, handle: str, *, fresh: bool = False) -> str:
        """The DID that a handle claims: DNS TXT at `_atproto`, then https. Nothing says the DID agrees."""
        ...

    def resolve_did(self, did: str, *, fresh: bool = False) -> DidDocument:
        """What the document of a DID says."""
        ...

    def resolve(self, identifier: str, *, fresh: bool = False) -> Identity:
        """The account behind a handle (which its DID document must name back) or a DID."""
        ...
