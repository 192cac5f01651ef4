"""Queues whose rows become one e-mail each: how a row is taken, put off for a day, and held while e-mail is paused.

A row has the columns of `Leased`, and `state`, `reason`, `attempts` and `due_at`. What an e-mail says, who may get it
and which states there are is the queue's own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import models
from django.utils import timezone

from elonara import counters
from elonara.locks import Lease, release, take_lease, this_thread

RETRY_DELAYS_SECONDS: Final = (60, 300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600)  # about a day in all
HELD: Final = "mail_paused"  # the reason of a row that waits for the end of the pause of all e-mail
TRYING: Final = "mail_trying"  # the reason of a row that was not taken at the last try
LEASE_SECONDS: Final = 120.0  # several times the timeout of one SMTP session

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RowQueue:
    """One queue. `name` is that of its counter, `waiting` are the states of rows that are not done."""

    model: type[models.Model]
    name: str
    waiting: Collection[str]
    deliver: Callable[[Any, Lease], datetime | None]  # one row that is due; returns when to poll it again
    related: tuple[str, ...] = ()  # what `deliver` reads with the row

    def poll(self, key: str) -> datetime | None:
        """Deal with one row if it is due. Returns when to poll it again, None when nothing is left to do."""
        row = self._row(key)
        if row is None or row.due_at > timezone.now():
            return row.due_at if row else None
        lease = take_lease(self.model, row.pk, this_thread(), LEASE_SECONDS)
        if lease is None:
            return timezone.now() + timedelta(seconds=LEASE_SECONDS)
        try:
            row = self._row(key)
            if row is None or row.due_at > timezone.now():  # another process was quicker
                return row.due_at if row else None
            return self.deliver(row, lease)
        finally:
            release(lease)

    def sweep(self) -> Iterator[tuple[str, datetime | None]]:
        """Every row that is not done, with its due time."""
        for pk, due_at in self._rows().order_by("due_at").values_list("pk", "due_at"):
            yield str(pk), due_at

    def release_held(self) -> str | None:
        """Make due at once what waits for the end of the pause of all e-mail; the key of one, to begin with."""
        held = self._rows().filter(reason=HELD)
        held.update(due_at=timezone.now())
        first = held.values_list("pk", flat=True).first()
        return None if first is None else str(first)

    def retry_later(self, row: Any, lease: Lease, fault: str, **values: Any) -> datetime | None:
        """Put the row off with these values; None, and nothing is stored, where it has been tried for a day."""
        if row.attempts >= len(RETRY_DELAYS_SECONDS):
            return None
        due = timezone.now() + timedelta(seconds=RETRY_DELAYS_SECONDS[row.attempts])
        log.warning("%s %s was not sent (%s); retried at %s", self.name, row.pk, fault, due.isoformat("T", "seconds"))
        self.store(lease, attempts=row.attempts + 1, due_at=due, reason=TRYING, **values)
        return due

    def hold(self, lease: Lease, until: datetime, **values: Any) -> datetime:
        """Wait for the end of the pause of all e-mail. Costs no attempt: nothing was said about this e-mail."""
        self.store(lease, due_at=until, reason=HELD, **values)
        return until

    def store(self, lease: Lease, *, reason: str, **values: Any) -> bool:
        """Store what became of the row, and count it for `/metrics`. Without a `state` it stays in the one it has."""
        stored = lease.update(reason=reason, **values)
        if stored:
            counters.of_this_process.outcome(self.name, str(values.get("state", "postponed")), reason)
        return stored

    def _rows(self) -> models.QuerySet[Any]:
        return self.model._default_manager.filter(state__in=self.waiting)

    def _row(self, key: str) -> Any:
        return self._rows().select_related(*self.related).filter(pk=key).first()
