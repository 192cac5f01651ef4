"""Migrates a database once in a run; every other worker gets a copy.

All migrations take six seconds of CPU, and a run has a dozen workers that each want a database. The first one keeps
what it has migrated in the folder that `script/test` names; the others then find nothing left to migrate.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from django.db.backends.base.creation import BaseDatabaseCreation

FOLDER = "ELONARA_TEST_SHARED"
TEMPLATE = "elonara_migrated"  # on PostgreSQL: a database of the run's own server


def install() -> None:
    """From here on databases for tests are copies, where the run has a folder to share. Once, before the first."""
    shared = os.environ.get(FOLDER, "")
    if not shared:
        return
    migrate = BaseDatabaseCreation.create_test_db

    def create_test_db(creation: BaseDatabaseCreation, *args: object, **options: object) -> str:
        kept = Path(shared) / f"migrated-{creation.connection.vendor}-{_ours()}"
        with _alone(kept.with_suffix(".lock")):
            if not kept.exists():
                name = migrate(creation, *args, **options)
                _keep(creation, kept)
                return name
        _begin_with(creation, kept)
        return migrate(creation, *args, **options)

    BaseDatabaseCreation.create_test_db = create_test_db


def _ours() -> str:
    """Tells our migrations from others: a mutant in one of them must not get what the true ones made."""
    from elonara import migrations

    digest = hashlib.sha256()
    for path in sorted(Path(migrations.__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Until no other worker is in here."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _keep(creation: BaseDatabaseCreation, kept: Path) -> None:
    connection = creation.connection
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(kept)])
        return
    name = connection.ops.quote_name(connection.settings_dict["NAME"])
    connection.close()  # PostgreSQL copies a database that nobody uses
    connection.close_pool()
    with creation._nodb_cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {TEMPLATE} TEMPLATE {name}")
    kept.touch()


def _begin_with(creation: BaseDatabaseCreation, kept: Path) -> None:
    """Let the database that is made next be a copy."""
    if creation.connection.vendor != "sqlite":
        creation.connection.settings_dict["TEST"]["TEMPLATE"] = TEMPLATE
        return
    make = creation._create_test_db

    def copy(*args: object, **options: object) -> str:
        name = make(*args, **options)
        shutil.copyfile(kept, name)
        return name

    creation._create_test_db = copy
