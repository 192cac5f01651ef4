"""A cache in memory with a time to live and a bounded size."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable


class TtlCache[V]:
    """Values by name for `ttl` seconds, at most `size` of them; the oldest is evicted first. Thread-safe."""

    def __init__(self, ttl: float, size: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._ttl = ttl
        self._size = size
        self._clock = clock
        self._lock = threading.Lock()
        self._items: OrderedDict[str, tuple[float, V]] = OrderedDict()

    def get(self, name: str) -> V | None:
        """The value, or None where there is none or it has expired."""
        with self._lock:
            found = self._items.get(name)
            if found is None:
                return None
            if found[0] <= self._clock():
                del self._items[name]
                return None
            return found[1]

    def put(self, name: str, value: V) -> None:
        """Store a value; its time to live starts now."""
        with self._lock:
            self._items.pop(name, None)
            self._items[name] = (self._clock() + self._ttl, value)
            while len(self._items) > self._size:
                self._items.popitem(last=False)

    def forget(self, name: str) -> None:
        """Remove a value."""
        with self._lock:
            self._items.pop(name, None)
