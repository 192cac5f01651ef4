"""What connecting a Bluesky account costs the site's CPU: start + callback, minus two empty session views.

usage: python bench/oauth_connect.py [rounds]      the bound: a median of at most 8 ms

An empty view reads the session and the member, and writes nothing, for neither half of the trip writes them. The first
one follows another request, as the start does; the second follows a wait as long as the trip to the server, for a
process that has waited finds its caches cold. Not counted: disconnecting before each round, and the public profile,
which a job reads afterwards.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path
from urllib.parse import urlencode, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.ground import site, spread, table

BOUND_MS = 8.0
FORM = "application/x-www-form-urlencoded"  # as browsers send it


def main() -> int:
    """Print the table; 1 where the bound is not held."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with site() as net:
        from django.conf import settings
        from django.core.cache import cache
        from django.http import HttpResponse
        from django.test import Client
        from django.urls import path

        from elonara.config import urls
        from elonara.members.models import Member

        def empty(request):
            return HttpResponse(f"{request.user.is_authenticated} {request.session.get('browser')}")

        urls.urlpatterns.append(path("bench-empty", empty))
        account = next(iter(net.accounts.values()))
        client = Client(SERVER_NAME="127.0.0.1", SERVER_PORT=urlsplit(settings.ELONARA.site.url).port)
        client.force_login(Member.objects.create_user("bench"))
        form = urlencode({"handle": account.handle})

        def cpu(call):
            began = time.process_time()
            answer = call()
            return time.process_time() - began, answer

        def another_request():
            # Connecting is for an account without a session: what ending an old one costs belongs to Reauthorize.
            client.post("/disconnect/bluesky")
            client.cookies.pop("messages", None)  # no page shows them here, and they would pile up
            cache.clear()  # nobody connects so often in a minute: the site would ask to wait

        def connect():
            another_request()
            first, answer = cpu(lambda: client.post("/auth/bluesky/connect", form, content_type=FORM))
            if answer.status_code != 302 or not answer.url.startswith(net.issuer):
                raise SystemExit(f"start answered {answer.status_code} {getattr(answer, 'url', '')}")
            left = time.monotonic()
            back = urlsplit(net.approve(answer.url, account.handle, account.password))
            away = time.monotonic() - left
            second, answer = cpu(lambda: client.get(f"{back.path}?{back.query}"))
            if answer.status_code != 302:
                raise SystemExit(f"callback answered {answer.status_code}")
            return first, second, away

        def two_empty_views(away):
            another_request()
            first, _ = cpu(lambda: client.get("/bench-empty"))
            time.sleep(away)
            second, _ = cpu(lambda: client.get("/bench-empty"))
            return first + second

        for _ in range(5):  # warm: imports, metadata cache, connection pool
            two_empty_views(connect()[2])
        trips, empties = [], []
        for _ in range(rounds):
            first, second, away = connect()
            trips.append((first, second))
            empties.append(two_empty_views(away))
    net_cost = [first + second - empty for (first, second), empty in zip(trips, empties, strict=True)]
    median = statistics.median(net_cost) * 1000
    table(
        f"OAuth connect, CPU of the site's process, {rounds} rounds",
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
