"""What a backup is made of: an archive with the database and the pictures, and one with the keys.

`elonara-20261123-150405.tar.gz` holds `manifest.json`, `database.sqlite3` or `database.dump` (of pg_dump), `media/…`;
`elonara-20261123-150405.keys.tar` the `keys` folder. Apart, because whoever has both can open every session.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import tarfile
from contextlib import closing
from pathlib import Path

import psycopg
from django.db import connection

from elonara.cli.errors import CommandRefused

SQLITE, POSTGRES = "database.sqlite3", "database.dump"
MANIFEST = "manifest.json"
PRIVATE = 0o600


def dump_database(folder: Path) -> Path:
    """Write the database as it is at one instant into `folder`; the site may run meanwhile."""
    if connection.vendor == "sqlite":
        path = folder / SQLITE
        database = str(connection.settings_dict["NAME"])
        with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(path)) as copy:
            source.backup(copy)
            found = copy.execute("PRAGMA quick_check").fetchone()[0]
        if found != "ok":
            raise CommandRefused(f"the database is damaged: {found}")
        return path
    path = folder / POSTGRES
    _postgres("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={path}")
    return path


def load_database(path: Path) -> None:
    """Fill an empty database from `dump_database`'s file."""
    if connection.vendor == "sqlite":
        target = Path(str(connection.settings_dict["NAME"]))
        connection.close()
        target.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
        target.chmod(PRIVATE)
        return
    _postgres("pg_restore", "--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction", str(path))


def pack(path: Path, parts: dict[str, Path], *, compressed: bool) -> None:
    """Write an archive that only its owner can read, whole or not at all."""
    unfinished = path.with_name(f".{path.name}.part")
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
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
        unfinished.unlink(missing_ok=True)  # a disk that is full would stay so
        raise


def keep_newest(made: Path, ending: str, keep: int) -> list[Path]:
    """Delete archives of `elonara backup` beside `made` until `keep` are left; returns those that are gone.

    `made` stays whatever its name says: the clock may have been wrong when the others were written.
    """
    ours = re.compile(rf"elonara-\d{{8}}-\d{{6}}{re.escape(ending)}")
    others = sorted(path for path in made.parent.iterdir() if ours.fullmatch(path.name) and path != made)
    old = others[: max(0, len(others) - (keep - 1))]
    for path in old:
        path.unlink()
    return old


def unpack(path: Path, folder: Path) -> None:
    """Read an archive of `pack` into `folder`. Raises Refused for anything else."""
    try:
        with tarfile.open(path) as archive:
            archive.extractall(folder, filter="data")  # refuses names that lead out of the folder
    except (OSError, tarfile.TarError) as fault:
        raise CommandRefused(f"{path.name} cannot be read as a backup: {fault}") from fault


def _postgres(program: str, *arguments: str) -> None:
    binary = find(program)
    # Exactly as the site itself connects: all options of the URL, and libpq's own variables and files where it says
    # nothing. What is Django's or psycopg's alone falls away.
    known = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
    given = {name: value for name, value in connection.get_connection_params().items() if name in known}
    # The password goes by the environment: arguments can be seen by everybody on the machine.
    password = given.pop("password", "")
    given.pop("sslpassword", None)  # there is no variable for it
    done = subprocess.run(  # noqa: S603 - our own arguments
        [binary, f"--dbname={psycopg.conninfo.make_conninfo(**given)}", *arguments],
        env=os.environ | ({"PGPASSWORD": password} if password else {}), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise CommandRefused(f"{program} failed: {' '.join(done.stderr.split())[:500]}")


def find(program: str) -> str:
    """Where one of PostgreSQL's client programs is. Raises Refused."""
    if found := shutil.which(program):
        return found
    newest = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"), key=lambda path: int(path.parts[-3]))
    if not newest:
        raise CommandRefused(f"{program} is not on this machine: install PostgreSQL's client programs")
    return str(newest[-1])
