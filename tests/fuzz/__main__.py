"""`python -m tests.fuzz`, as script/fuzz calls it."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import schemathesis
from tests.fuzz import machine, site

WIDTH = 54


def main() -> int:
    """Fuzz as each of the two; 1 where an answer was not as described."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the site, too
    signal.signal(signal.SIGINT, signal.default_int_handler)
    parser = argparse.ArgumentParser(prog="script/fuzz", description="Fuzz the API of a running site.")
    parser.add_argument("--cases", type=int, default=4000, help="as each of member and operator")
    parser.add_argument("--postgresql", action="store_true", help="instead of SQLite")
    parser.add_argument("--seed", type=int, default=1, help="another one tries other cases")
    parser.add_argument("--as", dest="who", choices=["member", "operator"], action="append")
    parser.add_argument("--log", type=Path, default=Path("fuzz.log"), help="what the site says (default: fuzz.log)")
    wanted = parser.parse_args()
    failed = False
    with site.running(postgresql=wanted.postgresql, log=wanted.log) as place:
        schema: Any = machine.with_our_token(schemathesis.openapi.from_url(f"{place.url}/api/v1/openapi.json"))
        for number, who in enumerate(wanted.who or ["member", "operator"]):
            began = time.monotonic()
            known = {kind: [*names] for kind, names in place.known.items()}
            tally = machine.Tally(partial(place.token_of, who), wanted.cases, known)
            machine.run(schema, tally, wanted.seed + 1000 * number)
            machine.run_unlinked(schema, tally, wanted.seed, max(5, wanted.cases // 40))
            failed |= report(who, tally, time.monotonic() - began)
    return int(failed)


def report(who: str, tally: machine.Tally, seconds: float) -> bool:
    """Print the table and what failed; whether anything did."""
    linked = sum(tally.linked.values())
    print(f"\n{who}: {tally.cases} cases in {seconds:.0f} s, {linked} with what a call before answered")
    for name, statuses in sorted(tally.statuses.items()):
        answers = "  ".join(f"{status} x {count}" for status, count in sorted(statuses.items()))
        print(f"  {name:<{WIDTH}} {sum(statuses.values()):>5} {tally.linked[name]:>5}   {answers}")
    for name, text in tally.failures.items():
        print(f"\n--- {name}\n{text}")
    print(f"{who}: {len(tally.failures)} kinds of failure", flush=True)
    return bool(tally.failures)


if __name__ == "__main__":
    sys.exit(main())
