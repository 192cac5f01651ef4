"""What the public lists cost on a site with 10,000 events and 3,000 communities, on SQLite and on PostgreSQL.

usage: python bench/lists.py [sqlite | postgres] [--explain WORD]

Each figure is the median of several requests of a visitor or a member, and its ratio to a bare SELECT of one row by its
key in the same run. Bound: 250 ms, also for a member who made a third of it all. `--explain WORD` prints the plans of
the queries behind the rows whose names contain it (`A|B`: one of them).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import delivery
from bench.browser import sign_in
from bench.ground import table
from bench.scale import analyze, explain, measured, on_databases

EVENTS, COMMUNITIES, ANSWERS = 10_000, 3_000, 30_000
MEMBERS = 200
PAGE_MS = 250.0
ZONES = ("Europe/Lisbon", "America/New_York", "Pacific/Auckland", "UTC")

type Row = tuple[str, Callable[[], object]]  # name, what is called


def fill() -> None:
    """Write members, communities, events of a year about now, and answers. The first member made a third of it all."""
    from django.utils import timezone

    from elonara.communities.models import Community, Membership
    from elonara.events.models import Event, EventHost, Rsvp
    from elonara.members.models import Member

    now = timezone.now()
    members = Member.objects.bulk_create(
        [Member(username=f"host{number}", password="!", timezone="UTC") for number in range(MEMBERS)]
    )

    def maker(number: int) -> Member:
        return members[0 if number % 3 == 0 else number % MEMBERS]

    communities = Community.objects.bulk_create(
        [
            Community(slug=f"club{number}", name=f"Club {number}", created_by=maker(number))
            for number in range(COMMUNITIES)
        ],
        batch_size=1000,
    )
    Membership.objects.bulk_create(
        (Membership(community=one, member=maker(number), role="admin") for number, one in enumerate(communities)),
        batch_size=1000,
    )
    events = Event.objects.bulk_create(
        [
            Event(
                slug=f"event{number}", title=f"Picnic {number}", description="Bring bread and a blanket. " * 20,
                starts_at=now + timedelta(hours=number % 8760 - 1500), timezone=ZONES[number % len(ZONES)],
                created_by=maker(number), capacity=10 if number % 2 else None,
                community=communities[number % COMMUNITIES] if number % 5 == 0 else None,
            )
            for number in range(EVENTS)
        ],
        batch_size=1000,
    )  # fmt: skip
    EventHost.objects.bulk_create(
        (EventHost(event=event, member=event.created_by, accepted_at=now) for event in events), batch_size=1000
    )
    Rsvp.objects.bulk_create(
        (
            Rsvp(event=events[number * 7 % EVENTS], did=f"did:plc:guest{number:019}", handle="g.test", choice="going")
            for number in range(ANSWERS)
        ),
        batch_size=5000,
    )


def rows() -> Iterator[Row]:
    """The pages and calls that list events or communities, with each of their filters."""
    from django.test import Client

    from elonara.api.tokens import issue
    from elonara.members.models import Member

    host = Member.objects.get(username="host0")
    visitor, busy = Client(headers={"host": "127.0.0.1"}), Client(headers={"host": "127.0.0.1"})
    sign_in(busy, host)
    program = Client(headers={"host": "127.0.0.1", "authorization": f"Bearer {issue(host).access_token}"})

    def get(client: Client, address: str) -> Callable[[], object]:
        def call() -> None:
            response = client.get(address)
            if response.status_code != 200:
                raise SystemExit(f"{address} answered {response.status_code}")

        return call

    filters = ("", "?q=picnic", "?q=9999", "?when=month", "?places_left=1", "?when=month&places_left=1&q=picnic",
               "?community=club5", "?show=past", "?show=mine", "?page=50")  # fmt: skip
    for query in filters:
        if "mine" not in query:
            yield f"/events{query}", get(visitor, f"/events{query}")
        yield f"/events{query} (busy host)", get(busy, f"/events{query}")
        yield f"/api/v1/events{query} (busy host)", get(program, f"/api/v1/events{query}")
    for query in ("", "?q=club", "?q=2999", "?page=50", "?show=mine", "?show=mine&q=club", "?show=mine&page=20"):
        if "mine" not in query:
            yield f"/communities{query}", get(visitor, f"/communities{query}")
        yield f"/communities{query} (busy host)", get(busy, f"/communities{query}")
    for address in ("/", "/events/event2000", "/communities/club5", "/@host0"):
        yield address, get(visitor, address)
    for address in ("/", "/profile", "/events/create", "/communities/club0"):
        yield f"{address} (busy host)", get(busy, address)


def bare_select() -> Callable[[], object]:
    """One event by its key, with a cursor and nothing else."""
    from django.db import connection

    from elonara.events.models import Event

    key = Event.objects.values_list("pk", flat=True)[0]

    def call() -> object:
        with connection.cursor() as cursor:
            cursor.execute("SELECT title FROM elonara_event WHERE id = %s", [key])
            return cursor.fetchone()

    return call


def of_database(vendor: str, url: str, folder: str, word: str) -> bool:
    """Fill a database and print its table; whether the bound is met everywhere."""
    environment = {"ELONARA_SITE__URL": "http://127.0.0.1:8000"} | ({"ELONARA_DATABASE__URL": url} if url else {})
    delivery.django_up(environment, folder)
    fill()
    analyze()
    lines, met = [], True
    bare = measured(bare_select())
    for name, call in rows():
        if word:
            if any(each in name for each in word.split("|")):
                print(f"\n=== {name}")
                explain(call)
            continue
        seconds = measured(call)
        good = seconds * 1000 <= PAGE_MS
        met &= good
        lines.append((name, f"{seconds * 1000:8.2f} ms   {seconds / bare:8.1f} x   {'' if good else 'NOT MET'}"))
    if not word:
        head = f"{vendor}: {EVENTS:,} events, {COMMUNITIES:,} communities, {ANSWERS:,} answers; bound {PAGE_MS:.0f} ms"
        table(head, [("a bare SELECT by key", f"{bare * 1000:8.3f} ms"), *lines])
        print(f"  bounds: {'met' if met else 'NOT MET'}")
    return met


if __name__ == "__main__":
    sys.exit(on_databases(__file__, of_database))
