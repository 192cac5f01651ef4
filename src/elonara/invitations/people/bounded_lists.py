"""One page of a list of at most 2,000 people: searched, sorted and narrowed here, not in the database.

Such a list comes from our own rows (who answered, who was invited) or from a circle of the stored graph. Whoever is in
the graph is shown as it has them, the others (strangers) with the names that our rows have.
"""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import QuerySet

from elonara import folding
from elonara.bluesky.graph import listing
from elonara.bluesky.graph.listing import PeoplePage, Wanted
from elonara.bluesky.graph.models import KnownPerson, StoredGraph
from elonara.bluesky.graph.search import BadCursor
from elonara.bluesky.identity.people import Person
from elonara.invitations.people.ways import Asked

COLUMNS: Final = ("did", "handle", "text", "sort_name", "rank", "follows_you", "you_follow")


@dataclass(frozen=True)
class ListedPerson:
    """Somebody on a list: since when, and with the names that our rows have of them ("" where that is not needed)."""

    did: str
    at: datetime | int  # later is newer
    name: str = ""
    handle: str = ""
    avatar: str = ""


@dataclass(frozen=True)
class _Candidate:
    did: str
    handle: str
    text: str
    sort_name: str
    rank: int | None  # None: not in the graph
    follows_you: bool
    you_follow: bool
    newness: int
    place: int  # on the list as it was given
    person: Person | None = None  # of who is not in the graph


def in_graph(asked: Asked, dids: Collection[str]) -> dict[str, KnownPerson]:
    """Those of `dids` who are in the host's stored graph, by DID, with what a page is searched and sorted by."""
    if asked.graph is None or not dids:
        return {}
    return {row.did: row for row in _rows(asked.graph, dids).only(*COLUMNS)}


def page(
    asked: Asked,
    people: Sequence[ListedPerson],
    known: Mapping[str, KnownPerson],
    wanted: Wanted,
    *,
    own_order: bool = False,
) -> PeoplePage:
    """One page of `people`, of whom `known` are in the graph. `own_order`: likeliest first is the order of `people`.

    Raises BadCursor.
    """
    candidates = [
        candidate
        for place, one in enumerate(people)
        if _is_among(asked.among, candidate := _candidate(one, known.get(one.did), place))
    ]
    if wanted.q.strip():
        keys = _searched(candidates, wanted)
    else:
        keys = {one.did: _key(one, wanted.sort, own_order=own_order) for one in candidates}
    ordered = sorted(keys.items(), key=lambda pair: pair[1])
    if wanted.cursor:
        after = _read(wanted.cursor, ordered[0][1] if ordered else None)
        ordered = [pair for pair in ordered if pair[1] > after]
    limit = max(1, min(wanted.limit, listing.MAX_PAGE))
    shown = ordered[:limit]
    cursor = _written(shown[-1][1]) if len(ordered) > limit else ""
    return PeoplePage(_people(asked, [did for did, _ in shown], candidates), cursor)


def as_strangers(graph: StoredGraph | None, people: Iterable[Person]) -> list[Person]:
    """The same people; who is on neither list of a graph that was read to its ends is known to be a stranger.

    What blocks and mutes there are does not matter then: a stranger is not invited in any case.
    """
    complete = graph is not None and graph.known and graph.full_read_at is not None
    return [
        _with_known(person) if complete and not (person.follows_you or person.you_follow) else person
        for person in people
    ]


def _with_known(person: Person) -> Person:
    return Person.from_dict(person.to_dict() | {"known": True})


def _candidate(one: ListedPerson, row: KnownPerson | None, place: int) -> _Candidate:
    newness = one.at if isinstance(one.at, int) else int(one.at.timestamp() * 1_000_000)
    if row is not None:
        return _Candidate(
            one.did,
            row.handle.lower(),
            row.text,
            row.sort_name,
            row.rank,
            row.follows_you,
            row.you_follow,
            newness,
            place,
        )
    person = Person(one.did, one.handle, one.name, one.avatar, known=False)
    text, name = folding.index_text(one.name, one.handle), folding.fold(person.name)
    return _Candidate(one.did, one.handle.lower(), text, name, None, False, False, newness, place, person)


def _is_among(among: str, one: _Candidate) -> bool:
    match among:
        case listing.FOLLOWERS:
            return one.follows_you
        case listing.FOLLOWS:
            return one.you_follow
        case listing.MUTUALS:
            return one.follows_you and one.you_follow
        case _:
            return True


def _searched(candidates: Iterable[_Candidate], wanted: Wanted) -> dict[str, list[Any]]:
    """As in `graph.search`: an exact handle, then beginnings of words, then parts; each those to put first, by rank."""
    words = folding.words_of(wanted.q)
    handle = folding.fold(wanted.q).removeprefix("@")
    return {
        one.did: [
            one.handle != handle,
            not folding.begins(one.text, words),
            one.did not in wanted.first,
            *_by_rank(one),
        ]
        for one in candidates
        if words and folding.matches(one.text, words)
    }


def _key(one: _Candidate, sort: str, *, own_order: bool) -> list[Any]:
    match sort:
        case listing.NAME:
            return [one.sort_name, _digest(one.did)]
        case listing.NEWEST:
            return [-one.newness, _digest(one.did)]
        case listing.OLDEST:
            return [one.newness, _digest(one.did)]
        case _ if own_order:
            return [one.place, _digest(one.did)]
        case _:
            return _by_rank(one)


def _by_rank(one: _Candidate) -> list[Any]:
    """Those in the graph in its order, then the others, the newest first."""
    return [one.rank is None, one.rank if one.rank is not None else -one.newness, _digest(one.did)]


def _people(asked: Asked, dids: Sequence[str], candidates: Iterable[_Candidate]) -> list[Person]:
    known = {row.did: listing.as_person(row) for row in _rows(asked.graph, dids)} if asked.graph else {}
    strangers = {one.did: one.person for one in candidates if one.person is not None}
    found = [known.get(did) or strangers.get(did) for did in dids]
    return [person for person in found if person is not None]


def _rows(graph: StoredGraph, dids: Collection[str]) -> QuerySet[KnownPerson]:
    return KnownPerson.objects.filter(graph=graph, did__in=list(dids))


def _digest(did: str) -> str:
    """Keeps those apart who have the same place, in few characters."""
    return hashlib.blake2b(did.encode(), digest_size=6).hexdigest()


def _written(key: list[Any]) -> str:
    return urlsafe_b64encode(json.dumps(key, ensure_ascii=False, separators=(",", ":")).encode()).decode().rstrip("=")


def _read(cursor: str, sample: list[Any] | None) -> list[Any]:
    try:
        key = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError) as fault:
        raise BadCursor(cursor) from fault
    if not isinstance(key, list) or (
        sample is not None and [type(one) for one in key] != [type(one) for one in sample]
    ):
        raise BadCursor(cursor)
    return key
