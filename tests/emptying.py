"""Empties the database between tests that commit: only the tables that have rows.

Django's `flush` empties every table and then makes content types and permissions anew. That took a third of the time of
the suites that use it; the outcome is the same.
"""

from django.db import connection
from django.test import TransactionTestCase

KEPT = frozenset({"auth_permission", "django_content_type", "django_migrations"})  # made by migrate, changed by no test


def install() -> None:
    """From here on tests with `transaction=True` end so. Once for a run, before its first test."""
    TransactionTestCase._fixture_teardown = lambda case: empty()


def empty() -> None:
    """Delete all rows of all models. In one transaction: references are looked at in its end, so any order will do."""
    tables = [name for name in connection.introspection.django_table_names(only_existing=True) if name not in KEPT]
    quoted = {name: connection.ops.quote_name(name) for name in tables}
    full = " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {quoted[name]})" for name in tables)
    with connection.cursor() as cursor:
        cursor.execute(full)
        names = [name for (name,) in cursor.fetchall()]
    connection.ops.execute_sql_flush([f"DELETE FROM {quoted[name]}" for name in names])
