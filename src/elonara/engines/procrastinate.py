"""The engine of a site on PostgreSQL: Procrastinate workers, in processes of their own, on any number of machines.

A Procrastinate job is an appointment and nothing more: "look at this key then". There is at most one open appointment
for a key (`queueing_lock`), and no two workers keep appointments of one key at once (`lock`). What is to be done stands
in our own rows, so an appointment that is lost, kept twice or kept late costs seconds and no work: every worker looks
through the rows each `SWEEP_SECONDS`, and lets go of what a worker that died was holding.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import DatabaseError, close_old_connections, connections
from django.utils import timezone
from procrastinate import App, exceptions
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.contrib.django.utils import connector_params
from procrastinate.jobs import Status
from procrastinate.psycopg_connector import PsycopgConnector
from procrastinate.worker import Worker

from elonara import jobs

TASK: Final = "elonara.look"
SWEEP_SECONDS: Final = 15.0
POLL_SECONDS: Final = 1.0  # how late an appointment for later may be kept; those for now are notified at once
HEARTBEAT_SECONDS: Final = 5.0
# A worker that is silent for so long has died. Shorter than the lease of a lane: its rows are looked at right after.
STALLED_SECONDS: Final = 30.0
FIRST_RETRY_SECONDS: Final = 5.0
MAX_RETRY_SECONDS: Final = 300.0
STOP_REPEAT_SECONDS: Final = 0.2  # seconds between two times that a worker is asked to end
RESTART_DELAYS_SECONDS: Final = (1.0, 2.0, 5.0, 10.0)  # waits before a worker that lost PostgreSQL begins again

log = logging.getLogger(__name__)


class Sender:
    """The web server's side: it passes wakes on to the workers and runs nothing itself."""

    def __init__(self) -> None:
        # Over Django's own connection: a wake is sent after the commit, by the thread that committed.
        self._app = App(connector=DjangoConnector())

    def wake(self, kind: str, key: str, at: datetime | None = None) -> None:
        """Have a worker look at `key` at `at` (None: now); an earlier appointment stays.

        Never raises for the database's sake: the row was committed, and the next sweep finds it.
        """
        try:
            self._appoint(kind, key, at)
        except (DatabaseError, exceptions.ProcrastinateException) as fault:
            log.warning("nobody was woken for %s:%s, the next sweep will: %s", kind, key, fault)

    def stopping(self) -> bool:
        """Nothing runs here."""
        return False

    def _appoint(self, kind: str, key: str, at: datetime | None, failures: int = 0) -> None:
        name, at = f"{kind}:{key}", None if at is None or at <= timezone.now() else at
        for _ in range(3):
            # Asked first, because a refused insert leaves an error in the server's log.
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
            log.debug("%s was appointed by another process at the same moment", name)


class ProcrastinateEngine(Sender):
    """Runs the registered handlers in a worker. `start()`, then `stop()` once."""

    def __init__(
        self,
        *,
        threads: int = 4,
        sweep_seconds: float = SWEEP_SECONDS,
        stalled_seconds: float = STALLED_SECONDS,
        beat: Callable[[], None] | None = None,
    ) -> None:
        super().__init__()
        self._threads = threads
        self._sweep_seconds = sweep_seconds
        self._stalled_seconds = stalled_seconds
        self._beat = beat
        self._stop = threading.Event()
        self._worker: Worker | None = None
        self._members: list[threading.Thread] = []

    def start(self) -> None:
        """Keep appointments from now on, and look through the rows at once."""
        if self._members:
            raise RuntimeError("the engine has been started already")
        jobs.set_engine(self)
        for name, target in (("jobs-worker", self._work_forever), ("jobs-sweep", self._sweep_forever)):
            member = threading.Thread(target=target, name=name, daemon=True)
            member.start()
            self._members.append(member)

    def stop(self, timeout: float = 10.0) -> bool:
        """Begin nothing more and wait up to `timeout` seconds for what runs. False: something still runs."""
        self._stop.set()
        deadline = time.monotonic() + timeout
        for member in self._members:
            while True:
                if self._worker is not None:
                    # A worker that is just beginning forgets what it was told before; so it is told again.
                    self._worker.stop()  # type: ignore[no-untyped-call]
                member.join(max(0.0, min(STOP_REPEAT_SECONDS, deadline - time.monotonic())))
                if not member.is_alive() or time.monotonic() >= deadline:
                    break
        jobs.set_engine(None)
        left = [member.name for member in self._members if member.is_alive()]
        if left:
            log.warning("still running at the end: %s", ", ".join(left))
        return not left

    def stopping(self) -> bool:
        """Whether stop() was called."""
        return self._stop.is_set()

    def sweep(self) -> None:
        """Appoint what the rows say is to be done before the next sweep but one."""
        horizon = timezone.now() + timedelta(seconds=2 * self._sweep_seconds)
        open_ones = {
            job.queueing_lock: job.scheduled_at for job in self._app.job_manager.list_jobs(task=TASK, status="todo")
        }
        for name, kind in jobs.kinds().items():
            try:
                for key, at in kind.sweep():
                    if at is not None and at > horizon:
                        continue
                    if f"{name}:{key}" in open_ones:
                        known = open_ones[f"{name}:{key}"]
                        if known is None or known <= (at or timezone.now()):
                            continue
                    self.wake(name, key, at)
            except Exception:
                # The database may be away for a while. The next sweep finds the same rows.
                log.exception("the sweep of %s failed", name)

    def _look(self, kind: str, key: str, failures: int = 0) -> None:
        """Keep one appointment. Runs in a thread of the worker; whatever it raises becomes a later appointment."""
        close_old_connections()
        try:
            if self.stopping():
                self._again(kind, key, timezone.now(), failures)
                return
            if kind not in jobs.kinds():
                log.error("nobody handles %s:%s; is this worker older than the site?", kind, key)
                return
            at = jobs.run(kind, key)
            if at is not None:
                self._again(kind, key, at, 0)
        except Exception:
            seconds = min(MAX_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** min(failures, 10))
            log.exception("%s:%s failed for the %d. time; next look in %.0f s", kind, key, failures + 1, seconds)
            self._again(kind, key, timezone.now() + timedelta(seconds=seconds), failures + 1)
        finally:
            close_old_connections()

    def _again(self, kind: str, key: str, at: datetime, failures: int) -> None:
        try:
            self._appoint(kind, key, at, failures)
        except (DatabaseError, exceptions.ProcrastinateException) as fault:
            log.warning("no next look at %s:%s was noted, a sweep will find it: %s", kind, key, fault)

    def _sweep_forever(self) -> None:
        try:
            while not self._stop.is_set():
                try:
                    if self._beat is not None:
                        self._beat()
                    self.sweep()
                except Exception:
                    log.exception("the sweep failed")
                close_old_connections()
                self._stop.wait(self._sweep_seconds)
        finally:
            connections.close_all()

    def _work_forever(self) -> None:
        """Run workers until stop(). A worker ends by itself when PostgreSQL goes away, and another one begins."""
        runs = 0
        while not self._stop.is_set():
            try:
                asyncio.run(self._work())
            except Exception as fault:  # noqa: BLE001 - whatever ended it, the rows are still there
                log.warning("the worker ended: %s", fault)
            if not self._stop.is_set():
                pause = RESTART_DELAYS_SECONDS[min(runs, len(RESTART_DELAYS_SECONDS) - 1)]
                log.warning("the worker begins again in %.0f s", pause)
                self._stop.wait(pause)
                runs += 1

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(self._threads + 2, thread_name_prefix="jobs"))
        connector = PsycopgConnector(kwargs=_parameters(), min_size=1, max_size=4)
        # Only the worker uses this one: `_appoint` goes over Django's own connections, one for each thread.
        worker_app = App(connector=connector)
        worker_app.task(name=TASK)(self._look)
        async with worker_app.open_async():
            self._worker = worker = Worker(
                worker_app,
                concurrency=self._threads,
                fetch_job_polling_interval=POLL_SECONDS,
                update_heartbeat_interval=min(HEARTBEAT_SECONDS, self._stalled_seconds / 3),
                stalled_worker_timeout=self._stalled_seconds,
                delete_jobs="always",  # the rows are the record of what happened
                install_signal_handlers=False,
            )
            if self._stop.is_set():
                return
            tidier = asyncio.create_task(self._let_go_of_the_dead(worker_app))
            try:
                await worker.run()  # type: ignore[no-untyped-call]
            finally:
                self._worker = None
                tidier.cancel()

    async def _let_go_of_the_dead(self, app: App) -> None:
        """End the appointments that a dead worker was keeping, or their keys would never be looked at again."""
        while True:
            try:
                stalled = await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=self._stalled_seconds)
                for job in stalled:
                    log.warning("%s was being worked on when its worker ended; it is looked at again", job.lock)
                    with contextlib.suppress(exceptions.ProcrastinateException):  # another worker was quicker
                        await app.job_manager.finish_job(job, Status.FAILED, delete_job=True)
                    await asyncio.to_thread(self._again, *_named(job.task_kwargs), timezone.now(), 0)
                await app.job_manager.prune_stalled_workers(self._stalled_seconds)
            except exceptions.ProcrastinateException as fault:
                log.warning("the appointments of dead workers could not be looked at: %s", fault)
            await asyncio.sleep(self._stalled_seconds / 3)


def _named(arguments: Any) -> tuple[str, str]:
    return str(arguments.get("kind", "")), str(arguments.get("key", ""))


def _parameters() -> dict[str, Any]:
    parameters: dict[str, Any] = connector_params()
    return parameters
