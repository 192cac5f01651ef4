"""The site that is attacked, and the slow server that the attacker names."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace

from tests.ports import free_port

from bench.attack.load import ATTACKER, VISITOR, ask
from bench.attack.route import Route
from bench.browser import sign_in
from bench.ground import make_database

SLOW_SECONDS = 30
DID = "did:plc:slowslowslowslowslowslow"
PASSWORD = secrets.token_urlsafe(12)


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
    port = free_port()
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
                for known in (Route("/profile/edit", signed_in=True), Route("/api/v1/me", signed_in=True)):
                    if ask(port, known, ATTACKER, keys) != 200:
                        raise SystemExit("the attacker is not signed in")
                yield port, keys
            finally:
                process.send_signal(signal.SIGTERM)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(12)
                process.kill()
                slow.shutdown()


def _prepare(pds: str) -> dict[str, str]:
    import django

    django.setup()
    make_database()
    from django.utils import timezone

    from elonara.api import tokens
    from elonara.atproto.oauth.dpop import DpopKey
    from elonara.bluesky.models import MemberIdentity
    from elonara.bluesky.oauth.client import client_id
    from elonara.bluesky.sealed_columns import sealed_columns
    from elonara.communities import actions as communities
    from elonara.communities.models import Community
    from elonara.events import actions as events
    from elonara.events.models import Event
    from elonara.members.models import Member

    Member.objects.create_user("alice", password=PASSWORD)
    mallory = Member.objects.create_user("mallory", password=PASSWORD)
    soon = timezone.now() + timedelta(days=9)
    event = events.create(mallory, title="Picnic", starts_at=soon, timezone="UTC")
    Event.objects.filter(pk=event.pk).update(slug="picnic")
    Community.objects.filter(pk=communities.create(mallory, name="Club").pk).update(slug="club")
    identity = MemberIdentity(
        member=mallory, bsky_did=DID, bsky_handle="slow.test", pds_url=pds, issuer=pds, state="active",
        state_reason="", client_id=client_id(), bsky_scope="atproto", bsky_token_expires_at=timezone.now(),
    )  # fmt: skip
    secret_values = {"bsky_access_token_enc": "a", "bsky_refresh_token_enc": "r"}
    secret_values["dpop_key_enc"] = DpopKey.generate().to_json()
    for name, value in sealed_columns(identity, secret_values).items():
        setattr(identity, name, value)
    identity.save()
    browser = SimpleNamespace(cookies={})
    sign_in(browser, mallory)
    return {"session": browser.cookies["elonara_session"], "token": tokens.issue(mallory).access_token}


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if ask(port, Route("/health"), VISITOR) == 200:
                return
        time.sleep(0.1)
    raise SystemExit("the site did not start")
