"""`elonara worker`: jobs in a process of their own, on any number of machines."""

from __future__ import annotations

import argparse
import signal
import threading

from elonara import jobs
from elonara.cli import migrate
from elonara.cli.errors import Refused
from elonara.engines import handlers
from elonara.engines.embedded import EmbeddedEngine
from elonara.options import Options

SWEEP_SECONDS = 3.0  # nobody wakes a worker: it looks at the rows
STOP_SECONDS = 9.0


def run(given: argparse.Namespace, options: Options) -> int:
    """Work until SIGTERM. The leases keep each account to one worker."""
    if not options.database.is_postgres:
        raise Refused("with SQLite the site runs its own jobs: `elonara serve` is enough (workers need PostgreSQL)")
    if migrate.pending():
        raise Refused("the database is older than this version: run `elonara migrate` first")
    handlers.load()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    engine = EmbeddedEngine(threads=given.threads, sweep_seconds=SWEEP_SECONDS)
    engine.start()
    print(f"working on {', '.join(sorted(jobs.kinds()))} with {given.threads} threads", flush=True)
    stop.wait()
    return 0 if engine.stop(STOP_SECONDS) else 1
