"""Empties the database after tests that commit, by deleting only from tables that have rows.

Django's `flush` empties every table and then creates content types and permissions again. That took a third of the time
of the suites that need it. The result is the same.
"""

from django.db import connection
from django.test import TransactionTestCase

KEPT = frozenset(
    {"auth_permission", "django_content_type", "django_migrations"}
)  # filled by `migrate`, never changed by tests


def install() -> None:
    """Let tests with `transaction=True` end with `empty()`. Call it once, before the first test."""
    TransactionTestCase._fixture_teardown = lambda case: empty()


def empty() -> None:
    """Delete all rows, in one transaction: foreign keys are checked at its end, so any order of tables will do."""
    tables = [name for name in connection.introspection.django_table_names(only_existing=True) if name not in KEPT]
    quoted = {name: connection.ops.quote_name(name) for name in tables}
    full = " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {quoted[name]})" for name in tables)
    with connection.cursor() as cursor:
        cursor.execute(full)
        names = [name for (name,) in cursor.fetchall()]
    connection.ops.execute_sql_flush([f"DELETE FROM {quoted[name]}" for name in names])
