"""Which addresses requests may go to (protection against SSRF).

URLs come from strangers (handles, DID documents, server metadata), so only https to public addresses is allowed, and
what the operator has exempted.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from typing import Protocol

from elonara.atproto.errors import AddressRefused

DEFAULT_PORTS = {"http": 80, "https": 443}

_V6_PUBLIC = ipaddress.ip_network("2000::/3")
# Within the public ranges, but reserved or with an IPv4 address inside (6to4, Teredo), which may be a private one.
# NAT64, IPv4-mapped and IPv4-compatible addresses lie outside 2000::/3 and are refused for that.
_REFUSED = [
    ipaddress.ip_network(text)
    for text in ("2002::/16", "2001::/23", "2001:db8::/32", "3fff::/20", "192.0.0.0/24", "192.88.99.0/24")
]


class Url(Protocol):
    """The parts of a URL that `check_url` reads; an httpx2.URL has them."""

    @property
    def scheme(self) -> str:
        """Such as `https`, in lower case."""

    @property
    def raw_host(self) -> bytes:
        """The host in ASCII, IPv6 without brackets."""

    @property
    def port(self) -> int | None:
        """None for the default port of the scheme."""

    @property
    def userinfo(self) -> bytes:
        """User name and password: what precedes an @."""


class Allowed:
    """The `host:port` pairs that an operator has exempted. An entry without a port means 443."""

    def __init__(self, entries: Collection[str] = ()) -> None:
        self._pairs = frozenset(self._pair(entry) for entry in entries)

    @staticmethod
    def _pair(entry: str) -> tuple[str, int]:
        host, colon, port = entry.strip().lower().rpartition(":")
        if not colon or "]" in port:
            return entry.strip().lower().strip("[]"), 443
        if not (port.isascii() and port.isdigit()):
            raise ValueError(f"{entry!r} is not a host:port")
        return host.strip("[]"), int(port)

    def __contains__(self, pair: tuple[str, int]) -> bool:
        return (pair[0].lower().strip("[]"), pair[1]) in self._pairs


def is_public(address: str) -> bool:
    """Whether an IP address is a unicast one that is reachable on the public Internet."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if not ip.is_global or ip.is_multicast or ip.is_reserved or ip.is_link_local or ip.is_loopback or ip.is_unspecified:
        return False
    if isinstance(ip, ipaddress.IPv6Address) and (ip not in _V6_PUBLIC or ip.scope_id):
        return False
    return not any(ip in network for network in _REFUSED if network.version == ip.version)


def check_url(url: Url, allowed: Allowed) -> None:
    """Raise AddressRefused unless the URL is https on port 443 of a DNS name, or its host and port are exempted."""
    host, scheme = url.raw_host.decode("ascii", "replace").lower(), url.scheme
    if scheme not in DEFAULT_PORTS or not host:
        raise AddressRefused("only https addresses can be asked")
    if url.userinfo:
        raise AddressRefused(f"{host} is asked with a user name in the address")
    port = url.port or DEFAULT_PORTS[scheme]
    if (host, port) in allowed:
        return
    if scheme != "https":
        raise AddressRefused(f"{host} can only be asked over https")
    if port != 443:
        raise AddressRefused(f"{host} can only be asked on port 443, not {port}")
    if not _is_name(host):
        raise AddressRefused(f"{host} is not a public host name")


def _is_name(host: str) -> bool:
    """Whether a host is a DNS name of two labels or more, and not an IP address in any notation (`0x7f.1`, `127.1`)."""
    labels = host.split(".")
    if len(labels) < 2 or len(host) > 253 or ":" in host:
        return False
    if not all(label and len(label) <= 63 and label.replace("-", "a").replace("_", "a").isalnum() for label in labels):
        return False
    return not labels[-1][0].isdigit()
