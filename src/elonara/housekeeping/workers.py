"""Heartbeats of the processes that run jobs: each updates a row every few seconds and deletes it when it ends."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from datetime import timedelta
from importlib.metadata import version

from django.db.models.functions import Now
from django.utils import timezone

from elonara import shared_clock
from elonara.housekeeping.models import Worker

# Without a heartbeat for so long a process counts as dead: twice the longest time between two heartbeats.
SILENT_AFTER = timedelta(seconds=45)
FORGET_AFTER = timedelta(days=1)


def name() -> str:
    """A name for this process that is unique across machines."""
    return f"{socket.gethostname()}:{os.getpid()}"[:100]


def beating(engine: str) -> Callable[[], None]:
    """A heartbeat for a process with this engine; the engine calls it at every sweep."""
    began = timezone.now()
    shared_clock.measure()  # before the first job

    def beat() -> None:
        ahead = shared_clock.measure()
        values = {
            "engine": engine,
            "version": version("elonara"),
            "started_at": began,
            # By the database's clock: a worker whose own clock is off is not dead.
            "seen_at": timezone.now() - timedelta(seconds=ahead),
            "clock_ahead": ahead,
        }
        Worker.objects.update_or_create(name=name(), defaults=values)

    return beat


def leave() -> None:
    """Delete this process's row: it runs no jobs any more."""
    Worker.objects.filter(name=name()).delete()


def alive() -> list[Worker]:
    """Processes with a recent heartbeat."""
    return list(Worker.objects.filter(seen_at__gte=Now() - SILENT_AFTER).order_by("started_at"))


def silent() -> list[Worker]:
    """Processes without a recent heartbeat that have not ended cleanly: killed, or cut off from the database."""
    return list(Worker.objects.filter(seen_at__lt=Now() - SILENT_AFTER).order_by("-seen_at"))


def forget_old() -> int:
    """Delete the rows of processes without a heartbeat for a day; returns how many."""
    return Worker.objects.filter(seen_at__lt=Now() - FORGET_AFTER).delete()[0]
