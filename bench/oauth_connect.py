"""CPU of the site for connecting a Bluesky account, beside the same requests by `http.client` in two bare views.

usage: python bench/oauth_connect.py [rounds]      the bounds: 1.5 times the bare flow, and 8 ms beyond two empty views

Each round connects an account twice: by the site, and by two views that do nothing but read the session and the
member and make the site's requests with `http.client` (bench/bare_connect.py): handle, DID document, pushed request,
code, with the same signatures, and with connections kept as long. Then two empty views, which read the session and
the member: what they cost is in both. The first view comes right after another request, as a start does. The second
comes after the visit to the authorization server, or a wait as long, because a process that has waited finds its CPU
caches cold. Not counted: disconnecting before each round, and fetching the public profile, which a job does later.

A round takes about two seconds, nearly all of them at the server, where passwords are checked. By default there are
as many rounds as fit into a minute.
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

from bench.bare_connect import BareClient
from bench.browser import sign_in
from bench.ground import cpu_of, site, spread, table

BOUND_MS, RATIO = 8.0, 1.5
SECONDS = 60.0  # for all rounds together
MAX_ROUNDS = 200
FORM = "application/x-www-form-urlencoded"  # as browsers send forms


class Browser:
    """A signed-in member's browser that connects her account repeatedly. Create it after Django is set up."""

    def __init__(self, net: Network) -> None:
        from django.conf import settings
        from django.http import HttpResponse, HttpResponseRedirect
        from django.test import Client
        from django.urls import path

        from elonara.bluesky.oauth import client, scopes
        from elonara.config import urls
        from elonara.members.models import Member

        def empty(request):
            return HttpResponse(f"{request.user.is_authenticated} {request.session.get('browser')}")

        def bare_start(request):
            empty(request)
            return HttpResponseRedirect(self._bare.begin(request.POST["handle"]))

        def bare_callback(request):
            self._granted = self._bare.finish(request.META["QUERY_STRING"])
            return empty(request)

        urls.urlpatterns += [
            path("bench-empty", empty),
            path("bench-start", bare_start),
            path("bench-callback", bare_callback),
        ]
        self._net = net
        self._bare = BareClient(
            plc=net.plc,
            handle_resolver=net.entryway,
            client_id=client.client_id(),
            redirect_uri=client.redirect_uri(),
            scope=scopes.connect(),
        )
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

    def bare(self) -> tuple[float, float]:
        """CPU seconds of the two bare views, which make the requests of one connect."""
        self._another_request()
        first, response = cpu_of(lambda: self._client.post("/bench-start", self._form, content_type=FORM))
        back = urlsplit(self._net.approve(response.url, self._account.handle, self._account.password))
        second, response = cpu_of(lambda: self._client.get(f"/bench-callback?{back.query}"))
        if response.status_code != 200:
            raise SystemExit(f"the bare callback answered {response.status_code}")
        self._bare.revoke(self._granted)
        return first, second

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
            browser.bare()
        more = going_on(int(sys.argv[1]) if len(sys.argv) > 1 else None)
        connects, bares, empties = [], [], []
        while more(len(connects)):
            first, second, away = browser.connect()
            connects.append((first, second))
            bares.append(browser.bare())
            empties.append(browser.two_empty_views(away))
    whole, bare = [sum(pair) for pair in connects], [sum(pair) for pair in bares]
    net_cost = [total - empty for total, empty in zip(whole, empties, strict=True)]
    bare_cost = [total - empty for total, empty in zip(bare, empties, strict=True)]
    median = statistics.median(net_cost) * 1000
    ratio = statistics.median(whole) / statistics.median(bare)
    met = median <= BOUND_MS and ratio <= RATIO
    table(
        f"OAuth connect, CPU of the site's process, {len(connects)} rounds",
        [
            ("start", spread([first for first, _ in connects])),
            ("callback", spread([second for _, second in connects])),
            ("bare start", spread([first for first, _ in bares])),
            ("bare callback", spread([second for _, second in bares])),
            ("two empty session views", spread(empties)),
            ("start + callback - empty", spread(net_cost) + f"   bound {BOUND_MS} ms"),
            ("the same of the bare ones", spread(bare_cost)),
            ("ratio of both pairs of views", f"{ratio:6.2f}      bound {RATIO}"),
            ("bounds", "met" if met else "NOT MET"),
        ],
    )
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
