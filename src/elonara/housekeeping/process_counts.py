"""The counts of each process as a row, so that whichever web process answers `/metrics` has those of all.

A process writes its row every few seconds, not at a request. Each series of `/metrics` names its process, so that a
counter falls only when that process starts again, which Prometheus' `rate` expects.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models.functions import Now

from elonara import counters
from elonara.housekeeping import workers
from elonara.housekeeping.models import ProcessCounts

STORE_SECONDS: Final = 15.0
# A process that has ended is shown a while longer, so that its last requests are scraped.
SHOWN_FOR: Final = timedelta(minutes=10)
FORGET_AFTER: Final = timedelta(days=1)

log = logging.getLogger(__name__)


def keep_stored() -> None:
    """Store this process's counts in a thread, from now on and in forked children, where others will read them.

    With SQLite the site is one process, and without `metrics.token` nobody reads: then nothing is written.
    """
    if settings.ELONARA.metrics.token and settings.ELONARA.database.is_postgres:
        os.register_at_fork(after_in_child=_begin_again)
        _start_thread()


def store() -> None:
    """Write this process's row."""
    counts = json.dumps(counters.of_this_process.snapshot())
    ProcessCounts.objects.update_or_create(name=workers.name(), defaults={"counts": counts, "seen_at": Now()})


def of_all() -> dict[str, dict[str, Any]]:
    """The counts by process: this one's as they are now, the others' as they were stored last."""
    rows = ProcessCounts.objects.filter(seen_at__gte=Now() - SHOWN_FOR).exclude(name=workers.name())
    stored = {row.name: json.loads(row.counts) for row in rows.order_by("name")}
    return {workers.name(): counters.of_this_process.snapshot(), **stored}


def forget_old() -> int:
    """Delete the rows of processes that ended a day ago; returns how many."""
    return ProcessCounts.objects.filter(seen_at__lt=Now() - FORGET_AFTER).delete()[0]


def _begin_again() -> None:
    counters.of_this_process.clear()
    _start_thread()


def _start_thread() -> None:
    threading.Thread(target=_store_forever, name="process-counts", daemon=True).start()


def _store_forever() -> None:
    wait = threading.Event()
    while not wait.wait(STORE_SECONDS):
        try:
            store()
        except DatabaseError as fault:
            log.warning("the counts of this process were not stored: %s", " ".join(str(fault).split()))
        finally:
            connection.close()
