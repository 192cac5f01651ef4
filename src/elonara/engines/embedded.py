"""The engine of the one-process site: a few threads beside the web server's.

Every `SWEEP_SECONDS` it asks the registered kinds for due work, which also finds what a crash left behind; in between
wakes arrive within milliseconds. One key never runs twice at once in this process; across processes the leases of
`elonara.locks` see to it.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Final

from django.db import close_old_connections, connections
from django.utils import timezone

from elonara import jobs

SWEEP_SECONDS: Final = 15.0
THREADS: Final = 4
FIRST_RETRY_SECONDS: Final = 5.0
MAX_RETRY_SECONDS: Final = 300.0

log = logging.getLogger(__name__)

Key = tuple[str, str]  # kind, key


class EmbeddedEngine:
    """Runs the registered handlers in threads. `start()`, then `stop()` once."""

    def __init__(
        self,
        *,
        threads: int = THREADS,
        sweep_seconds: float = SWEEP_SECONDS,
        beat: Callable[[], None] | None = None,
    ) -> None:
        self._threads = threads
        self._sweep_seconds = sweep_seconds
        self._beat = beat  # called at every sweep: this process is alive
        self._changed = threading.Condition()
        self._due: dict[Key, float] = {}  # time.monotonic() of the next look at a key
        self._heap: list[tuple[float, int, Key]] = []  # may hold outdated entries; `_due` is right
        self._order = itertools.count()
        self._running: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._stop = threading.Event()
        self._workers: list[threading.Thread] = []

    def start(self) -> None:
        """Take wakes from now on, and look through the rows at once."""
        if self._workers:
            raise RuntimeError("the engine has been started already")
        jobs.set_engine(self)
        names = ["jobs-sweep", *(f"jobs-{number}" for number in range(1, self._threads + 1))]
        for name in names:
            target = self._sweep_forever if name == "jobs-sweep" else self._work_forever
            # Daemons: a handler that hangs past the deadline of stop() must not keep the process alive.
            worker = threading.Thread(target=target, name=name, daemon=True)
            worker.start()
            self._workers.append(worker)

    def stop(self, timeout: float = 10.0) -> bool:
        """Begin nothing more and wait up to `timeout` seconds for what runs. False: something still runs."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()
        deadline = time.monotonic() + timeout
        for worker in self._workers:
            worker.join(max(0.0, deadline - time.monotonic()))
        jobs.set_engine(None)
        left = [worker.name for worker in self._workers if worker.is_alive()]
        if left:
            log.warning("still running at the end: %s", ", ".join(left))
        return not left

    def stopping(self) -> bool:
        """Whether stop() was called."""
        return self._stop.is_set()

    def wake(self, kind: str, key: str, at: datetime | None = None) -> None:
        """Look at `key` at `at` (None: now); an earlier appointment stays."""
        seconds = 0.0 if at is None else max(0.0, (at - timezone.now()).total_seconds())
        self._appoint((kind, key), time.monotonic() + seconds)

    def sweep(self) -> None:
        """Appoint everything that the rows say is to be done."""
        for name, kind in jobs.kinds().items():
            try:
                for key, at in kind.sweep():
                    self.wake(name, key, at)
            except Exception:
                # The database may be away for a while. The next sweep finds the same rows.
                log.exception("the sweep of %s failed", name)

    def _appoint(self, key: Key, moment: float) -> None:
        with self._changed:
            if moment < self._due.get(key, float("inf")):
                self._due[key] = moment
                heapq.heappush(self._heap, (moment, next(self._order), key))
                self._changed.notify()

    def _sweep_forever(self) -> None:
        try:
            while not self._stop.is_set():
                self._tell_alive()
                self.sweep()
                close_old_connections()
                self._stop.wait(self._sweep_seconds)
        finally:
            connections.close_all()

    def _tell_alive(self) -> None:
        try:
            if self._beat is not None:
                self._beat()
        except Exception:
            log.exception("this process could not say that it is alive")

    def _work_forever(self) -> None:
        try:
            while (key := self._next()) is not None:
                self._run(key)
        finally:
            connections.close_all()

    def _next(self) -> Key | None:
        """Wait for the next key that is due and not running; None when the engine stops."""
        with self._changed:
            while not self._stop.is_set():
                wait = None
                while self._heap:
                    moment, _, key = self._heap[0]
                    if self._due.get(key) != moment or key in self._running:
                        # Outdated; or running now, and then `_finish` puts the key back.
                        heapq.heappop(self._heap)
                        continue
                    wait = moment - time.monotonic()
                    if wait <= 0:
                        heapq.heappop(self._heap)
                        del self._due[key]
                        self._running.add(key)
                        self._changed.notify()  # somebody else now waits for the next one
                        return key
                    break
                self._changed.wait(wait)
        return None

    def _run(self, key: Key) -> None:
        after: float | None = None
        close_old_connections()
        try:
            at = jobs.run(*key)
            self._failures.pop(key, None)
            if at is not None:
                after = max(0.0, (at - timezone.now()).total_seconds())
        except Exception:
            count = self._failures[key] = self._failures.get(key, 0) + 1
            after = min(MAX_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** min(count - 1, 10))
            log.exception("%s:%s failed for the %d. time; next look in %.0f s", *key, count, after)
        finally:
            close_old_connections()
            self._finish(key, after)

    def _finish(self, key: Key, after: float | None) -> None:
        with self._changed:
            self._running.discard(key)
            # A wake that came while the handler ran counts: the handler may have looked before the row was there.
            moments = [self._due[key]] if key in self._due else []
            if after is not None:
                moments.append(time.monotonic() + after)
            if moments:
                self._due[key] = min(moments)
                heapq.heappush(self._heap, (min(moments), next(self._order), key))
                self._changed.notify()
