"""Statements that read and write many people of a stored graph at once: arrays on PostgreSQL, a table on SQLite.

On SQLite a statement for each row (`executemany`) would cost several times as much: its triggers change the search
index, and before each such statement FTS5 writes what it has gathered to the disk (`xSavepoint`), as a small segment
that has to be merged with the others.

A model instance for each person would take longer than everything else about a page. Rows are plain tuples here, in the
order of `READ`, `INSERTED` and `UPDATED`.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.db import connection

from elonara.bluesky.graph.models import StoredGraph
from elonara.bluesky.graph.search_index import PEOPLE

type Values = tuple[Any, ...]

_DATA: Final = {
    "handle": "text",
    "display_name": "text",
    "avatar": "text",
    "text": "text",
    "sort_name": "text",
    "rank": "bigint",
    "follows_you": "boolean",
    "you_follow": "boolean",
    "blocked_by": "boolean",
    "blocking": "boolean",
    "muted": "boolean",
    "known": "boolean",
    "gone": "text",
    "follower_position": "integer",
    "follow_position": "integer",
    "follower_pass": "integer",
    "follow_pass": "integer",
}
INSERTED: Final = {"did": "text", "serial": "integer", **_DATA}
UPDATED: Final = {"id": "bigint", **_DATA}
PLACES: Final = {
    StoredGraph.Side.FOLLOWERS.value: ("follower_position", "follower_pass"),
    StoredGraph.Side.FOLLOWS.value: ("follow_position", "follow_pass"),
}


class KnownRow(NamedTuple):
    """What is stored of one person, but for what is computed from it."""

    id: int
    did: str
    serial: int
    handle: str
    display_name: str
    avatar: str
    follows_you: bool
    you_follow: bool
    blocked_by: bool
    blocking: bool
    muted: bool
    known: bool
    gone: str
    follower_position: int | None
    follow_position: int | None
    follower_pass: int
    follow_pass: int


# SQLite: a table of this connection alone, empty between two calls. What is not of a call's columns stays NULL.
_GIVEN: Final = "temp.elonara_given_people"
_GIVEN_COLUMNS: Final = [f"c{number}" for number in range(max(len(INSERTED), len(UPDATED)))]
READ: Final = f"SELECT {', '.join(KnownRow._fields)} FROM {PEOPLE}"


def by_did(graph_id: int, dids: Sequence[str]) -> dict[str, KnownRow]:
    """Those of `dids` who are stored in this graph."""
    found, parameter = _among("did", "text", dids)
    return {
        row[1]: KnownRow._make(row) for row in rows(f"{READ} WHERE graph_id = %s AND {found}", [graph_id, parameter])
    }


def by_id(ids: Sequence[int]) -> list[KnownRow]:
    """These people."""
    found, parameter = _among("id", "bigint", ids)
    return [KnownRow._make(row) for row in rows(f"{READ} WHERE {found}", [parameter])]


def in_graphs(graphs: Sequence[int], did: str) -> list[tuple[int, KnownRow]]:
    """One person as these graphs have her, each with its number."""
    among, parameter = _among("graph_id", "integer", graphs)
    found = rows(
        f"SELECT graph_id, {', '.join(KnownRow._fields)} FROM {PEOPLE} WHERE {among} AND did = %s", [parameter, did]
    )
    return [(row[0], KnownRow._make(row[1:])) for row in found]


def insert(graph_id: int, rows: Sequence[Values], now: datetime) -> None:
    """Insert people, as `INSERTED` has them."""
    columns = ", ".join(INSERTED)
    constants = [graph_id, _moment(now), _moment(now)]
    head = f"INSERT INTO {PEOPLE} (graph_id, first_seen_at, seen_at, talked, {columns})"
    if _arrays():
        _execute(f"{head} SELECT %s, %s, %s, 0, d.* FROM {_unnest(INSERTED)} AS d", [*constants, *_turned(rows)])
        return
    with _given(rows, len(INSERTED)) as columns_given:
        _execute(f"{head} SELECT %s, %s, %s, 0, {', '.join(columns_given)} FROM {_GIVEN}", constants)


def update(rows: Sequence[Values], now: datetime) -> None:
    """Store changed people, as `UPDATED` has them."""
    _update(UPDATED, rows, now)


def place(side: str, rows: Sequence[Values], now: datetime) -> None:
    """Store only where people stand in a list: (id, position, pass)."""
    position, number = PLACES[side]
    _update({"id": "bigint", position: "integer", number: "integer"}, rows, now)


def touch(side: str, ids: Sequence[int], number: int, now: datetime) -> None:
    """Note that these people were in this list in the pass with this number."""
    found, parameter = _among("id", "bigint", ids)
    _execute(
        f"UPDATE {PEOPLE} SET {PLACES[side][1]} = %s, seen_at = %s WHERE {found}", [number, _moment(now), parameter]
    )


def delete(ids: Sequence[int]) -> None:
    """Delete people."""
    found, parameter = _among("id", "bigint", ids)
    _execute(f"DELETE FROM {PEOPLE} WHERE {found}", [parameter])


def talked(ids: Sequence[int]) -> list[int]:
    """Those of these people whom the member's conversations show."""
    found, parameter = _among("id", "bigint", ids)
    # The sum keeps the index of those whom anybody talks with out of it: these few are found by their ids.
    return [row[0] for row in rows(f"SELECT id FROM {PEOPLE} WHERE talked + 0 > 0 AND {found}", [parameter])]


def rows(sql: str, parameters: Sequence[Any]) -> list[Any]:
    """The rows of a SELECT."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


def _update(columns: dict[str, str], rows: Sequence[Values], now: datetime) -> None:
    names = [name for name in columns if name != "id"]
    if _arrays():
        assigned = ", ".join(f"{name} = d.{name}" for name in names)
        source = f"{_unnest(columns)} AS d({', '.join(columns)})"
        _execute(
            f"UPDATE {PEOPLE} p SET {assigned}, seen_at = %s FROM {source} WHERE p.id = d.id",
            [_moment(now), *_turned(rows)],
        )
        return
    with _given(rows, len(columns)) as given:
        values = dict(zip(columns, given, strict=True))
        assigned = ", ".join(f"{name} = d.{values[name]}" for name in names)
        _execute(
            f"UPDATE {PEOPLE} AS p SET {assigned}, seen_at = %s FROM {_GIVEN} AS d WHERE p.id = d.{values['id']}",
            [_moment(now)],
        )


def _among(column: str, kind: str, values: Sequence[Any]) -> tuple[str, Any]:
    if _arrays():
        return f"{column} = ANY(%s::{kind}[])", list(values)
    return f"{column} IN (SELECT value FROM json_each(%s))", json.dumps(list(values))


def _arrays() -> bool:
    return connection.vendor == "postgresql"


def _unnest(columns: dict[str, str]) -> str:
    return f"unnest({', '.join(f'%s::{kind}[]' for kind in columns.values())})"


def _turned(rows: Sequence[Values]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _moment(now: datetime) -> Any:
    # As a DateTimeField stores it: with a time zone on PostgreSQL, as text in UTC on SQLite.
    return connection.ops.adapt_datetimefield_value(now)


def _execute(sql: str, parameters: Sequence[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)


@contextlib.contextmanager
def _given(rows: Sequence[Values], width: int) -> Iterator[list[str]]:
    """On SQLite: these rows in the table `_GIVEN`, for one statement. The names of their columns."""
    columns = _GIVEN_COLUMNS[:width]
    _execute(f"CREATE TABLE IF NOT EXISTS {_GIVEN} ({', '.join(_GIVEN_COLUMNS)})", [])
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {_GIVEN} ({', '.join(columns)}) VALUES ({', '.join(['%s'] * width)})", rows)
    try:
        yield columns
    finally:
        _execute(f"DELETE FROM {_GIVEN}", [])
