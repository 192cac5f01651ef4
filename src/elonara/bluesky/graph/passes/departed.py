"""Removes people from a stored graph in small batches: those in no list any more, and everybody after Disconnect.

SQLite has one writer for the whole site. So each transaction is short, and after it as much time goes by: a writer that
waits asks again after a few milliseconds, and finds the database free every other time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from django.db import transaction

from elonara import jobs
from elonara.bluesky.graph import bulk, search_index, store
from elonara.bluesky.graph.models import KnownList, KnownListMember, StoredGraph
from elonara.bluesky.graph.search_index import PEOPLE
from elonara.locks import Lease

BATCH: Final = 200  # people in one transaction; fewer where that took too long
LONGEST: Final = 0.03  # seconds of a transaction that we aim at
SHORTEST_PAUSE, LONGEST_PAUSE = 0.002, 0.1  # seconds

type Step = Callable[[int], int]  # does up to so many rows in a transaction; returns how many


def remove_departed(graph: StoredGraph, lease: Lease, until: float) -> bool:
    """Of a full pass that has read everybody: take those out of each list whom it did not show in this pass.

    Whoever is in neither list is deleted, except people whom a list or conversations of the member show.
    False where time is over before everybody is looked at. Raises LeaseLost.
    """
    return all(_in_batches(_Departures(graph, lease, side), until) for side in (store.FOLLOWERS, store.FOLLOWS))


def forget(graph_id: int, until: float) -> bool:
    """Delete the graph of a member who has disconnected. False where time is over before all of it is deleted."""
    lists = KnownListMember.objects.filter(known_list__graph_id=graph_id)
    people = f"SELECT id FROM {PEOPLE} WHERE rank >= %s AND rank < %s LIMIT %s"
    ranks = [search_index.first_rank(graph_id), search_index.first_rank(graph_id + 1)]

    def listed(some: int) -> int:
        return KnownListMember.objects.filter(pk__in=list(lists.values_list("pk", flat=True)[:some])).delete()[0]

    def known(some: int) -> int:
        ids = [row[0] for row in bulk.rows(people, [*ranks, some])]
        if ids:
            with transaction.atomic():
                bulk.delete(ids)
        return len(ids)

    if not (_in_batches(listed, until) and _in_batches(known, until)):
        return False
    with transaction.atomic():
        KnownList.objects.filter(graph_id=graph_id).delete()
        StoredGraph.objects.filter(pk=graph_id, member=None).delete()
    return True


def _in_batches(step: Step, until: float) -> bool:
    some = BATCH
    while True:
        began = time.monotonic()
        done = step(some)
        if done == 0:
            return True
        took = time.monotonic() - began
        some = max(10, min(BATCH, int(some * LONGEST / max(took, 0.001))))
        if time.monotonic() > until or jobs.stopping():
            return False
        time.sleep(min(max(took, SHORTEST_PAUSE), LONGEST_PAUSE))


class _Departures:
    """A step over the people of one list, from its newest to its oldest."""

    def __init__(self, graph: StoredGraph, lease: Lease, side: str) -> None:
        self._graph, self._lease, self._side = graph, lease, side
        self._position, self._number = bulk.PLACES[side]
        self._after = -(2**31)

    def __call__(self, some: int) -> int:
        # Looked for before the lock, since it reads the whole list where nobody is gone.
        gone = bulk.rows(
            f"SELECT id, {self._position} FROM {PEOPLE} WHERE graph_id = %s AND {self._position} > %s "
            f"AND {self._number} <> %s ORDER BY {self._position} LIMIT %s",
            [self._graph.pk, self._after, self._graph.pass_number, some],
        )
        if gone:
            self._store([row[0] for row in gone])
            self._after = gone[-1][1]
        return len(gone)

    def _without(self, row: bulk.KnownRow) -> bulk.KnownRow:
        if self._side == store.FOLLOWERS:
            return row._replace(follows_you=False, follower_position=None, follower_pass=0)
        return row._replace(you_follow=False, follow_position=None, follow_pass=0)

    def _store(self, ids: list[int]) -> None:
        counts = store.Counts()
        with transaction.atomic():
            store.locked(self._lease)
            changed: list[bulk.KnownRow] = []
            left: list[bulk.KnownRow] = []
            for row in bulk.by_id(ids):
                after = self._without(row)
                (changed if after.follows_you or after.you_follow else left).append(after)
                counts.add(row.follows_you, row.you_follow, -1)
                counts.add(after.follows_you, after.you_follow)
            kept = _shown_elsewhere([row.id for row in left])
            changed += [row for row in left if row.id in kept]
            store.write_departures(self._graph.pk, changed, [row.id for row in left if row.id not in kept])
            if (values := counts.values()) and not self._lease.update(**values):
                raise store.LeaseLost


def _shown_elsewhere(ids: list[int]) -> set[int]:
    """Those whom one of the member's lists on Bluesky or her conversations show."""
    if not ids:
        return set()
    listed = KnownListMember.objects.filter(person_id__in=ids).values_list("person_id", flat=True)
    return set(listed) | set(bulk.talked(ids))
