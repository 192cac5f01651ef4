"""What is due in the lane of an account, and in which order.

A worker asks these questions for every post, so they are compiled queries.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import deque
from typing import Any

from django.db import models
from django.db.models import Q, QuerySet
from django.utils import timezone

from elonara.bluesky import rate_budgets
from elonara.bluesky.identity import identities
from elonara.bluesky.models import AccountLane
from elonara.communities.models import Community
from elonara.compiled_queries import CompiledQuery
from elonara.events.models import Event
from elonara.invitations.models import Announcement, Batch, Invitation, State
from elonara.invitations.transitions import Deliverable
from elonara.locks import has_ended
from elonara.members.models import Member

# Announcements first: their replies need what Bluesky says about them.
MODELS: tuple[type[Deliverable], ...] = (Announcement, Invitation)
# What a row belongs to.
RELATED: dict[str, type[models.Model]] = {
    "host": Member,
    "event": Event,
    "community": Community,
    "announcement": Announcement,
    "batch": Batch,
}
# Announcements that their replies need not wait for any more: they stand, or never will (`checks.before`).
SETTLED_STATES = (
    State.SENT,
    State.FAILED,
    State.CANCELLED,
    State.SUPPRESSED,
    State.UNDOING,
    State.UNDONE,
    State.HANDED_OVER,
)
PREFETCH = 10  # rows that are looked up at once
PREFETCH_SECONDS = 1.0  # seconds for which that holds: what is to be taken back waits no longer
IN_ORDER = ("next_attempt_at", "queued_at", "rkey")


def deliverable_filter(model: type[Deliverable], now: Any) -> Q:
    """Which queued rows may go, may be out already, or are to be ended because their event has begun."""
    may_go = Q(host__sending=None) | Q(host__sending__paused_at=None)
    if model is Invitation:
        may_go &= Q(needs_confirmation=False)
        may_go &= Q(announcement=None) | Q(announcement__state__in=SETTLED_STATES)
    # Whatever holds a row back, whether its post stands is found out in any case.
    return may_go | Q(event__starts_at__lte=now) | Q(ambiguous=True)


def _posts(model: type[Deliverable], author_did: Any, now: Any) -> QuerySet[Any]:
    rows = model.objects.filter(deliverable_filter(model, now), author_did=author_did, state=State.QUEUED)
    return rows.order_by(*IN_ORDER)


def _others(model: type[Deliverable], author_did: Any) -> QuerySet[Any]:
    """Rows that are being taken back, and those that wait for their host."""
    rows = model.objects.filter(author_did=author_did, state__in=(State.UNDOING, State.WAITING))
    return rows.order_by(*IN_ORDER)


class _Questions:
    """The questions about rows of one model."""

    def __init__(self, model: type[Deliverable]) -> None:
        def first_keys(rows: QuerySet[Any], now: Any) -> QuerySet[Any]:
            return rows.filter(next_attempt_at__lte=now).values_list("pk", flat=True)[:PREFETCH]

        def first_moment(rows: QuerySet[Any]) -> QuerySet[Any]:
            return rows.values_list("next_attempt_at", flat=True)[:1]

        def sending(did: Any) -> QuerySet[Any]:
            return model.objects.filter(author_did=did, state=State.SENDING).values_list("pk")[:1]

        self.posts = CompiledQuery(lambda did, now: first_keys(_posts(model, did, now), now))
        self.others = CompiledQuery(lambda did, now: first_keys(_others(model, did), now))
        self.next_post = CompiledQuery(lambda did, now: first_moment(_posts(model, did, now)))
        self.next_other = CompiledQuery(lambda did: first_moment(_others(model, did)))
        self.sending = CompiledQuery(sending)


def _by_key(model: type[models.Model]) -> CompiledQuery[Any]:
    return CompiledQuery(lambda pk: model._default_manager.filter(pk=pk))


_ABOUT = {model: _Questions(model) for model in MODELS}
_ONE = {model: _by_key(model) for model in (*MODELS, *RELATED.values())}
_LANE = CompiledQuery(lambda did: AccountLane.objects.filter(author_did=did))


def next_poll_at(author_did: str) -> dt.datetime | None:
    """When something is due in a lane."""
    now = timezone.now()
    found = [_ABOUT[model].next_post.first(did=author_did, now=now) for model in MODELS]
    held = _LANE.first(did=author_did)
    posts = min((moment for moment in found if moment is not None), default=None)
    if posts is not None and held is not None:
        posts = max(moment for moment in (posts, held.next_at, held.paused_until) if moment is not None)
    found = [_ABOUT[model].next_other.first(did=author_did) for model in MODELS]
    others = [moment for moment in found if moment is not None]
    if held is not None and held.paused_until is not None:
        others = [max(moment, held.paused_until) for moment in others]
    if _orphans(author_did, held):
        others.append(now)
    soonest = min([*others, *([posts] if posts is not None else [])], default=None)
    rest = rate_budgets.paused_until(author_did) if soonest is not None else None
    return soonest if soonest is None or rest is None else max(soonest, rest)


def _orphans(author_did: str, held: AccountLane | None) -> bool:
    """Rows in `sending` that nobody works on: the lane is free, or its lease or the process that has it has ended."""
    leased = held is not None and held.lease_until is not None and held.lease_until > dt.datetime.now(dt.UTC)
    if leased and held is not None and not has_ended(held.owner):
        return False
    return any(_ABOUT[model].sending.exists(did=author_did) for model in MODELS)


class DeliveryQueue:
    """The rows to work on next: taking back before posting, the announcement before its replies.

    It knows their keys alone. Each is read, and asked whether it still is due, when its turn comes; what belongs to
    several of them (host, event, announcement) is read once for as long as the pile is fresh. A change of these that
    matters changes the rows too (`rebuilding`), and then they are not taken.
    """

    def __init__(self, author_did: str) -> None:
        self._author_did = author_did
        self._keys: deque[tuple[type[Deliverable], bool, Any]] = deque()
        self._until = 0.0  # time.monotonic()
        self._related: dict[tuple[type[models.Model], Any], Any] = {}

    def next(self) -> Deliverable | None:
        """The row whose turn it is; None where nothing may be done now."""
        now = timezone.now()
        held = _LANE.all(did=self._author_did)[0]
        if held.paused_until is not None and held.paused_until > now:
            return None
        may_post = held.next_at is None or held.next_at <= now
        fresh = False
        while True:
            if time.monotonic() > self._until:
                self._keys.clear()
            if not self._keys:
                if fresh or rate_budgets.paused_until(self._author_did) is not None:
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

    def _read(self, model: type[Deliverable], pk: Any) -> Deliverable | None:
        row: Deliverable | None = _ONE[model].first(pk=pk)
        if row is not None:
            for name, related in RELATED.items():
                pk = getattr(row, f"{name}_id", None)  # an announcement has no batch
                if pk is not None:
                    setattr(row, name, self._one(related, pk))
        return row

    def _one(self, model: type[models.Model], pk: Any) -> Any:
        if (model, pk) not in self._related:
            found = _ONE[model].first(pk=pk)
            if isinstance(found, Member):
                # A host's identity comes with her: her handle stands in the text.
                Member.bluesky.related.set_cached_value(found, identities.identity_row(found.pk))
            self._related[model, pk] = found
        return self._related[model, pk]

    def _still_due(self, row: Deliverable, now: dt.datetime, *, posts: bool) -> bool:
        if row.author_did != self._author_did or row.next_attempt_at > now:
            return False
        if not posts:
            return row.state in {State.UNDOING, State.WAITING}
        begun = row.event is not None and row.event.starts_at <= now
        confirmed = not (isinstance(row, Invitation) and row.needs_confirmation)
        return row.state == State.QUEUED and (confirmed or begun or row.ambiguous)

    def _look(self, now: dt.datetime, *, may_post: bool) -> None:
        self._until = time.monotonic() + PREFETCH_SECONDS
        self._related.clear()
        for model in MODELS[::-1]:
            self._keys.extend((model, False, pk) for pk in _ABOUT[model].others.all(did=self._author_did, now=now))
        if may_post:
            for model in MODELS:
                self._keys.extend((model, True, pk) for pk in _ABOUT[model].posts.all(did=self._author_did, now=now))
