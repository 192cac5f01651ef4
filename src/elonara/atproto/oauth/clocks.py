"""How far this machine's clock is from each server's, as the `Date` headers of their responses show.

Proofs and client assertions are dated (`iat`), and a server compares that date with its own clock: some allow a minute,
some nothing at all from their future (docs/servers.md). So what we sign for a server is dated by that server's clock
(docs/decisions/0010-dated-by-the-server-s-clock.md says why that is safe): its last `Date`, and the time since.

An observation is of one origin and used for that origin alone, so a server that lies about the time deceives nobody but
itself. It counts only while this machine's wall clock has run as steadily as its monotonic clock: after a step of the
clock, or after the machine was suspended, it is void, and the next response makes a new one.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

from elonara.atproto.oauth.dpop import origin

# The largest difference that is corrected. A server that sets its clock far ahead on purpose could collect signatures
# for its own future; within an hour there is nothing to gain. Clocks that are further off are for the operator to mend.
MAX_CORRECTION_SECONDS: Final = 3600.0
# Two observations that differ by more than this are different; what is less comes from whole seconds and slow networks.
NOTICEABLE_SECONDS: Final = 2.0
MAX_ORIGINS: Final = 1000


@dataclass(frozen=True)
class _Observation:
    """Between how many seconds our clock is ahead of the server's, and the wall clock less the monotonic one then."""

    least: float
    most: float
    wall_less_monotonic: float

    @property
    def ahead(self) -> float:
        if self.least <= 0 <= self.most:
            return 0.0
        return self.least if self.least > 0 else self.most

    def narrowed_by(self, before: _Observation) -> _Observation:
        """What this one and the one `before` allow together. A slow response alone would allow much."""
        least, most = max(self.least, before.least), min(self.most, before.most)
        return _Observation(least, most, self.wall_less_monotonic) if least <= most else self


class ServerClocks:
    """What is known of the servers' clocks. In seconds; thread-safe."""

    def __init__(self, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.wall, self._monotonic = wall, monotonic
        self._known: OrderedDict[str, _Observation] = OrderedDict()
        self._lock = threading.Lock()

    def observe(self, url: str, headers: Mapping[str, str], began: float) -> None:
        """Take note of a response from the server at `url`, to a request that began at `began` by `wall`."""
        now = self.wall()
        bounds = _bounds(headers, began, now)
        if bounds is None:
            return
        found = _Observation(*bounds, now - self._monotonic())
        with self._lock:
            before = self._known.get(origin(url))
            if before is not None and self._is_steady(before):
                found = found.narrowed_by(before)
            self._known[origin(url)] = found
            self._known.move_to_end(origin(url))
            while len(self._known) > MAX_ORIGINS:
                self._known.popitem(last=False)

    def ahead(self, url: str) -> float:
        """Seconds by which this machine's clock is ahead of the server's (negative: behind); 0 where it is unknown."""
        with self._lock:
            found = self._known.get(origin(url))
        return found.ahead if found is not None and self._is_steady(found) else 0.0

    def now(self, url: str) -> float:
        """The time since 1970 to date a signature for the server at `url` with."""
        ahead = self.ahead(url)
        return self.wall() - (ahead if abs(ahead) <= MAX_CORRECTION_SECONDS else 0.0)

    def _is_steady(self, found: _Observation) -> bool:
        return abs(self.wall() - self._monotonic() - found.wall_less_monotonic) <= NOTICEABLE_SECONDS

    def forget(self) -> None:
        """Forget every observation."""
        with self._lock:
            self._known.clear()


def ahead_of(headers: Mapping[str, str], began: float, ended: float) -> float | None:
    """Seconds by which our clock is ahead of a server's whose response came between `began` and `ended`, by our clock.

    0 where both can be right: `Date` has whole seconds, and was written at some moment of the request. None where the
    response has no valid `Date`, or a cache on the way had kept it for a while (`Age`; RFC 9111, section 5.1).
    """
    bounds = _bounds(headers, began, ended)
    return _Observation(*bounds, 0.0).ahead if bounds else None


def _bounds(headers: Mapping[str, str], began: float, ended: float) -> tuple[float, float] | None:
    if headers.get("age", "0").strip() not in {"", "0"}:
        return None
    try:
        theirs = parsedate_to_datetime(headers.get("date", "")).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    return began - (theirs + 1), ended - theirs


server_clocks = ServerClocks()  # of this process
