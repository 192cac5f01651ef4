"""The stored graph at a real AppView: syncing, searching, forgetting, with bounds; prints one table for each database.

usage: python bench/graph.py [sqlite|postgresql] [--followers 100000] [--follows 20000]

The same network serves both databases. Wall-clock times are compared with a bare keep-alive loop that fetches the same
pages in the same run; CPU is that of this process. Rate limits of the network are off.

Promises that need no stop-watch are tests: three first syncs under the rate limits of a PDS
(`tests/contract/bluesky/test_sync_budgets.py`), kills in the middle and lists that change meanwhile
(`tests/chaos/test_graph.py`, `tests/contract/bluesky/test_sync.py`), and that a search misses nobody
(`tests/unit/bluesky/graph/test_search.py`).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import re
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import httpx2  # noqa: E402
from sandbox import network, seed_graph  # noqa: E402

from bench.ground import make_database, table  # noqa: E402

WALL_RATIO, CPU_MS, MEMORY_MB, FIRST_SECONDS, NEW_SECONDS = 1.1, 5.0, 40.0, 1.0, 1.0
PICKER_MS, SEARCH_PAGE_MS, PICKER_KB, PICKER_QUERIES, SEARCHES = 60.0, 30.0, 200.0, 12, 15
SEARCH_MS, FORGET_SECONDS, OTHERS_SECONDS, NEW = 5.0, 60.0, 1.0, 200
PASSWORD = "correct horse battery staple"
QUERIES = {
    "1-2 letters": ["s", "ma", "yu", "k", "lu"],
    "3 letters": ["aku", "ann", "tan", "ova"],
    "5 letters": ["akura", "lberg", "tanak", "weber"],
    "two words": ["tanaka sak", "smith ann", "maria lo", "yuki mori"],
}


class Rows:
    """The lines of the table, and whether all bounds are met."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.met = True

    def add(self, name: str, value: float, unit: str, bound: float | None = None, more: str = "") -> None:
        """One line; with a bound, whether it is met."""
        text = f"{value:9.2f} {unit}"
        if bound is not None:
            self.met = self.met and value <= bound
            text += f"   {'met' if value <= bound else 'NOT MET'} (bound {bound:g} {unit})"
        self.lines.append((name, f"{text}   {more}".rstrip()))
        print(f"  {name}: {text} {more}", file=sys.stderr, flush=True)


def main() -> int:
    """Start the network once, then measure in a process of its own for each database; 1 if a bound is not met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("databases", nargs="*", choices=["sqlite", "postgresql", []], default=[])
    parser.add_argument("--followers", type=int, default=100_000)
    parser.add_argument("--follows", type=int, default=20_000)
    options = parser.parse_args()
    chosen = options.databases or ["sqlite", "postgresql"]
    met = True
    with network.start(accounts=["alice"]) as net:
        seed_graph.seed(net.postgres_url, options.followers, follows=options.follows)
        for number, database in enumerate(chosen):
            work = {
                "database": database,
                "number": number,
                "settings": net.settings(raised_caps=True),
                "pds": net.pds,
                "appview_did": net.appview_did,
                "postgres": net.postgres_url,
                "handle": net.accounts["alice.test"].handle,
                "did": net.accounts["alice.test"].did,
                "password": net.accounts["alice.test"].password,
            }
            child = subprocess.Popen(
                [sys.executable, __file__, "--child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=ROOT,
            )
            child.stdin.write(json.dumps(work) + "\n")
            child.stdin.flush()
            for line in child.stdout:
                if line.startswith("APPROVE "):
                    answer = net.approve(line.removeprefix("APPROVE ").strip(), "alice.test")
                    child.stdin.write(answer + "\n")
                    child.stdin.flush()
                else:
                    print(line, end="", flush=True)
            met = child.wait() == 0 and met
    return 0 if met else 1


def measure() -> int:
    """What one database costs. Runs in a process of its own, whose memory is measured."""
    work = json.loads(sys.stdin.readline())
    with tempfile.TemporaryDirectory(prefix="elonara-bench-") as folder, _database(work["database"]) as url:
        _set_up(work["settings"], folder, url)
        rows = Rows()
        _measure(work, rows)
        table(f"The stored graph on {work['database']}", rows.lines)
        sys.stdout.flush()
        return 0 if rows.met else 1


@contextlib.contextmanager
def _database(name: str) -> Iterator[str]:
    if name == "sqlite":
        yield ""
        return
    from tests.runner.cluster import cluster

    with tempfile.TemporaryDirectory(prefix="elonara-bench-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL may run as another user
        with cluster(Path(folder) / "cluster") as server:
            yield server.url("bench")


def _set_up(environment: dict[str, str], folder: str, url: str) -> None:
    for name in [name for name in os.environ if name.startswith("ELONARA_")]:
        del os.environ[name]
    os.environ.update(environment)
    os.environ |= {
        "ELONARA_DATA_DIR": folder,
        "ELONARA_CONFIG": os.devnull,
        "ELONARA_DATABASE__URL": url,
        "ELONARA_BLUESKY__WRITES__MODE": "oauth",
        "DJANGO_SETTINGS_MODULE": "elonara.config.settings",
    }
    import logging

    import django

    django.setup()
    logging.disable(logging.WARNING)
    make_database()


def _measure(work: dict[str, Any], rows: Rows) -> None:
    from django.utils import timezone

    from elonara.bluesky.graph.models import KnownPerson, StoredGraph
    from elonara.engines.embedded import EmbeddedEngine
    from elonara.members.models import Member

    member = Member.objects.create_user("alice", password=PASSWORD)
    engine = EmbeddedEngine()
    engine.start()
    try:
        memory = _memory()
        before, before_cpu = _bare(work)
        connected, callback_cpu = _connect(member, work)
        _wait(KnownPerson.objects.exists, 0.005)
        rows.add(
            "first people to pick after the callback", (timezone.now() - connected).total_seconds(), "s", FIRST_SECONDS
        )
        peak = 0.0
        while not StoredGraph.objects.filter(member=member, full_read_at__isnull=False).exists():
            peak = max(peak, _memory())
            time.sleep(1)  # its queries count as this process's CPU
        cpu = time.process_time() - callback_cpu
        graph = StoredGraph.objects.get(member=member)
        wall = (graph.full_read_at - connected).total_seconds()
        pages = -(-graph.followers // 100) + -(-graph.follows // 100)
        after, after_cpu = _bare(work)
        bare = (before + after) / 2
        rows.add(f"first sync of {graph.followers} followers, {graph.follows} follows", wall, "s")
        rows.add("  wall, of a bare keep-alive loop", wall / bare, "x", WALL_RATIO, f"(bare {bare:.1f} s)")
        rows.add("  client CPU of a page, storing included", cpu / pages * 1000, "ms", CPU_MS)
        rows.add(
            "  of a page in the bare loop: how busy the machine is", (before_cpu + after_cpu) / 2 / pages * 1000, "ms"
        )
        rows.add("  the process grows by", peak - memory, "MB", MEMORY_MB)
        _newcomers(member, work, rows)
        _search(rows, "")
        _search_during_sync(member, rows)
        _pages(member, rows)
        _forget(member, rows)
    finally:
        engine.stop()


def _connect(member: Any, work: dict[str, Any]) -> tuple[datetime, float]:
    """Connect by OAuth; the times, on the wall and of this process's CPU, at which the callback was answered."""
    from django.utils import timezone

    from elonara.bluesky.connections.oauth_service import BlueskyOAuthService

    browser, service = secrets.token_hex(8), BlueskyOAuthService()
    url = service.begin("connect", work["did"], member=member, browser=browser, confirmed=True)
    print(f"APPROVE {url}", flush=True)
    callback = dict(parse_qsl(urlsplit(sys.stdin.readline().strip()).query))
    service.finish(callback, browser=browser)
    return timezone.now(), time.process_time()


def _bare(work: dict[str, Any]) -> tuple[float, float]:
    """One connection fetches the same pages at the same PDS, without looking at them: seconds, and CPU seconds."""
    with httpx2.Client(base_url=work["pds"], timeout=60, trust_env=False) as pds:
        session = pds.post(
            "/xrpc/com.atproto.server.createSession", json={"identifier": work["did"], "password": work["password"]}
        ).json()
        head = {
            "Authorization": f"Bearer {session['accessJwt']}",
            "atproto-proxy": f"{work['appview_did']}#bsky_appview",
        }
        cursor_of = re.compile(rb'"cursor":"([^"]+)"')
        began, cpu = time.monotonic(), time.process_time()
        for name in ("getFollowers", "getFollows"):
            cursor = None
            while True:
                params = {"actor": work["did"], "limit": 100} | ({"cursor": cursor} if cursor else {})
                body = pds.get(f"/xrpc/app.bsky.graph.{name}", params=params, headers=head).content
                found = cursor_of.search(body)
                if found is None:
                    break
                cursor = found[1].decode()
        return time.monotonic() - began, time.process_time() - cpu


def _newcomers(member: Any, work: dict[str, Any], rows: Rows) -> None:
    """Two hundred more people follow; the next pass finds them."""
    from django.utils import timezone

    from elonara import jobs
    from elonara.bluesky.graph.models import StoredGraph

    seed_graph.seed(work["postgres"], NEW, follows=0, seed=secrets.randbelow(1 << 30), newest=True)
    before = StoredGraph.objects.get(member=member).followers
    began = time.monotonic()
    StoredGraph.objects.filter(member=member).update(due_at=timezone.now())
    jobs.wake("graph", str(StoredGraph.objects.get(member=member).pk))
    _wait(lambda: StoredGraph.objects.get(member=member).due_at > timezone.now(), 0.01)
    rows.add(f"sync of {NEW} new followers", time.monotonic() - began, "s", NEW_SECONDS)
    missing = NEW - (StoredGraph.objects.get(member=member).followers - before)
    rows.add("  of whom are missing", missing, "people", 0)


def search() -> int:
    """The p95 of each kind of query, in ms, as JSON. Runs in a process of its own: beside a sync it has its own GIL."""
    import django

    django.setup()
    from elonara.bluesky.graph.listing import Wanted, page
    from elonara.bluesky.graph.models import StoredGraph

    (graph,) = StoredGraph.objects.exclude(member=None)
    found = {}
    for kind, queries in QUERIES.items():
        times = []
        for _ in range(SEARCHES):
            for query in queries:
                began = time.perf_counter()
                page(graph, Wanted(q=query, limit=50))
                times.append(time.perf_counter() - began)
        found[kind] = statistics.quantiles(times, n=20)[-1] * 1000
    print(json.dumps(found))
    return 0


def _search(rows: Rows, when: str) -> None:
    done = subprocess.run(
        [sys.executable, __file__, "--search"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    for kind, milliseconds in json.loads(done.stdout).items():
        rows.add(f"search for {kind}, p95{when}", milliseconds, "ms", SEARCH_MS)


def _search_during_sync(member: Any, rows: Rows) -> None:
    from elonara.bluesky.graph import sync
    from elonara.bluesky.graph.models import StoredGraph

    sync.request(member)
    began = time.monotonic()
    _search(rows, " while a full pass runs")
    running = StoredGraph.objects.get(member=member).state == "running"
    _wait(lambda: StoredGraph.objects.get(member=member).state == "done", 0.1)
    rows.add(
        "full pass over people who are stored", time.monotonic() - began, "s", more="" if running else "(too short)"
    )


def _pages(member: Any, rows: Rows) -> None:
    """The picker and the API as requests: time on the server, size, queries."""
    from django.conf import settings
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext
    from django.utils import timezone
    from tests import client_sessions

    from elonara.events import actions as events

    client_sessions.install()
    settings.ALLOWED_HOSTS = ["*"]
    starts = timezone.now() + timedelta(days=30)
    event = events.create(member, title="Picnic", starts_at=starts, timezone="UTC", location="By the river")
    client = Client()
    client.force_login(member)
    token = client.post(
        "/api/v1/tokens", json.dumps({"username": "alice", "password": PASSWORD}), content_type="application/json"
    ).json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    picker = f"/events/{event.slug}/manage?tab=invite"
    for name, url, bound in (
        ("the picker", picker, PICKER_MS),
        # What the page asks for while she types, and what it is without a script.
        ("a search in the picker", f"{picker}&part=people&list=everyone&q=saku", SEARCH_PAGE_MS),
        ("the same as a whole page", f"{picker}&q=saku", None),
        ("a search by the API", "/api/v1/me/bluesky/followers?q=saku", SEARCH_PAGE_MS),
    ):
        times: list[float] = []
        for _ in range(12):
            began = time.perf_counter()
            response = client.get(url, headers=bearer if url.startswith("/api/") else {})
            times.append((time.perf_counter() - began) * 1000)
        with CaptureQueriesContext(connection) as queries:
            client.get(url)
        more = f"{response.status_code}, {len(response.content) / 1000:.0f} kB, {len(queries)} queries"
        rows.add(f"{name}, median", statistics.median(times[2:]), "ms", bound, more)
        if url == picker:
            rows.add("  its size", len(response.content) / 1000, "kB", PICKER_KB)
            rows.add("  its queries", len(queries), "", PICKER_QUERIES)


def _forget(member: Any, rows: Rows) -> None:
    """Disconnect, while somebody else writes a row again and again."""
    from django.db import connections

    from elonara.bluesky.connections.oauth_service import BlueskyOAuthService
    from elonara.bluesky.graph.models import KnownPerson
    from elonara.members.models import Member

    waits: list[float] = []
    done = threading.Event()
    other = Member.objects.create_user("bob", password=secrets.token_hex(8))

    def write() -> None:
        while not done.is_set():
            began = time.monotonic()
            Member.objects.filter(pk=other.pk).update(display_name=f"Bob {random.random()}")
            waits.append(time.monotonic() - began)
            time.sleep(0.005)
        connections.close_all()

    writer = threading.Thread(target=write)
    writer.start()
    began = time.monotonic()
    BlueskyOAuthService().disconnect(member)
    _wait(lambda: not KnownPerson.objects.exists(), 0.05)
    rows.add("Disconnect deletes everybody within", time.monotonic() - began, "s", FORGET_SECONDS)
    done.set()
    writer.join()
    rows.add("  the longest wait of another writer", max(waits), "s", OTHERS_SECONDS, f"(of {len(waits)})")


def _wait(until: Callable[[], bool], often: float, patience: float = 900) -> None:
    ends = time.monotonic() + patience
    while not until():
        if time.monotonic() > ends:
            raise SystemExit("that did not happen in time")
        time.sleep(often)


def _memory() -> float:
    """Resident memory of this process in MB."""
    found = re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


if __name__ == "__main__":
    raise SystemExit({"--child": measure, "--search": search}.get(" ".join(sys.argv[1:]), main)())
