"""The engine of a site on PostgreSQL: Procrastinate workers, in processes of their own, on any number of machines.

A Procrastinate job only says when to run the handler of a key. At most one job waits for a key (`queueing_lock`), and
no two workers run jobs of one key at once (`lock`). What is to be done is stored in our own rows, so a job that is
lost, run twice or run late costs seconds and no work: every worker sweeps the rows each `SWEEP_SECONDS`, queues what is
due, and releases the jobs of workers that died.
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
from procrastinate.contrib.django.utils import connector_params
from procrastinate.jobs import Status
from procrastinate.psycopg_connector import PsycopgConnector
from procrastinate.worker import Worker

from elonara import jobs
from elonara.engines.enqueue import TASK, Sender

SWEEP_SECONDS: Final = 15.0
POLL_SECONDS: Final = 1.0  # how late a job with a time may start; one without is announced by NOTIFY at once
HEARTBEAT_SECONDS: Final = 5.0
# A worker without a heartbeat for this long has died. Shorter than the lease of a lane, so that the job is queued again
# by the time the lease ends.
STALLED_SECONDS: Final = 30.0
CHECKS_PER_STALL: Final = 3  # at least so many heartbeats, and searches for dead workers, within STALLED_SECONDS
FIRST_RETRY_SECONDS: Final = 5.0
MAX_RETRY_SECONDS: Final = 300.0
STOP_REPEAT_SECONDS: Final = 0.2  # between two calls of a worker's stop()
RESTART_DELAYS_SECONDS: Final = (1.0, 2.0, 5.0, 10.0)  # before a worker that lost PostgreSQL is started again

log = logging.getLogger(__name__)


class ProcrastinateEngine(Sender):
    """Runs the registered handlers in a worker. `start()`, then `stop()` once."""

    def __init__(
        self,
        *,
        threads: int = 4,
        sweep_seconds: float = SWEEP_SECONDS,
        stalled_seconds: float = STALLED_SECONDS,
        beat: Callable[[], bool] | None = None,
    ) -> None:
        super().__init__()
        self._threads = threads
        self._sweep_seconds = sweep_seconds
        self._stalled_seconds = stalled_seconds
        self._beat = beat  # the heartbeat, called at every sweep; False: take no work until the next one
        self._free = threading.Event()  # set while work may be taken
        self._free.set()
        self._stop = threading.Event()
        self._worker: Worker | None = None
        self._engine_threads: list[threading.Thread] = []

    def start(self) -> None:
        """Run jobs from now on, and sweep the rows at once for work that is already due."""
        if self._engine_threads:
            raise RuntimeError("the engine has been started already")
        jobs.set_engine(self)
        for name, target in (("jobs-worker", self._run_workers_forever), ("jobs-sweep", self._sweep_forever)):
            thread = threading.Thread(target=target, name=name, daemon=True)
            thread.start()
            self._engine_threads.append(thread)

    def stop(self, timeout: float = 10.0) -> bool:
        """Start no further job and wait up to `timeout` seconds for the running ones. False: some still run."""
        self._stop.set()
        deadline = time.monotonic() + timeout
        for thread in self._engine_threads:
            while True:
                if self._worker is not None:
                    # Repeated, because Procrastinate's worker forgets a stop() that came before its loop started.
                    self._worker.stop()  # type: ignore[no-untyped-call]
                thread.join(max(0.0, min(STOP_REPEAT_SECONDS, deadline - time.monotonic())))
                if not thread.is_alive() or time.monotonic() >= deadline:
                    break
        jobs.set_engine(None)
        left = [thread.name for thread in self._engine_threads if thread.is_alive()]
        if left:
            log.warning("still running at the end: %s", ", ".join(left))
        return not left

    def stopping(self) -> bool:
        """Whether stop() was called."""
        return self._stop.is_set()

    def sweep(self) -> None:
        """Queue a job for every key whose rows have work that is due within two sweep intervals.

        Later work needs no job yet: a later sweep queues it in time.
        """
        horizon = timezone.now() + timedelta(seconds=2 * self._sweep_seconds)
        queued = {
            job.queueing_lock: job.scheduled_at for job in self._app.job_manager.list_jobs(task=TASK, status="todo")
        }
        for name, kind in jobs.kinds().items():
            try:
                for key, at in kind.sweep():
                    if at is not None and at > horizon:
                        continue
                    if f"{name}:{key}" in queued:
                        scheduled = queued[f"{name}:{key}"]
                        if scheduled is None or scheduled <= (at or timezone.now()):
                            continue
                    self.wake(name, key, at)
            except Exception:
                # The database may be unreachable for a while. The next sweep finds the same rows.
                log.exception("the sweep of %s failed", name)

    def _run_job(self, kind: str, key: str, failures: int = 0) -> None:
        """The Procrastinate task, run in a thread of the worker. An exception queues a retry with a longer delay."""
        close_old_connections()
        try:
            if self.stopping():
                self._reschedule(kind, key, timezone.now(), failures)
                return
            if kind not in jobs.kinds():
                log.error("no handler is registered for %s:%s; is this worker older than the site?", kind, key)
                return
            at = jobs.run(kind, key)
            if at is not None:
                self._reschedule(kind, key, at, 0)
        except Exception:
            seconds = min(MAX_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** min(failures, 10))
            log.exception("%s:%s failed for the %d. time; next try in %.0f s", kind, key, failures + 1, seconds)
            self._reschedule(kind, key, timezone.now() + timedelta(seconds=seconds), failures + 1)
        finally:
            close_old_connections()

    def _reschedule(self, kind: str, key: str, at: datetime, failures: int) -> None:
        try:
            self._schedule(kind, key, at, failures)
        except (DatabaseError, exceptions.ProcrastinateException) as error:
            log.warning("the next run of %s:%s was not queued, a sweep will queue it: %s", kind, key, error)

    def _sweep_forever(self) -> None:
        try:
            while not self._stop.is_set():
                try:
                    if self._beat is not None:
                        self._hold(not self._beat())
                    self.sweep()
                except Exception:
                    log.exception("the sweep failed")
                close_old_connections()
                self._stop.wait(self._sweep_seconds)
        finally:
            connections.close_all()

    def _hold(self, held: bool) -> None:
        if not held:
            self._free.set()
            return
        self._free.clear()
        if self._worker is not None:
            self._worker.stop()  # type: ignore[no-untyped-call]

    def _run_workers_forever(self) -> None:
        """Run Procrastinate workers until stop(): one ends when it loses PostgreSQL, and is replaced by the next."""
        runs = 0
        while not self._stop.is_set():
            if not self._free.wait(STOP_REPEAT_SECONDS):
                continue
            try:
                asyncio.run(self._run_worker())
            except Exception as error:  # noqa: BLE001 - whatever it was, a new worker finds the same rows
                log.warning("the worker ended: %s", error)
            if not self._stop.is_set() and self._free.is_set():
                pause = RESTART_DELAYS_SECONDS[min(runs, len(RESTART_DELAYS_SECONDS) - 1)]
                log.warning("the worker is started again in %.0f s", pause)
                self._stop.wait(pause)
                runs += 1

    async def _run_worker(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(self._threads + 2, thread_name_prefix="jobs"))
        connector = PsycopgConnector(kwargs=_connection_parameters(), min_size=1, max_size=4)
        # For the worker's own queries; `_schedule` uses Django's connections, one for each thread.
        worker_app = App(connector=connector)
        worker_app.task(name=TASK)(self._run_job)
        async with worker_app.open_async():
            self._worker = worker = Worker(
                worker_app,
                concurrency=self._threads,
                fetch_job_polling_interval=POLL_SECONDS,
                update_heartbeat_interval=min(HEARTBEAT_SECONDS, self._stalled_seconds / CHECKS_PER_STALL),
                stalled_worker_timeout=self._stalled_seconds,
                delete_jobs="always",  # our rows record what happened; a finished job says nothing more
                install_signal_handlers=False,
            )
            if self._stop.is_set() or not self._free.is_set():
                return
            stalled_jobs_task = asyncio.create_task(self._release_stalled_jobs(worker_app))
            try:
                await worker.run()  # type: ignore[no-untyped-call]
            finally:
                self._worker = None
                stalled_jobs_task.cancel()

    async def _release_stalled_jobs(self, app: App) -> None:
        """End jobs whose worker has died and queue their keys again: until then their `lock` blocks every other job."""
        while True:
            try:
                stalled = await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=self._stalled_seconds)
                for job in stalled:
                    log.warning("%s was running when its worker died; it is queued again", job.lock)
                    with contextlib.suppress(exceptions.ProcrastinateException):  # another worker released it first
                        await app.job_manager.finish_job(job, Status.FAILED, delete_job=True)
                    await asyncio.to_thread(self._reschedule, *_kind_and_key(job.task_kwargs), timezone.now(), 0)
                await app.job_manager.prune_stalled_workers(self._stalled_seconds)
            except exceptions.ProcrastinateException as error:
                log.warning("the jobs of dead workers could not be released: %s", error)
            await asyncio.sleep(self._stalled_seconds / CHECKS_PER_STALL)


def _kind_and_key(arguments: Any) -> tuple[str, str]:
    return str(arguments.get("kind", "")), str(arguments.get("key", ""))


def _connection_parameters() -> dict[str, Any]:
    parameters: dict[str, Any] = connector_params()
    return parameters
