"""Whether PostgreSQL answers, asked once and directly: a pool would only say, much later, that it waited in vain."""

from __future__ import annotations

import psycopg

from elonara.options import Options

SECONDS = 5


class DatabaseAway(Exception):
    """PostgreSQL does not answer, or does not let us in. The message is what it said."""


def check_database(options: Options) -> None:
    """Raises DatabaseAway. SQLite is a file, and always there."""
    if not options.database.is_postgres:
        return
    try:
        psycopg.connect(options.database.url, connect_timeout=SECONDS).close()
    except psycopg.Error as fault:
        raise DatabaseAway(f"the database does not answer: {fault}") from fault
