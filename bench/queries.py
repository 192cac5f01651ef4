"""What `elonara.compiled_queries` saves: CPU with it and with plain ORM in its place, in alternation in one run.

usage: python bench/queries.py [delivery | connect | page]

The bound: if compiled queries save less than 15 % of the CPU of a delivered invitation, they should be removed. Results
are kept in docs/decisions/0008-compiled-queries.md. Times are CPU of the site's process, as machines are rarely idle.
"""

from __future__ import annotations

import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import delivery
from bench.browser import sign_in
from bench.ground import cpu_of, site, table
from bench.oauth_connect import Browser

BOUND = 0.15
SECONDS = 12.0  # for the rounds of each table
INVITATIONS = 10  # in one round
PAGES = 10  # in one round


@contextlib.contextmanager
def without_compiled_queries() -> Iterator[None]:
    """Execute every compiled query as the queryset that it is made from."""
    from elonara.compiled_queries import CompiledQuery

    kept = CompiledQuery.all, CompiledQuery.first, CompiledQuery.exists
    CompiledQuery.all = lambda self, **values: list(self._make(**values))
    CompiledQuery.first = lambda self, **values: next(iter(self._make(**values)[:1]), None)
    CompiledQuery.exists = lambda self, **values: self._make(**values).exists()
    try:
        yield
    finally:
        CompiledQuery.all, CompiledQuery.first, CompiledQuery.exists = kept


@contextlib.contextmanager
def without_update_where() -> Iterator[None]:
    """Generate the SQL of these UPDATEs each time."""
    from elonara import compiled_queries

    kept = compiled_queries.update_where
    compiled_queries.update_where = lambda model, where, values: model._default_manager.filter(**where).update(**values)
    try:
        yield
    finally:
        compiled_queries.update_where = kept


PARTS = {"CompiledQuery": without_compiled_queries, "update_where": without_update_where}


def compare(
    title: str,
    measure: Callable[[], float],
    *,
    before: Callable[[], object] = lambda: None,
    parts: Sequence[str] = ("CompiledQuery",),
) -> dict[str, float]:
    """Print the CPU with all parts and without each; returns the shares saved. `before` runs uncounted before each."""
    seconds: dict[str, list[float]] = {name: [] for name in ("", *parts)}
    order = list(seconds)
    ends = time.monotonic() + SECONDS
    while time.monotonic() < ends or len(seconds[""]) < 3:
        for name in order:
            before()
            with PARTS[name]() if name else contextlib.nullcontext():
                seconds[name].append(measure())
        order.reverse()  # so that other load of the machine affects all of them
    # Compared within each round, because the machine's speed changes between rounds.
    saved = {
        name: statistics.median(1 - one / other for one, other in zip(seconds[""], seconds[name], strict=True))
        for name in parts
    }
    median = {name: f"{statistics.median(each) * 1000:6.2f} ms" for name, each in seconds.items()}
    without = [(f"without {name}", f"{median[name]}   saves {saved[name]:6.1%}") for name in parts]
    table(f"{title}, {len(seconds[''])} rounds", [("as it is", median[""]), *without])
    return saved


def of_delivery() -> bool:
    """CPU per delivered invitation: one account, one thread, by OAuth, to a PDS that accepts everything at once."""
    with tempfile.TemporaryDirectory(prefix="elonara-bench-") as folder, delivery.fake_pds(0) as pds:
        delivery.django_up(delivery.beside_fake_pds(pds), folder)
        from elonara.bluesky.identity.identities import identity_row
        from elonara.invitations.models import Invitation
        from elonara.invitations.outbox import delivery as lanes

        host = delivery.connected(pds)[0]
        did = identity_row(host.pk).bsky_did

        def deliver() -> None:
            while Invitation.objects.exclude(state="sent").exists():
                lanes.poll(did)

        def invite() -> None:
            delivery.invite(host, INVITATIONS)

        invite()
        deliver()  # warm-up
        measure = lambda: cpu_of(deliver)[0] / INVITATIONS  # noqa: E731
        saved = compare("CPU of a delivered invitation", measure, before=invite, parts=list(PARTS))
    met = saved["CompiledQuery"] >= BOUND
    print(f"  bound for CompiledQuery: {BOUND:.0%}   {'met' if met else 'NOT MET'}")
    return met


def of_connect() -> bool:
    """CPU of connecting an account, minus two empty views."""
    with site() as net:
        browser = Browser(net)
        for _ in range(5):
            away = browser.connect()[2]
        empty = statistics.median(browser.two_empty_views(away) for _ in range(5))
        compare(
            "CPU of connecting, less two empty views", lambda: sum(browser.connect()[:2]) - empty, parts=list(PARTS)
        )
    return True


def of_page() -> bool:
    """CPU of the event page for a signed-in guest among twenty others."""
    with tempfile.TemporaryDirectory(prefix="elonara-bench-") as folder:
        delivery.django_up({}, folder)
        from django.test import Client
        from django.utils import timezone

        from elonara.events import actions as events
        from elonara.events.guests import rsvps
        from elonara.members.models import Member

        host, guest = Member.objects.create_user("host"), Member.objects.create_user("guest")
        starts = timezone.now() + timedelta(days=3)
        event = events.create(host, title="Picnic", starts_at=starts, timezone="UTC", location="By the river")
        for member in (guest, *(Member.objects.create_user(f"guest{number}") for number in range(20))):
            rsvps.respond(event, choice="going", member=member)
        client = Client()
        sign_in(client, guest)

        def pages() -> None:
            for _ in range(PAGES):
                response = client.get(f"/events/{event.slug}", headers={"host": "127.0.0.1"})
                if response.status_code != 200:
                    raise SystemExit(f"the page answered {response.status_code}")

        pages()  # warm-up
        compare("CPU of the event page for a signed-in guest", lambda: cpu_of(pages)[0] / PAGES)
    return True


TABLES = {"delivery": of_delivery, "connect": of_connect, "page": of_page}


def main() -> int:
    """Print all tables, each from a process of its own, because a process is one site. 1 if the bound is not met."""
    if len(sys.argv) > 1:
        return 0 if TABLES[sys.argv[1]]() else 1
    return max(abs(subprocess.run([sys.executable, __file__, name], check=False).returncode) for name in TABLES)


if __name__ == "__main__":
    raise SystemExit(main())
