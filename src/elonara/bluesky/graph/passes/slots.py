"""Places of this process for synchronizing, so that other jobs find a free thread at any time."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Final

SLOTS: Final = 2  # runs of some seconds at once
SHORT_SLOTS: Final = 1  # and so many that take a moment: the first page of a graph, and deletions
AGAIN_SECONDS: Final = 1.0  # until whoever found no place asks again
YIELD_SECONDS: Final = 1.5  # whoever gives a place up while others wait asks later than they do
FORGOTTEN_SECONDS: Final = 5.0  # another process has taken the key of somebody who waited here

_lock = threading.Lock()
_used = {False: 0, True: 0}
_waiting: dict[str, float] = {}  # time.monotonic() of the last time they asked


@contextlib.contextmanager
def taken(key: str, *, short: bool) -> Iterator[float | None]:
    """Take a place for this block. Gives None, or without a place the seconds after which to ask again."""
    with _lock:
        free = _used[short] < (SHORT_SLOTS if short else SLOTS)
        if free:
            _used[short] += 1
            _waiting.pop(key, None)
        elif not short:
            _waiting[key] = time.monotonic()
    if not free:
        yield AGAIN_SECONDS / 5 if short else AGAIN_SECONDS
        return
    try:
        yield None
    finally:
        with _lock:
            _used[short] -= 1


def yielded(key: str) -> float:
    """The seconds after which `key` may go on: 0, or later than those who wait for a place now."""
    since = time.monotonic() - FORGOTTEN_SECONDS
    with _lock:
        for other in [other for other, at in _waiting.items() if at < since]:
            del _waiting[other]
        return YIELD_SECONDS if _waiting.keys() - {key} else 0.0
