"""`elonara keys abandon`: give up a key that is lost, and what was sealed under it."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

from elonara import sealing
from elonara.cli import migrate
from elonara.cli.errors import CommandRefused
from elonara.housekeeping.keys import abandoned, in_use
from elonara.housekeeping.keys.abandoned import Losses
from elonara.options import Options


def run(args: argparse.Namespace, options: Options) -> int:
    """Say the counts, ask, and clear away. Refuses a key that is here, and one that nothing is sealed under."""
    if migrate.pending():
        raise CommandRefused("the database is older than this version: run `elonara migrate` first")
    held = sealing.kids() if sealing.key_file(options.data_dir).exists() else frozenset()
    if args.kid in held:
        raise CommandRefused(f"key {args.kid} is in {sealing.key_file(options.data_dir)}: nothing is lost")
    if args.kid not in in_use.sealed_under():
        raise CommandRefused(f"nothing is sealed under a key {args.kid}; `elonara doctor` names those that are missing")
    expected = abandoned.losses(args.kid)
    if not args.yes:
        _ask(args, expected)
    sealing.ensure_keys(options.data_dir)  # where the whole ring was lost: e-mails to the members are sealed
    lost = abandoned.abandon(args.kid)
    if args.json:
        print(json.dumps({"kid": args.kid, **asdict(lost)}))
    else:
        print("\n".join([f"key {args.kid} is given up", *lost.lines()]))
    return 0


def _ask(args: argparse.Namespace, expected: Losses) -> None:
    says = "; ".join(expected.lines()) or "nothing that members would notice is lost"
    if args.json or not sys.stdin.isatty():
        raise CommandRefused(f"without key {args.kid}: {says}. Nothing was done: add --yes to give it up")
    print(f"Without key {args.kid}, for good:")
    for line in expected.lines():
        print(f"  {line}")
    print("If the key is in any backup, restore that instead. This cannot be taken back.")
    if input(f"Type {args.kid} to give it up: ").strip() != args.kid:
        raise CommandRefused("nothing was done")
