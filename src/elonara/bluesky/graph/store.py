"""Writes people into a stored graph: pages of a list, and whatever newer is learnt about those who are stored.

Every writer first locks the graph's row, so that no two of them count or number people at once. What the lists say and
what a profile's viewer state says are one thing here: who follows whom decides the class of a person, and so the rank.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from elonara import folding
from elonara.bluesky.graph import bulk, search_index
from elonara.bluesky.graph.bulk import KnownRow
from elonara.bluesky.graph.models import StoredGraph
from elonara.bluesky.identity.people import INVALID_HANDLE, Person
from elonara.locks import Lease

# Positions of neighbours in a list are this far apart, so that somebody between them needs no new ones for all others.
GAP: Final = 8
# Before the first position of a list: for those who came since, of whom nobody knows yet how many they are.
ROOM: Final = GAP * 8192
SERIALS_OF_A_PASS: Final = 10_000  # numbered ahead in the same way
MAX_SORT_NAME: Final = 100  # characters, as in the column
MAX_AVATAR: Final = 1000  # characters, as in the column
FOLLOWERS, FOLLOWS = StoredGraph.Side.FOLLOWERS.value, StoredGraph.Side.FOLLOWS.value


class LeaseLost(Exception):
    """Another process synchronizes this graph now, or the member has disconnected: nothing was stored."""


@dataclass
class Counts:
    """By how many the counts on the graph's row change."""

    followers: int = 0
    follows: int = 0
    mutuals: int = 0
    known_people: int = 0

    def add(self, follows_you: bool, you_follow: bool, by: int = 1) -> None:
        """Count one person, or with -1 no longer."""
        self.followers += by * follows_you
        self.follows += by * you_follow
        self.mutuals += by * (follows_you and you_follow)
        self.known_people += by * (follows_you or you_follow)

    def values(self) -> dict[str, Any]:
        """As values of an UPDATE."""
        return {name: F(name) + value for name, value in vars(self).items() if value}


@dataclass
class _Changes:
    inserted: list[bulk.Values] = field(default_factory=list)
    updated: list[bulk.Values] = field(default_factory=list)
    placed: list[bulk.Values] = field(default_factory=list)
    seen: list[int] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)

    def write(self, graph_id: int, side: str, number: int, now: datetime) -> None:
        if self.inserted:
            bulk.insert(graph_id, self.inserted, now)
        if self.updated:
            bulk.update(self.updated, now)
        if self.placed:
            bulk.place(side, self.placed, now)
        if self.seen:
            bulk.touch(side, self.seen, number, now)


class PassWriter:
    """Stores the pages of one pass over both lists, in their order. `graph` is the row as it was read under `lease`."""

    def __init__(self, graph: StoredGraph, lease: Lease) -> None:
        self._graph, self.lease = graph, lease
        self._first = graph.full_read_at is None

    def store(self, side: str, people: Sequence[Person], /, **values: Any) -> bool:
        """Store people of `side` who come next in it, together with `values` of the graph's row, in one transaction.

        Returns whether all of them were known in this list before. Raises LeaseLost.
        """
        graph, now = self._graph, timezone.now()
        once = {person.did: person for person in reversed(people)}  # a list that moves can show somebody twice
        with transaction.atomic():
            serials = locked(self.lease)
            found = bulk.by_did(graph.pk, list(once))
            numbers = _Serials(graph.next_serial, *serials, first=self._first)
            listing, position = _Listing(graph, side, numbers), bulk.PLACES[side][0]
            place = graph.place
            for did in dict.fromkeys(person.did for person in people):
                row = found.get(did)
                before = getattr(row, position) if row else None
                place = before if before is not None and before > place else place + (GAP if before is None else 1)
                listing.shows(once[did], row, place)
            listing.changes.write(graph.pk, side, graph.pass_number, now)
            values = {"place": place, "next_serial": numbers.next, "read": graph.read + len(people)} | values
            stored = values | listing.changes.counts.values() | numbers.bounds()
            if not self.lease.update(**stored):
                raise LeaseLost
        for name, value in values.items():
            setattr(graph, name, value)
        return all(row is not None and getattr(row, position) is not None for row in map(found.get, once))


class _Serials:
    """Numbers for new people. In the first pass they come after all others, later before all: they are newer then."""

    def __init__(self, following: int | None, lowest: int, highest: int, *, first: bool) -> None:
        self.next, self._lowest, self._highest, self._first = following, lowest, highest, first
        # A block ends where those of earlier passes begin.
        self._end = None if following is None else lowest + SERIALS_OF_A_PASS

    def take(self) -> int:
        if self._first:
            self._highest += 1
            return self._highest
        if self.next is None or self.next == self._end:
            self._lowest -= SERIALS_OF_A_PASS
            self.next, self._end = self._lowest, self._lowest + SERIALS_OF_A_PASS
        self.next += 1
        return self.next - 1

    def bounds(self) -> dict[str, int]:
        return {"lowest_serial": self._lowest, "highest_serial": self._highest}


def locked(lease: Lease) -> tuple[int, int]:
    """Lock the graph's row until the end of the transaction; its lowest and highest serial. Raises LeaseLost."""
    rows = lease.rows().filter(member__isnull=False).select_for_update()
    serials = rows.values_list("lowest_serial", "highest_serial").first()
    if serials is None:
        raise LeaseLost
    return serials  # type: ignore[no-any-return]


def write_departures(graph_id: int, changed: Sequence[KnownRow], deleted: Sequence[int]) -> None:
    """Store people who left a list, and delete those whom none shows any more. Within the caller's transaction."""
    if changed:
        bulk.update([_updated(graph_id, row) for row in changed], timezone.now())
    if deleted:
        bulk.delete(deleted)


def note(member_id: int, people: Iterable[Person]) -> int:
    """Store what any answer says about people in the member's graph; others are not added. Returns how many changed.

    A person of whom no viewer state is known brings only names and the picture; one without a profile only `gone`.
    """
    newer = {person.did: person for person in people}
    graph_id = StoredGraph.objects.filter(member_id=member_id).values_list("pk", flat=True).first()
    if not newer or graph_id is None:
        return 0
    if not _noted(graph_id, newer).updated:
        return 0
    with transaction.atomic():
        if not StoredGraph.objects.select_for_update().filter(pk=graph_id, member_id=member_id).exists():
            return 0
        changes = _noted(graph_id, newer)  # read again: a sync may have written them before the lock
        if changes.updated:
            bulk.update(changes.updated, timezone.now())
        if values := changes.counts.values():
            StoredGraph.objects.filter(pk=graph_id).update(**values)
    return len(changes.updated)


def note_handle(graphs: Sequence[int], did: str, handle: str) -> None:
    """Store the handle of a DID in those of these graphs that have it."""
    for graph_id, seen in bulk.in_graphs(graphs, did):
        if seen.handle == handle:
            continue
        with transaction.atomic():
            StoredGraph.objects.select_for_update().filter(pk=graph_id).first()
            row = bulk.by_did(graph_id, [did]).get(did)  # read again: a sync may have written it before the lock
            if row is not None:
                bulk.update([_updated(graph_id, row._replace(handle=handle))], timezone.now())


def _noted(graph_id: int, newer: dict[str, Person]) -> _Changes:
    changes = _Changes()
    for row in bulk.by_did(graph_id, list(newer)).values():
        person = newer[row.did]
        if person.gone:
            new = row._replace(gone=person.gone)
        else:
            new = _merged(row, person)
            if not person.known:
                new = new._replace(known=row.known)  # what was known before is not forgotten for this
        if new != row:
            changes.updated.append(_updated(graph_id, new))
            changes.counts.add(row.follows_you, row.you_follow, -1)
            changes.counts.add(new.follows_you, new.you_follow)
    return changes


class _Listing:
    """Notes in `changes` whom a list of the member shows, and at which place."""

    def __init__(self, graph: StoredGraph, side: str, numbers: _Serials) -> None:
        self._graph, self._side, self._numbers = graph, side, numbers
        self.changes = _Changes()

    def shows(self, person: Person, row: KnownRow | None, place: int) -> None:
        if row is None:
            self._insert(person, place)
            return
        new = _merged(row, person, self._side)
        position = bulk.PLACES[self._side][0]
        if new != row:
            new = _placed(new, self._side, place, self._graph.pass_number)
            self.changes.updated.append(_updated(self._graph.pk, new))
            self.changes.counts.add(row.follows_you, row.you_follow, -1)
            self.changes.counts.add(new.follows_you, new.you_follow)
        elif getattr(row, position) == place:
            self.changes.seen.append(row.id)
        else:
            self.changes.placed.append((row.id, place, self._graph.pass_number))

    def _insert(self, person: Person, place: int) -> None:
        followers, number = self._side == FOLLOWERS, self._graph.pass_number
        follows_you, you_follow = person.follows_you or followers, person.you_follow or not followers
        serial = self._numbers.take()
        people_class = search_index.people_class(follows_you=follows_you, you_follow=you_follow)
        self.changes.inserted.append((
            person.did, serial, person.handle, person.display_name, avatar(person), *searched(person),
            search_index.rank(self._graph.pk, people_class, serial),
            follows_you, you_follow, person.blocked_by, person.blocking, person.muted, person.known, "",
            place if followers else None, None if followers else place,
            number if followers else 0, 0 if followers else number,
        ))  # fmt: skip
        self.changes.counts.add(follows_you, you_follow)


def _placed(row: KnownRow, side: str, place: int, number: int) -> KnownRow:
    if side == FOLLOWERS:
        return row._replace(follower_position=place, follower_pass=number)
    return row._replace(follow_position=place, follow_pass=number)


def _merged(row: KnownRow, person: Person, side: str = "") -> KnownRow:
    """The row as this profile makes it. Where it came without viewer state, only the list itself says something."""
    seen: KnownRow | Person = person if person.known else row
    follows_you, you_follow = side == FOLLOWERS or seen.follows_you, side == FOLLOWS or seen.you_follow
    return row._replace(
        handle=person.handle,
        display_name=person.display_name,
        avatar=avatar(person),
        follows_you=follows_you,
        you_follow=you_follow,
        blocked_by=seen.blocked_by,
        blocking=seen.blocking,
        muted=seen.muted,
        known=person.known,
        gone="",
        follower_position=row.follower_position if follows_you else None,
        follow_position=row.follow_position if you_follow else None,
    )


def _updated(graph_id: int, row: KnownRow) -> bulk.Values:
    people_class = search_index.people_class(follows_you=row.follows_you, you_follow=row.you_follow)
    return (
        row.id, row.handle, row.display_name, row.avatar, *searched(row),
        search_index.rank(graph_id, people_class, row.serial),
        row.follows_you, row.you_follow, row.blocked_by, row.blocking, row.muted, row.known, row.gone,
        row.follower_position, row.follow_position, row.follower_pass, row.follow_pass,
    )  # fmt: skip


def searched(somebody: Person | KnownRow) -> tuple[str, str]:
    """What a search looks at (`text`), and what the order of names goes by (`sort_name`)."""
    name, handle = folding.fold(somebody.display_name), somebody.handle
    # Folding what is folded to ASCII changes nothing and is fast.
    text = folding.index_text(
        name if name.isascii() else somebody.display_name, "" if handle == INVALID_HANDLE else handle
    )
    return text, (name or handle)[:MAX_SORT_NAME]


def avatar(person: Person) -> str:
    """The address of the picture, "" for one that the column does not hold."""
    return person.avatar if len(person.avatar) <= MAX_AVATAR else ""
