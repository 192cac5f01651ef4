"""When the reads beside the sync are due, and that one worker at a time does each.

The claim is the due time itself: a worker moves it on by `CLAIMED_FOR` in one conditional UPDATE, and stores what it
has read only while that very time still stands. So after a crash the read is due again by itself, and what was read
for a member who disconnected meanwhile, or who pressed Sync, is dropped.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q, QuerySet
from django.utils import timezone

from elonara import jobs
from elonara.bluesky.graph.failures import GraphUnavailable
from elonara.bluesky.graph.models import StoredGraph

CLAIMED_FOR: Final = timedelta(minutes=10)
MAX_AGE: Final = timedelta(days=7)
RETRY_AFTER_FAILURE: Final = timedelta(hours=1)
JITTER: Final = 0.1  # of these times, so that members who connected together are not read together ever after
SWEEP_BATCH: Final = 50  # rows a sweep; the next sweep takes the next ones

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DueRead:
    """One kind of read, with the columns of `StoredGraph` that say when it is due and when it was done last."""

    kind: str
    due_at: str
    read_at: str

    def install(self, read: Callable[[Claim], datetime | None]) -> None:
        """Register the job. `read` does the work and returns when to go on, None where it has finished the claim."""
        jobs.register(self.kind, lambda key: self._poll(key, read), self.sweep)

    def sweep(self) -> Iterator[tuple[str, datetime | None]]:
        """Graphs that are due, those that have waited longest first."""
        due = StoredGraph.objects.filter(self._is_due(timezone.now())).order_by(self.due_at, "pk")
        for pk in due.values_list("pk", flat=True)[:SWEEP_BATCH]:
            yield str(pk), None

    def hasten(self, graph: int) -> None:
        """Have it done now: the member asked for it."""
        if StoredGraph.objects.filter(pk=graph, member__isnull=False).update(**{self.due_at: timezone.now()}):
            jobs.wake(self.kind, str(graph))

    def claim(self, graph: int) -> Claim | None:
        """The right to do it now, None where it is not due or another worker does it."""
        now = timezone.now()
        row = StoredGraph.objects.filter(self._is_due(now), pk=graph).first()
        if row is None:
            return None
        until = now + CLAIMED_FOR
        unclaimed = StoredGraph.objects.filter(pk=graph, **{self.due_at: getattr(row, self.due_at)})
        return Claim(self, row, until) if unclaimed.update(**{self.due_at: until}) else None

    def _is_due(self, now: datetime) -> Q:
        # The first time once a sync has read the lists themselves, or cannot: people come before groups of them.
        never = Q(**{self.due_at: None}) & (Q(read_at__isnull=False) | Q(state=StoredGraph.State.FAILED))
        return Q(member__isnull=False) & (Q(**{f"{self.due_at}__lte": now}) | never)

    def _poll(self, key: str, read: Callable[[Claim], datetime | None]) -> datetime | None:
        claim = self.claim(int(key))
        if claim is None:
            return None
        try:
            return read(claim)
        except GraphUnavailable as fault:
            log.info("%s of graph %s could not be read: %s", self.kind, key, fault)
            claim.put_off(RETRY_AFTER_FAILURE)
            return None  # the sweep finds it


@dataclass(frozen=True)
class Claim:
    """The right of one worker to do a read, and to store its result."""

    of: DueRead
    graph: StoredGraph
    until: datetime

    @property
    def member_id(self) -> int:
        """Whose graph it is."""
        if self.graph.member_id is None:
            raise ValueError("a claim on a graph that belongs to nobody")
        return self.graph.member_id

    def holds(self) -> bool:
        """Whether the result may still be stored. Locks the graph's row: call it first in the transaction."""
        return self._rows().select_for_update().first() is not None

    def finish(self, **values: int) -> None:
        """It was read: due again in a week. `values` are other columns of the graph."""
        now = timezone.now()
        self._rows().update(**{self.of.due_at: now + _jittered(MAX_AGE), self.of.read_at: now}, **values)

    def put_off(self, wait: timedelta) -> None:
        """It could not be read now."""
        self._rows().update(**{self.of.due_at: timezone.now() + _jittered(wait)})

    def go_on(self, at: datetime | None = None) -> datetime:
        """A part of it was read: the next one is due at `at` (None: now). Returns that moment."""
        at = at or timezone.now()
        self._rows().update(**{self.of.due_at: at})
        return at

    def _rows(self) -> QuerySet[StoredGraph]:
        return StoredGraph.objects.filter(pk=self.graph.pk, member__isnull=False, **{self.of.due_at: self.until})


def _jittered(wait: timedelta) -> timedelta:
    return wait * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
