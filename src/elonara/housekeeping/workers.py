"""Heartbeats of the processes that run jobs: each updates a row every few seconds and deletes it when it ends."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable
from datetime import timedelta
from importlib.metadata import version
from typing import Final

from django.db.models.functions import Now
from django.utils import timezone

from elonara import shared_clock
from elonara.housekeeping import words
from elonara.housekeeping.keys import in_use
from elonara.housekeeping.models import Worker
from elonara.keyfiles import KeyFileFault

log = logging.getLogger(__name__)

# Without a heartbeat for so long a process counts as dead: twice the longest time between two heartbeats.
SILENT_AFTER = timedelta(seconds=45)
# A worker whose clock is ahead of the database's begins what is not due yet, and one that is behind is late by as much.
MAX_CLOCK_SECONDS: Final = 60.0
FORGET_AFTER = timedelta(days=1)


def name() -> str:
    """A name for this process that is unique across machines."""
    return f"{socket.gethostname()}:{os.getpid()}"[:100]


def beating(engine: str) -> Callable[[], bool]:
    """A heartbeat for a process with this engine, which calls it at every sweep.

    It returns whether the process may take work. One that lacks keys may not, as it could open no session; nor one
    whose clock is off by more than `MAX_CLOCK_SECONDS`.
    """
    began = timezone.now()
    shared_clock.measure()  # before the first job

    def beat() -> bool:
        ahead = shared_clock.measure()
        held = _held(ahead)
        if held:
            log.error("this process takes no work: %s. %s", words.HELD[held], words.HELD_ADVICE[held])
        values = {
            "engine": engine,
            "version": version("elonara"),
            "started_at": began,
            # By the database's clock: a worker whose own clock is off is not dead.
            "seen_at": timezone.now() - timedelta(seconds=ahead),
            "clock_ahead": ahead,
            "held": held,
        }
        Worker.objects.update_or_create(name=name(), defaults=values)
        return not held

    return beat


def _held(ahead: float) -> str:
    if abs(ahead) > MAX_CLOCK_SECONDS:
        return "clock"
    try:
        return "keys" if in_use.missing(in_use.NEEDED_FOR_POSTS) else ""
    except KeyFileFault as fault:
        log.error("%s", fault)  # noqa: TRY400 - its message is the advice
        return "keys"


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
