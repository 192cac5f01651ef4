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
from elonara.invitations import attempts, undoing, waiting
from elonara.invitations.due import MODELS, Pile, next_look
from elonara.invitations.models import State
from elonara.invitations.moves import KIND, Row, move
from elonara.invitations.states import Event
from elonara.locks import Lease, lane, this_thread

__all__ = ["KIND", "look", "sweep"]

log = logging.getLogger(__name__)

TURN = 20.0  # seconds after which a worker lets others have the thread
LEASE = 60.0  # seconds
EXTENDED_BELOW = 50.0  # seconds that must be left before each row; a create looks once more before it begins
SET_ASIDE = dt.timedelta(minutes=4)  # a row that something unforeseen came of; an absent post is written again then
BUSY = dt.timedelta(seconds=3)  # until we ask again for a lane that another worker has


def look(author_did: str) -> dt.datetime | None:
    """Do what is due for one account; when to look again, or None."""
    with lane(author_did, owner=this_thread(), seconds=LEASE) as lease:
        if lease is None:
            return timezone.now() + BUSY
        _recover(author_did, lease)
        _work(author_did, lease)
    return next_look(author_did)


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
        at = next_look(did)
        if at is not None:
            yield did, None if at <= timezone.now() else at


def _recover(author_did: str, lease: Lease) -> None:
    """Rows that a dead worker left in `sending`: their posts may stand. The lane is ours, so nobody works on them."""
    for model in MODELS:
        rows = model.objects.filter(author_did=author_did, state=State.SENDING, fence__lt=lease.fence)
        for row in rows:
            if move(row, Event.PUT_BACK, ambiguous=True, reason="asking", next_attempt_at=timezone.now()):
                log.warning("%s %s was being sent when its worker ended; its key is read first", model.__name__, row.pk)


def _work(author_did: str, lease: Lease) -> None:
    ends = time.monotonic() + TURN
    desk, pile = attempts.Desk(author_did, lease), Pile(author_did)
    while time.monotonic() < ends and not jobs.stopping():
        row = pile.next()
        if row is None:
            return
        if desk.lease.seconds_left < EXTENDED_BELOW:
            extended = desk.lease.extend(LEASE)
            if extended is None:
                return  # another worker has the lane
            desk.lease = extended
        try:
            _step(desk, row)
        except (OperationalError, InterfaceError):
            raise  # the database is away, locked or full: nothing that is about this row
        except Exception:
            # The others of this account must not wait for ever behind one row that we did not foresee.
            log.exception("%s %s is set aside for %s", type(row).__name__, row.pk, SET_ASIDE)
            _set_aside(row)


def _step(desk: attempts.Desk, row: Row) -> None:
    match row.state:
        case State.UNDOING:
            undoing.step(desk, row)
        case State.WAITING:
            waiting.step(desk, row)
        case _:
            if attempts.deliver(desk, row):
                _space(desk.lease)


def _set_aside(row: Row) -> None:
    """Look at it later. Whether a post of one that was being sent stands is found out first, as after a crash."""
    rows = type(row).objects.filter(pk=row.pk)
    at = timezone.now() + SET_ASIDE
    found = rows.first()
    if found is not None and found.state == State.SENDING:
        move(found, Event.PUT_BACK, ambiguous=True, reason="unforeseen", next_attempt_at=at)
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
