"""The schema as it was after one of our earlier migrations, which one migration replaces for new sites.

In a process of its own, with the settings of a site in the environment: python -m tests.older_schema NAME
"""

import re
import sys

from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import StateApps

NEW_SITE = "0001_squashed_0051_new_site"
MADE_UP = re.compile("_[0-9a-f]{8}(_|$)|^__|^fk_[0-9]|^sqlite_autoindex")
POSTGRESQL = """
    SELECT table_name, column_name, data_type, character_maximum_length, is_nullable, column_default, is_identity
    FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL
    SELECT tablename, regexp_replace(indexdef, '\\S+_[0-9a-f]{8}\\S*|elonara_\\S+_key', 'x'), '', 0, '', '', ''
    FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL
    SELECT conrelid::regclass::text, pg_get_constraintdef(oid), contype::text, 0, '', '', ''
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
"""


class _OneByOne(MigrationLoader):
    """Knows our migrations without the one that replaces them."""

    def load_disk(self) -> None:
        super().load_disk()
        del self.disk_migrations["elonara", NEW_SITE]


def migrate_to(name: str) -> StateApps:
    """Go to the schema after the migration `name` through every one between; returns the models as they were."""
    executor = MigrationExecutor(connection)
    executor.loader = _OneByOne(connection)
    others = [node for node in executor.loader.graph.leaf_nodes() if node[0] != "elonara"]
    executor.migrate([*others, ("elonara", name)])
    return executor.loader.project_state([("elonara", name)]).apps


def schema() -> set[str]:
    """The tables of the database: columns, indexes, constraints and triggers, whatever their order.

    Names that Django makes up from the name of a table are left out: tables were renamed, and such names stay.
    """
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(POSTGRESQL)
            return {" ".join(map(str, row)) for row in cursor.fetchall()}
        found = set[str]()
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"PRAGMA table_info({connection.ops.quote_name(table)})")
            found |= {f"{table} {column[1:]}" for column in cursor.fetchall()}
            constraints = connection.introspection.get_constraints(cursor, table)
            for name, one in constraints.items():
                kept = {key: value for key, value in one.items() if key != "definition"}
                named = "" if MADE_UP.search(name) else name
                found.add(f"{table} {named} {sorted(kept.items(), key=str)}")
        cursor.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger' OR sql LIKE '% WHERE %'")
        return found | {sql for (sql,) in cursor.fetchall()}


def drop_everything() -> None:
    """Leave a database without tables: from there an old schema is reached faster than backwards."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("DROP SCHEMA public CASCADE")
            cursor.execute("CREATE SCHEMA public")
            return
        cursor.execute("PRAGMA foreign_keys = OFF")
        # A virtual table takes its own tables with it.
        cursor.execute("SELECT type, name FROM sqlite_master WHERE sql LIKE 'CREATE VIRTUAL%%' OR type = 'trigger'")
        for kind, name in sorted(cursor.fetchall(), reverse=True):
            cursor.execute(f"DROP {kind} {connection.ops.quote_name(name)}")
        for name in connection.introspection.table_names(cursor):
            cursor.execute(f"DROP TABLE {connection.ops.quote_name(name)}")
        cursor.execute("PRAGMA foreign_keys = ON")


if __name__ == "__main__":
    import django

    django.setup()
    migrate_to(sys.argv[1])
