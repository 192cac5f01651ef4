"""What connecting a Bluesky account costs the site's CPU: start + callback, minus two empty session views.

usage: python bench/oauth_connect.py [rounds]      the bound: a median of at most 8 ms

An empty view reads the session and the member, and writes nothing, for neither half of the trip writes them. The first
one follows another request, as the start does; the second follows a wait as long as the trip to the server, for a
process that has waited finds its caches cold. Not counted: disconnecting before each round, and the public profile,
which a job reads afterwards.

A round takes about a second, twice the server's check of the password and its pages: the second time as that wait. So
there are as many rounds as fit into 75 seconds, unless their number is given.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sandbox.network import Network

from bench.browser import sign_in
from bench.ground import cpu_of, site, spread, table

BOUND_MS = 8.0
SECONDS = 75.0  # for all rounds together
MOST = 200  # rounds
FORM = "application/x-www-form-urlencoded"  # as browsers send it


class Browser:
    """A signed-in member's browser that connects her account over and over. Make it after Django is set up."""

    def __init__(self, net: Network) -> None:
        from django.conf import settings
        from django.http import HttpResponse
        from django.test import Client
        from django.urls import path

        from elonara.config import urls
        from elonara.members.models import Member

        def empty(request):
            return HttpResponse(f"{request.user.is_authenticated} {request.session.get('browser')}")

        urls.urlpatterns.append(path("bench-empty", empty))
        self._net = net
        self._account = next(iter(net.accounts.values()))
        self._client = Client(SERVER_NAME="127.0.0.1", SERVER_PORT=urlsplit(settings.ELONARA.site.url).port)
        sign_in(self._client, Member.objects.create_user("bench"))
        self._form = urlencode({"handle": self._account.handle})

    def connect(self) -> tuple[float, float, float]:
        """Connect once: CPU seconds of the start and of the callback, and the seconds spent at the server between."""
        self._another_request()
        first, answer = cpu_of(lambda: self._client.post("/auth/bluesky/connect", self._form, content_type=FORM))
        if answer.status_code != 302 or not answer.url.startswith(self._net.issuer):
            raise SystemExit(f"start answered {answer.status_code} {getattr(answer, 'url', '')}")
        left = time.monotonic()
        back = urlsplit(self._net.approve(answer.url, self._account.handle, self._account.password))
        away = time.monotonic() - left
        second, answer = cpu_of(lambda: self._client.get(f"{back.path}?{back.query}"))
        if answer.status_code != 302:
            raise SystemExit(f"callback answered {answer.status_code}")
        return first, second, away

    def two_empty_views(self, away: float) -> float:
        """CPU seconds of two views that do nothing, `away` seconds apart."""
        self._another_request()
        first, _ = cpu_of(lambda: self._client.get("/bench-empty"))
        time.sleep(away)
        second, _ = cpu_of(lambda: self._client.get("/bench-empty"))
        return first + second

    def _another_request(self) -> None:
        from django.core.cache import cache

        # Connecting is for an account without a session: what ending an old one costs belongs to Reauthorize.
        self._client.post("/disconnect/bluesky")
        self._client.cookies.pop("messages", None)  # no page shows them here, and they would pile up
        cache.clear()  # nobody connects so often in a minute: the site would ask to wait


def going_on(rounds: int | None) -> Callable[[int], bool]:
    """Whether another round is due after so many: until the number that was asked for, else until time is up."""
    ends = time.monotonic() + SECONDS
    return lambda done: done < rounds if rounds else done < MOST and (done < 2 or time.monotonic() < ends)


def main() -> int:
    """Print the table; 1 where the bound is not held."""
    with site() as net:
        browser = Browser(net)
        for _ in range(5):  # warm: imports, metadata cache, connection pool
            browser.two_empty_views(browser.connect()[2])
        more = going_on(int(sys.argv[1]) if len(sys.argv) > 1 else None)
        trips, empties = [], []
        while more(len(trips)):
            first, second, away = browser.connect()
            trips.append((first, second))
            empties.append(browser.two_empty_views(away))
    net_cost = [first + second - empty for (first, second), empty in zip(trips, empties, strict=True)]
    median = statistics.median(net_cost) * 1000
    table(
        f"OAuth connect, CPU of the site's process, {len(trips)} rounds",
        [
            ("start", spread([first for first, _ in trips])),
            ("callback", spread([second for _, second in trips])),
            ("two empty session views", spread(empties)),
            ("start + callback - empty", spread(net_cost)),
            ("bound", f"{BOUND_MS:6.2f} ms   {'met' if median <= BOUND_MS else 'NOT MET'}"),
        ],
    )
    return 0 if median <= BOUND_MS else 1


if __name__ == "__main__":
    raise SystemExit(main())
