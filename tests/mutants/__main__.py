"""`python -m tests.mutants`, as script/mutants calls it."""

import argparse
import datetime as dt
import resource
import signal
import sys
import time

from tests.mutants import campaign, page, table
from tests.mutants.mutant import Mutant, named, spread


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="script/mutants", description="Try wrong lines: each must turn its tests red."
    )
    parser.add_argument("--only", metavar="NAME", action="append", default=[], help="this mutant; may be repeated")
    parser.add_argument("--sample", metavar="N", type=int, default=0, help="so many of all, others every day")
    parser.add_argument("--seed", type=int, default=0, help="of another day's sample (printed with it)")
    parser.add_argument("-j", dest="jobs", metavar="N", type=int, default=2, help="so many at a time; 2 by default")
    parser.add_argument("--list", action="store_true", help="print the names and try nothing")
    parser.add_argument("--page", action="store_true", help="write docs/mutants.md anew and try nothing")
    return parser.parse_args()


def chosen(wanted: argparse.Namespace) -> tuple[Mutant, ...]:
    """The mutants to try."""
    if wanted.only:
        return tuple(named(table.ALL, name) for name in wanted.only)
    if wanted.sample:
        seed = wanted.seed or dt.datetime.now(dt.UTC).date().toordinal()
        print(f"A sample of {wanted.sample} with --seed {seed}", flush=True)
        return spread(table.ALL, wanted.sample, seed)
    return table.ALL


def tell(outcome: campaign.Outcome) -> None:
    """One row of the table."""
    mutant = outcome.mutant
    fate = "NOT KILLED" if outcome.fault else ", ".join(test.rpartition("/")[2] for test in mutant.tests)
    print(f"{outcome.seconds:6.1f} s  {mutant.name:40} {mutant.file:44} {fate}", flush=True)


def main() -> int:
    """Try them; 0 where all were killed."""
    for ending in (signal.SIGINT, signal.SIGTERM):  # a shell ignores SIGINT for what runs in the background
        signal.signal(ending, signal.default_int_handler)
    wanted, began = arguments(), time.monotonic()
    if wanted.list or wanted.page:
        if wanted.page:
            page.PAGE.write_text(page.text(table.SUBJECTS), encoding="utf-8")
        else:
            print("\n".join(mutant.name for mutant in table.ALL))
        return 0
    try:
        mutants = chosen(wanted)
    except KeyError as unknown:
        print(f"There is no mutant {unknown}; --list names them.")
        return 2
    with campaign.trees(max(1, min(wanted.jobs, len(mutants)))) as copies:
        if wrong := campaign.green(copies, mutants):
            print("Red without a mutant, so nothing can be said:", *wrong, sep="\n")
            return 1
        print(f"The tests are green without them ({time.monotonic() - began:.0f} s).", flush=True)
        outcomes = campaign.try_all(copies, mutants, tell)
    alive = [outcome.fault for outcome in outcomes if outcome.fault]
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = f"{time.monotonic() - began:.0f} s ({used.ru_utime + used.ru_stime:.0f} s of CPU)"
    print(f"\n{len(outcomes) - len(alive)} of {len(mutants)} killed in {seconds}.")
    print(*alive, sep="\n")
    return int(bool(alive) or len(outcomes) < len(mutants))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
