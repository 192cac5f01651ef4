"""What is done again and again, by one process at a time on any number of machines.

Each errand has a row with its next time, taken under a lease. `look(name)` is the handler of the job kind "errand".
"""

from __future__ import annotations

import logging
import os
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from elonara.housekeeping import cleanup, session_renewal
from elonara.housekeeping.models import PeriodicTask
from elonara.locks import release, take_lease

JOB_KIND: Final = "errand"
LEASE_SECONDS: Final = 300.0  # seconds; every errand stops by itself well before
RETRY_AFTER_FAILURE: Final = timedelta(minutes=10)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TaskDefinition:
    """What to do (it returns how many rows it dealt with) and how long to wait after it."""

    do: Callable[[], int]
    every: timedelta


TASKS: Final = {
    "renew sessions": TaskDefinition(session_renewal.renew_idle, timedelta(hours=1)),
    "clear away": TaskDefinition(cleanup.clear, timedelta(hours=1)),
}


def poll(name: str) -> datetime | None:
    """Do one errand if it is due; when to come again."""
    plan = TASKS.get(name)
    if plan is None:
        return None
    row, _ = PeriodicTask.objects.get_or_create(name=name, defaults={"due_at": timezone.now()})
    if row.due_at > timezone.now():
        return row.due_at
    lease = take_lease(
        PeriodicTask, name, f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}", LEASE_SECONDS
    )
    if lease is None:
        return timezone.now() + timedelta(seconds=LEASE_SECONDS)
    try:
        row.refresh_from_db()
        if row.due_at > timezone.now():  # another process was quicker
            return row.due_at
        began, error, done, after = time.monotonic(), "", 0, plan.every * random.uniform(0.9, 1.1)  # noqa: S311
        try:
            done = plan.do()
        except Exception as fault:
            # The other errands go on, and this one comes again; the row tells the operator.
            log.exception("%s failed", name)
            error, after = f"{type(fault).__name__}: {fault}"[:300], RETRY_AFTER_FAILURE
        due = timezone.now() + after
        lease.update(
            due_at=due, ran_at=timezone.now(), seconds=time.monotonic() - began, done=done, error=error,
        )  # fmt: skip
        return due
    finally:
        release(lease)


def sweep() -> Iterator[tuple[str, datetime | None]]:
    """Every errand, with its time."""
    known = dict(PeriodicTask.objects.values_list("name", "due_at"))
    for name in TASKS:
        yield name, known.get(name)
