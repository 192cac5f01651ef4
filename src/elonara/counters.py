"""Counts of this process since it started: requests by route, and what became of jobs by reason.

They are in memory, because a request must not cost a write. `elonara.housekeeping.process_counts` stores them from time
to time, so that whichever process answers `/metrics` knows those of the others. Labels are route patterns, methods,
status codes and the site's own codes: never a path, an address or an account.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from typing import Any, Final

# Upper bounds of the latency histogram, in seconds; one more bucket holds what took longer.
BUCKETS: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
MAX_SERIES: Final = 2000  # of each kind: far more than there are routes, and a bound in any case
OTHER: Final = "(other)"

type Request = tuple[str, str, int]  # route, method, status
type CountedOutcome = tuple[str, str, str]  # kind, outcome, reason


class Counters:
    """Thread-safe counts. Recording takes a lock and no more than a few microseconds."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin at zero, with a lock that nobody holds: also for the child of a fork."""
        self._lock = threading.Lock()
        self._requests: dict[Request, int] = {}
        self._latency: dict[str, list[float]] = {}  # route: counts by bucket, then the sum of seconds
        self._outcomes: dict[CountedOutcome, int] = {}

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request that was answered after `seconds`."""
        key = (route, method, status)
        with self._lock:
            if key not in self._requests and len(self._requests) >= MAX_SERIES:
                key, route = (OTHER, method, status), OTHER
            self._requests[key] = self._requests.get(key, 0) + 1
            latency = self._latency.get(route)
            if latency is None:
                latency = self._latency[route] = [0.0] * (len(BUCKETS) + 2)
            latency[bisect_left(BUCKETS, seconds)] += 1
            latency[-1] += seconds

    def outcome(self, kind: str, outcome: str, reason: str = "") -> None:
        """Count what became of a job or a post; `reason` is one of the site's codes, or the name of an exception."""
        key = (kind, outcome, reason)
        with self._lock:
            if key not in self._outcomes and len(self._outcomes) >= MAX_SERIES:
                key = (kind, outcome, OTHER)
            self._outcomes[key] = self._outcomes.get(key, 0) + 1

    def snapshot(self) -> dict[str, Any]:
        """The counts as JSON types: `requests`, `latency` and `outcomes`, each a list of rows."""
        with self._lock:
            return {
                "requests": [[*key, count] for key, count in self._requests.items()],
                "latency": [[route, *counts] for route, counts in self._latency.items()],
                "outcomes": [[*key, count] for key, count in self._outcomes.items()],
            }


of_this_process: Final = Counters()
