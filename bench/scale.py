"""What the site's queries cost at 100,000 invitations of 1,000 hosts, on SQLite and on PostgreSQL.

usage: python bench/scale.py [sqlite | postgres] [--explain WORD]

Each figure is the median of several calls, and its ratio to a bare SELECT of one row by its key in the same run.
Bounds: 50 ms for the sweep, also while everything is queued; 10 ms for whatever a worker asks about one account, also
one with 30,000 rows; 150 ms for the jobs page and /metrics, and for a page and a poll of the Watch page of 2,000 rows.
`--explain WORD` prints the plans of the queries behind the figures whose names contain it.
"""

from __future__ import annotations

import functools
import html
import itertools
import re
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sandbox import postgres

from bench import delivery
from bench.browser import sign_in
from bench.ground import table

HOSTS, INVITATIONS = 1_000, 100_000
OF_THE_LARGEST = 30_000  # invitations of one host to one event; the next one has 2,000
OF_THE_SECOND = 2_000
SWEEP_MS, LANE_MS, PAGE_MS = 50.0, 10.0, 150.0
SECONDS_EACH = 0.25  # for the calls of one row of the table, of which there are three at least
TOKEN = "a token of the benchmark"

type Row = tuple[str, float | None, Callable[[], object]]  # name, bound in ms, what is called


def fill() -> None:
    """Write the rows, past all hooks: hosts with an event each, their invitations, answers, notices and e-mails."""
    from django.db import connection
    from django.utils import timezone

    from elonara.bluesky.models import AccountLane, ActorView, MemberIdentity
    from elonara.events.models import Event, EventHost, Rsvp
    from elonara.invitations.account_models import (
        PastInvitation,
        SendingAccount,
        SendingAccountHolder,
        SendingAccountKey,
    )
    from elonara.invitations.consent.accounts import key_of
    from elonara.invitations.models import Announcement, Batch, EmailInvitation, HostSending, Invitation
    from elonara.invitations.targets import Target
    from elonara.members.models import Member, Notice

    now = timezone.now()
    dids = [f"did:plc:host{number:020}" for number in range(HOSTS)]
    hosts = Member.objects.bulk_create([Member(username=f"host{number}", password="!") for number in range(HOSTS)])
    MemberIdentity.objects.bulk_create(
        MemberIdentity(
            member=host, bsky_did=did, bsky_handle=f"{host.username}.test", pds_url="https://pds.test", state="active",
            state_reason="", bsky_token_expires_at=now, issuer="https://pds.test",
        )
        for host, did in zip(hosts, dids, strict=True)
    )  # fmt: skip
    HostSending.objects.bulk_create(HostSending(host=host, first_sent_at=now) for host in hosts)
    AccountLane.objects.bulk_create(AccountLane(author_did=did) for did in dids)
    accounts = SendingAccount.objects.bulk_create([SendingAccount(began_at=now, zone="UTC") for _ in hosts])
    SendingAccountHolder.objects.bulk_create(
        SendingAccountHolder(member=host, account=account) for host, account in zip(hosts, accounts, strict=True)
    )
    SendingAccountKey.objects.bulk_create(
        SendingAccountKey(key=key_of(did), account=account) for did, account in zip(dids, accounts, strict=True)
    )
    events = Event.objects.bulk_create(
        [
            Event(
                slug=f"event{number}", title="Picnic", starts_at=now + timedelta(days=number % 60 - 20), timezone="UTC",
                created_by=host,
            )
            for number, host in enumerate(hosts)
        ]
    )  # fmt: skip
    for event in events[:2]:  # the two large ones are still to come
        event.starts_at = now + timedelta(days=30)
        event.save()
    EventHost.objects.bulk_create(
        EventHost(event=event, member=host) for event, host in zip(events, hosts, strict=True)
    )
    batches = Batch.objects.bulk_create(
        [Batch(host=host, event=event) for host, event in zip(hosts, events, strict=True)]
    )
    post = {"state": "sent", "next_attempt_at": now, "queued_at": now, "sent_at": now, "attempts": 1}
    announcements = Announcement.objects.bulk_create(
        [
            Announcement(
                event=event,
                host=host,
                author_did=did,
                rkey="3announcement",
                record={"text": "Come"},
                facts=Target(event).facts,
                **post,
            )
            for host, event, did in zip(hosts, events, dids, strict=True)
        ]
    )
    others = (INVITATIONS - OF_THE_LARGEST - OF_THE_SECOND) // (HOSTS - 2)
    numbers = [OF_THE_LARGEST, OF_THE_SECOND, *[others] * (HOSTS - 2)]
    numbers[-1] += INVITATIONS - sum(numbers)
    text = {"text": "I'd love you to come to Picnic, Sat 5 Dec 15:00 Lisbon " * 3, "facets": [{"index": [0, 9]}] * 2}

    template = Invitation(
        batch=batches[0], event=events[0], host=hosts[0], announcement=announcements[0], record=text, queued_at=now,
        next_attempt_at=now, created_at=now,
    )  # fmt: skip

    facts = Invitation._meta.get_field("facts")

    def invitations() -> Iterator[dict[str, Any]]:
        times = [now - timedelta(hours=hours) for hours in range(500)]
        for place, number in enumerate(numbers):
            ids = {name: each[place].pk for name, each in (("event", events), ("host", hosts))}
            ids |= {"batch": batches[place].pk, "announcement": announcements[place].pk}
            ids["facts"] = facts.get_db_prep_save(Target(events[place]).facts, connection)
            for each in range(number):
                minutes, state, reason = _state(each)
                at = times[each % 500]
                yield ids | {
                    "id": uuid.uuid4(), "author_did": dids[place], "rkey": f"3{place:04}{each:08}",
                    "ref": f"{place:04}-{each:08}", "state": state, "reason": reason, "queued_at": at,
                    "invitee_did": f"did:plc:guest{(place * 7 + each) % 40000:019}",
                    "invitee_handle": f"guest{each}.test", "invitee_name": f"Guest {each}",
                    "next_attempt_at": now + timedelta(minutes=minutes), "sent_at": at if state == "sent" else None,
                    "last_attempt_at": at if state in {"sent", "failed"} else None,
                    "answer": "going" if state == "sent" and each % 5 == 0 else "",
                    "counted_on": at.date() if state in {"sent", "queued"} else None,
                }  # fmt: skip

    write(template, invitations())
    Rsvp.objects.bulk_create(
        (
            Rsvp(event=events[number % HOSTS], did=f"did:plc:guest{number:019}", handle="g.test", choice="going")
            for number in range(20_000)
        ),
        batch_size=5_000,
    )
    Notice.objects.bulk_create(
        (
            Notice(member=hosts[number % HOSTS], kind=f"kind {number}", text="Look", dismissed_at=now)
            for number in range(20_000)
        ),
        batch_size=5_000,
    )
    EmailInvitation.objects.bulk_create(
        (
            EmailInvitation(
                event=events[number % HOSTS], host=hosts[number % HOSTS], address_hash=f"{number:064}",
                token_hash=f"{number:064}", state="sent" if number % 50 else "queued", due_at=now,
                address_enc="sealed" * 20 if number % 2 else "", counted_on=now.date(), sent_at=now,
            )
            for number in range(20_000)
        ),
        batch_size=5_000,
    )  # fmt: skip
    PastInvitation.objects.bulk_create(
        (
            PastInvitation(account=accounts[number % HOSTS], person=f"{number:064}", counted_on=now.date(), sent_at=now)
            for number in range(20_000)
        ),
        batch_size=5_000,
    )
    ActorView.objects.bulk_create(
        (
            ActorView(member=hosts[number % HOSTS], did=f"did:plc:guest{number}", person={}, checked_at=now)
            for number in range(20_000)
        ),
        batch_size=5_000,
    )


def write(template: Any, rows: Iterable[dict[str, Any]]) -> None:
    """Insert copies of a row with these values (by field name). Ten times as fast as `bulk_create`."""
    from django.db import connection, transaction

    fields = template._meta.concrete_fields
    fixed = {field.name: field.get_db_prep_save(getattr(template, field.attname), connection) for field in fields}
    lite = connection.vendor == "sqlite"

    def prepared(value: Any) -> Any:
        if not lite or value is None or isinstance(value, str | int):
            return value
        return value.hex if isinstance(value, uuid.UUID) else str(connection.ops.adapt_unknown_value(value))

    names = ", ".join(f'"{field.column}"' for field in fields)
    statement = f"INSERT INTO {template._meta.db_table} ({names}) VALUES ({', '.join(['%s'] * len(fields))})"
    with transaction.atomic(), connection.cursor() as cursor:
        for some in itertools.batched(rows, 10_000):
            cursor.executemany(
                statement,
                [[prepared(one[f.name]) if f.name in one else fixed[f.name] for f in fields] for one in some],
            )


def _state(number: int) -> tuple[int, str, str]:
    """Minutes until it is due, state and reason of the `number`th invitation of a host."""
    match number % 20:
        case 0 | 1 | 2:
            return number % 7 - 3, "queued", ""
        case 3:
            return 60 + number % 300, "queued", "day_cap"
        case 4:
            return 5, "waiting", "needs_reauth"
        case 5:
            return 0, "failed", "record_refused"
        case 6:
            return 0, "cancelled", "by_host"
        case _:
            return 0, "sent", ""


def rows() -> Iterator[Row]:
    """What is measured."""
    from django.conf import settings
    from django.test import Client

    from elonara.cli import doctor_rows
    from elonara.engines import handlers  # noqa: F401 - registers the jobs
    from elonara.events.models import Event
    from elonara.housekeeping import cleanup, metrics, overview
    from elonara.invitations import queries
    from elonara.invitations.consent import breakers, caps, recipient_caps, site_email_cap
    from elonara.invitations.email import delivery as email_delivery
    from elonara.invitations.models import Invitation
    from elonara.invitations.outbox import delivery as lanes
    from elonara.invitations.outbox import queue
    from elonara.members.models import Member

    large, second = (Event.objects.get(slug=f"event{number}") for number in (0, 1))
    host, other, member = (Member.objects.get(username=f"host{number}") for number in (0, 1, 25))
    did = Invitation.objects.filter(host=host)[0].author_did
    guests = [f"did:plc:guest{number:019}" for number in range(25)]

    def lane() -> Iterator[tuple[str, Callable[[], object]]]:
        yield "next_poll_at", lambda: queue.next_poll_at(did)
        yield "DeliveryQueue.next", lambda: queue.DeliveryQueue(did).next()

    yield "sweep of posts", SWEEP_MS, lambda: list(lanes.sweep())
    yield "sweep of e-mails", SWEEP_MS, lambda: list(email_delivery.sweep())
    for name, call in lane():
        yield f"lane of 30,000: {name}", LANE_MS, call
    yield "a small lane: next_poll_at", LANE_MS, lambda: queue.next_poll_at(member.bluesky.bsky_did)
    yield "caps: what is left", LANE_MS, lambda: caps.remaining(host)
    yield "caps: days for 40 by the relay", LANE_MS, lambda: caps.days_for(member, 40, relay=True)
    yield "caps: of 25 people", LANE_MS, lambda: recipient_caps.person_caps(guests)
    yield "caps: e-mails of the site", LANE_MS, site_email_cap.room
    yield "breaker after an opt-out", LANE_MS, lambda: (breakers.check_posts(host), breakers.check_emails(host))
    yield "is invited, inbox", LANE_MS, lambda: (queries.is_invited(large, guests[:1]), queries.inbox(guests[:1]))
    browser, operator = Client(headers={"host": "127.0.0.1"}), Client(headers={"host": "127.0.0.1"})
    sign_in(browser, host)
    sign_in(operator, Member.objects.create_superuser("operator"))
    watcher = Client(headers={"host": "127.0.0.1"})
    sign_in(watcher, other)

    def get(client: Client, address: str, **headers: str) -> Callable[[], int]:
        def call() -> int:
            response = client.get(address, headers=headers)
            if response.status_code not in {200, 204}:
                raise SystemExit(f"{address} answered {response.status_code}")
            return len(response.content)

        return call

    yield "overview", PAGE_MS, overview.overview
    yield "jobs page", PAGE_MS, get(operator, "/admin/jobs/")
    yield "/metrics", PAGE_MS, get(operator, "/metrics", authorization=f"Bearer {TOKEN}")
    yield "metrics.render", PAGE_MS, metrics.render
    for event, client, number in ((second, watcher, "2,000"), (large, browser, "30,000")):
        watch = f"/events/{event.slug}/manage?tab=invite&step=watch"
        bound = PAGE_MS if event is second else None
        yield f"watch page of {number}", bound, get(client, watch)
        page = client.get(watch).content.decode()
        poll = html.unescape(re.search(r'hx-get="([^"]+)"', page)[1])
        size, empty = len(page) / 1000, get(client, poll)()
        print(f"  the Watch page of {number} has {size:.0f} kB; a poll where nothing changed {empty} bytes", flush=True)
        yield f"poll of {number}, nothing changed", bound, get(client, poll)
        stale = f"{poll[:-8]}{'0' * 8}"  # the digest of the last row, as if it had changed since
        print(f"  a poll where one row changed {get(client, stale)()} bytes", flush=True)
        yield f"poll of {number}, one row changed", bound, get(client, stale)
        listed = functools.partial(queries.listed, event, event.created_by)
        yield f"list of {number} for programs, 1,000 rows", None, listed
    yield "home of a host", PAGE_MS, get(browser, "/")
    options = settings.ELONARA
    yield "doctor: rows", None, lambda: list(doctor_rows.check(options))
    from django.utils import timezone

    for name, purge in cleanup._purges(timezone.now()).items():
        if name not in {"thumbs", "authorization requests"}:
            yield f"clean-up: {name}", None, purge
    yield from everything_queued(lane)


def everything_queued(lane: Callable[[], Iterator[tuple[str, Callable[[], object]]]]) -> Iterator[Row]:
    """The same sweep and lane when all 100,000 wait to be sent."""
    from django.utils import timezone

    from elonara.housekeeping import overview
    from elonara.invitations.models import Invitation
    from elonara.invitations.outbox import delivery as lanes

    Invitation.objects.update(state="queued", reason="", sent_at=None, next_attempt_at=timezone.now())
    analyze()
    yield "all queued: sweep of posts", SWEEP_MS, lambda: list(lanes.sweep())
    for name, call in lane():
        yield f"all queued: lane of 30,000: {name}", LANE_MS, call
    yield "all queued: overview", PAGE_MS, overview.overview


def analyze() -> None:
    """Bring the planner's statistics up to date, as autovacuum does on a real site."""
    from django.db import connection

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("VACUUM ANALYZE")


def measured(call: Callable[[], object]) -> float:
    """Median seconds of a call, after one that warms up."""
    began = time.perf_counter()
    call()
    if (first := time.perf_counter() - began) > 2:
        return first  # too slow to be called again
    seconds: list[float] = []
    ends = time.perf_counter() + SECONDS_EACH
    while len(seconds) < 3 or (time.perf_counter() < ends and len(seconds) < 200):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def bare_select() -> Callable[[], object]:
    """One row by its key, with a cursor and nothing else."""
    from django.db import connection

    from elonara.invitations.models import Invitation

    key = Invitation.objects.values_list("pk", flat=True)[0]
    key = key if connection.vendor == "postgresql" else key.hex

    def call() -> object:
        with connection.cursor() as cursor:
            cursor.execute("SELECT state FROM elonara_invitation WHERE id = %s", [key])
            return cursor.fetchone()

    return call


def explain(call: Callable[[], object]) -> None:
    """Print the plan and the time of each query of a call."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as seen:
        call()
    for query in sorted(seen.captured_queries, key=lambda each: -float(each["time"]))[:8]:
        print(f"\n{query['time']} s  {query['sql'][:3000]}")
        with connection.cursor() as cursor:
            if query["sql"].lstrip().startswith(("SELECT", "WITH")):
                how = "EXPLAIN (ANALYZE, BUFFERS)" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
                cursor.execute(f"{how} {query['sql'].replace('%', '%%')}", None)
                for line in cursor.fetchall():
                    print("   ", line[-1])


def of_database(vendor: str, url: str, folder: str, word: str) -> bool:
    """Fill a database and print its table; whether all bounds are met."""
    environment = {"ELONARA_METRICS__TOKEN": TOKEN, "ELONARA_SITE__URL": "http://127.0.0.1:8000"}
    delivery.django_up(environment | ({"ELONARA_DATABASE__URL": url} if url else {}), folder)
    began = time.perf_counter()
    fill()
    analyze()
    filled = time.perf_counter() - began
    bare = measured(bare_select())
    lines, met = [], True
    for name, bound, call in rows():
        if word:
            if any(each in name for each in word.split("|")):
                print(f"\n=== {name}")
                explain(call)
            continue
        seconds = measured(call)
        good = bound is None or seconds * 1000 <= bound
        met &= good
        limit = f"bound {bound:.0f} ms{'' if good else '   NOT MET'}" if bound else ""
        lines.append((name, f"{seconds * 1000:8.2f} ms   {seconds / bare:8.1f} x   {limit}"))
    bare = (bare + measured(bare_select())) / 2
    head = f"{vendor}: {INVITATIONS:,} invitations of {HOSTS:,} hosts, written in {filled:.0f} s"
    if not word:
        table(head, [("a bare SELECT by key", f"{bare * 1000:8.3f} ms"), *lines])
        print(f"  bounds: {'met' if met else 'NOT MET'}")
    return met


def on_databases(script: str, of_database: Callable[[str, str, str, str], bool]) -> int:
    """Print the tables of both databases, or of the one that the command line names. 1 if a bound is not met.

    Each comes from a process of its own, because a process is one site. `script` is the file that was started;
    `of_database` gets the database's name and URL ("" for SQLite), a new folder, and the word after `--explain`.
    """
    vendors = [word for word in sys.argv[1:] if word in {"sqlite", "postgres"}]
    word = sys.argv[sys.argv.index("--explain") + 1] if "--explain" in sys.argv else ""
    if not vendors:
        return max(
            abs(subprocess.run([sys.executable, script, name, *sys.argv[1:]], check=False).returncode)
            for name in ("sqlite", "postgres")
        )
    with tempfile.TemporaryDirectory(prefix="elonara-bench-") as folder:
        if vendors[0] == "sqlite":
            return 0 if of_database("SQLite", "", folder, word) else 1
        Path(folder).chmod(0o755)  # the account that PostgreSQL runs as must be able to enter it
        cluster = postgres.start(Path(folder) / "cluster")
        try:
            delivery._wait_for(cluster)
            return 0 if of_database("PostgreSQL", cluster.url, folder, word) else 1
        finally:
            cluster.stop()


if __name__ == "__main__":
    raise SystemExit(on_databases(__file__, of_database))
