"""Queries whose SQL is generated once and then reused with other parameters.

Django takes several times as long to generate the SQL of a queryset as the database takes to execute it. A query that
runs for every single post, or several times in each sign-in, is written as a queryset, compiled at its first use on a
connection, and then only executed:

    PAUSED = CompiledQuery(lambda host: HostSending.objects.filter(host=host, paused_at__isnull=False))
    PAUSED.first(host=row.host_id)

`CompiledTake` deletes rows and yields them. `update_where` and `insert` cache the SQL of the few statements that change
the state of a post, and that begin and end a sign-in. Everything else is plain ORM. Measurements, and where this is
worth it: docs/decisions/0008-compiled-queries.md. `CompiledQuery` and `CompiledTake` use private parts of Django;
tests/unit/test_django_internals.py lists them and fails when one of them has changed.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, CharField, Field, Model, QuerySet, TextField
from django.db.models.expressions import Expression
from django.db.models.query import FlatValuesListIterable, ModelIterable, ValuesListIterable, get_related_populators

type Rows = list[tuple[Any, ...]]
type _Build = Callable[[Rows], list[Any]]
type _Column = Field[Any, Any]

# Of these exact types of fields and values, the value is stored as it is: Django would find that out in eight calls.
_STORED_AS_IT_IS: dict[type[_Column], type] = {CharField: str, TextField: str, BooleanField: bool}


class _Placeholder(Expression):
    """Stands in the queryset for a value that the caller passes when the query is executed."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:  # type: ignore[override]  # noqa: ARG002
        return "%s", [self]


@dataclass(frozen=True)
class _Compiled:
    """A query compiled for one connection."""

    sql: str
    parameters: tuple[Any, ...]  # a _Placeholder where the caller passes the value
    build: _Build  # turns the driver's rows into what the queryset would yield


class CompiledQuery[Result]:
    """A queryset with parameters. `make` is called once per connection, with a placeholder for each of its parameters.

    The queryset yields instances of its model, with what `select_related` and `annotate` add (but nothing that is
    prefetched), or tuples or single values (`values_list`). Slices become part of the SQL, so they belong into `make`.
    The value of a parameter that follows `__in` is a list, and not an empty one. A value must not be None, because
    `= NULL` matches no row: write a query of its own with `__isnull`.
    """

    def __init__(self, make: Callable[..., QuerySet[Any, Result]]) -> None:
        self._make = make
        self._names = tuple(inspect.signature(make).parameters)

    def all(self, **values: Any) -> list[Result]:
        """Every row. Raises KeyError if a value is missing, ValueError if one is None or an empty list."""
        connection = connections[DEFAULT_DB_ALIAS]
        compiled = self._compiled(connection)
        with connection.cursor() as cursor:
            cursor.execute(*_bind(compiled, values, connection))
            rows = cursor.fetchall()
        return compiled.build(rows)

    def first(self, **values: Any) -> Result | None:
        """The first row, or None. Fetches every row: slice the queryset in `make` where there may be many."""
        rows = self.all(**values)
        return rows[0] if rows else None

    def exists(self, **values: Any) -> bool:
        """Whether there is a row. Fetches every row: slice the queryset in `make` where there may be many."""
        return bool(self.all(**values))

    def _compiled(self, connection: BaseDatabaseWrapper) -> _Compiled:
        # Cached on the connection, and so per thread: the converters of the columns hold a reference to it.
        cache: dict[CompiledQuery[Any], _Compiled] = vars(connection).setdefault("elonara_compiled_queries", {})
        if self not in cache:
            cache[self] = self._compile(self._make(*map(_Placeholder, self._names)))
        return cache[self]

    def _compile(self, queryset: QuerySet[Any, Any]) -> _Compiled:
        return _compile(queryset)


class CompiledTake[Result](CompiledQuery[Result]):
    """Deletes the rows of a queryset and yields them as they were: of many callers at once, one gets a row.

    The queryset is of one table, with neither order nor slice. Sends no signals, and deletes no rows that refer to
    these.
    """

    def _compile(self, queryset: QuerySet[Any, Any]) -> _Compiled:
        query = queryset.query
        if query.is_sliced or query.order_by or query.combinator or query.distinct or query.select_for_update:
            raise TypeError("rows are taken without order, slice, lock or union")
        selected = _compile(queryset)
        columns, found, conditions = selected.sql.partition(" FROM ")
        table = _table(queryset.model)
        if not found or not conditions.startswith(f"{table} WHERE ") or "%s" in columns:
            raise TypeError("rows are taken from one table, by a condition, without annotations")
        taken = f"DELETE FROM {conditions} RETURNING {columns.removeprefix('SELECT ')}"  # noqa: S608 - Django's own SQL
        return _Compiled(taken, selected.parameters, selected.build)


def update_where(model: type[Model], where: Mapping[str, Any], values: Mapping[str, Any]) -> int:
    """Set `values` in the rows whose fields equal `where` (both by field name); returns how many rows matched.

    As with `QuerySet.update`, no signals are sent. Raises ValueError if a value of `where` is None, TypeError for a
    name that is not a column.
    """
    if None in where.values():
        raise ValueError("no row equals None")
    connection = connections[DEFAULT_DB_ALIAS]
    sql, fields = _update_sql(model, tuple(where), tuple(values))
    with connection.cursor() as cursor:
        cursor.execute(sql, _prepared(fields, (*values.values(), *where.values()), connection))
        return int(cursor.rowcount)


def insert(row: Model, *, unless_there: bool = False) -> bool:
    """Store a new row. Its primary key is set already, or given by the database. As with `bulk_create`, no signals.

    `unless_there`: where a unique column refuses it, store nothing and return False, also inside a transaction.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    numbered = row.pk is None
    sql, fields = _insert_sql(type(row), numbered=numbered, unless_there=unless_there)
    with connection.cursor() as cursor:
        cursor.execute(sql, _prepared(fields, [field.pre_save(row, add=True) for field in fields], connection))
        if numbered:
            given = cursor.fetchone()
            if given is None:
                return False
            row.pk = given[0]
        elif cursor.rowcount == 0:
            return False
    row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS
    return True


# The caches are bounded: one entry per call in the source.
@functools.cache
def _update_sql(model: type[Model], where: tuple[str, ...], values: tuple[str, ...]) -> tuple[str, list[_Column]]:
    """The UPDATE statement, and the field of each of its parameters."""
    names, fields = _columns(model, (*values, *where))
    columns = [f"{name} = %s" for name in names]
    changed, matched = ", ".join(columns[: len(values)]), " AND ".join(columns[len(values) :])
    return f"UPDATE {_table(model)} SET {changed} WHERE {matched}", fields  # noqa: S608 - names come from the models


@functools.cache
def _insert_sql(model: type[Model], *, numbered: bool, unless_there: bool) -> tuple[str, list[_Column]]:
    """The INSERT statement, which answers with the primary key where the database gives it (`numbered`)."""
    key = model._meta.pk
    stored = [field.name for field in model._meta.concrete_fields if not (numbered and field is key)]
    names, fields = _columns(model, stored)
    places = ", ".join("%s" for _ in names)
    sql = f"INSERT INTO {_table(model)} ({', '.join(names)}) VALUES ({places})"  # noqa: S608 - see above
    if unless_there:
        sql += " ON CONFLICT DO NOTHING"
    return f"{sql} RETURNING {_columns(model, [key.name])[0][0]}" if numbered else sql, fields


def _columns(model: type[Model], names: Iterable[str]) -> tuple[list[str], list[_Column]]:
    """The quoted names of the columns, and their fields."""
    columns, fields = [], []
    for name in names:
        field = model._meta.get_field(name)
        if not isinstance(field, Field) or field.column is None:
            raise TypeError(f"{name} is no column of {model.__name__}")
        columns.append(connections[DEFAULT_DB_ALIAS].ops.quote_name(field.column))
        fields.append(field)
    return columns, fields


def _table(model: type[Model]) -> str:
    return connections[DEFAULT_DB_ALIAS].ops.quote_name(model._meta.db_table)


def _prepared(fields: Iterable[_Column], values: Iterable[Any], connection: BaseDatabaseWrapper) -> list[Any]:
    return [
        value
        if value is None or _STORED_AS_IT_IS.get(type(field)) is type(value)
        else field.get_db_prep_save(value, connection=connection)
        for field, value in zip(fields, values, strict=True)
    ]


def _compile(queryset: QuerySet[Any, Any]) -> _Compiled:
    if queryset._prefetch_related_lookups:  # type: ignore[attr-defined]
        raise TypeError("a compiled query prefetches nothing")
    compiler = queryset.query.get_compiler(using=DEFAULT_DB_ALIAS)
    sql, parameters = compiler.as_sql()
    if sql.count("%s") != len(parameters):
        raise TypeError("a compiled query has no literal %s in its SQL")
    converters = compiler.get_converters([column[0] for column in compiler.select or ()])

    def converted(rows: Rows) -> Rows:
        return list(map(tuple, compiler.apply_converters(rows, converters))) if converters else rows

    iterable = queryset._iterable_class
    if iterable is ModelIterable:
        build = _instances(queryset, compiler, converted)
    elif iterable is FlatValuesListIterable:
        build = lambda rows: [row[0] for row in converted(rows)]  # noqa: E731
    elif iterable is ValuesListIterable:
        build = converted
    else:
        raise TypeError("a compiled query gives rows of its model, or tuples")
    return _Compiled(sql, tuple(parameters), build)


def _instances(queryset: QuerySet[Any, Any], compiler: Any, converted: Callable[[Rows], Rows]) -> _Build:
    """What makes instances of the model, as Django's `ModelIterable` does."""
    own = compiler.klass_info["select_fields"]
    first, end, model = own[0], own[-1] + 1, compiler.klass_info["model"]
    names = [column[0].target.attname for column in compiler.select[first:end]]
    fetch_mode = queryset._fetch_mode  # type: ignore[attr-defined]
    related = get_related_populators(compiler.klass_info, compiler.select, DEFAULT_DB_ALIAS, fetch_mode)
    annotations = list(compiler.annotation_col_map.items())

    def build(rows: Rows) -> list[Any]:
        found = []
        for row in converted(rows):
            instance = model.from_db(DEFAULT_DB_ALIAS, names, row[first:end])
            for populator in related:
                populator.populate(row, instance)
            for name, column in annotations:
                setattr(instance, name, row[column])
            found.append(instance)
        return found

    return build


def _bind(compiled: _Compiled, values: dict[str, Any], connection: BaseDatabaseWrapper) -> tuple[str, list[Any]]:
    """The SQL, with a place for each item of a list, and its parameters."""
    bound: list[Any] = []
    places: list[str] = []
    for each in compiled.parameters:
        value = values[each.name] if isinstance(each, _Placeholder) else None
        if isinstance(value, list):
            if not value:
                raise ValueError("a compiled query is never given an empty list")
            bound += [_adapt(one, connection) for one in value]
            places.append(", ".join(["%s"] * len(value)))
        elif isinstance(value, tuple | set | frozenset | dict):
            raise TypeError(f"{each.name}: several values are given as a list")
        else:
            bound.append(_adapt(value, connection) if isinstance(each, _Placeholder) else each)
            places.append("%s")
    if all(place == "%s" for place in places):
        return compiled.sql, bound
    first, *rest = compiled.sql.split("%s")
    return first + "".join(place + piece for place, piece in zip(places, rest, strict=True)), bound


def _adapt(value: Any, connection: BaseDatabaseWrapper) -> Any:
    """A value as this database's driver expects it."""
    match value:
        case str() | int():
            return value.value if isinstance(value, Enum) else value
        case UUID():
            return value if connection.features.has_native_uuid_field else value.hex
        case None:
            raise ValueError("a compiled query is never given None")
        case _:
            return connection.ops.adapt_unknown_value(value)
