"""CPU of the site for connecting a Bluesky account: start + callback, minus two empty views with a session.

usage: python bench/oauth_connect.py [rounds]      the bound: a median of at most 8 ms

An empty view reads the session and the member, and writes neither; nor does start or callback write them. The first one
comes right after another request, as the start does. The second comes after a wait as long as the visit to
the authorization server, because a process that has waited finds its CPU caches cold. Not counted: disconnecting before
each round, and fetching the public profile, which a job does afterwards.

A round takes about a second: the visit to the server, where the password is checked, and a wait of the same length. By
default there are as many rounds as fit into 75 seconds.
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
MAX_ROUNDS = 200
FORM = "application/x-www-form-urlencoded"  # as browsers send forms


class Browser:
    """A signed-in member's browser that connects her account repeatedly. Create it after Django is set up."""

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
        first, response = cpu_of(lambda: self._client.post("/auth/bluesky/connect", self._form, content_type=FORM))
        if response.status_code != 302 or not response.url.startswith(self._net.issuer):
            raise SystemExit(f"start answered {response.status_code} {getattr(response, 'url', '')}")
        left = time.monotonic()
        back = urlsplit(self._net.approve(response.url, self._account.handle, self._account.password))
        away = time.monotonic() - left
        second, response = cpu_of(lambda: self._client.get(f"{back.path}?{back.query}"))
        if response.status_code != 302:
            raise SystemExit(f"callback answered {response.status_code}")
        return first, second, away

    def two_empty_views(self, away: float) -> float:
        """CPU seconds of two empty views, `away` seconds apart."""
        self._another_request()
        first, _ = cpu_of(lambda: self._client.get("/bench-empty"))
        time.sleep(away)
        second, _ = cpu_of(lambda: self._client.get("/bench-empty"))
        return first + second

    def _another_request(self) -> None:
        from django.core.cache import cache

        # Connect means that there is no session yet. Ending an old one is part of Reauthorize, which is not measured.
        self._client.post("/disconnect/bluesky")
        self._client.cookies.pop("messages", None)  # no page shows them here, so they would accumulate
        cache.clear()  # resets the rate limits, which so many connections in a minute would exceed


def going_on(rounds: int | None) -> Callable[[int], bool]:
    """A function that says, after so many rounds, whether to go on: up to `rounds`, else until the time is up."""
    ends = time.monotonic() + SECONDS
    return lambda done: done < rounds if rounds else done < MAX_ROUNDS and (done < 2 or time.monotonic() < ends)


def main() -> int:
    """Print the table; 1 if the bound is not met."""
    with site() as net:
        browser = Browser(net)
        for _ in range(5):  # warm: imports, metadata cache, connection pool
            browser.two_empty_views(browser.connect()[2])
        more = going_on(int(sys.argv[1]) if len(sys.argv) > 1 else None)
        connects, empties = [], []
        while more(len(connects)):
            first, second, away = browser.connect()
            connects.append((first, second))
            empties.append(browser.two_empty_views(away))
    net_cost = [first + second - empty for (first, second), empty in zip(connects, empties, strict=True)]
    median = statistics.median(net_cost) * 1000
    table(
        f"OAuth connect, CPU of the site's process, {len(connects)} rounds",
        [
            ("start", spread([first for first, _ in connects])),
            ("callback", spread([second for _, second in connects])),
            ("two empty session views", spread(empties)),
            ("start + callback - empty", spread(net_cost)),
            ("bound", f"{BOUND_MS:6.2f} ms   {'met' if median <= BOUND_MS else 'NOT MET'}"),
        ],
    )
    return 0 if median <= BOUND_MS else 1


if __name__ == "__main__":
    raise SystemExit(main())
