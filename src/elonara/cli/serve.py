"""`elonara serve`: web server and jobs in one process."""

from __future__ import annotations

import argparse
import logging
import signal
import socket
import threading
import time
from contextlib import suppress
from types import FrameType
from typing import Any, Final

from django.core.wsgi import get_wsgi_application
from django.db import DatabaseError

from elonara import jobs
from elonara.bluesky import background_threads, outward
from elonara.cli import memory, migrate, moved_site
from elonara.cli.errors import CommandRefused
from elonara.config.server import make as make_server
from elonara.engines import handlers
from elonara.engines.embedded import EmbeddedEngine
from elonara.housekeeping import process_counts, workers
from elonara.housekeeping.keys import abandoned, in_use
from elonara.members.actions import first_run_link
from elonara.options import Http, Options

# After SIGTERM: time for running requests, for what goes on after its page gave up, then for running jobs. Together
# below the 10 s after which service managers send SIGKILL.
RESPONSE_SECONDS: Final = 4.0
JOB_SECONDS: Final = 4.0
BACKGROUND_SECONDS: Final = 1.0

log = logging.getLogger(__name__)


def run(args: argparse.Namespace, options: Options) -> int:
    """Serve until SIGTERM or Ctrl-C, then finish running requests and jobs."""
    memory.limit_malloc()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    migrate.ready(migrate=args.migrate)
    in_use.check(options.data_dir)
    listener = _listen(options.http)
    sockets: dict[int, Any] = {}
    server = make_server(get_wsgi_application(), listener, sockets)

    def wake_up(_number: int, _frame: FrameType | None) -> None:
        stop.set()
        server.pull_trigger()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, wake_up)

    engine = None
    if not args.without_jobs:
        handlers.load()
        abandoned.resume_readable()
        engine = EmbeddedEngine(beat=workers.beating("embedded"))
        engine.start()
    elif options.database.is_postgres:
        from elonara.engines.enqueue import Sender  # noqa: PLC0415 - it needs the PostgreSQL app

        jobs.set_engine(Sender())
    process_counts.keep_stored()
    _print_address(options)
    if waiting := moved_site.warning():
        print(waiting, flush=True)
    while not stop.is_set():
        server.asyncore.poll2(1.0, sockets)
    _finish_requests(server, sockets)
    # A refresh or an exchange that was sent: killed now, it would cost a member her session.
    outward.wait_for_background(BACKGROUND_SECONDS)
    background_threads.end(seconds=0.5)
    if engine is not None:
        engine.stop(JOB_SECONDS)
        with suppress(DatabaseError):
            workers.leave()
    log.info("stopped")
    return 0


def _listen(http: Http) -> socket.socket:
    host = http.host.removeprefix("[").removesuffix("]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Every address means those of IPv4 too, whatever the system's default (net.ipv6.bindv6only) is.
    both = host == "::" and socket.has_dualstack_ipv6()
    try:
        return socket.create_server((host, http.port), family=family, backlog=1024, dualstack_ipv6=both)
    except OSError as fault:
        raise CommandRefused(
            f"cannot listen on {http.host} port {http.port}: {fault.strerror}; set http.port"
        ) from fault


def _print_address(options: Options) -> None:
    print(f"Elonara is at {options.site.url}", flush=True)
    if link := first_run_link():
        print(f"Nobody runs this site yet. Create the first account here (once, within a day): {link}", flush=True)


def _finish_requests(server: Any, sockets: dict[int, Any]) -> None:
    """Stop accepting connections, and wait until the responses to running requests are sent."""
    server.del_channel(sockets)
    server.socket.close()
    deadline = time.monotonic() + RESPONSE_SECONDS
    while time.monotonic() < deadline and any(
        channel.requests or channel.total_outbufs_len for channel in list(server.active_channels.values())
    ):
        server.asyncore.poll2(0.1, sockets)
    server.task_dispatcher.shutdown(timeout=1)
