"""`elonara createadmin`."""

from __future__ import annotations

import argparse
import getpass
import json
import sys

from elonara.cli import migrate
from elonara.cli.errors import CommandRefused
from elonara.members.actions import create_operator
from elonara.members.errors import Invalid
from elonara.options import Options


def run(args: argparse.Namespace, options: Options) -> int:
    """Create an operator's account. No further proof is needed: this shell can read all data of the site anyway."""
    migrate.ready(migrate=False)
    password = sys.stdin.readline().rstrip("\n") if args.password_stdin else _ask_password()
    try:
        member = create_operator(args.username, password, email=args.email)
    except Invalid as fault:
        raise CommandRefused(" ".join(f"{field}: {sentence}" for field, sentence in fault.errors.items())) from fault
    if args.json:
        print(json.dumps({"member_id": member.pk, "username": member.username}))
    else:
        print(f"{member.username} runs the site now. Sign in at {options.site.url}/accounts/login/")
    return 0


def _ask_password() -> str:
    if not sys.stdin.isatty():
        raise CommandRefused("say the password with --password-stdin, or run this in a terminal")
    first = getpass.getpass("Password: ")
    if first != getpass.getpass("Password again: "):
        raise CommandRefused("the two passwords differ")
    return first
