"""`elonara reauthorize`: list the hosts who could not post by OAuth, and ask them to authorize again."""

from __future__ import annotations

import argparse
import json

from elonara.bluesky.reasons import sentence
from elonara.cli import moved_site
from elonara.housekeeping import reauthorization
from elonara.options import Options


def run(args: argparse.Namespace, options: Options) -> int:
    """List them; with `--tell` notify each on the site, and by e-mail where an address and a mail server are known."""
    moved = moved_site.end(options, confirmed=args.yes, quiet=args.json) if args.moved else 0
    lacking = reauthorization.lacking_write_scope()
    notified = reauthorization.ask_to_reauthorize(lacking) if args.tell else 0
    if args.json:
        hosts = [
            {"username": one.member.username, "handle": one.handle, "reason": one.reason, "waiting": one.waiting}
            for one in lacking
        ]
        print(json.dumps({"hosts": hosts, "told": notified, "moved": moved, "link": reauthorization.link()}))
        return 0
    if args.moved:
        print(f"{moved} sessions of another address of this site ended")
    for one in lacking:
        print(f"@{one.handle}  {one.waiting} invitations  {sentence(one.reason)}")
    if not lacking:
        print("every host could post by OAuth")
    elif args.tell:
        print(f"{notified} were told to open {reauthorization.link()}")
    else:
        print(f"{len(lacking)} hosts; `elonara reauthorize --tell` asks them to open {reauthorization.link()}")
    return 0
