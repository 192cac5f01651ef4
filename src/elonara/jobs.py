"""Work that goes on after a request has ended. The rows are the truth; an engine only looks at them in time.

A part of the site registers a *kind* with a handler and a sweep:

- `handler(key)` looks at the rows of one key (such as an author's DID), does what is due, and returns when to look
  again, or None. It may be called too early, too often or twice on two machines: it checks the rows under a lock.
- `sweep()` lists the keys that have work, and when it is due. It finds what a crash has left behind.

`wake(kind, key)` says "look now". Forgetting a wake costs seconds, never work.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from django.db import transaction
from django.utils import timezone

from elonara.trace import tracing

Handler = Callable[[str], datetime | None]
Sweep = Callable[[], Iterable[tuple[str, datetime | None]]]  # None: due now

MAX_DRAIN_ROUNDS: Final = 10_000  # of drain(): more means a handler that never lets go

log = logging.getLogger(__name__)


class Engine(Protocol):
    """What runs handlers: threads in the server process, or workers on many machines."""

    def wake(self, kind: str, key: str, at: datetime | None) -> None:
        """Run the handler of `kind` for `key` at `at` (None: now), or as soon after as a thread is free."""

    def stopping(self) -> bool:
        """Whether the process is about to end: finish what was begun, begin nothing."""


@dataclass(frozen=True)
class JobKind:
    """One sort of work."""

    name: str
    handler: Handler
    sweep: Sweep


def _nothing() -> Iterable[tuple[str, datetime | None]]:
    return ()


_kinds: dict[str, JobKind] = {}
_engine: Engine | None = None


def register(kind: str, handler: Handler, sweep: Sweep = _nothing) -> None:
    """Name the handler of `kind` and what finds its due work. The last registration counts."""
    _kinds[kind] = JobKind(kind, handler, sweep)


def kinds() -> dict[str, JobKind]:
    """Everything registered, by name."""
    return dict(_kinds)


def set_engine(engine: Engine | None) -> None:
    """Say who is told of wakes. None: nobody; the sweep of another process finds the work."""
    global _engine  # noqa: PLW0603 - one engine per process
    _engine = engine


def wake(kind: str, key: str, at: datetime | None = None) -> None:
    """Have `key` looked at once the open transaction has committed: now, or at `at`."""
    if kind not in _kinds:
        raise KeyError(f"no handler is registered for jobs of kind {kind!r}")
    transaction.on_commit(lambda: _tell(kind, key, at))


def stopping() -> bool:
    """Whether handlers should finish what they began and begin nothing more."""
    return _engine is not None and _engine.stopping()


def due(kind: str, until: datetime | None = None) -> list[str]:
    """The keys of `kind` with work that is due by `until` (default: now)."""
    until = until or timezone.now()
    return [key for key, at in _kinds[kind].sweep() if at is None or at <= until]


def run(kind: str, key: str) -> datetime | None:
    """Run the handler of `kind` for `key` here and now; returns when to look again. Engines call this."""
    with tracing(f"{kind}:{key}"):
        return _kinds[kind].handler(key)


def drain(until: datetime | None = None) -> int:
    """Run everything due by `until` (default: now) in this thread until nothing is left; returns how many ran.

    For tests and for `--once` commands. Each key is looked at again as long as its handler or sweep says so.
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


def _tell(kind: str, key: str, at: datetime | None) -> None:
    if _engine is not None:
        _engine.wake(kind, key, at)
