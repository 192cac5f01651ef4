"""A clock that workers on several machines agree on: the database's, as far as each process has measured it.

When an attempt to post began is stored in a row, and another worker may judge it: has anything of that write landed by
now? With clocks that differ by minutes it would judge wrongly. So workers date attempts by the database's clock. A
process measures how far its own is from it at every heartbeat; between two of them `now` costs no query. Where nothing
has been measured (SQLite, a web server without jobs), it is this machine's clock.
"""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta
from typing import Final

from django.db import connection
from django.utils import timezone

STEP_SECONDS: Final = 1.0  # by which the clock was set, not merely corrected, since it was measured

_lock = threading.Lock()
_ahead = 0.0
_wall_less_monotonic = 0.0


def ahead_of_database() -> float:
    """Seconds by which this machine's clock is ahead of the database's (negative: behind); 0 for SQLite. One query."""
    if connection.vendor != "postgresql":
        return 0.0
    began = time.time()
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
        theirs = float(cursor.fetchone()[0])
    # As exact as the query is fast.
    return (began + time.time()) / 2 - theirs


def measure() -> float:
    """Measure how far this machine's clock is ahead of the database's, for `now` from here on; in seconds."""
    global _ahead, _wall_less_monotonic
    ahead = ahead_of_database()
    with _lock:
        _ahead, _wall_less_monotonic = ahead, time.time() - time.monotonic()
    return ahead


def now() -> datetime:
    """Now by the database's clock, as far as it was measured."""
    with _lock:
        ahead, offset = _ahead, _wall_less_monotonic
    if ahead:
        # What the clock was set by since is corrected, too: the monotonic clock cannot be set.
        step = time.time() - time.monotonic() - offset
        ahead += step if abs(step) > STEP_SECONDS else 0.0
    return timezone.now() - timedelta(seconds=ahead)
