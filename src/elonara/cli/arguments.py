"""The argument parser of all commands. Imports none of them, so that `--help` and `--version` are fast."""

from __future__ import annotations

import argparse
from importlib.metadata import version
from pathlib import Path

SETTINGS = "Settings come from elonara.toml and the environment: docs/settings.md."


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    top = argparse.ArgumentParser(prog="elonara", description="A site for events and communities.", epilog=SETTINGS)
    top.add_argument("--version", action="version", version=f"elonara {version('elonara')}")
    commands = top.add_subparsers(metavar="COMMAND", required=True)

    serve = _add(commands, "serve", "run the site and its jobs in one process")
    serve.add_argument("--migrate", action="store_true", help="bring the database up to date first")
    serve.add_argument("--without-jobs", action="store_true", help="leave the jobs to `elonara worker`")

    worker = _add(commands, "worker", "run jobs beside other processes (PostgreSQL)")
    worker.add_argument("--threads", type=_positive, default=4, help="how many accounts at once (default 4)")

    migrate = _add(commands, "migrate", "bring the database up to date")
    migrate.add_argument("--check", action="store_true", help="only report; exit status 1 when something is to be done")
    _json(migrate)

    _json(_add(commands, "config", "show the settings and where each comes from", django=False))

    doctor = _add(commands, "doctor", "look for what is wrong and say how to fix it")
    doctor.add_argument("--offline", action="store_true", help="ask nothing outside of this machine")
    doctor.add_argument("--writes", metavar="HANDLE", default="", help="write and delete a test post there, by OAuth")
    _json(doctor)

    reauthorize = _add(commands, "reauthorize", "name the hosts who could not post by OAuth")
    reauthorize.add_argument("--moved", action="store_true", help="first end the sessions made under another site.url")
    reauthorize.add_argument("--yes", action="store_true", help="end them without asking")
    reauthorize.add_argument("--tell", action="store_true", help="ask each of them to renew the permission")
    _json(reauthorize)

    keys = commands.add_parser("keys", help="look after the keys in the data folder")
    actions = keys.add_subparsers(metavar="ACTION", required=True)
    rotate = _add(actions, "rotate", "seal everything under a new key")
    rotate.set_defaults(module="keys")
    _json(rotate)
    abandon = _add(actions, "abandon", "give up a key that is lost, and what was sealed under it")
    abandon.add_argument("kid", help="the id of the key, as `elonara doctor` names it")
    abandon.add_argument("--yes", action="store_true", help="do it without asking")
    _json(abandon)

    admin = _add(commands, "createadmin", "make an account that runs the site")
    admin.add_argument("--username", required=True)
    admin.add_argument("--email", default="")
    admin.add_argument("--password-stdin", action="store_true", help="read the password from stdin")
    _json(admin)

    backup = _add(commands, "backup", "write database, pictures and, apart from them, the keys")
    backup.add_argument("folder", type=Path, help="where the two files go")
    backup.add_argument("--keys", type=Path, metavar="FOLDER", help="where the keys go instead")
    backup.add_argument("--keep", type=_positive, metavar="N", help="delete all but the newest N of each")
    _json(backup)

    restore = _add(commands, "restore", "read a backup into an empty site")
    restore.add_argument("file", type=Path, help="the elonara-….tar.gz")
    which = restore.add_mutually_exclusive_group(required=True)
    which.add_argument("--keys", type=Path, help="the elonara-….keys.tar")
    which.add_argument("--without-keys", action="store_true", help="they are lost: every member has to connect again")
    _json(restore)

    commands.add_parser("sandbox", help="a Bluesky of its own on this machine, to try things (see its --help)")
    return top


def _add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, about: str, *, django: bool = True
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=about, description=about[0].upper() + about[1:] + ".", epilog=SETTINGS)
    command.set_defaults(module=name, django=django)
    return command


def _json(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="print one JSON document")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number
