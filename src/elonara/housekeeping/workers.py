"""Which processes run jobs: each says so every few seconds in a row, and takes it back when it ends."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from datetime import timedelta
from importlib.metadata import version

from django.utils import timezone

from elonara.housekeeping.models import Worker

# A process that was silent for so long does not work any more; twice the longest time between two signs of life.
SILENT_AFTER = timedelta(seconds=45)
FORGET_AFTER = timedelta(days=1)


def name() -> str:
    """This process among those of all machines."""
    return f"{socket.gethostname()}:{os.getpid()}"[:100]


def beating(engine: str) -> Callable[[], None]:
    """A function that notes that this process runs jobs; called by its engine at every sweep."""
    began = timezone.now()

    def beat() -> None:
        values = {"engine": engine, "version": version("elonara"), "started_at": began, "seen_at": timezone.now()}
        Worker.objects.update_or_create(name=name(), defaults=values)

    return beat


def leave() -> None:
    """This process runs no jobs any more."""
    Worker.objects.filter(name=name()).delete()


def alive() -> list[Worker]:
    """Those that were heard of lately."""
    return list(Worker.objects.filter(seen_at__gte=timezone.now() - SILENT_AFTER).order_by("started_at"))


def silent() -> list[Worker]:
    """Those that neither work nor said that they ended: they were killed, or lost the database."""
    return list(Worker.objects.filter(seen_at__lt=timezone.now() - SILENT_AFTER).order_by("-seen_at"))


def forget_old() -> int:
    """Delete the rows of processes that have been silent for a day; how many there were."""
    return Worker.objects.filter(seen_at__lt=timezone.now() - FORGET_AFTER).delete()[0]
