"""`elonara migrate`, and the checks of the schema that other commands make before they start."""

from __future__ import annotations

import argparse
import json

from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from elonara.cli.errors import CommandRefused
from elonara.config.migrations import pending
from elonara.options import Options

__all__ = ["apply", "is_empty", "pending", "ready", "run"]


def run(args: argparse.Namespace, options: Options) -> int:
    """Apply pending migrations, or with `--check` only list them (exit status 1 where there are some)."""
    names = pending()
    if not args.check:
        apply()
    if args.json:
        print(json.dumps({"pending" if args.check else "applied": names}))
    elif args.check:
        print("\n".join(["to be done:", *names]) if names else "the database is up to date")
    else:
        print(f"{len(names)} migrations applied" if names else "the database is up to date")
    return 1 if args.check and names else 0


def is_empty() -> bool:
    """Whether no migration was ever applied to this database."""
    return not MigrationExecutor(connection).loader.applied_migrations


def apply() -> None:
    """Apply all pending migrations."""
    call_command("migrate", interactive=False, verbosity=0)


def ready(*, migrate: bool) -> None:
    """Make sure that the schema is up to date: always migrate a new database, an older one only where `migrate`.

    Raises CommandRefused.
    """
    if not pending():
        return
    if not migrate and not is_empty():
        raise CommandRefused("the database is older than this version: make a backup, then run `elonara migrate`")
    apply()
