"""Twenty connections of the attacker, and a visitor who looks at pages beside them."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from bench.attack.route import Route

CONNECTIONS = 20
ATTACKER, VISITOR = "198.51.100.66", "203.0.113.5"
TIMEOUT_SECONDS = 20.0
CSRF = "c" * 32
PAGES = [Route("/"), Route("/events"), Route("/events/picnic"), Route("/accounts/login/")]
SCRIPT = Path(__file__).resolve().parent.parent / "attacker.py"


def ask(
    port: int, route: Route, address: str, keys: dict[str, str] | None = None, number: int = 0, picture: bytes = b""
) -> int:
    """One request over a connection of its own; returns the status."""
    headers = {"X-Forwarded-For": address, "Cookie": f"elonara_csrf={CSRF}", "X-CSRFToken": CSRF}
    if route.signed_in and keys:
        headers["Cookie"] += f"; elonara_session={keys['session']}"
        if route.path.startswith("/api/"):
            headers["Authorization"] = f"Bearer {keys['token']}"
    body, kind = route.content(number, picture)
    if route.method != "GET":
        headers["Content-Type"] = kind
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request(route.method, route.path.replace("{n}", str(number)), body or None, headers)
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def attack(port: int, route: Route, keys: dict[str, str], seconds: float) -> Counter[str]:
    """Keep all connections busy for some seconds; returns how often which status came."""
    found: Counter[str] = Counter()
    picture = route.file()
    until = time.monotonic() + seconds

    def press(first: int) -> None:
        number = first * 100_000
        while time.monotonic() < until:
            number += 1
            try:
                found[str(ask(port, route, ATTACKER, keys, number, picture))] += 1
            except (OSError, http.client.HTTPException):
                found["broken off"] += 1

    threads = [threading.Thread(target=press, args=(first,), daemon=True) for first in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()) + 0.5)
    return found


def visit(port: int, seconds: float) -> list[float]:
    """A visitor's pages, one after another with a pause between; returns how long each took."""
    times, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.monotonic()
        try:
            status = ask(port, PAGES[len(times) % len(PAGES)], VISITOR)
        except OSError:
            status = 0
        times.append(time.monotonic() - began if status == 200 else TIMEOUT_SECONDS)
        time.sleep(0.05)
    return times


def measure(port: int, route: Route, keys: dict[str, str], seconds: float) -> tuple[list[float], Counter[str]]:
    """Attack in a process of its own, so that the visitor's clock is not slowed down by it."""
    task = json.dumps([port, asdict(route), keys, seconds])
    with subprocess.Popen(
        [sys.executable, str(SCRIPT), "--attack", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as attacker:
        assert attacker.stdin
        attacker.stdin.write(task)
        attacker.stdin.close()
        time.sleep(0.3)
        times = visit(port, seconds - 0.3)
        assert attacker.stdout
        return times, Counter(json.loads(attacker.stdout.read() or "{}"))
