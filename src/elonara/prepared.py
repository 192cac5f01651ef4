"""Queries that Django composes once and that then run often.

Composing the text of a query takes Django several times as long as a database takes to answer it. What a worker asks
for every single post is therefore written as any query is, composed at its first use in a thread, and then only run:

    PAUSED = Prepared(lambda host: HostSending.objects.filter(host=host, paused_at__isnull=False))
    PAUSED.first(host=row.host_id)

A value that is given is never None (`= NULL` is true of nothing): a query for that is another query.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import QuerySet
from django.db.models.expressions import Expression
from django.db.models.query import FlatValuesListIterable, ModelIterable, ValuesListIterable

type Rows = list[tuple[Any, ...]]


class _Slot(Expression):
    """The place of a value that is given when the query runs."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:  # type: ignore[override]  # noqa: ARG002
        return "%s", [self]


@dataclass(frozen=True)
class _Composed:
    """A query as one connection runs it."""

    text: str
    values: tuple[Any, ...]  # a _Slot where a value is to be given
    build: Callable[[Rows], list[Any]]


class Prepared[Found]:
    """A query with slots: `make` gets one for each of its parameters and gives a queryset.

    That gives instances of its model (without related ones), or tuples after `values_list` (flat or not). Lists and
    slices are part of the text, so they are written into `make` and never given.
    """

    def __init__(self, make: Callable[..., QuerySet[Any, Found]]) -> None:
        self._make = make
        self._names = tuple(inspect.signature(make).parameters)

    def all(self, **values: Any) -> list[Found]:
        """Every row."""
        database = connections[DEFAULT_DB_ALIAS]
        composed = self._composed(database)
        with database.cursor() as cursor:
            cursor.execute(composed.text, _filled(composed.values, values, database))
            found = cursor.fetchall()
        return composed.build(found)

    def first(self, **values: Any) -> Found | None:
        """The first row, None where there is none."""
        found = self.all(**values)
        return found[0] if found else None

    def any(self, **values: Any) -> bool:
        """Whether there is a row."""
        return bool(self.all(**values))

    def _composed(self, database: BaseDatabaseWrapper) -> _Composed:
        # Kept with the connection, and so with its thread: converters belong to it.
        kept: dict[Prepared[Any], _Composed] = vars(database).setdefault("elonara_prepared", {})
        if self not in kept:
            kept[self] = _compose(self._make(*map(_Slot, self._names)))
        return kept[self]


def _compose(queryset: QuerySet[Any, Any]) -> _Composed:
    if queryset.query.select_related:
        raise TypeError("a prepared query gives rows of one model")
    compiler = queryset.query.get_compiler(using=DEFAULT_DB_ALIAS)
    text, values = compiler.as_sql()
    converters = compiler.get_converters([column[0] for column in compiler.select or ()])

    def converted(rows: Rows) -> Rows:
        return list(map(tuple, compiler.apply_converters(rows, converters))) if converters else rows

    shape = queryset._iterable_class
    if shape is ModelIterable:
        model, names = queryset.model, [column[0].target.attname for column in compiler.select or ()]
        build = lambda rows: [model.from_db(DEFAULT_DB_ALIAS, names, row) for row in converted(rows)]  # noqa: E731
    elif shape is FlatValuesListIterable:
        build = lambda rows: [row[0] for row in converted(rows)]  # noqa: E731
    elif shape is ValuesListIterable:
        build = converted
    else:
        raise TypeError("a prepared query gives rows of its model, or tuples")
    return _Composed(text, tuple(values), build)


def _filled(slots: tuple[Any, ...], values: dict[str, Any], database: BaseDatabaseWrapper) -> list[Any]:
    return [_given(values[slot.name], database) if isinstance(slot, _Slot) else slot for slot in slots]


def _given(value: Any, database: BaseDatabaseWrapper) -> Any:
    """A value in the form that this database's driver takes."""
    match value:
        case str() | int():
            return value.value if isinstance(value, Enum) else value
        case UUID():
            return value if database.features.has_native_uuid_field else value.hex
        case None:
            raise ValueError("a prepared query is never given None")
        case _:
            return database.ops.adapt_unknown_value(value)
