"""TIDs: record keys that sort by time. Spec: https://atproto.com/specs/tid

A TID is 53 bits of microseconds and a clock id of 10 bits, which keeps processes that make one at the same microsecond
apart.
"""

from __future__ import annotations

import os
import re
import secrets
import threading
import time
from collections.abc import Callable

ALPHABET = "234567abcdefghijklmnopqrstuvwxyz"
_TID = re.compile(r"[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}")


def is_tid(text: str) -> bool:
    """Whether this is syntactically a TID."""
    return _TID.fullmatch(text) is not None


def encode(microseconds: int, clock_id: int) -> str:
    """The TID of a time (microseconds since 1970, 53 bits) and a clock id (10 bits)."""
    value = (microseconds & ((1 << 53) - 1)) << 10 | (clock_id & 1023)
    return "".join(ALPHABET[value >> shift & 31] for shift in range(60, -1, -5))


def decode(tid: str) -> tuple[int, int]:
    """The microseconds and the clock id of a TID. Raises ValueError when it is not one."""
    if not is_tid(tid):
        raise ValueError("not a TID")
    value = 0
    for char in tid:
        value = value << 5 | ALPHABET.index(char)
    return value >> 10, value & 1023


class TidClock:
    """Makes TIDs, each greater than the one before, even when the clock of the machine is set back."""

    def __init__(self, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._now_ns = now_ns
        self._lock = threading.Lock()
        self._last = 0
        self._clock_id = secrets.randbelow(1024)

    def next(self) -> str:
        """A new TID. Thread-safe."""
        with self._lock:
            self._last = max(self._now_ns() // 1000, self._last + 1)
            return encode(self._last, self._clock_id)


_clock = TidClock()


def _after_fork() -> None:
    # With its parent's clock id, a forked process could make the same TID as the parent.
    global _clock  # noqa: PLW0603
    _clock = TidClock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def new_tid() -> str:
    """A new TID: unique and ascending in this process, with a clock id drawn at random per process."""
    return _clock.next()
