"""Periodic tasks: each runs in one process at a time, on however many machines the site runs.

Every task has a row with the time of its next run; a process takes it under a lease. `poll(name)` handles its jobs.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from elonara.bluesky.graph import sync
from elonara.bluesky.oauth import self_check
from elonara.events import share_pictures
from elonara.events.guests import approval, places
from elonara.housekeeping import answer_digest, cleanup, guest_data, session_renewal
from elonara.housekeeping.models import PeriodicTask
from elonara.locks import release, take_lease, this_thread

JOB_KIND: Final = "errand"  # the name it had in 0.1.0: jobs are queued under it
LEASE_SECONDS: Final = 300.0  # every task limits its own run to well below that
JITTER: Final = (0.9, 1.1)  # of the interval, so that tasks with the same interval drift apart
RETRY_AFTER_FAILURE: Final = timedelta(minutes=10)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TaskDefinition:
    """`run` does the work and returns how many rows it dealt with; `interval` is the wait after it."""

    run: Callable[[], int]
    interval: timedelta


TASKS: Final = {
    "renew sessions": TaskDefinition(session_renewal.renew_idle, timedelta(hours=1)),
    "self check": TaskDefinition(self_check.settle_if_mended, timedelta(hours=1)),
    "fill places": TaskDefinition(places.fill_all, timedelta(minutes=10)),
    "admit guests": TaskDefinition(approval.admit_all, timedelta(minutes=10)),
    "pass offers on": TaskDefinition(places.pass_offers_on, timedelta(minutes=1)),
    "stored graphs": TaskDefinition(sync.begin_missing, timedelta(hours=1)),
    "answer digests": TaskDefinition(answer_digest.send_due, timedelta(minutes=15)),
    "share pictures": TaskDefinition(share_pictures.find_outdated, timedelta(hours=6)),
    "guest data": TaskDefinition(guest_data.run, timedelta(hours=1)),
    "clear away": TaskDefinition(cleanup.clear, timedelta(hours=1)),
}


def poll(name: str) -> datetime | None:
    """Job handler: run one task if it is due. Returns when to call again, None for a task of another version."""
    task = TASKS.get(name)
    if task is None:
        return None
    row, _ = PeriodicTask.objects.get_or_create(name=name, defaults={"due_at": timezone.now()})
    if row.due_at > timezone.now():
        return row.due_at
    lease = take_lease(PeriodicTask, name, this_thread(), LEASE_SECONDS)
    if lease is None:
        return timezone.now() + timedelta(seconds=LEASE_SECONDS)
    try:
        row.refresh_from_db()
        if row.due_at > timezone.now():  # another process has just run it
            return row.due_at
        began, error, done, after = time.monotonic(), "", 0, task.interval * random.uniform(*JITTER)  # noqa: S311
        try:
            done = task.run()
        except Exception as fault:
            # A failing task must not stop the others; it is retried soon, and the jobs page shows the error.
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
    """Every task with the time when it is due, None for one that has never run."""
    known = dict(PeriodicTask.objects.values_list("name", "due_at"))
    for name in TASKS:
        yield name, known.get(name)
