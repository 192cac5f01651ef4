"""Putting work on the Procrastinate queue. Web servers do only this; the workers of `procrastinate.py` build on it.

A Procrastinate job holds no work of its own, only a kind, a key and a time: run that handler then. At most one job
waits for a key, because Procrastinate's `queueing_lock` is unique among the jobs with the status "todo".
"""

from __future__ import annotations

import contextlib
import logging
from datetime import datetime
from typing import Final

from django.db import DatabaseError
from django.utils import timezone
from procrastinate import App, exceptions
from procrastinate.contrib.django.django_connector import DjangoConnector

TASK: Final = "elonara.look"  # stored with every queued job: renaming it would orphan those of a running site
# Another process may queue the same key between our read and our insert; then we read again.
MAX_SCHEDULE_ATTEMPTS: Final = 3

log = logging.getLogger(__name__)


class Sender:
    """The web server's engine: it queues jobs for the workers and runs nothing itself."""

    def __init__(self) -> None:
        # Django's own connection: a wake is sent after the commit, by the thread that committed.
        self._app = App(connector=DjangoConnector())

    def wake(self, kind: str, key: str, at: datetime | None = None) -> None:
        """Have a worker run the handler for `key` at `at` (None: now); an earlier job for the key stays.

        Database errors are logged and not raised: the row was committed, and the next sweep finds it.
        """
        try:
            self._schedule(kind, key, at)
        except (DatabaseError, exceptions.ProcrastinateException) as error:
            log.warning("no job was queued for %s:%s, the next sweep will queue one: %s", kind, key, error)

    def stopping(self) -> bool:
        """Always False: nothing runs here that could be stopped."""
        return False

    def _schedule(self, kind: str, key: str, at: datetime | None, failures: int = 0) -> None:
        name, at = f"{kind}:{key}", None if at is None or at <= timezone.now() else at
        for _ in range(MAX_SCHEDULE_ATTEMPTS):
            # Read first, because a refused insert leaves an error in PostgreSQL's log.
            for job in self._app.job_manager.list_jobs(task=TASK, status="todo", queueing_lock=name):
                if job.scheduled_at is None or (at is not None and job.scheduled_at <= at):
                    return
                if job.id is not None:
                    self._app.job_manager.cancel_job_by_id(job.id, delete_job=True)
            with contextlib.suppress(exceptions.AlreadyEnqueued):
                self._app.configure_task(TASK, lock=name, queueing_lock=name, schedule_at=at).defer(
                    kind=kind, key=key, failures=failures
                )
                return
            log.debug("another process queued a job for %s at the same moment", name)
