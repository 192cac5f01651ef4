"""PostgreSQL at the start and the end of a process: check that it accepts connections, and close them."""

from __future__ import annotations

from django.apps import apps
from django.db import connections

from elonara.cli.errors import DatabaseAway
from elonara.options import Options

CONNECT_TIMEOUT_SECONDS = 5


def check_database(options: Options) -> None:
    """Connect once. Raises DatabaseAway. Nothing to check for SQLite (sqlite.py has that).

    The pool is bypassed: it would retry in the background and report only a timeout, much later.
    """
    if not options.database.is_postgres:
        return
    import psycopg  # noqa: PLC0415 - a site on SQLite does without these 8 MB

    try:
        psycopg.connect(options.database.url, connect_timeout=CONNECT_TIMEOUT_SECONDS).close()
    except psycopg.Error as fault:
        raise DatabaseAway(f"the database does not answer: {fault}") from fault


def close_connections() -> None:
    """Close this thread's connections and the process's pools; the threads of an open pool keep the process alive."""
    if not apps.ready:  # Django was not set up, because a setting is wrong
        return
    for connection in connections.all(initialized_only=True):
        connection.close()
        if getattr(connection, "pool", None):
            connection.close_pool()  # type: ignore[attr-defined]
