"""Requests per second of the pages people open most, compared with a bare view of the same server; and its memory.

usage: python bench/pages.py [seconds of each row]

The bare view reads session and member, two queries, and answers with a line. It is served by the same process, at the
same time of the run: rows alternate in short turns, so that whatever else this machine does slows all of them. Four
kept connections ask without a pause. Bounds, as parts of the bare view's rate: a visitor's home, event page and
`/i/{ref}` 1/4, an event by the API 1/2, the host's event page with 500 guests 1/8. Memory (resident) after 10,000
requests: within 10 % of what it was after 1,000.
"""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.ports import free_port  # noqa: E402

from bench.ground import make_database, table  # noqa: E402

CONNECTIONS, GUESTS, EVENTS = 4, 500, 12
TURN_SECONDS, SECONDS = 0.7, 7.0
FIRST, LAST, GROWTH = 1000, 10_000, 1.10
BOUNDS = {"home": 1 / 4, "event page": 1 / 4, "/i/{ref}": 1 / 4, "API event": 1 / 2, "host, 500 guests": 1 / 8}


@contextlib.contextmanager
def configured() -> Iterator[int]:
    """The settings of a new site, in the environment; yields the port that it will listen on."""
    with tempfile.TemporaryDirectory(prefix="elonara-bench-") as folder:
        port = free_port()
        for name in [name for name in os.environ if name.startswith("ELONARA_")]:
            del os.environ[name]
        os.environ |= {
            "ELONARA_DATA_DIR": folder,
            "ELONARA_CONFIG": os.devnull,
            "ELONARA_SITE__URL": f"http://127.0.0.1:{port}",
            "ELONARA_HTTP__PORT": str(port),
            "DJANGO_SETTINGS_MODULE": "elonara.config.settings",
        }
        yield port


def serve() -> int:
    """`elonara serve` with the bare view at `/bench-empty`."""
    import django

    django.setup()
    from django.http import HttpResponse
    from django.urls import path

    from elonara.cli import main as elonara
    from elonara.config import urls

    def empty(request):
        return HttpResponse(f"{request.user.is_authenticated} {request.session.get('browser')}")

    urls.urlpatterns.insert(0, path("bench-empty", empty))
    return elonara(["serve", "--without-jobs"])


def fill() -> dict[str, bytes]:
    """A host with a dozen events, one of them with 500 guests, and an invitation; returns a request for each row."""
    import django

    django.setup()
    make_database()
    from django.test import Client
    from django.utils import timezone

    from bench.browser import sign_in
    from elonara.api.tokens import issue
    from elonara.atproto.tid import new_tid
    from elonara.bluesky.models import MemberIdentity
    from elonara.events import actions
    from elonara.events.models import Rsvp
    from elonara.invitations.models import Batch, Invitation
    from elonara.members.models import Member

    people = [Member(username=f"person{n:03}", display_name=f"Person {n}", password="!") for n in range(GUESTS)]
    people = Member.objects.bulk_create(people)
    MemberIdentity.objects.bulk_create(
        MemberIdentity(
            pk=uuid.uuid4(), member=member, bsky_did=f"did:plc:{member.username}", state="active",
            bsky_handle=f"{member.username}.example.com", avatar_url=f"https://cdn.example.com/{member.username}.jpg",
        )
        for member in people
    )  # fmt: skip
    host, now = people[0], timezone.now()
    events = [
        actions.create(
            host,
            title=f"Picnic {n}",
            starts_at=now + timedelta(days=3 + n),
            timezone="Europe/Lisbon",
            location="The lawn",
            description="Bread, cheese and songs.\n\n" * 6,
        )
        for n in range(EVENTS)
    ]
    for event, guests in ((events[0], people[1:31]), (events[1], people)):
        Rsvp.objects.bulk_create(Rsvp(event=event, member=member, choice="going") for member in guests)
    batch = Batch.objects.create(host=host, event=events[0], note="Come, all of you!")
    invitation = Invitation.objects.create(
        batch=batch, event=events[0], host=host, author_did="did:plc:person000", invitee_did="did:plc:invitee",
        invitee_handle="invitee.example.com", rkey=new_tid(), ref=uuid.uuid4().hex[:20], record={"text": "Come!"},
        state="sent", queued_at=now, next_attempt_at=now,
    )  # fmt: skip
    client = Client()
    sign_in(client, host)
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
    bearer = f"Authorization: Bearer {issue(host).access_token}"
    return {
        "bare view": _request("/bench-empty", f"Cookie: {cookie}"),
        "home": _request("/"),
        "event page": _request(f"/events/{events[0].slug}"),
        "/i/{ref}": _request(f"/i/{invitation.ref}"),
        "API event": _request(f"/api/v1/events/{events[0].slug}", bearer),
        "host, 500 guests": _request(f"/events/{events[1].slug}", f"Cookie: {cookie}"),
    }


def _request(path: str, *headers: str) -> bytes:
    port = os.environ["ELONARA_HTTP__PORT"]
    lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "User-Agent: bench", "Accept: */*", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


class Visitors:
    """Kept connections that ask one after another, each as soon as its answer is there."""

    def __init__(self, port: int) -> None:
        self._selector = selectors.DefaultSelector()
        for _ in range(CONNECTIONS):
            self._selector.register(socket.create_connection(("127.0.0.1", port), 60), selectors.EVENT_READ)

    def ask(self, request: bytes, *, seconds: float = 3600.0, count: int = 10**9) -> tuple[int, float]:
        """Ask for so long, or so often; returns the number of answers and the seconds. Refuses any status but 200."""
        began = time.perf_counter()
        sent = done = 0
        buffers = {key.fileobj: bytearray() for key in self._selector.get_map().values()}
        for each in buffers:
            each.sendall(request)
            sent += 1
        while done < sent:
            for key, _ in self._selector.select(60):
                buffer = buffers[key.fileobj]
                if not (data := key.fileobj.recv(1 << 18)):
                    raise SystemExit("the server closed a kept connection")
                buffer += data
                if not _is_whole(buffer):
                    continue
                buffer.clear()
                done += 1
                if sent < count and time.perf_counter() - began < seconds:
                    key.fileobj.sendall(request)
                    sent += 1
        return done, time.perf_counter() - began


def _is_whole(answer: bytearray) -> bool:
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return False
    if not answer.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"not a page: {bytes(answer[:600]).decode(errors='replace')}")
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", answer[:end])
    if length is None:
        raise SystemExit("an answer without its length")
    return len(answer) >= end + 4 + int(length[1])


@contextlib.contextmanager
def server(port: int):
    """The site in a process of its own; yields its number."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen([sys.executable, __file__, "--serve"], stdout=log, stderr=log, cwd=ROOT)
        try:
            for _ in range(600):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                time.sleep(0.1)
            else:
                log.seek(0)
                raise SystemExit(log.read().decode())
            yield process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(15)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_mb(pid: int) -> float:
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) / 1024


def _memory(visitors: Visitors, requests: dict[str, bytes], pid: int) -> tuple[float, float]:
    """MB after so many requests of all kinds, and after ten times as many; the slow host's page once in a hundred."""
    asked, after_first = 0, 0.0
    while asked < LAST:
        for name, request in requests.items():
            share = 1 if name == "host, 500 guests" else 20
            asked += visitors.ask(request, count=max(share, CONNECTIONS))[0]
            if not after_first and asked >= FIRST:
                after_first = _resident_mb(pid)
    return after_first, _resident_mb(pid)


def main() -> int:
    """Print the table; 1 if a bound is not met."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    with configured() as port:
        requests = fill()
        with server(port) as pid:
            visitors = Visitors(port)
            # First the memory: it warms everything, and a fresh process shows best what grows.
            after_first, after_last = _memory(visitors, requests, pid)
            rates, cpu = {name: [] for name in requests}, dict.fromkeys(requests, 0.0)
            asked = dict.fromkeys(requests, 0)
            for _ in range(max(2, round(seconds / TURN_SECONDS))):
                for name, request in requests.items():
                    used = _cpu_seconds(pid)
                    count, took = visitors.ask(request, seconds=TURN_SECONDS)
                    rates[name].append(count / took)
                    asked[name], cpu[name] = asked[name] + count, cpu[name] + _cpu_seconds(pid) - used
    return _print(rates, {name: cpu[name] / asked[name] for name in requests}, after_first, after_last)


def _print(rates: dict[str, list[float]], cpu: dict[str, float], after_first: float, after_last: float) -> int:
    bare, rows, all_met = rates["bare view"], [], True
    for name, own in rates.items():
        ratio = statistics.median(one / other for one, other in zip(own, bare, strict=True))
        bound = BOUNDS.get(name)
        met = bound is None or ratio >= bound
        all_met = all_met and met
        words = "" if bound is None else f"1/{1 / ratio:<5.1f} bound 1/{1 / bound:.0f}   {'met' if met else 'NOT MET'}"
        rows.append((name, f"{statistics.median(own):7.0f}/s   {cpu[name] * 1000:6.2f} ms CPU   {words}"))
    met = after_last <= after_first * GROWTH
    words = f"{after_first:.1f} MB, then {after_last:.1f} MB, bound {GROWTH:.0%}   {'met' if met else 'NOT MET'}"
    table(f"Pages, {CONNECTIONS} kept connections", [*rows, (f"memory, {FIRST} and {LAST} requests", words)])
    return 0 if all_met and met else 1


if __name__ == "__main__":
    raise SystemExit(serve() if "--serve" in sys.argv else main())
