"""One renewal at a time: the part that OAuth sessions and app-password sessions share.

A refresh token is good for one use. So a process takes the row's lease, notes that it is about to use the token
(committed before the call), calls within 20 s of a 60 s lease, and stores the answer by compare on the fence.
Everybody else waits and reads the row again.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from uuid import UUID

from elonara.bluesky.models import AppPasswordSession, MemberIdentity
from elonara.locks import Lease, release, take_lease

REFRESH_LEASE_SECONDS = 60.0  # seconds; three times the longest call
MAX_WAIT_SECONDS = 25.0  # seconds that a waiter gives the one who renews
EXPIRY_MARGIN_SECONDS = 30  # seconds: a token that ends within them counts as ended


class SessionEnded(Exception):
    """Only the member can help: reauthorize, or give a new app password. `reason` is a stable code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TryLater(Exception):
    """The session could not be renewed now; the next attempt may do better. `reason` is a stable code."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after


def refresh_under_lease[Row: (MemberIdentity, AppPasswordSession)](
    model: type[Row],
    pk: UUID,
    *,
    usable: Callable[[Row], str | None],
    renew: Callable[[Row, Lease], str],
) -> str:
    """A token that works: the one in the row when `usable` finds it so, else what `renew` gets under the lease.

    `usable(row)` gives the token, or None when it must be renewed; it raises SessionOver when it cannot be. Raises
    SessionOver and TryLater.
    """
    owner, patience, pause = secrets.token_hex(8), time.monotonic() + MAX_WAIT_SECONDS, 0.02
    while True:
        token = usable(_read(model, pk))
        if token is not None:
            return token
        lease = take_lease(model, pk, owner, REFRESH_LEASE_SECONDS)
        if lease is not None:
            try:
                # Read again under the lease: another process may just have finished.
                row = _read(model, pk)
                return usable(row) or renew(row, lease)
            finally:
                release(lease)
        if time.monotonic() > patience:
            raise TryLater("busy", retry_after=5)
        time.sleep(pause)
        pause = min(pause * 2, 0.5)


def _read[Row: (MemberIdentity, AppPasswordSession)](model: type[Row], pk: UUID) -> Row:
    row = model._default_manager.filter(pk=pk).first()
    if row is None:
        raise SessionEnded("not_connected")
    return row
