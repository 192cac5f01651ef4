"""Leases: at most one worker at a time handles an account or a session, over any number of processes and machines.

A lease is three columns of a row: owner, `lease_until`, and a fencing token (the fence) that grows by one each time the
lease is taken. The holder writes its results with `lease.update(...)`, which changes nothing once somebody else has
taken the lease and so raised the fence. No transaction stays open during a network call: every step is one conditional
UPDATE of its own.

Times come from the database's clock, so machines with different clocks agree on when a lease ends. A process that was
killed leaves its leases taken: another one on the same machine sees that it is gone and need not wait for their end.
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

DEFAULT_LEASE_SECONDS: Final = 60.0
# No lease is taken for longer. One that ends later was written before the database's clock was set back: it is void.
MAX_LEASE_SECONDS: Final = 600.0

log = logging.getLogger(__name__)

_lane_numbers = itertools.count(1)
_lane_owners: set[str] = set()  # owners of the lanes that this process holds or is taking now


@dataclass(frozen=True)
class Columns:
    """The names of the three lease columns on a model."""

    owner: str = "lease_owner"
    fence: str = "lease_fence"
    until: str = "lease_until"


ROW_COLUMNS = Columns()
LANE_COLUMNS = Columns(owner="owner", fence="fence", until="lease_until")


@dataclass(frozen=True)
class Lease:
    """A lease that was taken: its owner, its fence, and when it ends by this process's monotonic clock."""

    model: type[models.Model]
    pk: Any
    owner: str
    fence: int
    ends: float  # time.monotonic()
    columns: Columns = ROW_COLUMNS

    @property
    def seconds_left(self) -> float:
        """Seconds until the lease ends; 0 when it has ended."""
        return max(0.0, self.ends - time.monotonic())

    def rows(self) -> models.QuerySet[Any]:
        """The row, as long as nobody took the lease after us: for a conditional update."""
        return self.model._default_manager.filter(pk=self.pk, **{self.columns.fence: self.fence})

    def update(self, **values: Any) -> bool:
        """Store a result if the fence is still ours. False: somebody else has the lease; drop the result."""
        return self.rows().update(**values) == 1

    def extend(self, seconds: float = DEFAULT_LEASE_SECONDS) -> Lease | None:
        """The same lease with a later end, or None where it was lost."""
        _check_duration(seconds)
        ends = time.monotonic() + seconds
        if not self.update(**{self.columns.until: Now() + timedelta(seconds=seconds)}):
            return None
        return Lease(self.model, self.pk, self.owner, self.fence, ends, self.columns)


def take_lease(
    model: type[models.Model],
    pk: Any,
    owner: str,
    seconds: float = DEFAULT_LEASE_SECONDS,
    *,
    columns: Columns = ROW_COLUMNS,
) -> Lease | None:
    """Take the lease of a row for `seconds` (at most 600), or None where somebody has it or the row is gone."""
    _check_duration(seconds)
    with transaction.atomic(durable=True):  # raises inside a transaction: others would not see the lease
        free = Q(**{columns.until: None}) | Q(**{f"{columns.until}__lte": Now()})
        free |= Q(**{f"{columns.until}__gt": Now() + timedelta(seconds=MAX_LEASE_SECONDS)})
        rows = model._default_manager.filter(pk=pk)
        fence = rows.filter(free).values_list(columns.fence, flat=True).first()
        if fence is None:
            fence = _abandoned_fence(rows, columns)
        if fence is None:
            return None
        ends = time.monotonic() + seconds
        # Changes nothing where another worker has raised the fence since we read it.
        taken = rows.filter(**{columns.fence: fence}).update(
            **{
                columns.owner: owner[:64],
                columns.fence: fence + 1,
                columns.until: Now() + timedelta(seconds=seconds),
            }
        )
    return Lease(model, pk, owner, fence + 1, ends, columns) if taken else None


def this_thread() -> str:
    """An owner name for leases of this thread, which `has_ended` understands on the same machine."""
    return f"{_machine_id()}:{os.getpid()}:{threading.get_ident()}"


def has_ended(owner: str) -> bool:
    """Whether the owner of a lease has stopped working. False wherever that is not certain.

    True where its process, on this machine, has ended, and for a `lane` block of this process that could not reach the
    database to release its lease.
    """
    parts = owner.split(":")  # machine, process, thread and, for a lane, its number
    pid = parts[1] if len(parts) > 1 else ""
    if parts[0] != _machine_id() or not pid.isdigit():
        return False
    if int(pid) == os.getpid():
        return len(parts) == 4 and owner not in _lane_owners
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def release(lease: Lease) -> bool:
    """Give a lease back. False where it was lost before. The fence keeps its value, since it may only grow."""
    return lease.update(**{lease.columns.owner: "", lease.columns.until: None})


@contextmanager
def lane(author_did: str, *, owner: str, seconds: float = DEFAULT_LEASE_SECONDS) -> Iterator[Lease | None]:
    """The lane of one author account, or None while another worker has it. Given back at the end of the block.

    The caller extends the lease when its work takes longer than `seconds`.
    """
    # By name, because this module is in a layer below the models.
    model = apps.get_model("elonara", "AccountLane")
    model._default_manager.get_or_create(author_did=author_did)
    # A number of its own tells a lease that could not be given back from the next lease of the same thread.
    owner = f"{owner}:{next(_lane_numbers)}"
    _lane_owners.add(owner)
    try:
        lease = take_lease(model, author_did, owner, seconds, columns=LANE_COLUMNS)
        try:
            yield lease
        finally:
            if lease is not None and not release(lease):
                log.warning("lane of %s: the lease ended before its work did (fence %d)", author_did, lease.fence)
    finally:
        _lane_owners.discard(owner)


def _abandoned_fence(rows: models.QuerySet[Any], columns: Columns) -> int | None:
    """The fence of a lease that lasts on although its owner has ended, or None."""
    owner, fence = rows.values_list(columns.owner, columns.fence).first() or ("", None)
    return fence if owner and has_ended(owner) else None


@cache
def _machine_id() -> str:
    """A digest of host name, boot and PID namespace: owners with the same one share this process's PIDs."""
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts += [
            Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
            str(Path("/proc/self/ns/pid").readlink()),
        ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _check_duration(seconds: float) -> None:
    if not 0 < seconds <= MAX_LEASE_SECONDS:
        raise ValueError(f"a lease lasts up to {MAX_LEASE_SECONDS:.0f} seconds, not {seconds}")
