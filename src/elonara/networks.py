"""Which network an address belongs to: the unit of every limit on visitors who have not signed in."""

from __future__ import annotations

import ipaddress


def network_of(address: str) -> str:
    """The IPv4 address, or for IPv6 the /64 network that one household has; "" for this machine.

    From this machine comes the operator, or a proxy that is not in `http.trusted_proxies`: everybody at once.
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped  # a socket for both families shows IPv4 so: all of it is in one /64
    if found.is_loopback:
        return ""
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
