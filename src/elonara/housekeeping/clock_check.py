"""Whether this machine's clock shows times that it has shown before.

While it does, Bluesky refuses proofs as dated wrongly (RFC 9449, section 11.1), and what was put off for a minute seems
an hour away. Rows are safe: nothing is posted for a second time and nothing is dropped, it only comes late.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

TOLERANCE_SECONDS: Final = (
    60.0  # seconds; what servers allow in a proof, and more than any time service corrects at once
)


class ClockCheck:
    """Compares the clock on the wall with one that nobody can set. In seconds; safe to use from several threads."""

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        self._wall, self._steady = wall, steady
        self._offset = wall() - steady()
        self._until = 0.0
        self._lock = threading.Lock()

    def behind(self) -> float:
        """How far the clock is behind the latest time that it has shown, once it stepped back by over a minute; else 0.

        Comes to its end when the clock is set right, or by itself once that time has come again.
        """
        with self._lock:
            wall, steady = self._wall(), self._steady()
            expected = steady + self._offset
            if expected - wall > TOLERANCE_SECONDS:
                self._until = max(self._until, expected)
            self._offset = wall - steady
            return max(0.0, self._until - wall)


of_this_process = ClockCheck()
