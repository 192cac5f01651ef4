"""Finds people of a stored graph by parts of their names and handles, the likeliest first.

The order: whom the caller names as `first` (people who came to an earlier event), then mutuals, then followers, then
whom the member follows, each with the newest acquaintances first; and all whose words begin so before all that only
contain it. An exact handle is above everybody. A page is read stage by stage and ends as soon as it is full.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from elonara import folding
from elonara.bluesky.graph import candidates, search_index
from elonara.bluesky.graph.candidates import Condition
from elonara.bluesky.graph.models import KnownPerson

MAX_FIRST: Final = 500  # people who can be put first
MAX_RANK: Final = 2**63 - 1


class BadCursor(ValueError):
    """The place in a list that was asked for is none that we gave out."""


@dataclass(frozen=True)
class _Stage:
    """A part of the order of results: rows of one kind, by rank. `first`: None where it does not matter."""

    name: str
    at_start: bool = True
    first: bool | None = None
    exact: bool = False


STAGES: Final = (
    _Stage("e", exact=True),
    _Stage("a", first=True),
    _Stage("b", first=False),
    _Stage("c", at_start=False, first=True),
    _Stage("d", at_start=False, first=False),
)


@dataclass(frozen=True)
class _Asked:
    graph: int
    words: Sequence[str]
    handle: str  # what was typed, where it may be a whole handle
    classes: Sequence[int]
    first: Sequence[str] = field(default_factory=tuple)

    def has(self, stage: _Stage) -> bool:
        """Whether there can be somebody in this stage."""
        if stage.exact:
            return bool(self.handle)
        # Without a word of three characters, the stages before have found everybody.
        contained = stage.at_start or any(len(word) >= folding.MIN_SUBSTRING for word in self.words)
        return contained and (not stage.first or bool(self.first))


def search(
    graph: int, query: str, classes: Sequence[int], *, first: Collection[str] = (), cursor: str = "", limit: int = 50
) -> tuple[list[KnownPerson], str]:
    """People whose name or handle holds every word of `query`, and the cursor of the next page ("" after the last).

    `classes` are those of `search_index` in which somebody counts. Of `first` (DIDs), MAX_FIRST are put first. Raises
    BadCursor.
    """
    words = folding.words_of(query)
    begun, after = _position(cursor)
    if not words:
        return [], ""
    handle = folding.fold(query).removeprefix("@")
    asked = _Asked(
        graph, words, handle if "." in handle and " " not in handle else "", classes, sorted(first)[:MAX_FIRST]
    )
    found: list[tuple[str, KnownPerson]] = []
    for number, stage in enumerate(STAGES[begun:]):
        if asked.has(stage):
            rows = _rows(asked, stage, after=-1 if number else after, limit=limit + 1 - len(found))
            found += [(stage.name, row) for row in rows]
        if len(found) > limit:
            break
    shown = found[:limit]
    return [row for _, row in shown], f"{shown[-1][0]}{shown[-1][1].rank}" if len(found) > limit else ""


def _position(cursor: str) -> tuple[int, int]:
    if not cursor:
        return 0, -1
    names, digits = [stage.name for stage in STAGES], cursor[1:]
    if cursor[0] not in names or not digits.isascii() or not digits.isdigit() or len(digits) > len(str(MAX_RANK)):
        raise BadCursor(cursor)
    if int(digits) > MAX_RANK:
        raise BadCursor(cursor)
    return names.index(cursor[0]), int(digits)


def _rows(asked: _Asked, stage: _Stage, *, after: int, limit: int) -> list[KnownPerson]:
    at_start = search_index.needles(asked.words, at_start=True)
    needles = at_start if stage.at_start else search_index.needles(asked.words, at_start=False)
    condition = Condition()
    if not stage.at_start:
        condition &= ~candidates.holds(at_start)
    if asked.handle:
        exact = Condition("lower(p.handle) = %s", [asked.handle])
        condition &= exact if stage.exact else ~exact
    if asked.first and stage.first is not None:
        chosen = candidates.among(asked.first)
        condition &= chosen if stage.first else ~chosen
    if stage.first:
        condition &= Condition("p.graph_id = %s", [asked.graph]) & _classes(asked)
        return candidates.few(condition & candidates.holds(needles), after=after, limit=limit)
    spans = search_index.spans(asked.graph, asked.classes, after=after)
    return candidates.with_needles(spans, needles, condition, limit=limit) if spans else []


def _classes(asked: _Asked) -> Condition:
    """That a person is in one of the classes, in a form that leads no database to the index of ranks."""
    groups = [search_index.first_rank(asked.graph, one) >> search_index.CLASS_BITS for one in asked.classes]
    places = ", ".join(["%s"] * len(groups))
    return Condition(f"((p.rank + 0) >> {search_index.CLASS_BITS}) IN ({places})", groups)
