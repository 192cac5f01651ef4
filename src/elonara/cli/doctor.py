"""`elonara doctor`: checks the site, and says for each finding what to do about it."""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial

from django.db import DatabaseError, connection

from elonara import sealing
from elonara.cli import doctor_mail, doctor_network, doctor_rows, doctor_writes, migrate
from elonara.cli.doctor_findings import Finding
from elonara.cli.postgres import DatabaseAway, check_database
from elonara.housekeeping.keys import in_use
from elonara.keyfiles import OTHERS, KeyFileFault, mode_of, read_private, way_to_privacy
from elonara.members.first_run import has_operator
from elonara.options import Options
from elonara.web.health import DISK_FULL_BELOW

DISK_LOW_BELOW = 1 << 30  # bytes; early enough to free some space


def run(args: argparse.Namespace, options: Options) -> int:
    """Run all checks; exit status 1 when something is wrong."""
    checks: list[Callable[[Options], Iterator[Finding]]] = [
        _site,
        _keys,
        _disk,
        _database,
        doctor_mail.check,
        _relay,
        doctor_rows.check,
    ]
    if not args.offline:
        checks += [doctor_network.check, doctor_mail.check_server]
    if args.writes:
        checks.append(partial(doctor_writes.check, handle=args.writes))
    found = [finding for check in checks for finding in check(options)]
    wrong = any(finding.level == "wrong" for finding in found)
    if args.json:
        print(json.dumps({"ok": not wrong, "findings": [asdict(finding) for finding in found]}))
        return int(wrong)
    for finding in found:
        print(f"{finding.level:<5}  {finding.what:<10}  {finding.says}")
        if finding.fix:
            print(f"{'':<19}{finding.fix}")
    return int(wrong)


def _site(options: Options) -> Iterator[Finding]:
    mode = f"{options.site.url}, registration {options.site.registration_mode}"
    if options.site.is_loopback:
        fix = "Invitations to real people need an address that they can open: set site.url to https://…"
        yield Finding("note", "site", f"{mode}; only this machine can open it", fix)
    else:
        yield Finding("ok", "site", mode)
    if options.site.is_https and not options.http.trusted_proxies:
        fix = "Set http.trusted_proxies to the address of your proxy, so that rate limits count visitors."
        yield Finding("note", "proxy", "no proxy is trusted: every visitor seems to come from the same address", fix)


def _keys(options: Options) -> Iterator[Finding]:
    folder = options.data_dir / "keys"
    try:
        kid = in_use.check(options.data_dir)
        for path in (folder / "secret_key", sealing.key_file(options.data_dir)):
            read_private(path)
    except KeyFileFault as fault:
        says, _, fix = str(fault).partition(". ")
        yield Finding("wrong", "keys", says, fix)
        return
    except DatabaseError:
        return  # `_database` says it
    if mode_of(folder) & OTHERS:
        fix = way_to_privacy(folder)
        yield Finding("wrong", "keys", f"others on this machine can look into {folder}", fix[0].upper() + fix[1:])
    else:
        yield Finding("ok", "keys", f"private; new values are sealed under key {kid}")


def _disk(options: Options) -> Iterator[Finding]:
    free = shutil.disk_usage(options.data_dir).free
    says = f"{free / (1 << 20):,.0f} MB are free in {options.data_dir}"
    fix = "Free some space, or move data_dir; do old backups lie there? `elonara backup FOLDER --keep N` deletes them."
    if free < DISK_FULL_BELOW:
        yield Finding("wrong", "disk", f"{says}: nothing can be written", fix)
    elif free < DISK_LOW_BELOW:
        yield Finding("note", "disk", says, fix)
    else:
        yield Finding("ok", "disk", says)


def _database(options: Options) -> Iterator[Finding]:
    kind = "PostgreSQL" if options.database.is_postgres else "SQLite"
    try:
        check_database(options)
        connection.ensure_connection()
        waiting = migrate.pending()
    except (DatabaseAway, DatabaseError) as fault:
        fix = "Is it running, and is database.url right?" if options.database.is_postgres else "Is data_dir writable?"
        yield Finding("wrong", "database", f"{kind}: {' '.join(str(fault).split())}", fix)
        return
    if waiting:
        yield Finding("wrong", "database", f"{kind} lacks {len(waiting)} migrations", "Run: elonara migrate")
        return
    yield Finding("ok", "database", f"{kind} answers and is up to date")
    if not has_operator():
        yield Finding("note", "operator", "nobody runs this site yet", "Run: elonara createadmin --username NAME")


def _relay(options: Options) -> Iterator[Finding]:
    relay = options.bluesky.relay
    if not relay.identifier:
        return
    fix = (
        "Bluesky lets bots mention only people who opted in. Label the account as a bot in its profile, "
        'and prefer audience = "opted_in".'
    )
    says = f"{relay.identifier} posts for hosts without an app password, to {relay.audience}, {relay.per_day} a day"
    yield Finding("note", "relay", says, fix)
    if relay.per_day > 50:
        yield Finding(
            "wrong", "relay", f"{relay.per_day} posts a day are more than 50", "Set bluesky.relay.per_day to 50."
        )
