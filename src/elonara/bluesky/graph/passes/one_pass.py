"""A slice of a pass: a few seconds of reading and storing pages, after which other jobs may run.

A full pass reads both lists to their ends. It stores the cursor with the people before it, so it goes on there, in the
next slice or after a kill. Any other pass ends each list at a page on which everybody was known.
"""

from __future__ import annotations

import random
import time
from datetime import datetime, timedelta
from typing import Final

from django.db import connection
from django.db.models import Min
from django.utils import timezone

from elonara import jobs
from elonara.bluesky.graph import bulk, search_index
from elonara.bluesky.graph.models import KnownPerson, StoredGraph
from elonara.bluesky.graph.passes.ahead import PagesAhead, Read, Reader, Rest, Total, next_page
from elonara.bluesky.graph.passes.departed import remove_departed
from elonara.bluesky.graph.passes.progress import RESTING
from elonara.bluesky.graph.search_index import PEOPLE
from elonara.bluesky.graph.store import FOLLOWERS, FOLLOWS, ROOM, LeaseLost, PassWriter
from elonara.bluesky.identity.people import Person
from elonara.locks import Lease

INTERVAL: Final = timedelta(hours=6)  # between two passes
FULL_INTERVAL: Final = timedelta(days=7)
JITTER: Final = 0.1  # of the interval, so that members who connected together are not read together ever after
MAX_PEOPLE: Final = 1_000_000  # of a member: any server can claim any number
# One transaction holds the database for about so long, and so many pages at most. A page waits so long for others.
LONGEST: Final = 0.04  # seconds of our CPU time: a busy machine makes no transaction cheaper
MAX_PAGES: Final = 20
GATHERING: Final = 1.0  # seconds
GONE: Final = StoredGraph.Side.GONE


class Slice:
    """Runs a pass for `seconds`. `graph` was read under `lease`, and `reader` reads for its member."""

    def __init__(self, graph: StoredGraph, lease: Lease, reader: Reader, *, seconds: float, pages: int = 0) -> None:
        self._graph, self._lease, self._reader = graph, lease, reader
        self._until = time.monotonic() + seconds
        self._pages = pages  # the most to read; 0: as many as there is time for
        self._writer = PassWriter(graph, lease)
        self._pages_at_once = 1  # in one transaction: as many as the last one says there is time for

    def run(self) -> datetime | None:
        """Returns when to go on: now where the pass has not ended, later where it rests; None at its end.

        Raises GraphUnavailable and LeaseLost; what was read before is stored.
        """
        graph = self._graph
        if graph.state == StoredGraph.State.DONE or graph.started_at is None:
            self._begin()
        rest = None
        if graph.side != GONE:
            rest = self._everybody() if graph.full else self._newest()
        if rest is not None:
            self._keep(state=StoredGraph.State.RUNNING, reason=RESTING, due_at=rest)
            return rest
        if graph.side == GONE and self._ended():
            return None
        return timezone.now()

    def begin_list_again(self, at: datetime) -> datetime:
        """The server does not know the place in this list any more: read the list from its beginning, `at` that time.

        A pass that reads only the newest becomes a full one: its first page is known by now, and ends nothing.
        """
        graph = self._graph
        if graph.full:
            self._keep(cursor="", due_at=at, **self._start_of(graph.side))
        else:
            self._keep(
                full=True, pass_number=graph.pass_number + 1, side=FOLLOWERS, cursor="", read=0, due_at=at,
                **self._start_of(FOLLOWERS),
            )  # fmt: skip
        return at

    def failed(self, reason: str, failures: int, at: datetime) -> datetime:
        """Bluesky could not be asked: go on from the same place `at` that time."""
        self._keep(state=StoredGraph.State.FAILED, reason=reason, failures=failures, due_at=at)
        return at

    def _begin(self) -> None:
        graph, now = self._graph, timezone.now()
        values = {"state": StoredGraph.State.RUNNING, "reason": "", "started_at": now, "side": FOLLOWERS, "cursor": ""}
        if graph.state == StoredGraph.State.DONE:
            old = graph.full_read_at is None or now >= graph.full_read_at + FULL_INTERVAL
            values |= {"full": old, "pass_number": graph.pass_number + old, "read": 0}
            values["expected"] = graph.expected if values["full"] else None
        self._keep(**values, **self._start_of(FOLLOWERS), next_serial=None)

    def _start_of(self, side: str) -> dict[str, int]:
        """Where the positions of a list begin: with room before those that are stored."""
        position = bulk.PLACES[side][0]
        lowest = KnownPerson.objects.filter(graph_id=self._graph.pk, **{f"{position}__isnull": False}).aggregate(
            lowest=Min(position)
        )["lowest"]
        return {"place": 0 if lowest is None else lowest - ROOM}

    def _keep(self, **values: object) -> None:
        if not self._lease.update(**values):
            raise LeaseLost
        for name, value in values.items():
            setattr(self._graph, name, value)

    def _everybody(self) -> datetime | None:
        """Read on while there is time. Returns until when to rest, if that is asked for."""
        graph = self._graph
        if self._pages:
            return self._one_by_one(self._pages)
        count = graph.expected is None or (graph.side == FOLLOWERS and not graph.cursor)
        with PagesAhead(self._reader, graph.side, graph.cursor, until=self._until, ask_total=count) as ahead:
            late: Read | Total | Rest | None = None
            while (event := late or ahead.first()) is not None:
                late = None
                if isinstance(event, Rest):
                    return event.until
                if isinstance(event, Total):
                    self._keep(expected=event.people)
                    continue
                pages, fault = [event], None
                gathered = time.monotonic() + GATHERING
                while len(pages) < self._pages_at_once and (left := gathered - time.monotonic()) > 0:
                    try:
                        late = ahead.waiting(left)
                    except Exception as raised:  # noqa: BLE001 - raised below, once what came before it is stored
                        fault = raised
                        break
                    if not isinstance(late, Read) or late.side != event.side:
                        break
                    pages.append(late)
                    late = None
                self._store(pages)
                if fault is not None:
                    raise fault
                if jobs.stopping() or graph.side == GONE:
                    break
        return None

    def _one_by_one(self, pages: int) -> datetime | None:
        for _ in range(pages):
            event = next_page(self._reader, self._graph.side, self._graph.cursor)
            if isinstance(event, Rest):
                return event.until
            self._store([event])
        return None

    def _newest(self) -> datetime | None:
        graph = self._graph
        while graph.side != GONE and time.monotonic() < self._until and not jobs.stopping():
            event = next_page(self._reader, graph.side, graph.cursor)
            if isinstance(event, Rest):
                return event.until
            self._store([event])
        return None

    def _store(self, pages: list[Read]) -> None:
        """Store pages of one list and where it goes on."""
        graph, last = self._graph, pages[-1]
        people: list[Person] = [person for read in pages for person in read.page.people]
        too_many = graph.read + len(people) >= MAX_PEOPLE
        after = {} if last.cursor and not too_many else self._after(last.side, too_many=too_many)
        values = {"side": last.side, "cursor": last.cursor, "known": last.page.known}
        values |= {"state": StoredGraph.State.RUNNING, "reason": "", "failures": 0}
        began = time.thread_time()
        known = self._writer.store(last.side, people, **values | after)
        took = time.thread_time() - began
        self._pages_at_once = max(1, min(MAX_PAGES, int(len(pages) * LONGEST / max(took, 0.001))))
        if not after and not graph.full and people and known:
            self._keep(**self._after(last.side))

    def _after(self, side: str, *, too_many: bool = False) -> dict[str, object]:
        """What comes after a list: the other one, or those who are gone."""
        if side == FOLLOWERS and not too_many:
            return {"side": FOLLOWS, "cursor": "", **self._start_of(FOLLOWS)}
        return {"side": GONE, "cursor": ""}

    def _ended(self) -> bool:
        """Everybody was read. False where there was no time left to remove who is gone."""
        graph, now = self._graph, timezone.now()
        values: dict[str, object] = {}
        if graph.full:
            complete = graph.read < MAX_PEOPLE
            if complete and not remove_departed(graph, self._lease, self._until):
                return False
            values = {"full_read_at": now, "reason": "" if complete else "too_many", **_counts(graph.pk)}
            if graph.full_read_at is None:
                _gather_statistics()
        after = INTERVAL * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
        self._keep(
            **values, state=StoredGraph.State.DONE, failures=0, full=False, side=FOLLOWERS, cursor="", read_at=now,
            started_at=None, due_at=now + after,
        )  # fmt: skip
        return True


def _gather_statistics() -> None:
    """After a first pass: until PostgreSQL has statistics of so many new rows, it sorts whole lists for a page."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {PEOPLE}")


def _counts(graph_id: int) -> dict[str, object]:
    """The counts of the graph's lists, counted anew."""
    names = ["followers", "follows", "mutuals", "known_people"]
    number = "::int" if connection.vendor == "postgresql" else ""
    follows_you, you_follow = f"(follows_you){number}", f"(you_follow){number}"
    sums = f"sum({follows_you}), sum({you_follow}), sum({follows_you} * {you_follow}), count(*)"
    first, after = search_index.first_rank(graph_id), search_index.first_rank(graph_id, search_index.OTHER)
    (row,) = bulk.rows(f"SELECT {sums} FROM {PEOPLE} WHERE rank >= %s AND rank < %s", [first, after])
    return dict(zip(names, [int(value or 0) for value in row], strict=True))
