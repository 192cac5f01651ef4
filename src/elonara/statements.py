"""Statements whose text is written by hand, for what every connect, every sign-in and every post does.

Django composes the text of a query anew each time, which costs a few times as much as running it. Here the text is
ready, or is a list of names. Values go through the fields of the model, so that both databases get them in their form.
Save signals are not sent.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper


@dataclass(frozen=True)
class Rows:
    """Rows of a model by a condition in SQL, with `%s` for each of the values (text or numbers). Never user's text."""

    model: type[models.Model]
    condition: str
    values: tuple[str | int, ...] = ()


def any_of(*questions: Rows) -> bool:
    """Whether any of these rows is there, in one look."""
    parts = [f"EXISTS (SELECT 1 FROM {table(rows.model)} WHERE {rows.condition})" for rows in questions]  # noqa: S608
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(f"SELECT {' OR '.join(parts)}", [value for rows in questions for value in rows.values])
        found = cursor.fetchone()
    return bool(found and found[0])


def read[M: models.Model](model: type[M], text: str, values: Sequence[Any]) -> list[M]:
    """The rows that a statement gives, such as `SELECT {columns} FROM {table} WHERE name = %s`, as instances."""
    database = connections[DEFAULT_DB_ALIAS]
    shape = _shape(database, model)
    with database.cursor() as cursor:
        cursor.execute(text.format(columns=shape.columns, table=table(model)), values)
        found = cursor.fetchall()
    rows = []
    for given in found:
        row = list(given)
        for place, column, converters in shape.converters:
            for convert in converters:
                row[place] = convert(row[place], column, database)
        rows.append(model.from_db(DEFAULT_DB_ALIAS, shape.names, row))
    return rows


def update(model: type[models.Model], where: Mapping[str, Any], values: Mapping[str, Any]) -> int:
    """Set `values` (field names) in the rows whose fields equal `where`, none of them None; how many there were."""
    database = connections[DEFAULT_DB_ALIAS]
    chosen, wanted = _prepared(database, model, where)
    columns, new = _prepared(database, model, values)
    text = (
        f"UPDATE {table(model)} SET {', '.join(f'{column} = %s' for column in columns)} "  # noqa: S608
        f"WHERE {' AND '.join(f'{column} = %s' for column in chosen)}"
    )
    with database.cursor() as cursor:
        cursor.execute(text, new + wanted)
        return int(cursor.rowcount)


def insert(row: models.Model) -> None:
    """Store a new row whose key is set already. Raises IntegrityError where it cannot be."""
    database, model = connections[DEFAULT_DB_ALIAS], type(row)
    values = {field.name: field.pre_save(row, add=True) for field in model._meta.concrete_fields}
    columns, ready = _prepared(database, model, values)
    text = f"INSERT INTO {table(model)} ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})"  # noqa: S608
    with database.cursor() as cursor:
        cursor.execute(text, ready)
    row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS


def table(model: type[models.Model]) -> str:
    """The quoted name of a model's table."""
    return _quoted(model._meta.db_table)


@dataclass(frozen=True)
class _Shape:
    """How the columns of a model are read on one connection."""

    columns: str
    names: list[str]
    converters: list[tuple[int, Any, list[Callable[[Any, Any, BaseDatabaseWrapper], Any]]]]  # by place in the row


def _shape(database: BaseDatabaseWrapper, model: type[models.Model]) -> _Shape:
    # Kept with the connection: the converters belong to it.
    shapes: dict[type[models.Model], _Shape] = vars(database).setdefault("elonara_shapes", {})
    if model not in shapes:
        fields = model._meta.concrete_fields
        columns = [field.get_col(model._meta.db_table) for field in fields]
        # In the order of Django's own compiler.
        converters = [database.ops.get_db_converters(column) + column.get_db_converters(database) for column in columns]
        shapes[model] = _Shape(
            columns=", ".join(_quoted(field.column) for field in fields),
            names=[field.attname for field in fields],
            converters=[(place, columns[place], each) for place, each in enumerate(converters) if each],
        )
    return shapes[model]


def _prepared(
    database: BaseDatabaseWrapper, model: type[models.Model], values: Mapping[str, Any]
) -> tuple[list[str], list[Any]]:
    columns, fields = _columns(model, tuple(values))
    return columns, [
        field.get_db_prep_save(value, connection=database) for field, value in zip(fields, values.values(), strict=True)
    ]


@functools.cache  # each pair stands in a call of ours
def _columns(model: type[models.Model], names: tuple[str, ...]) -> tuple[list[str], list[models.Field[Any, Any]]]:
    fields = []
    for name in names:
        field = model._meta.get_field(name)
        if not isinstance(field, models.Field) or field.column is None:
            raise TypeError(f"{name} is no column of {model.__name__}")
        fields.append(field)
    return [_quoted(field.column) for field in fields], fields


@functools.cache  # the names of a few models
def _quoted(name: str) -> str:
    return connections[DEFAULT_DB_ALIAS].ops.quote_name(name)
