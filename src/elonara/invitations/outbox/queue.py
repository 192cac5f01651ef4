"""Which rows of an account's lane are due, and in which order.

A worker runs these queries for every post, so they are compiled queries.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import deque
from collections.abc import Iterable
from typing import Any, Protocol

from django.db import models
from django.db.models import Q, QuerySet
from django.utils import timezone

from elonara.bluesky import rate_budgets
from elonara.bluesky.identity import identities
from elonara.bluesky.models import AccountLane
from elonara.communities.models import Community
from elonara.compiled_queries import CompiledQuery
from elonara.events import queries as events
from elonara.events.models import Event
from elonara.invitations.models import Announcement, Batch, Invitation, State
from elonara.invitations.transitions import MODELS, Deliverable
from elonara.locks import has_ended
from elonara.members.models import Member

# The foreign keys of a row, loaded with it.
RELATED: dict[str, type[models.Model]] = {
    "host": Member,
    "event": Event,
    "community": Community,
    "announcement": Announcement,
    "batch": Batch,
}
# States of an announcement that its replies do not wait for: it exists, or will not (`prechecks.check` sees which).
SETTLED_STATES = (
    State.SENT,
    State.FAILED,
    State.CANCELLED,
    State.SUPPRESSED,
    State.UNDOING,
    State.UNDONE,
    State.HANDED_OVER,
)
PREFETCH = 25  # keys of due rows that are fetched at once, by kind
PREFETCH_SECONDS = 1.0  # for so long they are used; an undo that begins meanwhile waits no longer than this
OTHERS = (State.UNDOING, State.WAITING)  # what a lane works on besides posting
IN_ORDER = ("next_attempt_at", "queued_at", "rkey")


class Lane(Protocol):
    """The columns of `AccountLane` that say when its account may work."""

    @property
    def owner(self) -> str:
        """Who has its lease."""

    @property
    def lease_until(self) -> dt.datetime | None:
        """When the lease ends."""

    @property
    def next_at(self) -> dt.datetime | None:
        """No post before this time."""

    @property
    def paused_until(self) -> dt.datetime | None:
        """Nothing before this time."""


def deliverable_filter(model: type[Deliverable], now: Any, began: Any) -> Q:
    """Which queued rows may be posted, may have been posted already, or end because their event is over.

    `began`: an event that says no end is over if it began by then, `events.DEFAULT_DURATION` before `now`.
    """
    may_post = Q(host__sending=None) | Q(host__sending__paused_at=None)
    if model is Invitation:
        may_post &= Q(needs_confirmation=False)
        may_post &= Q(announcement=None) | Q(announcement__state__in=SETTLED_STATES)
    # An ambiguous row is always read at its key, whatever keeps it from being written again.
    return may_post | events.over_by(now, began, "event__") | Q(ambiguous=True)


def _posts(model: type[Deliverable], author_did: Any, now: Any, began: Any) -> QuerySet[Any]:
    rows = model.objects.filter(deliverable_filter(model, now, began), author_did=author_did, state=State.QUEUED)
    return rows.order_by(*IN_ORDER)


def _in_state(model: type[Deliverable], author_did: Any, state: State) -> QuerySet[Any]:
    return model.objects.filter(author_did=author_did, state=state).order_by(*IN_ORDER)


class _Queries:
    """The compiled queries about rows of one model."""

    def __init__(self, model: type[Deliverable]) -> None:
        def due_keys(rows: QuerySet[Any], now: Any) -> QuerySet[Any]:
            return rows.filter(next_attempt_at__lte=now).values_list(*IN_ORDER, "pk")[:PREFETCH]

        def first_time(rows: QuerySet[Any]) -> QuerySet[Any]:
            return rows.values_list("next_attempt_at", flat=True)[:1]

        def due_in(state: State) -> CompiledQuery[Any]:
            return CompiledQuery(lambda did, now: due_keys(_in_state(model, did, state), now))

        def first_in(state: State) -> CompiledQuery[Any]:
            return CompiledQuery(lambda did: first_time(_in_state(model, did, state)))

        def sending(did: Any) -> QuerySet[Any]:
            return model.objects.filter(author_did=did, state=State.SENDING).values_list("pk")[:1]

        self.posts = CompiledQuery(lambda did, now, began: due_keys(_posts(model, did, now, began), now))
        self.next_post = CompiledQuery(lambda did, now, began: first_time(_posts(model, did, now, began)))
        # Rows that are being undone, and those that wait for their host. A query each, because the rows of two states
        # would all be read and sorted to find the first ones.
        self.others = [due_in(state) for state in OTHERS]
        self.next_others = [first_in(state) for state in OTHERS]
        self.sending = CompiledQuery(sending)


def _by_key(model: type[models.Model]) -> CompiledQuery[Any]:
    return CompiledQuery(lambda pk: model._default_manager.filter(pk=pk))


_QUERIES = {model: _Queries(model) for model in MODELS}
_BY_KEY = {model: _by_key(model) for model in (*MODELS, *RELATED.values())}
_LANE = CompiledQuery(lambda did: AccountLane.objects.filter(author_did=did))


def next_poll_at(author_did: str) -> dt.datetime | None:
    """When the next row of a lane is due; None where nothing is left to do."""
    now, lane = timezone.now(), _LANE.first(did=author_did)
    began = now - events.DEFAULT_DURATION
    posts = [_QUERIES[model].next_post.first(did=author_did, now=now, began=began) for model in MODELS]
    others = [query.first(did=author_did) for model in MODELS for query in _QUERIES[model].next_others]
    orphans = is_free(lane) and any(_QUERIES[model].sending.exists(did=author_did) for model in MODELS)
    at = soonest(lane, earliest(posts), earliest(others), now if orphans else None)
    pause_ends = rate_budgets.paused_until(author_did) if at is not None else None
    return at if at is None or pause_ends is None else max(at, pause_ends)


def soonest(
    lane: Lane | None, post: dt.datetime | None, other: dt.datetime | None, orphan: dt.datetime | None
) -> dt.datetime | None:
    """When to poll a lane whose first post, other row and row without a worker are due then; None: it has no work."""
    if post is not None and lane is not None:
        post = max(at for at in (post, lane.next_at, lane.paused_until) if at is not None)
    if other is not None and lane is not None and lane.paused_until is not None:
        other = max(other, lane.paused_until)
    return earliest((post, other, orphan))


def earliest(times: Iterable[dt.datetime | None]) -> dt.datetime | None:
    """The first of those times that are known."""
    return min((at for at in times if at is not None), default=None)


def is_free(lane: Lane | None) -> bool:
    """Whether nobody works in a lane: no lease, or an expired one, or the process that has it has ended."""
    leased = lane is not None and lane.lease_until is not None and lane.lease_until > dt.datetime.now(dt.UTC)
    return lane is None or not leased or has_ended(lane.owner)


class DeliveryQueue:
    """The rows to work on next: undoing before posting, an announcement before its replies.

    Only keys are fetched ahead. A row is read when its turn comes, and skipped if it is not due any more. What several
    rows share (host, event, announcement) is cached as long as the keys are, `PREFETCH_SECONDS`. A change of these that
    affects a post changes its row too (`recompose`), so a row is never posted from an outdated cache.
    """

    def __init__(self, author_did: str) -> None:
        self._author_did = author_did
        self._keys: deque[tuple[type[Deliverable], bool, Any]] = deque()  # model, to be posted?, primary key
        self._prefetched_until = 0.0  # by time.monotonic()
        self._related: dict[tuple[type[models.Model], Any], Any] = {}

    def next(self) -> Deliverable | None:
        """The row whose turn it is; None where nothing is due or the account pauses."""
        now = timezone.now()
        lane = _LANE.all(did=self._author_did)[0]
        if lane.paused_until is not None and lane.paused_until > now:
            return None
        may_post = lane.next_at is None or lane.next_at <= now
        fetched = False
        while True:
            if time.monotonic() > self._prefetched_until:
                self._keys.clear()
            if not self._keys:
                if fetched or rate_budgets.paused_until(self._author_did) is not None:
                    return None
                self._prefetch(now, may_post=may_post)
                fetched = True
            while self._keys:
                model, is_post, pk = self._keys.popleft()
                if is_post and not may_post:
                    continue
                row = self._read(model, pk)
                if row is not None and self._still_due(row, now, is_post=is_post):
                    return row

    def _read(self, model: type[Deliverable], pk: Any) -> Deliverable | None:
        row: Deliverable | None = _BY_KEY[model].first(pk=pk)
        if row is not None:
            for name, related in RELATED.items():
                pk = getattr(row, f"{name}_id", None)  # of these, an announcement has no batch
                if pk is not None:
                    setattr(row, name, self._related_row(related, pk))
        return row

    def _related_row(self, model: type[models.Model], pk: Any) -> Any:
        if (model, pk) not in self._related:
            found = _BY_KEY[model].first(pk=pk)
            if isinstance(found, Member):
                # The text names the host's handle, which is in her identity.
                Member.bluesky.related.set_cached_value(found, identities.identity_row(found.pk))
            self._related[model, pk] = found
        return self._related[model, pk]

    def _still_due(self, row: Deliverable, now: dt.datetime, *, is_post: bool) -> bool:
        if row.author_did != self._author_did or row.next_attempt_at > now:
            return False
        if not is_post:
            return row.state in {State.UNDOING, State.WAITING}
        over = row.event is not None and events.is_over(row.event, now)
        confirmed = not (isinstance(row, Invitation) and row.needs_confirmation)
        return row.state == State.QUEUED and (confirmed or over or row.ambiguous)

    def _prefetch(self, now: dt.datetime, *, may_post: bool) -> None:
        self._prefetched_until = time.monotonic() + PREFETCH_SECONDS
        self._related.clear()
        for model in MODELS[::-1]:
            found = [row for query in _QUERIES[model].others for row in query.all(did=self._author_did, now=now)]
            self._keys.extend((model, False, row[-1]) for row in sorted(found)[:PREFETCH])
        if may_post:
            began = now - events.DEFAULT_DURATION
            for model in MODELS:
                found = _QUERIES[model].posts.all(did=self._author_did, now=now, began=began)
                self._keys.extend((model, True, row[-1]) for row in found)
