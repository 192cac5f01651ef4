"""One attacker with 20 connections at one route, beside a visitor: how long does the visitor's page take?

    python bench/attacker.py                          the likeliest routes, two seconds each
    python bench/attacker.py --all                    every route
    python bench/attacker.py --seconds 60 --route /   routes with this in their name, a minute each

The site is the real one (`elonara serve` on SQLite); every server that the attacker names takes half a minute to
answer. Attacker and visitor come from two networks, told apart by a trusted proxy's header. Ends with 1 where the
visitor's p95 is a second or more.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.attack.load import attack, measure, visit
from bench.attack.route import Route
from bench.attack.routes import ROUTES
from bench.attack.site import site

BOUND_SECONDS = 1.0
WIDTH = 62


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2.0, help="for each route")
    parser.add_argument("--all", action="store_true", help="every route, not only those likely to cost much")
    parser.add_argument("--route", action="append", help="only routes with this in their name")
    parser.add_argument("--attack", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.attack:
        port, route, keys, seconds = json.loads(sys.stdin.read())
        print(json.dumps(attack(port, Route(**route), keys, seconds)))
        sys.stdout.flush()
        os._exit(0)  # threads may wait for a slow answer still
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the site, too
    worst = 0.0
    with site() as (port, keys):
        alone = visit(port, 2)
        print(f"{'route of the attacker':<{WIDTH}} {'pages':>5} {'p50':>7} {'p95':>7} {'max':>7}  load   what he got")
        _row("(nobody)", alone, Counter())
        for route in ROUTES:
            if any(part in route.name for part in args.route) if args.route else route.likely or args.all:
                times, statuses = measure(port, route, keys, args.seconds)
                worst = max(worst, _row(route.name, times, statuses))
    print(f"\nworst p95 {worst:.2f} s; the bound is {BOUND_SECONDS:.0f} s")
    return int(worst >= BOUND_SECONDS)


def _row(name: str, times: list[float], statuses: Counter[str]) -> float:
    # Inclusive: of few pages the other way guesses more than the longest took.
    p95 = statistics.quantiles(times, n=20, method="inclusive")[-1] if len(times) > 1 else times[0]
    got = ", ".join(f"{count} x {status}" for status, count in statuses.most_common(4))
    spent = "".join(f" {seconds:>6.2f}s" for seconds in (statistics.median(times), p95, max(times)))
    print(f"{name:<{WIDTH}} {len(times):>5}{spent}  {os.getloadavg()[0]:>4.1f}   {got}", flush=True)
    return p95


if __name__ == "__main__":
    raise SystemExit(main())
