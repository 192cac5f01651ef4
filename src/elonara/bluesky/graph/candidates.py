"""Reads the rows that a stage of a search asks for, in the order of ranks, and no more rows than it has to.

SQLite's index gives the rows that have all trigrams in the order of their ranks, so reading ends with the page.
PostgreSQL's gives all of them at once, in no order, and for a part of a word that many have that would be thousands of
rows for a page of fifty. So a statement asks it for one bucket of ranks after the other, and ends where there are
enough: what many have fills a page from the first bucket, and what few have is looked for in all buckets that have
anybody. No statement leaves the database a choice that depends on statistics, which PostgreSQL may not have gathered.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from elonara.bluesky.graph import search_index
from elonara.bluesky.graph.models import KnownPerson
from elonara.bluesky.graph.search_index import FTS, PEOPLE


@dataclass(frozen=True)
class Condition:
    """SQL about a row `p` that is true or false, and its parameters."""

    sql: str = "TRUE"
    parameters: Sequence[Any] = ()

    def __and__(self, other: Condition) -> Condition:
        return Condition(f"({self.sql}) AND ({other.sql})", [*self.parameters, *other.parameters])

    def __invert__(self) -> Condition:
        return Condition(f"NOT ({self.sql})", self.parameters)


def among(dids: Collection[str]) -> Condition:
    """Whether the person is one of these, however many: they are one parameter."""
    if connection.vendor == "postgresql":
        return Condition("p.did = ANY(%s::text[])", [list(dids)])
    return Condition("p.did IN (SELECT value FROM json_each(%s))", [json.dumps(list(dids))])


def holds(needles: Sequence[str]) -> Condition:
    """Whether the text of the person holds every needle."""
    function = "strpos" if connection.vendor == "postgresql" else "instr"
    return Condition(" AND ".join([f"{function}(p.text, %s) > 0"] * len(needles)), list(needles))


def few(condition: Condition, *, after: int, limit: int) -> list[KnownPerson]:
    """The rows that fulfil a condition which names an index of its own, by rank."""
    later = condition & Condition("p.rank + 0 > %s", [after])
    return _read(f"{PEOPLE} p WHERE {later.sql} ORDER BY p.rank + 0", later.parameters, limit)


def with_needles(
    spans: Sequence[tuple[int, int]], needles: Sequence[str], condition: Condition, *, limit: int
) -> list[KnownPerson]:
    """The first `limit` rows of these ranks that hold all needles and fulfil the condition, by rank."""
    condition = holds(needles) & condition
    read = _span_on_postgresql if connection.vendor == "postgresql" else _span_on_sqlite
    rows: list[KnownPerson] = []
    for start, end in spans:
        rows += read(start, end, needles, condition, limit - len(rows))
        if len(rows) == limit:
            break
    return rows


def _span_on_sqlite(
    start: int, end: int, needles: Sequence[str], condition: Condition, limit: int
) -> list[KnownPerson]:
    query = " AND ".join('"' + trigram.replace('"', '""') + '"' for trigram in search_index.trigrams(needles))
    # CROSS JOIN: SQLite begins with the index. The order is that of its rowid, so that nothing is sorted.
    return _read(
        f"{FTS} f CROSS JOIN {PEOPLE} p WHERE f.{FTS} MATCH %s AND f.rowid >= %s AND f.rowid < %s "
        f"AND p.rank = f.rowid AND {condition.sql} ORDER BY f.rowid",
        [query, start, end, *condition.parameters],
        limit,
    )


def _span_on_postgresql(
    start: int, end: int, needles: Sequence[str], condition: Condition, limit: int
) -> list[KnownPerson]:
    bits = search_index.BUCKET_BITS
    # A rank may be far from its neighbours: from one bucket with somebody in it to the next, whatever lies between.
    some = f"SELECT rank >> {bits} FROM {PEOPLE} WHERE rank >= {{}} AND rank < %s ORDER BY rank LIMIT 1"
    first, following = some.format("%s"), some.format(f"(number + 1) << {bits}")
    buckets = (
        f"WITH RECURSIVE buckets(number) AS (({first}) UNION ALL "
        f"SELECT ({following}) FROM buckets WHERE number IS NOT NULL)"
    )
    trigrams = " || ".join([f"{FTS}(b.number << {bits}, %s)"] * len(needles))
    # OFFSET 0 keeps the other conditions out of the choice of an index.
    found = f"(SELECT * FROM {PEOPLE} WHERE {FTS}(rank, text) @> ({trigrams}) OFFSET 0) p"
    inside = f"p.rank >= %s AND p.rank < %s AND {condition.sql} ORDER BY p.rank LIMIT {limit}"
    # LATERAL: the buckets are read one after the other, in their order, until there are enough rows.
    return _read(
        f"buckets b CROSS JOIN LATERAL (SELECT * FROM {found} WHERE {inside}) p WHERE b.number IS NOT NULL",
        [start, end, end, *needles, start, end, *condition.parameters],
        limit,
        before=buckets,
    )


def _read(source: str, parameters: Sequence[Any], limit: int, before: str = "") -> list[KnownPerson]:
    statement = f"{before} SELECT p.* FROM {source} LIMIT {limit}"
    return list(KnownPerson.objects.raw(statement, parameters))
