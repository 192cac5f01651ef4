"""What the OAuth client stores between requests: a Protocol, and an implementation in memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Protocol


class NonceStore(Protocol):
    """The last DPoP nonce that an origin gave for one DPoP key (RFC 9449, section 8). Called from many threads."""

    def get(self, thumbprint: str, origin: str) -> str | None:
        """The nonce for the key with this RFC 7638 `thumbprint` at `origin` (`scheme://host[:port]`), or None."""
        ...

    def put(self, thumbprint: str, origin: str, nonce: str) -> None:
        """Store `nonce` in place of the previous one."""
        ...


class MemoryNonces:
    """A `NonceStore` in memory. Keeps the `size` most recently used pairs of key and origin."""

    def __init__(self, size: int = 10_000) -> None:
        self._size = size
        self._nonces: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, thumbprint: str, origin: str) -> str | None:
        """See `NonceStore.get`."""
        with self._lock:
            nonce = self._nonces.get((thumbprint, origin))
            if nonce is not None:
                self._nonces.move_to_end((thumbprint, origin))
            return nonce

    def put(self, thumbprint: str, origin: str, nonce: str) -> None:
        """See `NonceStore.put`."""
        with self._lock:
            self._nonces[thumbprint, origin] = nonce
            self._nonces.move_to_end((thumbprint, origin))
            while len(self._nonces) > self._size:
                self._nonces.popitem(last=False)
