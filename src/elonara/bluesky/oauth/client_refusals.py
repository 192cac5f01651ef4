"""When a server refuses this site as a client: nothing is lost, the server is asked less often, the operator is told.

Such a refusal (`ClientRefused`) is about a date, or about metadata that the server could not fetch: both pass, and
neither says anything about the member's grant. So her session stays, and her posts wait. Each process counts for
itself, as it has a clock of its own.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import Final

from elonara.atproto.errors import ClientRefused
from elonara.atproto.oauth.clocks import server_clocks
from elonara.bluesky import outward
from elonara.bluesky.oauth import self_check
from elonara.bluesky.refresh_lease import TryLater

# How long an issuer is not asked for new tokens after a refusal; doubled each time, up to the longest.
FIRST_PAUSE_SECONDS: Final = 30.0
LONGEST_PAUSE_SECONDS: Final = 900.0
LOOK_INTERVAL_SECONDS: Final = 600.0  # between two looks at our own clock and metadata

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Pause:
    reason: str
    seconds: float
    until: float  # time.monotonic()


_lock = threading.Lock()
_pauses: dict[str, _Pause] = {}
_next_look = 0.0
_found_trouble = False


def require_no_pause(issuer: str) -> None:
    """Raise TryLater while this issuer is not asked, because it refused this site a moment ago."""
    with _lock:
        pause = _pauses.get(issuer)
    if pause is not None and (left := pause.until - time.monotonic()) > 0:
        raise TryLater(pause.reason, retry_after=left)


def refused(issuer: str, fault: ClientRefused) -> TryLater:
    """Take note of a refusal at a refresh; returns what the caller raises."""
    reason = "clock" if fault.is_clock else "client_refused"
    with _lock:
        before = _pauses.get(issuer)
        seconds = min(2 * before.seconds, LONGEST_PAUSE_SECONDS) if before else FIRST_PAUSE_SECONDS
        seconds = max(seconds, min(fault.retry_after or 0.0, LONGEST_PAUSE_SECONDS))
        _pauses[issuer] = _Pause(reason, seconds, time.monotonic() + seconds)
    log.warning("%s refuses this site as a client (%s), its clock is %.0f s ahead", issuer, fault.code, fault.ahead)
    suspect(issuer, fault.code)
    return TryLater(reason, retry_after=seconds)


def accepted(issuer: str) -> None:
    """The issuer accepts this site as a client. Where its clock differs much from ours, the operator hears of it."""
    with _lock:
        was_refused = _pauses.pop(issuer, None) is not None
    if was_refused or _found_trouble or abs(server_clocks.ahead(issuer)) >= self_check.OFF_SECONDS:
        suspect()


def suspect(issuer: str = "", code: str = "") -> None:
    """Look at our own clock and metadata in the background, at most once in a while.

    `issuer` is who refused a member's refresh with `code`. That of a mere sign-in is anybody's choice, and not named.
    """
    global _next_look  # noqa: PLW0603
    with _lock:
        if time.monotonic() < _next_look:
            return
        _next_look = time.monotonic() + LOOK_INTERVAL_SECONDS
    outward.in_background(("self-check", 0), lambda: _look(issuer, code))


def forget() -> None:
    """Forget every refusal, for tests."""
    global _next_look, _found_trouble
    with _lock:
        _pauses.clear()
        _next_look, _found_trouble = 0.0, False


def _look(issuer: str, code: str) -> None:
    global _found_trouble  # noqa: PLW0603
    try:
        _found_trouble = self_check.look(issuer, code)
    except Exception:
        log.exception("this site could not look at its own clock and metadata")
