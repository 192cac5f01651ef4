"""Workers deliver rows. One worker at a time holds an account's lane; the row is the truth, whatever happens to it.

`look(author_did)` is the handler of the job kind "deliver": it does what is due in that lane, and says when to look
again.
"""

from __future__ import annotations

import datetime as dt
import logging
import random
import time
from collections.abc import Iterator

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.db.models import Q
from django.utils import timezone

from elonara import jobs
from elonara.invitations.models import State
from elonara.invitations.outbox import attempts, undo, waiting
from elonara.invitations.outbox.queue import MODELS, DeliveryQueue, next_poll_at
from elonara.invitations.states import Transition
from elonara.invitations.transitions import Deliverable, apply
from elonara.locks import Lease, lane, this_thread

__all__ = ["poll", "sweep"]

log = logging.getLogger(__name__)

TURN_SECONDS = 20.0  # seconds after which a worker lets others have the thread
LANE_LEASE_SECONDS = 60.0  # seconds
EXTEND_LEASE_BELOW_SECONDS = (
    50.0  # seconds that must be left before each row; a create looks once more before it begins
)
SET_ASIDE_FOR = dt.timedelta(minutes=4)  # a row that something unforeseen came of; an absent post is written again then
LANE_BUSY_RETRY = dt.timedelta(seconds=3)  # until we ask again for a lane that another worker has


def poll(author_did: str) -> dt.datetime | None:
    """Do what is due for one account; when to look again, or None."""
    with lane(author_did, owner=this_thread(), seconds=LANE_LEASE_SECONDS) as lease:
        if lease is None:
            return timezone.now() + LANE_BUSY_RETRY
        _recover(author_did, lease)
        _work(author_did, lease)
    return next_poll_at(author_did)


def sweep() -> Iterator[tuple[str, dt.datetime | None]]:
    """Every account with work, and when it is due (None: now). Finds what a crash or a lost wake left behind."""
    authors = {
        did
        for model in MODELS
        for did in model.objects.filter(state__in=(State.QUEUED, State.SENDING, State.WAITING, State.UNDOING))
        .order_by()
        .values_list("author_did", flat=True)
        .distinct()
    }
    for did in sorted(authors):
        at = next_poll_at(did)
        if at is not None:
            yield did, None if at <= timezone.now() else at


def _recover(author_did: str, lease: Lease) -> None:
    """Rows that a dead worker left in `sending`: their posts may stand. The lane is ours, so nobody works on them."""
    for model in MODELS:
        rows = model.objects.filter(author_did=author_did, state=State.SENDING, fence__lt=lease.fence)
        for row in rows:
            if apply(row, Transition.PUT_BACK, ambiguous=True, reason="asking", next_attempt_at=timezone.now()):
                log.warning("%s %s was being sent when its worker ended; its key is read first", model.__name__, row.pk)


def _work(author_did: str, lease: Lease) -> None:
    ends = time.monotonic() + TURN_SECONDS
    desk, pile = attempts.DeliveryContext(author_did, lease), DeliveryQueue(author_did)
    while time.monotonic() < ends and not jobs.stopping():
        row = pile.next()
        if row is None:
            return
        if desk.lease.seconds_left < EXTEND_LEASE_BELOW_SECONDS:
            extended = desk.lease.extend(LANE_LEASE_SECONDS)
            if extended is None:
                return  # another worker has the lane
            desk.lease = extended
        try:
            _step(desk, row)
        except (OperationalError, InterfaceError):
            raise  # the database is away, locked or full: nothing that is about this row
        except Exception:
            # The others of this account must not wait for ever behind one row that we did not foresee.
            log.exception("%s %s is set aside for %s", type(row).__name__, row.pk, SET_ASIDE_FOR)
            _set_aside(row)


def _step(desk: attempts.DeliveryContext, row: Deliverable) -> None:
    match row.state:
        case State.UNDOING:
            undo.step(desk, row)
        case State.WAITING:
            waiting.step(desk, row)
        case _:
            if attempts.deliver(desk, row):
                _space(desk.lease)


def _set_aside(row: Deliverable) -> None:
    """Look at it later. Whether a post of one that was being sent stands is found out first, as after a crash."""
    rows = type(row).objects.filter(pk=row.pk)
    at = timezone.now() + SET_ASIDE_FOR
    found = rows.first()
    if found is not None and found.state == State.SENDING:
        apply(found, Transition.PUT_BACK, ambiguous=True, reason="unforeseen", next_attempt_at=at)
        return
    rows.filter(state=State.QUEUED, reason="").update(reason="unforeseen")
    rows.filter(state__in=(State.QUEUED, State.WAITING, State.UNDOING)).update(next_attempt_at=at)


def _space(lease: Lease) -> None:
    """Keep a distance between two posts of one account, never quite the same one."""
    seconds = settings.ELONARA.invitations.spacing_seconds
    if seconds > 0:
        pause = dt.timedelta(seconds=seconds * random.uniform(0.8, 1.4))  # noqa: S311 - jitter, not a secret
        at = timezone.now() + pause
        # Later already where the account's points are used up.
        lease.rows().filter(Q(next_at=None) | Q(next_at__lt=at)).update(next_at=at)
