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

from elonara.housekeeping import clearing, renewing
from elonara.housekeeping.models import Errand
from elonara.locks import release, take_lease

KIND: Final = "errand"
LEASE: Final = 300.0  # seconds; every errand stops by itself well before
AFTER_A_FAILURE: Final = timedelta(minutes=10)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """What to do (it returns how many rows it dealt with) and how long to wait after it."""

    do: Callable[[], int]
    every: timedelta


PLANS: Final = {
    "renew sessions": Plan(renewing.renew_idle, timedelta(hours=1)),
    "clear away": Plan(clearing.clear, timedelta(hours=1)),
}


def look(name: str) -> datetime | None:
    """Do one errand if it is due; when to come again."""
    plan = PLANS.get(name)
    if plan is None:
        return None
    row, _ = Errand.objects.get_or_create(name=name, defaults={"due_at": timezone.now()})
    if row.due_at > timezone.now():
        return row.due_at
    lease = take_lease(Errand, name, f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}", LEASE)
    if lease is None:
        return timezone.now() + timedelta(seconds=LEASE)
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
            error, after = f"{type(fault).__name__}: {fault}"[:300], AFTER_A_FAILURE
        due = timezone.now() + after
        lease.update(
            due_at=due, ran_at=timezone.now(), seconds=time.monotonic() - began, done=done, error=error,
        )  # fmt: skip
        return due
    finally:
        release(lease)


def sweep() -> Iterator[tuple[str, datetime | None]]:
    """Every errand, with its time."""
    known = dict(Errand.objects.values_list("name", "due_at"))
    for name in PLANS:
        yield name, known.get(name)
