"""Threads for work that goes on after its request has ended. Each is kept for a while and used again.

A thread has a database connection of its own, and so its own compiled queries (`elonara.compiled_queries`). Making both
anew takes half as long again as the work of a sign-in itself, which is why a thread stays for `IDLE_SECONDS`.
They are daemon threads: a process that ends does not wait for idle ones.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Final

from django.db import close_old_connections, connections

IDLE_SECONDS: Final = 30.0

type Job = Callable[[], None]


class _Thread:
    """One thread. `give` may be called by whoever took it from the idle ones."""

    def __init__(self, first: Job) -> None:
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()  # None: end
        self._jobs.put(first)
        self._thread = threading.Thread(target=self._work, name="background", daemon=True)
        with _lock:
            _threads.add(self)
        self._thread.start()

    def give(self, job: Job | None) -> None:
        self._jobs.put(job)

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def _work(self) -> None:
        try:
            while (job := self._next()) is not None:
                try:
                    job()
                finally:
                    close_old_connections()  # those that failed
                with _lock:
                    if self in _threads:
                        _idle.append(self)
        finally:
            with _lock:
                _threads.discard(self)
            connections.close_all()

    def _next(self) -> Job | None:
        try:
            return self._jobs.get(timeout=IDLE_SECONDS)
        except Empty:
            with _lock:
                if self in _idle:
                    _idle.remove(self)
                    return None
        return self._jobs.get()  # somebody took this thread at the last moment, and gives it a job now


_threads: set[_Thread] = set()
_idle: list[_Thread] = []  # the one that worked last is at the end and taken first, so that the others can end
_lock = threading.Lock()


def run(job: Job) -> None:
    """Run `job` in a thread that waits for work, or in a new one. The job must not raise."""
    with _lock:
        thread = _idle.pop() if _idle else None
    if thread is None:
        _Thread(job)
    else:
        thread.give(job)


def end(seconds: float) -> None:
    """End every thread once it has done its job, and close its database connection; wait at most so long for each."""
    with _lock:
        threads = list(_threads)
        _threads.clear()  # so that none of them takes another job
        _idle.clear()
    for thread in threads:
        thread.give(None)
    for thread in threads:
        thread.join(seconds)
