"""Which network an address belongs to: the unit of every limit on visitors who have not signed in."""

from __future__ import annotations

import ipaddress
from typing import Final

WRAPPED_BITS: Final = 96  # of an IPv6 address, before the IPv4 address that it wraps


def plain_address(address: str) -> str:
    """The address, and where IPv6 wraps an IPv4 one (`::ffff:203.0.113.5`, RFC 4291) that one. Other text as it is.

    A socket for both families shows every IPv4 visitor in the wrapped form.
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    wrapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(wrapped) if wrapped is not None else address


def plain_network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """The network, and where it wraps an IPv4 one that one. Raises ValueError for other text."""
    found = ipaddress.ip_network(text, strict=False)
    if isinstance(found, ipaddress.IPv6Network) and found.prefixlen >= WRAPPED_BITS:
        wrapped = found.network_address.ipv4_mapped
        if wrapped is not None:
            return ipaddress.IPv4Network((wrapped, found.prefixlen - WRAPPED_BITS))
    return found


def network_of(address: str) -> str:
    """The IPv4 address, or for IPv6 the /64 network that one household has; "" for this machine.

    From this machine comes the operator, or a proxy that is not in `http.trusted_proxies`: everybody at once.
    """
    try:
        found = ipaddress.ip_address(plain_address(address.partition("%")[0]))
    except ValueError:
        return ""
    if found.is_loopback:
        return ""
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
