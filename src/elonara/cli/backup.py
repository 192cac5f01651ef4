"""`elonara backup`."""

from __future__ import annotations

import argparse
import json
import sqlite3
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from django.conf import settings
from django.db import connection

from elonara.cli import archives, migrate
from elonara.cli.errors import CommandRefused
from elonara.members import audit
from elonara.members.models import AuditEntry
from elonara.options import Options

DATA, KEYS = ".tar.gz", ".keys.tar"


def run(args: argparse.Namespace, options: Options) -> int:
    """Write the two archives. The site may be running."""
    if migrate.is_empty():
        raise CommandRefused("there is nothing to back up: this site has no database yet")
    made_at = datetime.now(UTC)
    name = f"elonara-{made_at:%Y%m%d-%H%M%S}"
    data, keys = args.folder / f"{name}{DATA}", (args.keys or args.folder) / f"{name}{KEYS}"
    manifest = {
        "made_at": made_at.isoformat(timespec="seconds"),
        "version": version("elonara"),
        "database": connection.vendor,
        "site": options.site.url,
    }
    # Before the copy is made, so that it stands in the backup too. With an older database there is no log yet.
    if AuditEntry._meta.db_table in connection.introspection.table_names():
        audit.record(None, "backup_written", data.name)
    try:
        _write(data, keys, manifest, options)
        # Only once both archives are written, so that there is a backup at any time.
        pruned = [
            old
            for made, ending in ((data, DATA), (keys, KEYS))
            if args.keep
            for old in archives.keep_newest(made, ending, args.keep)
        ]
    except (OSError, sqlite3.Error) as fault:
        raise CommandRefused(f"the backup could not be finished: {fault}") from fault
    if args.json:
        print(json.dumps({"file": str(data), "keys": str(keys), "pruned": [str(path) for path in pruned], **manifest}))
    else:
        print(f"{data}\n{keys}\nKeep the two apart: together they open every session of every member.")
        if pruned:
            print(f"{len(pruned)} older files were deleted")
    return 0


def _write(data: Path, keys: Path, manifest: dict[str, str], options: Options) -> None:
    for folder in (data.parent, keys.parent):
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".elonara-backup-", dir=data.parent) as name:
        temporary = Path(name)
        database = archives.dump_database(temporary)
        (temporary / archives.MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
        parts = {
            archives.MANIFEST: temporary / archives.MANIFEST,
            database.name: database,
            "media": Path(settings.MEDIA_ROOT),
        }
        archives.pack(data, parts, compressed=True)
    archives.pack(keys, {"keys": options.data_dir / "keys"}, compressed=False)
