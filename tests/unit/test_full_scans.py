"""What runs often reads the large tables by an index: on a large site a full scan takes a hundred milliseconds.

Each function is run as the site runs it, and the database explains each of its statements. SQLite, which has no
statistics here, plans for few rows as for many. PostgreSQL prefers a scan for few rows, so scans are switched off: what
still is one could not be anything else.
"""

import uuid

import pytest
from django.db import transaction
from django.utils import timezone
from tests.fakes.known import graph_with
from tests.plans import explained, scans_of
from tests.unit.web.conftest import *  # noqa: F403

from elonara.bluesky.models import AccountLane, ActorView
from elonara.cli import doctor_rows
from elonara.events import share_pictures
from elonara.events.guests import places
from elonara.events.messages import reminders
from elonara.events.messages.models import GuestMessage
from elonara.events.models import Event, Rsvp
from elonara.housekeeping import cleanup, metrics, outgoing_email, overview, reauthorization, session_renewal
from elonara.invitations import queries, registration
from elonara.invitations.account_models import PastInvitation
from elonara.invitations.consent import accounts, breakers, caps, eligibility, recipient_caps, site_email_cap
from elonara.invitations.email import delivery as email_delivery
from elonara.invitations.guest_emails import delivery as guest_delivery
from elonara.invitations.models import Announcement, Batch, Correction, EmailInvitation, HostSending, Invitation, State
from elonara.invitations.opt_out_models import OptOut
from elonara.invitations.outbox import delivery, queue
from elonara.invitations.people import sources
from elonara.members.models import Notice

DID = "did:plc:host"
GUESTS = [f"did:plc:guest{number}" for number in range(8)]
# They count every row, and read an index from end to end for that.
COUNTING = {"overview", "metrics", "jobs page", "/metrics"}


@pytest.fixture
def host(alice, picnic, circle, friends):
    """Rows of every kind and state."""
    now, states = timezone.now(), State.values
    with transaction.atomic():
        account = accounts.lock(alice)
    batch = Batch.objects.create(host=alice, event=picnic)
    HostSending.objects.get_or_create(host=alice)
    AccountLane.objects.get_or_create(author_did=DID)
    post = {"event": picnic, "host": alice, "author_did": DID, "next_attempt_at": now, "queued_at": now}
    above = Announcement.objects.create(rkey="3a", record={"text": "Come"}, **post)
    for number, state in enumerate(("queued", *states[2:4])):
        Correction.objects.create(
            announcement=above, rkey=f"3c{number}", record={"text": "New"}, facts={"title": "Picnic"},
            **post | {"state": state},
        )  # fmt: skip
    Invitation.objects.bulk_create(
        Invitation(
            batch=batch, announcement=above, invitee_did=f"did:plc:guest{number}", invitee_handle="g.test",
            rkey=f"3{number}", ref=uuid.uuid4().hex[:20], record={"text": "Come"}, state=states[number % len(states)],
            counted_on=now.date(), sent_at=now if number % 3 else None, answer="going" if number % 5 else "", **post,
        )
        for number in range(40)
    )  # fmt: skip
    for number in range(6):
        EmailInvitation.objects.create(
            event=picnic, host=alice, address_hash=f"{number}", token_hash=f"{number}", due_at=now, address_enc="x",
            state="sent" if number % 2 else "queued", counted_on=now.date(), sent_at=now,
        )  # fmt: skip
        OptOut.objects.create(did=f"did:plc:no{number}")
        Rsvp.objects.create(event=picnic, did=f"did:plc:guest{number}", choice="going")
        Rsvp.objects.create(event=picnic, did=f"did:plc:late{number}", choice="waiting", waiting_since=now)
        GuestMessage.objects.create(
            event=picnic, did=f"did:plc:guest{number}", reader=f"{number}", kind="place", due_at=now,
            state="shown" if number % 2 else "queued",
        )  # fmt: skip
        PastInvitation.objects.create(account=account, person=f"{number}", counted_on=now.date(), sent_at=now)
        Notice.objects.create(member=alice, kind=f"{number}", text="Look", dismissed_at=now)
        ActorView.objects.create(member=alice, did=f"did:plc:view{number}", person={}, checked_at=now)
    graph_with(alice, [somebody(f"guest{number}", known=True) for number in range(4)])  # noqa: F405
    Event.objects.filter(pk=picnic.pk).update(capacity=3)
    picnic.refresh_from_db()
    return alice


def calls(host, picnic, settings, client):
    """What runs often, or on every site each hour, by name."""
    row, email = Invitation.objects.filter(state="queued")[0], EmailInvitation.objects.filter(state="queued")[0]

    def take_turn():
        with delivery.lane(DID, owner="test") as lease:
            delivery._recover(DID, lease)
            lanes = queue.DeliveryQueue(DID)
            assert lanes.next() is not None

    yield "sweep of posts", lambda: list(delivery.sweep())
    yield "sweep of e-mails", lambda: (list(email_delivery.sweep()), list(outgoing_email.sweep()))
    yield "sweep of share pictures", lambda: list(share_pictures.sweep())
    yield "sweep of messages to guests", lambda: (list(guest_delivery.sweep()), list(reminders.sweep()))
    yield "next poll", lambda: queue.next_poll_at(DID)
    yield "a turn in the lane", take_turn
    yield "caps", lambda: (caps.remaining(host), caps.days_for(host, 3, relay=True, without=row), caps.claim(row))
    yield "caps of people", lambda: (recipient_caps.person_caps(GUESTS), recipient_caps.address_caps(["1", "2"]))
    waiting = Rsvp.objects.filter(choice="waiting")[0]
    target = queries.target_of(row)
    yield "counts of the ways to people", lambda: sources.sources(host, target)
    for way in sorted(sources.WAYS):
        yield f"people: {way}", lambda way=way: sources.page(host, target, way, sources.Wanted())
    yield "places", lambda: (places.left(picnic), places.anybody_waits(picnic), places.position(waiting))
    yield "free places", places.fill_all
    yield "cap of the site", lambda: (site_email_cap.room(), caps.claim(email))
    yield "eligibility", lambda: queries.invitability(host, picnic, [somebody("carol")])  # noqa: F405
    yield (
        "eligibility before a write",
        lambda: eligibility.refusal_before_write(row, queries.target_of(row), None, timezone.now()),
    )
    yield "breakers", lambda: (breakers.check_posts(host), breakers.check_emails(host), breakers._inviters(GUESTS[0]))
    yield "hooks", lambda: (registration.ready(host.pk, DID), registration.needs_member(host.pk, DID))
    yield "overview", overview.overview
    yield "metrics", metrics.render
    yield "inbox", lambda: (queries.inbox(GUESTS), queries.is_invited(picnic, GUESTS), queries.by_ref(row.ref))
    yield "doctor", lambda: list(doctor_rows.check(settings.ELONARA))
    yield "reauthorization", reauthorization.lacking_write_scope
    yield "renewal of sessions", lambda: list(session_renewal._oauth(timezone.now()))
    for name, purge in cleanup._purges(timezone.now()).items():
        if name not in {"thumbs", "counts", "workers", "links", "pauses", "listed sessions"}:
            yield f"clean-up: {name}", purge
    watch = f"/events/{picnic.slug}/manage?tab=invite&step=watch"
    narrowed = [f"/events?show={show}&when=month&places_left=1&q=pic" for show in ("upcoming", "mine", "past")]
    guests = f"/events/{picnic.slug}/manage?tab=guests&answer=going&by=bluesky&unanswered=1"
    narrowed += [
        guests,
        f"{guests}&q=a",
        f"/events/{picnic.slug}/guests/print?q=a",
        f"/events/{picnic.slug}/guests.csv",
    ]
    for address in ("/", f"/events/{picnic.slug}", watch, "/invitations", "/events", *narrowed):
        yield address, lambda address=address: client.get(address)
    yield "the host's pages", lambda: client.get("/profile")


def test_no_large_table_is_read_from_end_to_end(host, picnic, settings, signed_in, monkeypatch):
    monkeypatch.setattr("elonara.cli.migrate.pending", list)
    client, scans = signed_in(host), []
    for name, call in calls(host, picnic, settings, client):
        for sql, plan in explained(call):
            found = scans_of(plan, counting=name in COUNTING)
            scans += [f"{name}: {line}\n      {sql[:1500]}" for line in found]
    assert not scans, "\n".join(scans)


def test_the_operators_pages_read_indexes_alone(host, picnic, set_options, signed_in, make_member):
    set_options(metrics={"token": "a token of sixteen characters"})
    client, scans = signed_in(make_member("root", is_superuser=True, is_staff=True)), []
    for name, call in (
        ("jobs page", lambda: client.get("/admin/jobs/")),
        ("/metrics", lambda: client.get("/metrics", headers={"authorization": "Bearer a token of sixteen characters"})),
    ):
        statements = explained(call)
        assert len(statements) > 5
        scans += [f"{name}: {line}\n      {sql}" for sql, plan in statements for line in scans_of(plan, counting=True)]
    assert not scans, "\n".join(scans)


def test_a_scan_is_noticed(host):
    """Without this nobody would know whether the tests above can fail."""
    for call in (
        lambda: list(Invitation.objects.filter(error="x")),
        lambda: Invitation.objects.filter(invitee_name="Bob").exists(),
        lambda: list(Invitation.objects.exclude(cid="").values_list("line")),
        lambda: Rsvp.objects.filter(name="x").delete(),
    ):
        (sql, plan), *_ = explained(call)
        assert scans_of(plan, counting=False), sql


def test_a_lane_is_read_in_its_order_and_not_sorted(host):
    """The first ten of 30,000 rows are found without reading the others."""
    with delivery.lane(DID, owner="test"):
        statements = explained(
            lambda: queue.DeliveryQueue(DID)._prefetch(timezone.now(), may_post=True),
            avoid=("sort", "incremental_sort"),
        )
    statements += explained(lambda: queue.next_poll_at(DID), avoid=("sort", "incremental_sort"))
    assert len(statements) > 12
    for sql, plan in statements:
        assert "Sort" not in str(plan), sql
        assert "TEMP B-TREE" not in str(plan), sql
