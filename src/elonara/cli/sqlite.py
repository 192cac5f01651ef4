"""SQLite at the start of a command: whether its file is a database that this user may write, and what to do if not."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from elonara.cli.errors import DatabaseAway
from elonara.options import Options

# What SQLite says, a part of it → what it means and what helps. `{path}` is the file, `{user}` who runs the command.
ADVICE = {
    "not a database": "{path} is no SQLite database: move it away, and restore a backup into an empty data_dir",
    "malformed": "{path} is damaged: move it away, and restore a backup into an empty data_dir",
    "readonly": "the user {user} may not write {path}: chown -R {user} {folder}, or is the disk mounted read-only?",
    "unable to open": "{path} or its folder cannot be opened by the user {user}: chown -R {user} {folder}",
    "locked": "another program holds {path}: end it, or try again",
    "disk is full": "the disk of {path} is full: free some space",
    "disk I/O": "the disk of {path} cannot be read or written: look at the disk, or at free space",
}


def path_of(options: Options) -> Path | None:
    """The file of the database, or None with PostgreSQL."""
    if options.database.is_postgres:
        return None
    from django.conf import settings  # noqa: PLC0415 - it needs Django to be set up

    return Path(str(settings.DATABASES["default"]["NAME"]))


def check_file(options: Options) -> None:
    """Read the file, and begin to write it. Raises DatabaseAway. A file that is not there is made later."""
    path = path_of(options)
    if path is None or not path.exists():
        return
    try:
        if not os.access(path, os.W_OK):  # SQLite would begin with it all the same, and fail later
            raise sqlite3.OperationalError("attempt to write a readonly database")
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            database.execute("SELECT count(*) FROM sqlite_schema")
            database.execute("BEGIN IMMEDIATE")
            database.execute("ROLLBACK")
    except sqlite3.Error as fault:
        if "locked" in str(fault):  # a running site writes just now, which is none of our business
            return
        raise DatabaseAway(explain(fault, options)) from fault


def explain(fault: Exception, options: Options) -> str:
    """One line: what is wrong with the database, what to do, and its own words."""
    path = path_of(options)
    if path is not None:
        for part, advice in ADVICE.items():
            if part in str(fault):
                return f"{advice.format(path=path, folder=path.parent, user=os.geteuid())} ({fault})"
    return f"the database does not answer: {fault}"
