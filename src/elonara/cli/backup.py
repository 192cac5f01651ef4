"""`elonara backup`."""

from __future__ import annotations

import argparse
import json
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from django.conf import settings
from django.db import connection

from elonara.cli import archives, migrate
from elonara.cli.errors import Refused
from elonara.options import Options


def run(given: argparse.Namespace, options: Options) -> int:
    """Write the two archives into a folder. The site may go on running."""
    if migrate.is_empty():
        raise Refused("there is nothing to back up: this site has no database yet")
    folder: Path = given.folder
    folder.mkdir(parents=True, exist_ok=True)
    made_at = datetime.now(UTC)
    name = f"elonara-{made_at:%Y%m%d-%H%M%S}"
    data, keys = folder / f"{name}.tar.gz", folder / f"{name}.keys.tar"
    manifest = {
        "made_at": made_at.isoformat(timespec="seconds"),
        "version": version("elonara"),
        "database": connection.vendor,
        "site": options.site.url,
    }
    with tempfile.TemporaryDirectory(prefix=".elonara-backup-", dir=folder) as place:
        database = archives.dump_database(Path(place))
        (Path(place) / archives.MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
        parts = {
            archives.MANIFEST: Path(place) / archives.MANIFEST,
            database.name: database,
            "media": Path(settings.MEDIA_ROOT),
        }
        archives.pack(data, parts, compressed=True)
    archives.pack(keys, {"keys": options.data_dir / "keys"}, compressed=False)
    if given.json:
        print(json.dumps({"file": str(data), "keys": str(keys), **manifest}))
    else:
        print(f"{data}\n{keys}\nKeep the two apart: together they open every session of every member.")
    return 0
