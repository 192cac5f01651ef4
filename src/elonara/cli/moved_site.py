"""What the commands say and do about sessions that were authorized under another address of the site."""

from __future__ import annotations

import sys

from elonara.cli.errors import CommandRefused
from elonara.housekeeping import reauthorization
from elonara.options import Options

COMMAND = "elonara reauthorize --moved"


def warning() -> str:
    """A sentence for the log of a start, "" where every session belongs to the site's address."""
    return f"{found}. {FIX}" if (found := waiting()) else ""


FIX = f"Is site.url wrong? Then correct it, and they go on. Has the site moved for good? Then run: {COMMAND}"


def waiting() -> str:
    """How many sessions wait, and for which address; "" where none does."""
    found = reauthorization.of_another_address()
    if not found:
        return ""
    count, addresses = found.total(), ", ".join(sorted(found))
    return f"{_sessions(count)} made under another address ({addresses}), and {'wait' if count > 1 else 'waits'}"


def end(options: Options, *, confirmed: bool, quiet: bool) -> int:
    """Say the count, ask, and end them; returns how many. Raises CommandRefused."""
    found = reauthorization.of_another_address()
    if not found:
        return 0
    if options.site.is_loopback and any(address.startswith("https://") for address in found):
        raise CommandRefused(
            f"site.url is {options.site.url}, which only this machine can open, and {waiting()}. "
            "Set site.url to the new address first"
        )
    if not confirmed:
        if quiet or not sys.stdin.isatty():
            raise CommandRefused(f"{waiting()}. Nothing was ended: add --yes to end them")
        print(f"{waiting()}. This site is now {options.site.url}.")
        print("If they end, their members have to reauthorize. This cannot be taken back.")
        if input("End them? Type yes: ").strip().lower() != "yes":
            raise CommandRefused("nothing was ended")
    return reauthorization.end_those_of_another_address()


def _sessions(count: int) -> str:
    return f"{count} Bluesky session was" if count == 1 else f"{count} Bluesky sessions were"
