"""TXT records: a handle can name its DID in one at `_atproto.<handle>`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from elonara.atproto.errors import NetworkError

if TYPE_CHECKING:
    import dns.resolver

# `lookup(name)` returns the TXT strings at a name, none where the name does not exist, or raises NetworkError.
TxtLookup = Callable[[str], Sequence[str]]


class DnsTxt:
    """A TxtLookup through the system's name servers, at most `timeout` seconds long."""

    def __init__(self, timeout: float = 3.0) -> None:
        self._timeout = timeout
        self._lock = threading.Lock()
        self._resolver: dns.resolver.Resolver | None = None

    def __call__(self, name: str) -> Sequence[str]:
        """The TXT strings at `name`; the parts of a record are joined."""
        # Imported here, because the import takes a quarter of a second and most commands never resolve a name.
        import dns.exception  # noqa: PLC0415
        import dns.resolver  # noqa: PLC0415

        try:
            with self._lock:
                if self._resolver is None:
                    self._resolver = dns.resolver.Resolver()
            found = self._resolver.resolve(name, "TXT", search=False, lifetime=self._timeout)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, OSError, ValueError) as fault:
            raise NetworkError(f"the name servers did not answer for {name}", ambiguous=False) from fault
        return [b"".join(record.strings).decode("utf-8", "replace") for record in found]
