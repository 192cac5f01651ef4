"""`elonara worker`: jobs in a process of their own, on any number of machines."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from contextlib import suppress

from django.db import DatabaseError

from elonara import jobs
from elonara.cli import migrate
from elonara.cli.errors import CommandRefused
from elonara.config import telemetry
from elonara.engines import handlers
from elonara.housekeeping import process_counts, workers
from elonara.housekeeping.keys import abandoned, in_use
from elonara.options import Options

# Time for running jobs after SIGTERM; below the 10 s after which service managers send SIGKILL.
STOP_SECONDS = 9.0


def run(args: argparse.Namespace, options: Options) -> int:
    """Run jobs until SIGTERM. Leases in the database make sure that only one worker handles an account at a time."""
    if not options.database.is_postgres:
        raise CommandRefused(
            "with SQLite the site runs its own jobs: `elonara serve` is enough (workers need PostgreSQL)"
        )
    if migrate.pending():
        raise CommandRefused("the database is older than this version: run `elonara migrate` first")
    in_use.check(options.data_dir)
    from elonara.engines.procrastinate import ProcrastinateEngine  # noqa: PLC0415 - it needs the PostgreSQL app

    telemetry.start(options.traces.endpoint)
    handlers.load()
    abandoned.resume_readable()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    engine = ProcrastinateEngine(threads=args.threads, beat=workers.beating("procrastinate"))
    engine.start()
    process_counts.keep_stored()
    print(f"working on {', '.join(sorted(jobs.kinds()))} with {args.threads} threads", flush=True)
    stop.wait()
    if not engine.stop(STOP_SECONDS):
        # A thread still waits for a hanging request and would keep the process alive. Exiting is safe: its row is in
        # the state `sending`, so the next worker reads the record key before it writes anything.
        logging.shutdown()
        sys.stdout.flush()
        os._exit(1)
    with suppress(DatabaseError):
        workers.leave()
    return 0
