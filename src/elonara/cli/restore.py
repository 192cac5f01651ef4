"""`elonara restore`."""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.db import connection

from elonara.cli import archives, migrate
from elonara.cli.errors import CommandRefused
from elonara.housekeeping.keys import abandoned, in_use
from elonara.invitations.outbox import restored
from elonara.members import audit
from elonara.options import Options


def run(args: argparse.Namespace, options: Options) -> int:
    """Fill an empty site from a backup and its keys, then bring the database up to date."""
    if not migrate.is_empty():
        raise CommandRefused("this site has a database already: restore into a new data_dir, or an empty database")
    if Path(settings.MEDIA_ROOT).exists():
        raise CommandRefused(f"there are pictures in {settings.MEDIA_ROOT} already: restore into a new data_dir")
    options.data_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".elonara-restore-", dir=options.data_dir) as name:
        folder = Path(name)
        archives.unpack(args.file, folder / "data")
        manifest = _manifest(folder / "data")
        if args.keys:
            archives.unpack(args.keys, folder / "secret")
            if not (folder / "secret" / "keys" / "sealing.json").exists():
                raise CommandRefused(f"{args.keys.name} holds no keys; without them no session can be opened")
        archives.load_database(_database(folder / "data", manifest))
        if (folder / "data" / "media").exists():
            shutil.move(folder / "data" / "media", settings.MEDIA_ROOT)
        if args.keys:
            _put_keys(folder / "secret" / "keys", options.data_dir / "keys")
    migrate.apply()
    archives.end_sessions()
    lost = [abandoned.abandon(kid) for kid in in_use.missing()] if args.without_keys else []
    ambiguous = restored.mark_ambiguous()
    audit.record(None, "restored", args.file.name, f"as of {manifest['made_at']}")
    made_at, moved = manifest["made_at"], manifest["site"] != options.site.url
    if args.json:
        print(json.dumps({"made_at": made_at, "site": manifest["site"], "moved": moved, "in_doubt": ambiguous}))
    else:
        print(f"restored as of {made_at}")
        print("No browser is signed in: everybody signs in again.")
        for line in [line for one in lost for line in one.lines()]:
            print(f"Without the keys: {line}")
        if ambiguous:
            print(f"{ambiguous} posts were still to go then; each is looked for before it is written.")
        if moved:
            print(f"The address was {manifest['site']} and is {options.site.url}:")
            print("Bluesky sessions made under the old one may have to be authorized again.")
    return 0


def _manifest(folder: Path) -> dict[str, str]:
    try:
        manifest = json.loads((folder / archives.MANIFEST).read_text(encoding="utf-8"))
        return {name: str(manifest[name]) for name in ("made_at", "database", "site")}
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise CommandRefused("this is no backup of Elonara: it has no manifest.json of ours") from fault


def _database(folder: Path, manifest: dict[str, str]) -> Path:
    if manifest["database"] != connection.vendor:
        raise CommandRefused(f"the backup is of {manifest['database']}, and database.url here says {connection.vendor}")
    path = folder / (archives.SQLITE if connection.vendor == "sqlite" else archives.POSTGRES)
    if not path.exists():
        raise CommandRefused("the backup holds no database")
    return path


def _put_keys(source: Path, target: Path) -> None:
    # Replaces the keys that this process created when it started; nothing was sealed or signed with those yet.
    shutil.rmtree(target, ignore_errors=True)
    shutil.move(source, target)
    with suppress(OSError):  # not every disk keeps modes; what reads the keys says so
        target.chmod(0o700)
    for path in target.iterdir():
        with suppress(OSError):  # not every disk keeps modes; what reads the keys says so
            path.chmod(0o600)
