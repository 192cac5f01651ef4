"""Memory of a one-process site: `elonara serve` from an empty database to 40 sent invitations with a picture.

usage: python bench/memory.py [people]      the bounds: a peak under 145 MB, with what the processes that
decode and draw pictures take at that moment, and a warm start within 4 seconds
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import httpx2  # noqa: E402
from sandbox import network  # noqa: E402
from tests.ports import free_port  # noqa: E402

from bench.ground import table  # noqa: E402

BOUND_MB = 145
WARM_SECONDS = 4.0
PASSWORD = "correct horse battery staple"


class Site:
    """A running `elonara serve`, and an HTTP client with cookies."""

    def __init__(self, net: network.Network, folder: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("ELONARA_")}
        self.environment |= net.settings(raised_caps=True)
        self.environment |= {
            "ELONARA_DATA_DIR": folder,
            "ELONARA_CONFIG": os.devnull,
            "ELONARA_SITE__URL": self.url,
            "ELONARA_HTTP__PORT": str(self.port),
        }
        self.log = Path(folder) / "serve.log"
        self.browser = httpx2.Client(base_url=self.url, timeout=60, trust_env=False)
        self.peak_with_children = 0.0  # MB; of the process and those that it starts for pictures, at one moment

    def start(self) -> float:
        """Start it; returns the seconds until /health responds with 200."""
        began = time.perf_counter()
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "elonara.cli", "serve", "--migrate"],
                env=self.environment,
                stdout=log,
                stderr=log,
                cwd=ROOT,
            )
        while time.perf_counter() - began < 60:
            with contextlib.suppress(httpx2.TransportError):
                if self.browser.get("/health").status_code == 200:
                    return time.perf_counter() - began
            time.sleep(0.02)
        raise SystemExit(self.log.read_text())

    def stop(self) -> None:
        """Send SIGTERM, as a service manager does, and wait."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(15)

    def memory(self) -> float:
        """The peak so far in MB: of the process alone (VmHWM), or together with its children where that is more."""
        return max(_memory_of(self.process.pid, "VmHWM"), self.peak_with_children)

    def watch_children(self) -> None:
        """Look at the memory of the processes for pictures until it ends: each lives for a second at most."""
        while self.process.poll() is None:
            children = 0.0
            for thread in Path(f"/proc/{self.process.pid}/task").glob("*/children"):
                with contextlib.suppress(OSError):
                    for child in thread.read_text().split():
                        # Between fork and exec a child has its parent's memory, and shares it.
                        if b"elonara.cli" not in Path(f"/proc/{child}/cmdline").read_bytes():
                            children += _own_memory_of(int(child))
            if children:
                both = _memory_of(self.process.pid, "VmRSS") + children
                self.peak_with_children = max(self.peak_with_children, both)
            time.sleep(0.005)

    def post(self, page: str, to: str, data: dict | None = None, **more) -> httpx2.Response:
        """Get `page` for its CSRF token, then post a form to `to`."""
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.browser.get(page).text)[1]
        response = self.browser.post(
            to, data={"csrfmiddlewaretoken": token} | (data or {}), headers={"Referer": self.url + page}, **more
        )
        if response.status_code not in {302, 303}:
            raise SystemExit(f"{to} answered {response.status_code}:\n{response.text[:3000]}")
        return response


def _memory_of(pid: int, line: str) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(rf"{line}:\s+(\d+)", status)
    return int(found[1]) / 1024 if found else 0.0  # one that has just ended has none


def _own_memory_of(pid: int) -> float:
    # Without what it shares with its parent, such as the pages of Python itself.
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(kb) for kb in re.findall(r"Private_\w+:\s+(\d+)", rollup)) / 1024


def picture() -> bytes:
    """A photograph-like JPEG of 12 megapixels, as phones take them."""
    from PIL import Image

    noise = Image.effect_noise((1000, 750), 90).resize((4000, 3000))
    out = io.BytesIO()
    Image.merge("RGB", (noise, noise.rotate(90).resize(noise.size), noise.rotate(180))).save(out, "JPEG", quality=88)
    return out.getvalue()


def main() -> int:
    """Print the table; 1 if a bound is not met."""
    people = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    with network.start(accounts=["alice"]) as net, tempfile.TemporaryDirectory(prefix="elonara-bench-") as folder:
        alice = net.accounts["alice.test"]
        with ThreadPoolExecutor(4) as pool:
            guests = list(pool.map(lambda _: net.create_account(), range(people)))
            list(pool.map(lambda guest: _follow(net, guest, alice.did), guests))
        net.sync()
        site = Site(net, folder)
        first = site.start()
        after_first = site.memory()
        site.stop()
        warm = site.start()
        idle = site.memory()
        threading.Thread(target=site.watch_children, daemon=True).start()
        try:
            link = re.search(r"/first-run/\S+", site.log.read_text())[0]
            fields = {"username": "alice", "password": PASSWORD, "display_name": "Alice", "email": ""}
            site.post(link, link, fields)
            response = site.post("/profile/edit", "/auth/bluesky/connect", {"handle": alice.handle})
            back = urlsplit(net.approve(response.headers["location"], alice.handle))
            site.browser.get(f"{back.path}?{back.query}")
            app = {"identifier": alice.handle, "app_password": alice.app_password}
            site.post("/profile/edit", "/connect/bluesky", app)
            connected = site.memory()
            starts = (datetime.now(UTC) + timedelta(days=7)).strftime("%Y-%m-%dT15:00")
            event = {
                "title": "Picnic",
                "starts_at": starts,
                "timezone": "Europe/Lisbon",
                "visibility": "public",
                "picture_alt": "A loaf",
                "plus_ones_allowed": "0",
                "description": "Bread.",
                "location": "The lawn",
            }
            jpeg = picture()
            made = site.post(
                "/events/create", "/events/create", event, files={"picture": ("p.jpg", jpeg, "image/jpeg")}
            )
            slug = urlsplit(made.headers["location"]).path.split("/")[2]
            pictured = site.memory()
            token = site.browser.post("/api/v1/tokens", json={"username": "alice", "password": PASSWORD}).json()
            bearer = {"Authorization": f"Bearer {token['access_token']}"}
            call = f"/api/v1/events/{slug}/invitations"
            began = time.perf_counter()
            sent = site.browser.post(call, json={"dids": [guest.did for guest in guests]}, headers=bearer).json()
            if sent.get("queued") != people:
                raise SystemExit(f"not everybody was invited: {sent}")
            while True:
                counts = site.browser.get(call, headers=bearer).json()["counts"]
                if counts.get("sent") == people:
                    break
                if time.perf_counter() - began > 300:
                    raise SystemExit(f"not everything was sent: {counts}")
                site.browser.get(f"/events/{slug}/manage?tab=invite&step=watch")
                time.sleep(0.2)
            delivered = time.perf_counter() - began
            peak = site.memory()
        finally:
            site.stop()
    met = peak < BOUND_MB and warm < WARM_SECONDS
    table(
        f"One process, {people} invitations with a picture of {len(jpeg) / 1e6:.1f} MB",
        [
            ("first start to /health (migrates)", f"{first:6.2f} s    peak {after_first:5.1f} MB"),
            ("warm start to /health", f"{warm:6.2f} s    peak {idle:5.1f} MB"),
            ("connected, app password kept", f"             peak {connected:5.1f} MB"),
            ("picture uploaded", f"             peak {pictured:5.1f} MB"),
            (f"{people} sent", f"{delivered:6.2f} s    peak {peak:5.1f} MB"),
            ("bounds", f"{WARM_SECONDS:6.2f} s    {BOUND_MB:10d} MB   {'met' if met else 'NOT MET'}"),
        ],
    )
    return 0 if met else 1


def _follow(net: network.Network, guest: network.Account, did: str) -> None:
    with httpx2.Client(base_url=net.pds, timeout=60, trust_env=False) as pds:
        session = pds.post(
            "/xrpc/com.atproto.server.createSession", json={"identifier": guest.did, "password": guest.password}
        ).json()
        record = {"$type": "app.bsky.graph.follow", "subject": did, "createdAt": "2026-01-01T00:00:00Z"}
        pds.post(
            "/xrpc/com.atproto.repo.createRecord",
            json={"repo": guest.did, "collection": "app.bsky.graph.follow", "record": record},
            headers={"Authorization": f"Bearer {session['accessJwt']}"},
        ).raise_for_status()


if __name__ == "__main__":
    raise SystemExit(main())
