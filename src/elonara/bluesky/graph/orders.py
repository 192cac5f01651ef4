"""Pages of a stored graph without a search, in each order. Every page is read from an index, whatever its place."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any

from elonara.bluesky.graph import search_index
from elonara.bluesky.graph.models import KnownPerson
from elonara.bluesky.graph.search import BadCursor
from elonara.bluesky.graph.search_index import CLASS_BITS, PEOPLE

LIKELY, NAME, NEWEST, OLDEST = "likely", "name", "newest", "oldest"

type Page = tuple[list[KnownPerson], str]


def by_rank(graph: int, classes: Sequence[int], cursor: str, limit: int) -> Page:
    """The likeliest first."""
    rows: list[KnownPerson] = []
    after = number_of(cursor) if cursor else -1
    for start, end in search_index.spans(graph, classes, after=after):
        some = KnownPerson.objects.filter(rank__gte=start, rank__lt=end).order_by("rank")
        rows += some[: limit + 1 - len(rows)]
        if len(rows) > limit:
            break
    return rows[:limit], str(rows[limit - 1].rank) if len(rows) > limit else ""


def by_position(graph: int, column: str, cursor: str, limit: int, *, backwards: bool) -> Page:
    """In the order of following, the newest first, or the oldest."""
    people = KnownPerson.objects.filter(graph_id=graph, **{f"{column}__isnull": False})
    if cursor:
        people = people.filter(**{f"{column}__{'lt' if backwards else 'gt'}": number_of(cursor)})
    rows = list(people.order_by(f"-{column}" if backwards else column)[: limit + 1])
    return rows[:limit], str(getattr(rows[limit - 1], column)) if len(rows) > limit else ""


def by_serial(graph: int, classes: Sequence[int], cursor: str, limit: int, *, backwards: bool) -> Page:
    """The newest acquaintances first, or the oldest: within a class that is the order of ranks."""
    rows: list[KnownPerson] = []
    for one in classes:
        ((start, end),) = search_index.spans(graph, [one])
        some = KnownPerson.objects.filter(rank__gte=start, rank__lt=end)
        if cursor:
            border = search_index.rank(graph, one, number_of(cursor))
            some = some.filter(**{"rank__lt" if backwards else "rank__gt": border})
        rows += some.order_by("-rank" if backwards else "rank")[: limit + 1]
    rows.sort(key=lambda row: row.serial, reverse=backwards)
    return rows[:limit], str(rows[limit - 1].serial) if len(rows) > limit else ""


def by_name(graph: int, classes: Sequence[int], cursor: str, limit: int) -> Page:
    """By folded name, as the database orders letters."""
    beyond = " AND (p.sort_name, p.id) > (%s, %s)" if cursor else ""
    place = _name_cursor(cursor) if cursor else ()
    parts, parameters = [], list[Any]()
    for one in classes:
        source = f"{PEOPLE} p WHERE (p.rank >> {CLASS_BITS}) = %s{beyond} ORDER BY p.sort_name, p.id LIMIT {limit + 1}"
        parts.append(f"SELECT * FROM (SELECT p.* FROM {source}) c{one}")
        parameters += [search_index.first_rank(graph, one) >> CLASS_BITS, *place]
    statement = f"SELECT p.* FROM ({' UNION ALL '.join(parts)}) p ORDER BY p.sort_name, p.id LIMIT {limit + 1}"
    rows = list(KnownPerson.objects.raw(statement, parameters))
    if len(rows) <= limit:
        return rows, ""
    last = rows[limit - 1]
    return rows[:limit], urlsafe_b64encode(f"{last.pk} {last.sort_name}".encode()).decode().rstrip("=")


def number_of(cursor: str) -> int:
    """The number that a cursor is. Raises BadCursor."""
    digits = cursor.removeprefix("-")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 18:
        raise BadCursor(cursor)
    return int(cursor)


def _name_cursor(cursor: str) -> tuple[str, int]:
    try:
        number, _, name = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition(" ")
    except (ValueError, binascii.Error) as fault:
        raise BadCursor(cursor) from fault
    if "\0" in name:
        raise BadCursor(cursor)
    return name, number_of(number)
