"""Pages of people from the stored graph: which list, in which order, and whom a search finds in it. Asks no network."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from elonara.bluesky.graph import orders, search_index
from elonara.bluesky.graph.models import KnownPerson, StoredGraph
from elonara.bluesky.graph.orders import LIKELY, NAME, NEWEST, OLDEST
from elonara.bluesky.graph.search import BadCursor, search
from elonara.bluesky.identity.people import Person

__all__ = ["LIKELY", "NAME", "NEWEST", "OLDEST", "BadCursor", "PeoplePage", "Wanted", "as_person", "graph_of", "page"]

MAX_PAGE: Final = 100
EVERYONE, MUTUALS, FOLLOWERS, FOLLOWS = "everyone", "mutuals", "followers", "follows"
SORTS: Final = (LIKELY, NAME, NEWEST, OLDEST)

_CLASSES: Final = {
    EVERYONE: (search_index.MUTUAL, search_index.FOLLOWER, search_index.FOLLOWED),
    MUTUALS: (search_index.MUTUAL,),
    FOLLOWERS: (search_index.MUTUAL, search_index.FOLLOWER),
    FOLLOWS: (search_index.MUTUAL, search_index.FOLLOWED),
}
_POSITIONS: Final = {FOLLOWERS: "follower_position", FOLLOWS: "follow_position"}


@dataclass(frozen=True)
class Wanted:
    """What a page is asked for.

    `source` is one of the constants above. `first` are DIDs that a search puts above the others. Without `q` the order
    is `sort`; a search has an order of its own.
    """

    source: str = EVERYONE
    q: str = ""
    sort: str = LIKELY
    cursor: str = ""
    limit: int = 50
    first: Collection[str] = field(default_factory=tuple)


@dataclass(frozen=True)
class PeoplePage:
    """People with the stored viewer state, and the cursor of the next page ("": this was the last)."""

    people: list[Person]
    cursor: str


def graph_of(member_id: int) -> StoredGraph | None:
    """The member's stored graph, None before she connects."""
    return StoredGraph.objects.filter(member_id=member_id).first()


def page(graph: StoredGraph, wanted: Wanted) -> PeoplePage:
    """One page. An unknown source means everyone. Raises BadCursor for a cursor that is not of this list and order."""
    limit = max(1, min(wanted.limit, MAX_PAGE))
    classes = _CLASSES.get(wanted.source, _CLASSES[EVERYONE])
    if wanted.q.strip():
        rows, cursor = search(graph.pk, wanted.q, classes, first=wanted.first, cursor=wanted.cursor, limit=limit)
    elif wanted.sort == NAME:
        rows, cursor = orders.by_name(graph.pk, classes, wanted.cursor, limit)
    elif wanted.sort in {NEWEST, OLDEST} and wanted.source in _POSITIONS:
        column = _POSITIONS[wanted.source]
        rows, cursor = orders.by_position(graph.pk, column, wanted.cursor, limit, backwards=wanted.sort == OLDEST)
    elif wanted.sort in {NEWEST, OLDEST}:
        rows, cursor = orders.by_serial(graph.pk, classes, wanted.cursor, limit, backwards=wanted.sort == OLDEST)
    else:
        rows, cursor = orders.by_rank(graph.pk, classes, wanted.cursor, limit)
    return PeoplePage([as_person(row) for row in rows], cursor)


def as_person(row: KnownPerson) -> Person:
    """The stored row as a person with viewer state."""
    return Person(
        did=row.did,
        handle=row.handle,
        display_name=row.display_name,
        avatar=row.avatar,
        follows_you=row.follows_you,
        you_follow=row.you_follow,
        blocked_by=row.blocked_by,
        blocking=row.blocking,
        muted=row.muted,
        known=row.known,
        gone=row.gone,
    )
