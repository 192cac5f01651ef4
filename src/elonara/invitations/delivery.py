"""Workers deliver rows. One worker at a time holds an account's lane; the row is the truth, whatever happens to it.

`look(author_did)` is the handler of the job kind "deliver": it does what is due in that lane, and says when to look
again.
"""

from __future__ import annotations

import datetime as dt
import logging
import random
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Min, Q, QuerySet
from django.utils import timezone

from elonara import jobs
from elonara.bluesky import budgets
from elonara.bluesky.models import AccountLane
from elonara.communities.models import Community
from elonara.events.models import Event as Gathering
from elonara.invitations import attempts, undoing, waiting
from elonara.invitations.models import Announcement, Batch, Invitation, State
from elonara.invitations.moves import KIND, Row, move
from elonara.invitations.states import Event
from elonara.locks import Lease, has_ended, lane, this_thread
from elonara.members.models import Member

__all__ = ["KIND", "look", "sweep"]

log = logging.getLogger(__name__)

# Announcements first: their replies need what Bluesky says about them.
MODELS: tuple[type[Row], ...] = (Announcement, Invitation)
# What a row belongs to.
RELATED: dict[str, models.Manager[Any]] = {
    "host": Member.objects,
    "event": Gathering.objects,
    "community": Community.objects,
    "announcement": Announcement.objects,
    "batch": Batch.objects,
}
TURN = 20.0  # seconds after which a worker lets others have the thread
LEASE = 60.0  # seconds
EXTENDED_BELOW = 50.0  # seconds that must be left before each row; a create looks once more before it begins
AHEAD = 10  # rows that are looked up at once
FRESH = 1.0  # seconds for which that holds: what is to be taken back waits no longer
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


def next_look(author_did: str) -> dt.datetime | None:
    """When something is due in a lane."""
    moments = [
        found
        for rows in (_due(Announcement, author_did), _due(Invitation, author_did))
        if (found := rows.aggregate(at=Min("next_attempt_at"))["at"]) is not None
    ]
    lane_row = AccountLane.objects.filter(author_did=author_did).first()
    posts = min(moments, default=None)
    if posts is not None and lane_row is not None:
        posts = max(moment for moment in (posts, lane_row.next_at, lane_row.paused_until) if moment is not None)
    others = [
        found
        for model in MODELS
        if (found := _others(model, author_did).aggregate(at=Min("next_attempt_at"))["at"]) is not None
    ]
    if lane_row is not None and lane_row.paused_until is not None:
        others = [max(moment, lane_row.paused_until) for moment in others]
    if _orphans(author_did, lane_row):
        others.append(timezone.now())
    soonest = min([*others, *([posts] if posts is not None else [])], default=None)
    rest = budgets.resting_until(author_did) if soonest is not None else None
    return soonest if soonest is None or rest is None else max(soonest, rest)


def _recover(author_did: str, lease: Lease) -> None:
    """Rows that a dead worker left in `sending`: their posts may stand. The lane is ours, so nobody works on them."""
    for model in MODELS:
        rows = model.objects.filter(author_did=author_did, state=State.SENDING, fence__lt=lease.fence)
        for row in rows:
            if move(row, Event.PUT_BACK, ambiguous=True, reason="asking", next_attempt_at=timezone.now()):
                log.warning("%s %s was being sent when its worker ended; its key is read first", model.__name__, row.pk)


def _work(author_did: str, lease: Lease) -> None:
    ends = time.monotonic() + TURN
    desk, pile = attempts.Desk(author_did, lease), _Pile(author_did)
    while time.monotonic() < ends and not jobs.stopping():
        row = pile.next()
        if row is None:
            return
        if desk.lease.seconds_left < EXTENDED_BELOW:
            extended = desk.lease.extend(LEASE)
            if extended is None:
                return  # another worker has the lane
            desk.lease = extended
        match row.state:
            case State.UNDOING:
                undoing.step(desk, row)
            case State.WAITING:
                waiting.step(desk, row)
            case _:
                if attempts.deliver(desk, row):
                    _space(desk.lease)


class _Pile:
    """The rows to work on next: taking back before posting, the announcement before its replies.

    It knows their keys alone. Each is read, and asked whether it still is due, when its turn comes; what belongs to
    several of them (host, event, announcement) is read once for as long as the pile is fresh. A change of these that
    matters changes the rows too (`rebuilding`), and then they are not taken.
    """

    def __init__(self, author_did: str) -> None:
        self._author_did = author_did
        self._keys: deque[tuple[type[Row], bool, Any]] = deque()
        self._until = 0.0  # time.monotonic()
        self._related: dict[tuple[str, Any], Any] = {}

    def next(self) -> Row | None:
        """The row whose turn it is; None where nothing may be done now."""
        now = timezone.now()
        held = AccountLane.objects.get(author_did=self._author_did)
        if held.paused_until is not None and held.paused_until > now:
            return None
        may_post = held.next_at is None or held.next_at <= now
        fresh = False
        while True:
            if time.monotonic() > self._until:
                self._keys.clear()
            if not self._keys:
                if fresh or budgets.resting_until(self._author_did) is not None:
                    return None
                self._look(now, may_post=may_post)
                fresh = True
            while self._keys:
                model, posts, pk = self._keys.popleft()
                if posts and not may_post:
                    continue
                row = self._read(model, pk)
                if row is not None and self._still_due(row, now, posts=posts):
                    return row

    def _read(self, model: type[Row], pk: Any) -> Row | None:
        row: Row | None = model.objects.filter(pk=pk).first()
        if row is not None:
            for name, rows in RELATED.items():
                pk = getattr(row, f"{name}_id", None)  # an announcement has no batch
                if pk is not None:
                    setattr(row, name, self._one(name, rows, pk))
        return row

    def _one(self, name: str, rows: models.Manager[Any], pk: Any) -> Any:
        if (name, pk) not in self._related:
            # A host's identity comes with her: her handle stands in the text.
            found = rows.select_related("bluesky") if name == "host" else rows.all()
            self._related[name, pk] = found.get(pk=pk)
        return self._related[name, pk]

    def _still_due(self, row: Row, now: dt.datetime, *, posts: bool) -> bool:
        if row.author_did != self._author_did or row.next_attempt_at > now:
            return False
        if not posts:
            return row.state in {State.UNDOING, State.WAITING}
        begun = row.event is not None and row.event.starts_at <= now
        confirmed = not (isinstance(row, Invitation) and row.needs_confirmation)
        return row.state == State.QUEUED and (confirmed or begun or row.ambiguous)

    def _look(self, now: dt.datetime, *, may_post: bool) -> None:
        self._until = time.monotonic() + FRESH
        self._related.clear()
        order = [(model, False) for model in MODELS[::-1]] + [(model, True) for model in MODELS if may_post]
        for model, posts in order:
            rows = self._rows(model, now, posts=posts).order_by("next_attempt_at", "queued_at", "rkey")
            self._keys.extend((model, posts, pk) for pk in rows.values_list("pk", flat=True)[:AHEAD])

    def _rows(self, model: type[Row], now: dt.datetime, *, posts: bool) -> QuerySet[Any]:
        rows = _due(model, self._author_did) if posts else _others(model, self._author_did)
        return rows.filter(next_attempt_at__lte=now)


def _due(model: type[Row], author_did: str) -> QuerySet[Any]:
    """Queued rows that may go, those that may be out already, and those to be ended because their event has begun."""
    may_go = Q(host__sending=None) | Q(host__sending__paused_at=None)
    if model is Invitation:
        may_go &= Q(needs_confirmation=False)
        may_go &= Q(announcement=None) | Q(announcement__state=State.SENT)
    begun = Q(event__starts_at__lte=timezone.now())
    # Whatever holds a row back, whether its post stands is found out in any case.
    return model.objects.filter(may_go | begun | Q(ambiguous=True), author_did=author_did, state=State.QUEUED)


def _others(model: type[Row], author_did: str) -> QuerySet[Any]:
    return model.objects.filter(author_did=author_did, state__in=(State.UNDOING, State.WAITING))


def _orphans(author_did: str, held: AccountLane | None) -> bool:
    """Rows in `sending` that nobody works on: the lane is free, or its lease or the process that has it has ended."""
    leased = held is not None and held.lease_until is not None and held.lease_until > dt.datetime.now(dt.UTC)
    if leased and held is not None and not has_ended(held.owner):
        return False
    return any(model.objects.filter(author_did=author_did, state=State.SENDING).exists() for model in MODELS)


def _space(lease: Lease) -> None:
    """Keep a distance between two posts of one account, never quite the same one."""
    seconds = settings.ELONARA.invitations.spacing_seconds
    if seconds > 0:
        pause = dt.timedelta(seconds=seconds * random.uniform(0.8, 1.4))  # noqa: S311 - jitter, not a secret
        at = timezone.now() + pause
        # Later already where the account's points are used up.
        lease.rows().filter(Q(next_at=None) | Q(next_at__lt=at)).update(next_at=at)
