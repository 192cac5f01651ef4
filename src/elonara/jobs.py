"""Background jobs. Each job's state is in database rows; an engine (`elonara.engines`) only decides when to read them.

A part of the site registers a *kind* with a handler and a sweep:

- `handler(key)` reads the rows of one key (such as an author's DID), does what is due, and returns when it wants to run
  again, or None. It may be called too early, too often or on two machines at once, so it checks the rows under a lock.
- `sweep()` lists the keys that have work, and when it is due. It finds what a crash interrupted.

`wake(kind, key)` runs the handler without waiting for the next sweep. A lost wake costs seconds, never work.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from django.db import transaction
from django.utils import timezone

from elonara import counters, trace
from elonara.trace import tracing

Handler = Callable[[str], datetime | None]
Sweep = Callable[[], Iterable[tuple[str, datetime | None]]]  # None: due now

MAX_DRAIN_ROUNDS: Final = 10_000  # more means that some handler reports work for ever

log = logging.getLogger(__name__)


class Engine(Protocol):
    """What runs handlers: threads in the server process, or workers on many machines."""

    def wake(self, kind: str, key: str, at: datetime | None) -> None:
        """Run the handler of `kind` for `key` at `at` (None: now), or as soon after as a thread is free."""

    def stopping(self) -> bool:
        """Whether the process is shutting down: finish what was begun, begin nothing."""


@dataclass(frozen=True)
class JobKind:
    """A registered kind of job."""

    name: str
    handler: Handler
    sweep: Sweep


def _nothing() -> Iterable[tuple[str, datetime | None]]:
    return ()


_kinds: dict[str, JobKind] = {}
_engine: Engine | None = None


def register(kind: str, handler: Handler, sweep: Sweep = _nothing) -> None:
    """Set the handler of `kind` and the sweep that finds its due work. A later registration replaces an earlier one."""
    _kinds[kind] = JobKind(kind, handler, sweep)


def kinds() -> dict[str, JobKind]:
    """Everything registered, by name."""
    return dict(_kinds)


def set_engine(engine: Engine | None) -> None:
    """Set the engine that wakes go to. None: they are dropped, and the sweep of another process finds the work."""
    global _engine  # noqa: PLW0603 - one engine per process
    _engine = engine


def wake(kind: str, key: str, at: datetime | None = None) -> None:
    """Have the handler run for `key` once the open transaction has committed: at once, or at `at`."""
    if kind not in _kinds:
        raise KeyError(f"no handler is registered for jobs of kind {kind!r}")
    transaction.on_commit(lambda: _wake_engine(kind, key, at))


def stopping() -> bool:
    """Whether handlers should finish what they began and begin nothing more."""
    return _engine is not None and _engine.stopping()


def due(kind: str, until: datetime | None = None) -> list[str]:
    """The keys of `kind` with work that is due by `until` (default: now)."""
    until = until or timezone.now()
    return [key for key, at in _kinds[kind].sweep() if at is None or at <= until]


def run(kind: str, key: str) -> datetime | None:
    """Run the handler of `kind` for `key` in this thread; returns when to run it again. Engines call this."""
    with tracing(f"{kind}:{key}"):
        try:
            if trace.tracer() is None:
                at = _kinds[kind].handler(key)
            else:
                with trace.span(f"job {kind}") as span:  # the key may be an account: it is no attribute
                    span.set_attribute("elonara.job", kind)
                    at = _kinds[kind].handler(key)
        except Exception as fault:
            counters.of_this_process.outcome(kind, "error", type(fault).__name__)
            raise
    counters.of_this_process.outcome(kind, "done")
    return at


def drain(until: datetime | None = None) -> int:
    """Run everything due by `until` (default: now) in this thread until nothing is left; returns how many ran.

    For tests and for `--once` commands. A key runs again as long as its sweep reports work that is due.
    """
    ran = 0
    for _ in range(MAX_DRAIN_ROUNDS):
        todo = [(kind, key) for kind in kinds() for key in due(kind, until)]
        if not todo:
            return ran
        for kind, key in todo:
            run(kind, key)
            ran += 1
    raise RuntimeError(f"jobs are still due after {MAX_DRAIN_ROUNDS} rounds: {todo[:5]}")


def _wake_engine(kind: str, key: str, at: datetime | None) -> None:
    if _engine is not None:
        _engine.wake(kind, key, at)
