"""A site to fuzz: `elonara serve` on a free port with an empty database, beside a Bluesky of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
from bench.ground import make_database
from sandbox import network
from tests.ports import free_port
from tests.runner.cluster import cluster

START_SECONDS = 60
NAMES = {"member": "alice.test", "operator": "bob.test", "dan": "carol.test"}  # and their accounts there


@dataclass
class Site:
    """A running site. `token_of` makes one for a username, `known` is what means something there, `log` what the server
    said.
    """

    url: str
    token_of: Callable[[str], str] = field(repr=False)
    known: dict[str, list[str]]
    log: Path


@contextlib.contextmanager
def running(*, postgresql: bool, log: Path) -> Iterator[Site]:
    """The site, until the block ends."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="elonara-fuzz-")))
        folder.chmod(0o755)  # the account that PostgreSQL runs as must be able to get in
        database = ""
        if postgresql:
            database = stack.enter_context(cluster(folder / "postgresql")).url("fuzz")
        net = stack.enter_context(network.start(accounts=3))
        port = free_port()
        for name in [name for name in os.environ if name.startswith("ELONARA_")]:
            del os.environ[name]
        os.environ |= net.settings(raised_caps=True) | {
            "ELONARA_DATA_DIR": str(folder / "data"),
            "ELONARA_CONFIG": os.devnull,
            "ELONARA_DATABASE__URL": database,
            "ELONARA_SITE__URL": f"http://127.0.0.1:{port}",
            "ELONARA_HTTP__PORT": str(port),
            "ELONARA_BLUESKY__WRITES__MODE": "oauth",
            "DJANGO_SETTINGS_MODULE": "elonara.config.settings",
        }
        _people(net)
        known = {
            "dids": [account.did for account in net.accounts.values()],
            "handles": [account.handle for account in net.accounts.values()],
            "names": [*NAMES, NAMES["dan"]],
        }
        with (
            log.open("wb") as out,
            subprocess.Popen(
                [sys.executable, "-m", "elonara.cli", "serve"], stdin=subprocess.DEVNULL, stdout=out, stderr=out
            ) as process,
        ):
            try:
                _wait_for(f"http://127.0.0.1:{port}/health", process)
                yield Site(f"http://127.0.0.1:{port}", _token_of, known, log)
            finally:
                process.send_signal(signal.SIGTERM)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(12)
                process.kill()


def _people(net: network.Network) -> None:
    """Make the members, and connect their accounts by OAuth."""
    import logging

    import django

    django.setup()
    logging.disable(logging.WARNING)
    make_database()
    from bench.browser import sign_in
    from django.conf import settings
    from django.db import connection
    from django.test import Client

    from elonara.members.models import Member

    for name, handle in NAMES.items():
        operator = name == "operator"
        member = Member.objects.create_user(name, timezone="UTC", is_superuser=operator, is_staff=operator)
        browser = Client(SERVER_NAME="127.0.0.1", SERVER_PORT=urlsplit(settings.ELONARA.site.url).port)
        sign_in(browser, member)
        started = browser.post("/auth/bluesky/connect", {"handle": handle})
        back = urlsplit(net.approve(started["location"], handle))
        connected = browser.get(f"{back.path}?{back.query}")
        if connected.status_code != 302:
            raise RuntimeError(f"{name} could not connect: {connected.status_code}")
    _let_go(connection)


def _token_of(name: str) -> str:
    from django.db import connection

    from elonara.api import tokens
    from elonara.members.models import Creation, Member

    # What a member may create within a day is used up in seconds: she begins a new day.
    Creation.objects.all().delete()
    token = tokens.issue(Member.objects.get(username=name)).access_token
    _let_go(connection)
    return token


def _let_go(connection: Any) -> None:
    """Leave no connection to the database open: PostgreSQL would not stop."""
    connection.close()
    if connection.vendor == "postgresql":
        connection.close_pool()


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx2.HTTPError):
            if httpx2.get(address).status_code == 200:
                return
        time.sleep(0.1)
    raise RuntimeError("the site did not start")
