"""The two archives of a backup: one with the database and the pictures, one with the keys.

`elonara-20261123-150405.tar.gz` holds `manifest.json`, `database.sqlite3` or `database.dump` (of pg_dump), `media/…`;
`elonara-20261123-150405.keys.tar` holds the `keys` folder. They are separate because both together give access to the
Bluesky sessions of all members.

Who is signed in in which browser is left out: a backup is kept for weeks in other places, and a session that was ended
here must not come back with it.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import tarfile
from contextlib import closing, suppress
from pathlib import Path

import psycopg
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import connection

from elonara.cli.errors import CommandRefused

SQLITE, POSTGRES = "database.sqlite3", "database.dump"
MANIFEST = "manifest.json"
PRIVATE_MODE = 0o600
WITHOUT_ROWS = (Session, UserSession)  # their tables are in the backup, empty


def dump_database(folder: Path) -> Path:
    """Write a consistent snapshot of the database into `folder`; the site may be running. Raises CommandRefused."""
    if connection.vendor == "sqlite":
        return _copy_sqlite(folder)
    path = folder / POSTGRES
    left_out = [f"--exclude-table-data=*.{model._meta.db_table}" for model in WITHOUT_ROWS]
    _postgres("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={path}", *left_out)
    return path


def end_sessions() -> None:
    """Sign out every browser: a backup of 0.1.0 brought back its sessions, those that had been ended since, too."""
    for model in WITHOUT_ROWS:
        model._default_manager.all().delete()


def _copy_sqlite(folder: Path) -> Path:
    whole, path = folder / f"whole-{SQLITE}", folder / SQLITE
    database = str(connection.settings_dict["NAME"])
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(whole, isolation_level=None)) as copy:
        source.backup(copy)
        found = copy.execute("PRAGMA quick_check").fetchone()[0]
        if found != "ok":
            raise CommandRefused(f"the database is damaged: {found}")
        for model in WITHOUT_ROWS:
            copy.execute(f"DELETE FROM {model._meta.db_table}")  # noqa: S608 - a name of ours
        # Deleted rows stay in the free pages of a file, from earlier deletions as well. This writes the rows alone.
        copy.execute("VACUUM INTO ?", [str(path)])
    for left in folder.glob(f"{whole.name}*"):
        left.unlink()
    return path


def load_database(path: Path) -> None:
    """Fill an empty database from a file of `dump_database`."""
    if connection.vendor == "sqlite":
        target = Path(str(connection.settings_dict["NAME"]))
        connection.close()
        target.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
        with suppress(OSError):  # not every disk keeps modes
            target.chmod(PRIVATE_MODE)
        return
    _postgres("pg_restore", "--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction", str(path))


def pack(path: Path, parts: dict[str, Path], *, compressed: bool) -> None:
    """Write an archive that only its owner can read. It appears under its name only once it is complete."""
    unfinished = path.with_name(f".{path.name}.part")
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_MODE)
    try:
        with os.fdopen(handle, "wb") as file:
            with tarfile.open(fileobj=file, mode="w:gz" if compressed else "w") as archive:
                for name, part in parts.items():
                    if part.exists():
                        archive.add(part, name)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)  # where the disk is full, free the space again
        raise


def keep_newest(made: Path, ending: str, keep: int) -> list[Path]:
    """Delete the oldest archives of `elonara backup` beside `made` until `keep` are left; returns the deleted ones.

    `made` itself always stays: names hold dates, and the clock may have been ahead when another one was written.
    """
    ours = re.compile(rf"elonara-\d{{8}}-\d{{6}}{re.escape(ending)}")
    others = sorted(path for path in made.parent.iterdir() if ours.fullmatch(path.name) and path != made)
    old = others[: max(0, len(others) - (keep - 1))]
    for path in old:
        path.unlink()
    return old


def unpack(path: Path, folder: Path) -> None:
    """Extract an archive of `pack` into `folder`. Raises CommandRefused where it is not readable as one."""
    try:
        with tarfile.open(path) as archive:
            archive.extractall(folder, filter="data")  # refuses paths outside of the folder
    except (OSError, tarfile.TarError) as fault:
        raise CommandRefused(f"{path.name} cannot be read as a backup: {fault}") from fault


def _postgres(program: str, *arguments: str) -> None:
    binary = find(program)
    # Connect exactly as the site does: by all parameters of the URL that libpq knows, and by libpq's own environment
    # variables and files for the others. Parameters of Django and psycopg are left out.
    known = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
    parameters = {name: value for name, value in connection.get_connection_params().items() if name in known}
    # The password is passed in the environment: every user of the machine can see the arguments of a process.
    password = parameters.pop("password", "")
    parameters.pop("sslpassword", None)  # a secret too, and libpq has no variable for it
    done = subprocess.run(  # noqa: S603 - our own arguments
        [binary, f"--dbname={psycopg.conninfo.make_conninfo(**parameters)}", *arguments],
        env=os.environ | ({"PGPASSWORD": password} if password else {}), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise CommandRefused(f"{program} failed: {' '.join(done.stderr.split())[:500]}")


def find(program: str) -> str:
    """The path of one of PostgreSQL's client programs. Raises CommandRefused."""
    if found := shutil.which(program):
        return found
    newest = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"), key=lambda path: int(path.parts[-3]))
    if not newest:
        raise CommandRefused(f"{program} is not on this machine: install PostgreSQL's client programs")
    return str(newest[-1])
