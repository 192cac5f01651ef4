"""Leases that keep one account, or one session, to one worker on any number of processes and machines.

A lease is a row: owner, `lease_until`, and a fence that grows by one each time somebody takes it. Whoever works under a
lease writes its results with `lease.update(...)`, which changes nothing once the fence has moved on. No transaction
stays open while the network is asked: every step here is one conditional UPDATE of its own.

Times are the database's, so that machines with different clocks agree on when a lease ends. A process that was killed
leaves its leases behind: whoever asks on the same machine sees that it is gone and need not wait for their end.
"""

from __future__ import annotations

import hashlib
import itertools
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

from django.apps import apps
from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Now

DEFAULT_SECONDS: Final = 60.0
# No lease is taken for longer. One that ends later than this was written before a clock stepped back: it is void.
MAX_SECONDS: Final = 600.0

log = logging.getLogger(__name__)

_numbers = itertools.count(1)
_held: set[str] = set()  # owners in lanes of this process, at this moment


@dataclass(frozen=True)
class Columns:
    """What the three columns of a lease are called on a model."""

    owner: str = "lease_owner"
    fence: str = "lease_fence"
    until: str = "lease_until"


ROW = Columns()
LANE = Columns(owner="owner", fence="fence", until="lease_until")


@dataclass(frozen=True)
class Lease:
    """A lease that was taken: who has it, under which fence, and when it ends by this process's monotonic clock."""

    model: type[models.Model]
    pk: Any
    owner: str
    fence: int
    ends: float  # time.monotonic()
    columns: Columns = ROW

    @property
    def seconds_left(self) -> float:
        """How long the lease still lasts; 0 when it has ended."""
        return max(0.0, self.ends - time.monotonic())

    def rows(self) -> models.QuerySet[Any]:
        """The row, as long as nobody took it after us: for a conditional update."""
        return self.model._default_manager.filter(pk=self.pk, **{self.columns.fence: self.fence})

    def update(self, **values: Any) -> bool:
        """Store a result if the fence still is ours. False: somebody else has the row, forget the result."""
        return self.rows().update(**values) == 1

    def extend(self, seconds: float = DEFAULT_SECONDS) -> Lease | None:
        """The same lease with a later end, or None where it was lost."""
        _check(seconds)
        ends = time.monotonic() + seconds
        if not self.update(**{self.columns.until: Now() + timedelta(seconds=seconds)}):
            return None
        return Lease(self.model, self.pk, self.owner, self.fence, ends, self.columns)


def take_lease(
    model: type[models.Model], pk: Any, owner: str, seconds: float = DEFAULT_SECONDS, *, columns: Columns = ROW
) -> Lease | None:
    """Take the lease of a row for `seconds` (at most 600), or None where somebody has it or the row is gone."""
    _check(seconds)
    with transaction.atomic(durable=True):  # raises inside a transaction: others would not see the lease
        free = Q(**{columns.until: None}) | Q(**{f"{columns.until}__lte": Now()})
        free |= Q(**{f"{columns.until}__gt": Now() + timedelta(seconds=MAX_SECONDS)})
        rows = model._default_manager.filter(pk=pk)
        fence = rows.filter(free).values_list(columns.fence, flat=True).first()
        if fence is None:
            fence = _left_behind(rows, columns)
        if fence is None:
            return None
        ends = time.monotonic() + seconds
        # The fence has moved on where somebody was quicker.
        taken = rows.filter(**{columns.fence: fence}).update(
            **{
                columns.owner: owner[:64],
                columns.fence: fence + 1,
                columns.until: Now() + timedelta(seconds=seconds),
            }
        )
    return Lease(model, pk, owner, fence + 1, ends, columns) if taken else None


def this_thread() -> str:
    """A name for this thread's leases that `has_ended` can read on the same machine."""
    return f"{_place()}:{os.getpid()}:{threading.get_ident()}"


def has_ended(owner: str) -> bool:
    """Whether a lease was left behind: by a process of this machine that is no more, or in this very process by a
    `lane` that could not tell the database of its end. False wherever that is not certain.
    """
    parts = owner.split(":")  # place, process, thread and, for a lane, its number
    number = parts[1] if len(parts) > 1 else ""
    if parts[0] != _place() or not number.isdigit():
        return False
    if int(number) == os.getpid():
        return len(parts) == 4 and owner not in _held
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def release(lease: Lease) -> bool:
    """Give a lease back. False where it had been lost already. The fence stays: it only ever grows."""
    return lease.update(**{lease.columns.owner: "", lease.columns.until: None})


@contextmanager
def lane(author_did: str, *, owner: str, seconds: float = DEFAULT_SECONDS) -> Iterator[Lease | None]:
    """The lane of one author account, or None while another worker has it. Given back at the end of the block.

    The caller extends the lease when its work takes longer than `seconds`.
    """
    # Asked of the registry by name: this module lies below the models.
    model = apps.get_model("elonara", "AccountLane")
    model._default_manager.get_or_create(author_did=author_did)
    # Numbered, so that a lease which could not be given back is known from the next one of the same thread.
    owner = f"{owner}:{next(_numbers)}"
    _held.add(owner)
    try:
        lease = take_lease(model, author_did, owner, seconds, columns=LANE)
        try:
            yield lease
        finally:
            if lease is not None and not release(lease):
                log.warning("lane of %s: the lease ended before its work did (fence %d)", author_did, lease.fence)
    finally:
        _held.discard(owner)


def _left_behind(rows: models.QuerySet[Any], columns: Columns) -> int | None:
    """The fence of a lease that has not ended but whose owner has."""
    owner, fence = rows.values_list(columns.owner, columns.fence).first() or ("", None)
    return fence if owner and has_ended(owner) else None


@cache
def _place() -> str:
    """This machine since it was started, and the namespace in which its process numbers mean something."""
    marks = [socket.gethostname()]
    with suppress(OSError):
        marks += [
            Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
            str(Path("/proc/self/ns/pid").readlink()),
        ]
    return hashlib.sha256("\0".join(marks).encode()).hexdigest()[:16]


def _check(seconds: float) -> None:
    if not 0 < seconds <= MAX_SECONDS:
        raise ValueError(f"a lease lasts up to {MAX_SECONDS:.0f} seconds, not {seconds}")
