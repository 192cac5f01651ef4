"""Queries whose SQL Django generates once, and whose parameters alone change from then on.

To generate the SQL of a queryset takes Django several times as long as the database takes to answer it. A query that
is asked for every single post, or several times in each sign-in, is written as a queryset, compiled at its first use on
a connection, and then only run:

    PAUSED = CompiledQuery(lambda host: HostSending.objects.filter(host=host, paused_at__isnull=False))
    PAUSED.first(host=row.host_id)

`update_where` keeps the SQL of the UPDATEs by which a post changes its state and a session is stored. Everything else
is plain ORM. What this saves, and where it is worth it, is measured in docs/decisions/0008-compiled-queries.md. Private
parts of Django are read by `CompiledQuery` alone: tests/unit/test_django_internals.py names them, and fails when one of
them has changed.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field, Model, QuerySet
from django.db.models.expressions import Expression
from django.db.models.query import FlatValuesListIterable, ModelIterable, ValuesListIterable

type Rows = list[tuple[Any, ...]]


class _Placeholder(Expression):
    """Stands in the queryset for a value that is given when the query runs."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:  # type: ignore[override]  # noqa: ARG002
        return "%s", [self]


@dataclass(frozen=True)
class _Compiled:
    """A query as it is run on one connection."""

    sql: str
    parameters: tuple[Any, ...]  # a _Placeholder where the caller gives the value
    build: Callable[[Rows], list[Any]]  # from rows of the driver to what the queryset would give


class CompiledQuery[Result]:
    """A queryset with parameters: `make` is called once with a placeholder for each of them and returns the queryset.

    The queryset gives instances of its model (without related ones), or tuples or single values by `values_list`. Lists
    for `__in` and slices are part of the SQL: write them into `make`. A value is never None, because `= NULL` is true
    of no row: a query for that is another query.
    """

    def __init__(self, make: Callable[..., QuerySet[Any, Result]]) -> None:
        self._make = make
        self._names = tuple(inspect.signature(make).parameters)

    def all(self, **values: Any) -> list[Result]:
        """Every row. Raises KeyError where a value is missing, ValueError where one is None."""
        connection = connections[DEFAULT_DB_ALIAS]
        compiled = self._compiled(connection)
        with connection.cursor() as cursor:
            cursor.execute(compiled.sql, _bind(compiled.parameters, values, connection))
            rows = cursor.fetchall()
        return compiled.build(rows)

    def first(self, **values: Any) -> Result | None:
        """The first row, None where there is none. Reads them all: slice the queryset where there may be many."""
        rows = self.all(**values)
        return rows[0] if rows else None

    def exists(self, **values: Any) -> bool:
        """Whether there is a row. Reads them all: slice the queryset where there may be many."""
        return bool(self.all(**values))

    def _compiled(self, connection: BaseDatabaseWrapper) -> _Compiled:
        # Kept with the connection, and so with its thread: the converters of a row belong to it.
        cache: dict[CompiledQuery[Any], _Compiled] = vars(connection).setdefault("elonara_compiled_queries", {})
        if self not in cache:
            cache[self] = _compile(self._make(*map(_Placeholder, self._names)))
        return cache[self]


def update_where(model: type[Model], where: Mapping[str, Any], values: Mapping[str, Any]) -> int:
    """Set `values` (by field) in the rows whose fields equal `where`; how many there were. As with `QuerySet.update`,
    no signals are sent. Raises ValueError where a value of `where` is None, TypeError for what is no column."""
    if None in where.values():
        raise ValueError("no row equals None")
    connection = connections[DEFAULT_DB_ALIAS]
    sql, fields = _update_sql(model, tuple(where), tuple(values))
    given = zip(fields, (*values.values(), *where.values()), strict=True)
    with connection.cursor() as cursor:
        cursor.execute(sql, [field.get_db_prep_save(value, connection=connection) for field, value in given])
        return int(cursor.rowcount)


@functools.cache  # a few: each set of names stands in a call of ours
def _update_sql(
    model: type[Model], where: tuple[str, ...], values: tuple[str, ...]
) -> tuple[str, list[Field[Any, Any]]]:
    """The UPDATE, and the fields that its parameters are of."""
    fields, columns = [], []
    quote = connections[DEFAULT_DB_ALIAS].ops.quote_name
    for name in (*values, *where):
        field = model._meta.get_field(name)
        if not isinstance(field, Field) or field.column is None:
            raise TypeError(f"{name} is no column of {model.__name__}")
        fields.append(field)
        columns.append(f"{quote(field.column)} = %s")
    changed, matched = ", ".join(columns[: len(values)]), " AND ".join(columns[len(values) :])
    return f"UPDATE {quote(model._meta.db_table)} SET {changed} WHERE {matched}", fields  # noqa: S608 - names of ours


def _compile(queryset: QuerySet[Any, Any]) -> _Compiled:
    if queryset.query.select_related:
        raise TypeError("a compiled query gives rows of one model")
    compiler = queryset.query.get_compiler(using=DEFAULT_DB_ALIAS)
    sql, parameters = compiler.as_sql()
    converters = compiler.get_converters([column[0] for column in compiler.select or ()])

    def converted(rows: Rows) -> Rows:
        return list(map(tuple, compiler.apply_converters(rows, converters))) if converters else rows

    iterable = queryset._iterable_class
    if iterable is ModelIterable:
        model, names = queryset.model, [column[0].target.attname for column in compiler.select or ()]
        build = lambda rows: [model.from_db(DEFAULT_DB_ALIAS, names, row) for row in converted(rows)]  # noqa: E731
    elif iterable is FlatValuesListIterable:
        build = lambda rows: [row[0] for row in converted(rows)]  # noqa: E731
    elif iterable is ValuesListIterable:
        build = converted
    else:
        raise TypeError("a compiled query gives rows of its model, or tuples")
    return _Compiled(sql, tuple(parameters), build)


def _bind(parameters: tuple[Any, ...], values: dict[str, Any], connection: BaseDatabaseWrapper) -> list[Any]:
    return [_adapt(values[each.name], connection) if isinstance(each, _Placeholder) else each for each in parameters]


def _adapt(value: Any, connection: BaseDatabaseWrapper) -> Any:
    """A value in the form that this database's driver takes."""
    match value:
        case str() | int():
            return value.value if isinstance(value, Enum) else value
        case UUID():
            return value if connection.features.has_native_uuid_field else value.hex
        case None:
            raise ValueError("a compiled query is never given None")
        case _:
            return connection.ops.adapt_unknown_value(value)
