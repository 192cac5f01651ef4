"""The command `elonara`: one module per command; the checks of `doctor` have modules of their own.

A command reads its arguments, calls the layers below and prints what happened; its exit status is 0 on success. This is
the top layer, because it starts everything: nothing may import it.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from elonara.cli import arguments
from elonara.cli.errors import CommandRefused
from elonara.cli.postgres import DatabaseAway, check_database, close_connections
from elonara.config.options import BadSetting, load
from elonara.keyfiles import KeyFileFault
from elonara.options import Options


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    os.umask(0o077)  # no other user of this machine may read the database, pictures and keys
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["sandbox"]:  # has options of its own, and starts without the site
        return _guarded(argparse.Namespace(module="sandbox", rest=words[1:], django=False))
    return _guarded(arguments.parser().parse_args(words))


def _guarded(args: argparse.Namespace) -> int:
    try:
        options = load()
        if args.django:
            _set_up_django()
            if args.module != "doctor":  # doctor reports both as findings
                check_database(options)
                _ensure_key_ring(args, options)
        return int(importlib.import_module(f"elonara.cli.{args.module}").run(args, options))
    except (BadSetting, KeyFileFault) as fault:
        return _fail(fault, 2)
    except (CommandRefused, DatabaseAway) as fault:
        return _fail(fault, 1)
    except KeyboardInterrupt:
        return 130
    except Exception as fault:
        if not _is_database_error(fault):
            raise
        return _fail(f"the database does not answer: {fault}", 1)
    finally:
        if args.django:
            close_connections()


def _ensure_key_ring(args: argparse.Namespace, options: Options) -> None:
    from elonara.housekeeping.keys import in_use  # noqa: PLC0415 - it loads the models

    if args.module != "abandon":  # which is the way on where the ring is lost
        in_use.ensure_ring(options.data_dir)


def _set_up_django() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "elonara.config.settings")
    import django  # noqa: PLC0415 - `elonara --help` and bad settings need no Django

    django.setup()


def _is_database_error(fault: Exception) -> bool:
    from django.db import InterfaceError, OperationalError  # noqa: PLC0415

    return isinstance(fault, (OperationalError, InterfaceError))


def _fail(fault: object, status: int) -> int:
    print(f"elonara: {' '.join(str(fault).split())}", file=sys.stderr)
    return status
