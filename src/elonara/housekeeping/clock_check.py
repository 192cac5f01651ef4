"""Detects that this machine's clock was set back.

While the clock is wrong, servers refuse DPoP proofs because of their `iat` (RFC 9449, section 11.1), and a retry that
is due in a minute seems an hour away. Rows are safe: nothing is posted twice and nothing is lost, deliveries are late.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

# What servers tolerate in a proof's `iat`, and more than a time service corrects at once.
TOLERANCE_SECONDS: Final = 60.0


class ClockCheck:
    """Compares the wall clock with the monotonic clock, which nobody can set. In seconds; thread-safe."""

    def __init__(self, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._wall, self._monotonic = wall, monotonic
        self._offset = wall() - monotonic()
        self._latest = 0.0  # the latest time shown before the clock was set back
        self._lock = threading.Lock()

    def behind(self) -> float:
        """How far the clock is behind the latest time it has shown, after a step back of over a minute; else 0.

        Becomes 0 when the clock is corrected, or when that time is reached again.
        """
        with self._lock:
            wall, monotonic = self._wall(), self._monotonic()
            expected = monotonic + self._offset
            if expected - wall > TOLERANCE_SECONDS:
                self._latest = max(self._latest, expected)
            self._offset = wall - monotonic
            return max(0.0, self._latest - wall)


of_this_process = ClockCheck()
