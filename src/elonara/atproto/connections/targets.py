"""Where a request goes: the parts of its URL, taken apart once for each endpoint."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import urlencode

import httpx2

from elonara.atproto.errors import AddressRefused

Params = Mapping[str, str] | Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class UrlParts:
    """The parts of a URL that `addresses.check_url` reads and that are sent."""

    text: str
    scheme: str
    userinfo: bytes
    raw_host: bytes  # ASCII, IPv6 without brackets
    port: int | None  # None for the default port of the scheme
    netloc: bytes  # as in the header `Host`
    raw_path: bytes  # with the query

    @property
    def host(self) -> str:
        """The server's name in ASCII."""
        return self.raw_host.decode("ascii")

    def with_params(self, params: Params) -> Self:
        """The same with a query, behind one that is there. Raises AddressRefused for half of a surrogate pair."""
        try:
            query = urlencode(list(params.items()) if isinstance(params, Mapping) else list(params))
        except UnicodeEncodeError as fault:
            raise AddressRefused("that cannot be written in an address") from fault
        separator = "&" if b"?" in self.raw_path else "?"
        path = self.raw_path + f"{separator}{query}".encode("ascii")
        return replace(self, text=f"{self.text.partition('#')[0]}{separator}{query}", raw_path=path)

    def joined(self, location: str) -> UrlParts:
        """Where a redirect to `location` leads. Raises AddressRefused for what is not a URL."""
        try:
            return _taken_apart(httpx2.URL(self.text).join(location))
        except (httpx2.InvalidURL, ValueError) as fault:
            raise AddressRefused("that is not an address we can ask") from fault


def target(url: str) -> UrlParts:
    """The parts of a URL. Raises AddressRefused for what is not one."""
    try:
        return _cached(url)
    except (httpx2.InvalidURL, ValueError) as fault:
        raise AddressRefused("that is not an address we can ask") from fault


# Calls repeat the same endpoints; query parameters are not part of `url`.
@functools.lru_cache(maxsize=512)
def _cached(url: str) -> UrlParts:
    return _taken_apart(httpx2.URL(url))


def _taken_apart(url: httpx2.URL) -> UrlParts:
    return UrlParts(str(url), url.scheme, url.userinfo, url.raw_host, url.port, url.netloc, url.raw_path)
