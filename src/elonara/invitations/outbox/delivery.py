"""Delivering the rows of one account. One worker at a time holds the account's lane: a lease with a fence.

`poll(author_did)` is the handler of the job kind `job_kinds.POSTS`: it does what is due for that account and returns
when to call it again. Whatever happens to the worker, the rows say what has to be done next.
"""

from __future__ import annotations

import datetime as dt
import logging
import random
import time
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.db.models import Q
from django.utils import timezone

from elonara import jobs
from elonara.compiled_queries import CompiledQuery
from elonara.invitations.models import State
from elonara.invitations.outbox import attempts, timing, undo, waiting
from elonara.invitations.outbox.context import DeliveryContext
from elonara.invitations.outbox.due_times import poll_times
from elonara.invitations.outbox.queue import DeliveryQueue, next_poll_at
from elonara.invitations.states import Transition
from elonara.invitations.transitions import MODELS, Deliverable, apply
from elonara.locks import Lease, lane, this_thread

__all__ = ["poll", "sweep"]

log = logging.getLogger(__name__)


def _left_behind(model: type[Deliverable]) -> CompiledQuery[Any]:
    return CompiledQuery(
        lambda did, fence: model._default_manager.filter(author_did=did, state=State.SENDING, fence__lt=fence)
    )


_LEFT_BEHIND = {model: _left_behind(model) for model in MODELS}


def poll(author_did: str) -> dt.datetime | None:
    """Do what is due for one account; returns when to poll again, or None."""
    with lane(author_did, owner=this_thread(), seconds=timing.LANE_LEASE_SECONDS) as lease:
        if lease is None:
            return timezone.now() + timing.LANE_BUSY_RETRY
        _recover(author_did, lease)
        _work(author_did, lease)
    return next_poll_at(author_did)


def sweep() -> Iterator[tuple[str, dt.datetime | None]]:
    """Every account with work, and when it is due (None: now). Finds what a crash or a lost wake left behind."""
    for did, at in poll_times().items():
        yield did, None if at <= timezone.now() else at


def _recover(author_did: str, lease: Lease) -> None:
    """Rows that a dead worker left in `sending` may have been posted. We hold the lane, so nobody works on them."""
    for model in MODELS:
        for row in _LEFT_BEHIND[model].all(did=author_did, fence=lease.fence):
            if apply(row, Transition.PUT_BACK, ambiguous=True, reason="asking", next_attempt_at=timezone.now()):
                log.warning("%s %s was being sent when its worker ended; its key is read first", model.__name__, row.pk)


def _work(author_did: str, lease: Lease) -> None:
    ends = time.monotonic() + timing.TURN_SECONDS
    context, queue = DeliveryContext(author_did, lease), DeliveryQueue(author_did)
    while time.monotonic() < ends and not jobs.stopping():
        row = queue.next()
        if row is None:
            return
        if context.lease.seconds_left < timing.EXTEND_LEASE_BELOW_SECONDS:
            extended = context.lease.extend(timing.LANE_LEASE_SECONDS)
            if extended is None:
                return  # another worker has the lane
            context.lease = extended
        try:
            _step(context, row)
        except (OperationalError, InterfaceError):
            raise  # the database is unreachable, locked or full, which has nothing to do with this row
        except Exception:
            # One row that fails in an unforeseen way must not hold up the other rows of its account for ever.
            log.exception("%s %s is set aside for %s", type(row).__name__, row.pk, timing.SET_ASIDE_FOR)
            _set_aside(row)


def _step(context: DeliveryContext, row: Deliverable) -> None:
    match row.state:
        case State.UNDOING:
            undo.step(context, row)
        case State.WAITING:
            waiting.step(context, row)
        case _:
            if attempts.deliver(context, row):
                _keep_distance(context.lease)


def _set_aside(row: Deliverable) -> None:
    """Try it later. A row that was being sent becomes ambiguous, as after a crash: its key is read first."""
    rows = type(row).objects.filter(pk=row.pk)
    at = timezone.now() + timing.SET_ASIDE_FOR
    found = rows.first()
    if found is not None and found.state == State.SENDING:
        apply(found, Transition.PUT_BACK, ambiguous=True, reason="unforeseen", next_attempt_at=at)
        return
    rows.filter(state=State.QUEUED, reason="").update(reason="unforeseen")
    rows.filter(state__in=(State.QUEUED, State.WAITING, State.UNDOING)).update(next_attempt_at=at)


def _keep_distance(lease: Lease) -> None:
    """Wait between two posts of one account, with jitter."""
    seconds = settings.ELONARA.invitations.spacing_seconds
    if seconds > 0:
        pause = dt.timedelta(seconds=seconds * random.uniform(0.8, 1.4))  # noqa: S311 - jitter, not a secret
        at = timezone.now() + pause
        # It may be later already, where the account's rate-limit points are used up.
        lease.rows().filter(Q(next_at=None) | Q(next_at__lt=at)).update(next_at=at)
