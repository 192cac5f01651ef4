"""PostgreSQL at both ends of a process: whether it answers, and letting go of it."""

from __future__ import annotations

import psycopg
from django.apps import apps
from django.db import connections

from elonara.options import Options

SECONDS = 5


class DatabaseAway(Exception):
    """PostgreSQL does not answer, or does not let us in. The message is what it said."""


def check_database(options: Options) -> None:
    """Raises DatabaseAway. SQLite is a file, and always there.

    Asked once and directly: a pool would only say, much later, that it waited in vain.
    """
    if not options.database.is_postgres:
        return
    try:
        psycopg.connect(options.database.url, connect_timeout=SECONDS).close()
    except psycopg.Error as fault:
        raise DatabaseAway(f"the database does not answer: {fault}") from fault


def let_go() -> None:
    """Close this thread's connections and the process's pools; an open pool would keep the process from ending."""
    if not apps.ready:  # a bad setting stopped the start: there is nothing to close
        return
    for connection in connections.all(initialized_only=True):
        connection.close()
        if getattr(connection, "pool", None):
            connection.close_pool()  # type: ignore[attr-defined]
