"""Statements whose text is written by hand, for what every connect or every sign-in does.

Django composes the text of a query anew each time, which costs a few times as much as running it. Here the text is
ready, or is a list of names. Values go through the fields of the model, so that both databases get them in their form.
Save signals are not sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection, models


@dataclass(frozen=True)
class Rows:
    """Rows of a model by a condition in SQL, with `%s` for each of the values (text or numbers). Never user's text."""

    model: type[models.Model]
    condition: str
    values: tuple[str | int, ...] = ()


def any_of(*questions: Rows) -> bool:
    """Whether any of these rows is there, in one look."""
    parts = [f"EXISTS (SELECT 1 FROM {table(rows.model)} WHERE {rows.condition})" for rows in questions]  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {' OR '.join(parts)}", [value for rows in questions for value in rows.values])
        found = cursor.fetchone()
    return bool(found and found[0])


def update(model: type[models.Model], where: Mapping[str, Any], values: Mapping[str, Any]) -> int:
    """Set `values` (field names) in the rows whose fields equal `where`, none of them None; how many there were."""
    chosen, wanted = _prepared(model, where)
    columns, new = _prepared(model, values)
    text = (
        f"UPDATE {table(model)} SET {', '.join(f'{column} = %s' for column in columns)} "  # noqa: S608
        f"WHERE {' AND '.join(f'{column} = %s' for column in chosen)}"
    )
    with connection.cursor() as cursor:
        cursor.execute(text, new + wanted)
        return int(cursor.rowcount)


def insert(row: models.Model) -> None:
    """Store a new row whose key is set already. Raises IntegrityError where it cannot be."""
    fields = row._meta.concrete_fields
    columns, values = _prepared(type(row), {field.name: field.pre_save(row, add=True) for field in fields})
    text = f"INSERT INTO {table(type(row))} ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(text, values)
    row._state.adding, row._state.db = False, connection.alias


def table(model: type[models.Model]) -> str:
    """The quoted name of a model's table."""
    return connection.ops.quote_name(model._meta.db_table)


def _prepared(model: type[models.Model], values: Mapping[str, Any]) -> tuple[list[str], list[Any]]:
    columns, ready = [], []
    for name, value in values.items():
        field = model._meta.get_field(name)
        if not isinstance(field, models.Field) or field.column is None:
            raise TypeError(f"{name} is no column of {model.__name__}")
        columns.append(connection.ops.quote_name(field.column))
        ready.append(field.get_db_prep_save(value, connection=connection))
    return columns, ready
