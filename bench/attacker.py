"""One attacker with 20 connections at one route, beside a visitor: how long does the visitor's page take?

    python bench/attacker.py                          every route, a few seconds each
    python bench/attacker.py --seconds 60 --route /   one route, a minute

The site is the real one (`elonara serve` on SQLite); every server that the attacker names takes half a minute to
answer. Attacker and visitor come from two networks, told apart by a trusted proxy's header. Ends with 1 where the
visitor's p95 is a second or more.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import http.server
import json
import os
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from urllib.parse import urlencode

CONNECTIONS = 20
ATTACKER, VISITOR = "198.51.100.66", "203.0.113.5"
SLOW_SECONDS = 30
BOUND_SECONDS = 1.0
TIMEOUT_SECONDS = 20.0
DID = "did:plc:slowslowslowslowslowslow"
CSRF = "c" * 32
PASSWORD = secrets.token_urlsafe(12)


@dataclass(frozen=True)
class Route:
    """A request of the attacker; `{n}` in the body is another number each time."""

    path: str
    method: str = "GET"
    body: dict[str, str] = field(default_factory=dict)
    signed_in: bool = False  # with the session's cookie; calls of the API have the token

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}{' (member)' if self.signed_in else ''}"


ROUTES = [
    Route("/"),
    Route("/health"),
    Route("/events"),
    Route("/communities"),
    Route("/events/picnic"),
    Route("/events/picnic.ics"),
    Route("/accounts/login/"),
    Route("/accounts/login/", "POST", {"login": "alice", "password": "wrong {n}"}),
    Route("/accounts/signup/", "POST", {"username": "x{n}", "password1": "long enough {n}"}),
    Route("/accounts/password/reset/", "POST", {"email": "nobody{n}@mail.example"}),
    Route("/api/v1/tokens", "POST", {"username": "alice", "password": "wrong {n}"}),
    Route("/auth/bluesky/start?handle=slow.test"),
    Route("/invitations/prove", "POST", {"handle": "slow.test"}),
    Route("/auth/bluesky/callback?state=x&code=y"),
    Route("/events/picnic/manage", signed_in=True),
    Route("/auth/bluesky/reauthorize", "POST", signed_in=True),
    Route("/auth/bluesky/connect", "POST", {"handle": "slow.test"}, signed_in=True),
    Route("/connect/bluesky", "POST", {"identifier": "slow.test", "app_password": "aaaa-bbbb-cccc-dddd"}, True),
    Route("/api/v1/me/bluesky/followers", signed_in=True),
    Route("/api/v1/me/bluesky/sync", "POST", signed_in=True),
    Route("/api/v1/events/picnic", signed_in=True),
]


class SlowServer(http.server.BaseHTTPRequestHandler):
    """Directory, handle resolver and PDS in one: says at once who the account is, and nothing else for long."""

    def do_GET(self) -> None:
        port = self.server.server_address[1]
        if self.path.startswith("/did:"):
            service = {"id": "#atproto_pds", "type": "AtprotoPersonalDataServer"}
            service["serviceEndpoint"] = f"http://127.0.0.1:{port}"
            self._say({"id": DID, "alsoKnownAs": ["at://slow.test"], "service": [service]})
        elif "resolveHandle" in self.path:
            self._say({"did": DID})
        else:
            self.do_POST()

    def do_POST(self) -> None:
        time.sleep(SLOW_SECONDS)
        with contextlib.suppress(OSError):
            self._say({})

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _say(self, body: dict[str, object]) -> None:
        raw = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


@contextlib.contextmanager
def site() -> Iterator[tuple[int, dict[str, str]]]:
    """Start the slow server and the site; yields the site's port, and the attacker's cookie and token."""
    slow = http.server.ThreadingHTTPServer(("127.0.0.1", 0), SlowServer)
    slow.daemon_threads = True
    threading.Thread(target=slow.serve_forever, daemon=True).start()
    address = f"127.0.0.1:{slow.server_address[1]}"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="elonara-attacker-") as folder:
        for name in [name for name in os.environ if name.startswith("ELONARA_")]:
            del os.environ[name]
        os.environ |= {
            "ELONARA_DATA_DIR": folder,
            "ELONARA_CONFIG": os.devnull,
            "ELONARA_SITE__URL": f"http://127.0.0.1:{port}",
            "ELONARA_SITE__REGISTRATION": "open",
            "ELONARA_HTTP__PORT": str(port),
            "ELONARA_HTTP__TRUSTED_PROXIES": "127.0.0.1",
            "ELONARA_BLUESKY__ALLOW_PRIVATE_HOSTS": address,
            "ELONARA_BLUESKY__PLC_URL": f"http://{address}",
            "ELONARA_BLUESKY__APPVIEW_URL": f"http://{address}",
            "ELONARA_BLUESKY__HANDLE_RESOLVER_URL": f"http://{address}",
            "DJANGO_SETTINGS_MODULE": "elonara.config.settings",
        }
        keys = _prepare(f"http://{address}")
        with subprocess.Popen(
            [sys.executable, "-m", "elonara.cli", "serve"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            try:
                _wait_for(port)
                yield port, keys
            finally:
                process.send_signal(signal.SIGTERM)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(12)
                process.kill()
                slow.shutdown()


def _prepare(pds: str) -> dict[str, str]:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore
    from django.utils import timezone

    from elonara.api import tokens
    from elonara.atproto.oauth.dpop import DpopKey
    from elonara.bluesky.models import MemberIdentity
    from elonara.bluesky.oauth.client import client_id
    from elonara.bluesky.sealed_columns import sealed_columns
    from elonara.events import actions as events
    from elonara.events.models import Event
    from elonara.members.models import Member

    Member.objects.create_user("alice", password=PASSWORD)
    mallory = Member.objects.create_user("mallory", password=PASSWORD)
    soon = timezone.now() + timedelta(days=9)
    event = events.create(mallory, title="Picnic", starts_at=soon, timezone="UTC")
    Event.objects.filter(pk=event.pk).update(slug="picnic")
    identity = MemberIdentity(
        member=mallory, bsky_did=DID, bsky_handle="slow.test", pds_url=pds, issuer=pds, state="active",
        state_reason="", client_id=client_id(), bsky_scope="atproto", bsky_token_expires_at=timezone.now(),
    )  # fmt: skip
    secret_values = {"bsky_access_token_enc": "a", "bsky_refresh_token_enc": "r"}
    secret_values["dpop_key_enc"] = DpopKey.generate().to_json()
    for name, value in sealed_columns(identity, secret_values).items():
        setattr(identity, name, value)
    identity.save()
    session = SessionStore()
    session[SESSION_KEY] = str(mallory.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = mallory.get_session_auth_hash()
    session.save()
    return {"session": session.session_key or "", "token": tokens.issue(mallory).access_token}


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if ask(port, Route("/health"), VISITOR) == 200:
                return
        time.sleep(0.1)
    raise SystemExit("the site did not start")


def ask(port: int, route: Route, address: str, keys: dict[str, str] | None = None, number: int = 0) -> int:
    """One request over a connection of its own; returns the status."""
    body = {name: value.format(n=number) for name, value in route.body.items()}
    headers = {"X-Forwarded-For": address, "Cookie": f"elonara_csrf={CSRF}", "X-CSRFToken": CSRF}
    if route.signed_in and keys:
        headers["Cookie"] += f"; elonara_session={keys['session']}"
        if route.path.startswith("/api/"):
            headers["Authorization"] = f"Bearer {keys['token']}"
    data = urlencode(body)
    if route.path.startswith("/api/"):
        data, headers["Content-Type"] = (json.dumps(body) if body else ""), "application/json"
    elif route.method == "POST":
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request(route.method, route.path, data or None, headers)
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def attack(port: int, route: Route, keys: dict[str, str], seconds: float) -> Counter[str]:
    """Keep all connections busy for some seconds; returns how often which status came."""
    found: Counter[str] = Counter()
    until = time.monotonic() + seconds

    def press(first: int) -> None:
        number = first * 100_000
        while time.monotonic() < until:
            number += 1
            try:
                found[str(ask(port, route, ATTACKER, keys, number))] += 1
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
    pages = [Route("/"), Route("/events"), Route("/events/picnic"), Route("/accounts/login/")]
    while time.monotonic() < until:
        began = time.monotonic()
        try:
            status = ask(port, pages[len(times) % len(pages)], VISITOR)
        except OSError:
            status = 0
        times.append(time.monotonic() - began if status == 200 else TIMEOUT_SECONDS)
        time.sleep(0.05)
    return times


def measure(port: int, route: Route, keys: dict[str, str], seconds: float) -> tuple[list[float], Counter[str]]:
    """Attack in a process of its own, so that the visitor's clock is not slowed down by it."""
    task = json.dumps([port, asdict(route), keys, seconds])
    with subprocess.Popen([sys.executable, __file__, "--attack", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as attacker:  # fmt: skip
        assert attacker.stdin
        attacker.stdin.write(task)
        attacker.stdin.close()
        time.sleep(0.3)
        times = visit(port, seconds - 0.3)
        assert attacker.stdout
        return times, Counter(json.loads(attacker.stdout.read() or "{}"))


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each route")
    parser.add_argument("--route", action="append", help="only routes with this in their name")
    parser.add_argument("--attack", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.attack:
        port, route, keys, seconds = json.loads(sys.stdin.read())
        print(json.dumps(attack(port, Route(**route), keys, seconds)))
        sys.stdout.flush()
        os._exit(0)  # threads may wait for a slow answer still
    worst = 0.0
    with site() as (port, keys):
        alone = visit(port, 2)
        print(f"{'route of the attacker':<48} {'pages':>5} {'p50':>7} {'p95':>7} {'max':>7}   what the attacker got")
        _row("(nobody)", alone, Counter())
        for route in ROUTES:
            if args.route and not any(part in route.name for part in args.route):
                continue
            times, statuses = measure(port, route, keys, args.seconds)
            worst = max(worst, _row(route.name, times, statuses))
    print(f"\nworst p95 {worst:.2f} s; the bound is {BOUND_SECONDS:.0f} s")
    return int(worst >= BOUND_SECONDS)


def _row(name: str, times: list[float], statuses: Counter[str]) -> float:
    p95 = statistics.quantiles(times, n=20)[-1] if len(times) > 1 else times[0]
    got = ", ".join(f"{count} x {status}" for status, count in statuses.most_common(4))
    print(f"{name:<48} {len(times):>5} {statistics.median(times):>6.2f}s {p95:>6.2f}s {max(times):>6.2f}s   {got}",
          flush=True)  # fmt: skip
    return p95


if __name__ == "__main__":
    raise SystemExit(main())
