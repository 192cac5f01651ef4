"""The engine of the one-process site: a few threads beside the web server's.

Every `SWEEP_SECONDS` it asks the registered kinds for due work, which also finds what a crash interrupted; between two
sweeps, wakes start handlers within milliseconds. One key never runs twice at once in this process; between processes,
handlers exclude each other with the leases of `elonara.locks`.
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
        beat: Callable[[], bool] | None = None,
    ) -> None:
        self._threads = threads
        self._sweep_seconds = sweep_seconds
        self._beat = beat  # the heartbeat, called at every sweep; False: take no work until the next one
        self._held = False
        self._changed = threading.Condition()
        self._due: dict[Key, float] = {}  # time.monotonic() at which the handler of a key runs next
        # Ordered by time for `_next_key`. May hold outdated entries: only one that agrees with `_due` counts.
        self._heap: list[tuple[float, int, Key]] = []
        self._order = itertools.count()
        self._running: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._stop = threading.Event()
        self._engine_threads: list[threading.Thread] = []

    def start(self) -> None:
        """Accept wakes from now on, and sweep the rows at once for work that is already due."""
        if self._engine_threads:
            raise RuntimeError("the engine has been started already")
        jobs.set_engine(self)
        names = ["jobs-sweep", *(f"jobs-{number}" for number in range(1, self._threads + 1))]
        for name in names:
            target = self._sweep_forever if name == "jobs-sweep" else self._run_due_keys_forever
            # Daemon threads: a handler that hangs past the timeout of stop() must not keep the process alive.
            thread = threading.Thread(target=target, name=name, daemon=True)
            thread.start()
            self._engine_threads.append(thread)

    def stop(self, timeout: float = 10.0) -> bool:
        """Start no further handler and wait up to `timeout` seconds for the running ones. False: some still run."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()
        deadline = time.monotonic() + timeout
        for thread in self._engine_threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        jobs.set_engine(None)
        left = [thread.name for thread in self._engine_threads if thread.is_alive()]
        if left:
            log.warning("still running at the end: %s", ", ".join(left))
        return not left

    def stopping(self) -> bool:
        """Whether stop() was called."""
        return self._stop.is_set()

    def wake(self, kind: str, key: str, at: datetime | None = None) -> None:
        """Run the handler for `key` at `at` (None: now); where it is scheduled for earlier, that time stays."""
        seconds = 0.0 if at is None else max(0.0, (at - timezone.now()).total_seconds())
        self._schedule((kind, key), time.monotonic() + seconds)

    def sweep(self) -> None:
        """Schedule every key whose rows have work."""
        for name, kind in jobs.kinds().items():
            try:
                for key, at in kind.sweep():
                    self.wake(name, key, at)
            except Exception:
                # The database may be unreachable for a while. The next sweep finds the same rows.
                log.exception("the sweep of %s failed", name)

    def _schedule(self, key: Key, moment: float) -> None:
        with self._changed:
            if moment < self._due.get(key, float("inf")):
                self._due[key] = moment
                heapq.heappush(self._heap, (moment, next(self._order), key))
                self._changed.notify()

    def _sweep_forever(self) -> None:
        try:
            while not self._stop.is_set():
                self._send_heartbeat()
                if not self._held:
                    self.sweep()
                close_old_connections()
                self._stop.wait(self._sweep_seconds)
        finally:
            connections.close_all()

    def _send_heartbeat(self) -> None:
        try:
            if self._beat is not None:
                self._hold(not self._beat())
        except Exception:
            log.exception("the heartbeat of this process failed")

    def _hold(self, held: bool) -> None:
        with self._changed:
            self._held = held
            self._changed.notify_all()

    def _run_due_keys_forever(self) -> None:
        try:
            while (key := self._next_key()) is not None:
                self._run_handler(key)
        finally:
            connections.close_all()

    def _next_key(self) -> Key | None:
        """Wait for the next key that is due and not running; None when the engine stops."""
        with self._changed:
            while not self._stop.is_set():
                wait = None
                while self._heap and not self._held:
                    moment, _, key = self._heap[0]
                    if self._due.get(key) != moment or key in self._running:
                        # Outdated; or the key is running, and `_finish` puts it back on the heap.
                        heapq.heappop(self._heap)
                        continue
                    wait = moment - time.monotonic()
                    if wait <= 0:
                        heapq.heappop(self._heap)
                        del self._due[key]
                        self._running.add(key)
                        self._changed.notify()  # another idle thread now waits for the next key
                        return key
                    break
                self._changed.wait(wait)
        return None

    def _run_handler(self, key: Key) -> None:
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
            log.exception("%s:%s failed for the %d. time; next try in %.0f s", *key, count, after)
        finally:
            close_old_connections()
            self._finish(key, after)

    def _finish(self, key: Key, after: float | None) -> None:
        with self._changed:
            self._running.discard(key)
            # Keep a wake that came while the handler ran: the handler may have read the rows before it.
            moments = [self._due[key]] if key in self._due else []
            if after is not None:
                moments.append(time.monotonic() + after)
            if moments:
                self._due[key] = min(moments)
                heapq.heappush(self._heap, (min(moments), next(self._order), key))
                self._changed.notify()
