"""The number of queries of a page is the same whether it shows one row, ten or a hundred."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.signals import post_init
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from tests.fakes.graph import somebody, stored
from tests.fakes.oauth import BOB
from tests.pages import page_text

from elonara.atproto.tid import new_tid
from elonara.bluesky.models import MemberIdentity
from elonara.communities.models import Community, Membership
from elonara.events.models import Event, EventHost, Rsvp
from elonara.invitations.models import Batch, Invitation
from elonara.members.models import Member

STEPS = (range(1), range(1, 10), range(10, 100))  # what is added, for 1, 10 and 100 rows


@pytest.fixture
def same(signed_in):
    """Checks that a page needs as many queries at each step; `make(numbers)` adds the rows with these numbers.

    `or_fewer`: a search looks no further once it has a page full.
    """

    def look(member, address):
        browser = signed_in(member)
        browser.get(address)  # the caches of the process are warm from then on
        counts = []
        for _ in range(3):  # what a request does once in a while, whatever page it asks for, is not of the page
            with CaptureQueriesContext(connection) as seen:
                response = browser.get(address)
            assert response.status_code == 200
            counts.append(len(seen))
        return sorted(counts)[1], len(response.content)

    def check(member, address, make, *, or_fewer=False):
        queries, sizes = {}, {}
        for numbers in STEPS:
            make(numbers)
            queries[numbers.stop], sizes[numbers.stop] = look(member, address)
        more = {number for number in queries.values() if number > queries[1] or not or_fewer}
        assert more <= {queries[1]}, queries
        assert sizes[1] < sizes[10], "it does not show them"

    return check


@pytest.fixture
def bob(make_member):
    member = make_member("bob", display_name="Bob")
    MemberIdentity.objects.create(member=member, bsky_did=BOB, bsky_handle="bob.example.com", state="active")
    return member


def make_people(name, numbers):
    """Members who have proved a DID."""
    found = Member.objects.bulk_create([Member(username=f"{name}{n:03}", password="!") for n in numbers])
    MemberIdentity.objects.bulk_create(
        MemberIdentity(pk=uuid.uuid4(), member=member, bsky_did=f"did:plc:{member.username}") for member in found
    )
    return found


def make_guests(event, numbers):
    """A member, then a guest by a DID, then one whom a host added, and so on.

    In this order whatever ids the rows get: with one row, too, a page asks for what only a member has.
    """
    members = make_people("guest", numbers)
    Rsvp.objects.bulk_create(
        (
            Rsvp(event=event, member=member, choice="going"),
            Rsvp(event=event, did=f"did:plc:bluesky{member.pk}", handle="x.test", choice="maybe"),
            Rsvp(event=event, name=member.username, added_by_host=True, choice="going"),
        )[number % 3]
        for number, member in zip(numbers, members, strict=True)
    )


def make_invitations(rows, host, **fields):
    """One for each event and DID of `rows`."""
    events = {event.pk: event for event, _ in rows}
    made = Batch.objects.bulk_create(Batch(host=host, event=event) for event in events.values())
    batches = {batch.event_id: batch for batch in made}
    Invitation.objects.bulk_create(
        Invitation(
            batch=batches[event.pk], event=event, host=host, author_did="did:plc:host", invitee_did=did,
            invitee_handle="x.test", rkey=new_tid(), ref=uuid.uuid4().hex[:20], record={"text": "Come!"}, state="sent",
            queued_at=timezone.now(), next_attempt_at=timezone.now(),
            **fields,
        )
        for event, did in rows
    )  # fmt: skip


def make_events(host, numbers, *, community=None):
    """For each number an event to come and a past one, each with a guest."""
    now, guests = timezone.now(), make_people(f"of-{community or 'nobody'}-", numbers)
    rows = Event.objects.bulk_create(
        Event(
            title=f"Walk {n}", slug=f"walk-{community or 'of'}-{when}-{n}".lower().replace(" ", "-"),
            starts_at=now + timedelta(days=days, hours=n), timezone="Europe/Lisbon", created_by=host,
            community=community,
        )
        for n in numbers
        for when, days in (("ahead", 3), ("over", -30))
    )  # fmt: skip
    EventHost.objects.bulk_create(EventHost(event=row, member=host, role="host", accepted_at=now) for row in rows)
    Rsvp.objects.bulk_create(
        Rsvp(event=row, member=guests[place // 2], choice="going") for place, row in enumerate(rows)
    )
    return rows


@pytest.mark.parametrize(
    "address", ["/", "/events", "/events?show=mine", "/events?show=past", "/events?q=walk", "/profile"]
)
def test_event_lists(same, alice, circle, address):
    same(alice, address, lambda numbers: make_events(alice, numbers, community=circle))


@pytest.mark.parametrize("address", ["/events", "/events?show=mine"])
def test_the_events_of_others(same, alice, bob, address):
    def make(numbers):
        rows = make_events(alice, numbers)
        Rsvp.objects.bulk_create(Rsvp(event=row, member=bob, choice="maybe") for row in rows)

    same(bob, address, make)


def test_the_page_of_a_host(same, alice, bob):
    same(bob, f"/@{alice.username}", lambda numbers: make_events(alice, numbers))


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_communities(same, alice, bob, who):
    def make(numbers):
        rows = Community.objects.bulk_create(
            Community(name=f"Bakers {n}", slug=f"bakers-{n}", created_by=alice) for n in numbers
        )
        Membership.objects.bulk_create(Membership(community=row, member=alice, role="admin") for row in rows)

    same({"alice": alice, "bob": bob}[who], "/communities", make)


def test_the_events_of_a_community(same, alice, circle):
    same(alice, f"/communities/{circle.slug}", lambda numbers: make_events(alice, numbers, community=circle))


@pytest.mark.parametrize(
    "tab", ["", "/manage?tab=guests", "/manage?tab=guests&q=guest", "/guests/print", "/guests.csv"]
)
def test_the_guests_of_an_event(same, alice, picnic, tab):
    same(alice, f"/events/{picnic.slug}{tab}", lambda numbers: make_guests(picnic, numbers))


@pytest.mark.parametrize("step", ["watch", "watch&part=1"])
def test_watching_invitations(same, alice, picnic, friends, step):
    address = f"/events/{picnic.slug}/manage?tab=invite&step={step}"
    same(alice, address, lambda numbers: make_invitations([(picnic, f"did:plc:w{n}") for n in numbers], alice))


@pytest.mark.parametrize("view", ["", "&list=followers", "&q=friend"])
def test_picking_from_a_list(same, alice, picnic, friends, people, view):
    people.clear()

    def make(numbers):
        people.extend(somebody(f"friend{n}") for n in numbers)
        stored(alice)

    same(alice, f"/events/{picnic.slug}/manage?tab=invite{view}", make, or_fewer="q=" in view)


@pytest.mark.parametrize("address", ["/", "/invitations"])
def test_an_inbox(same, alice, bob, address):
    def make(numbers):
        make_invitations([(event, BOB) for event in make_events(alice, numbers)[::2]], alice)

    same(bob, address, make)


def test_a_large_community_is_not_read_to_show_a_dozen(signed_in, alice, circle):
    browser = signed_in(alice)
    members = Member.objects.bulk_create([Member(username=f"baker{n:03}", password="!") for n in range(100)])
    Membership.objects.bulk_create(Membership(community=circle, member=member) for member in members)
    read = []
    post_init.connect(lambda **kw: read.append(kw["instance"]), sender=Membership, weak=False, dispatch_uid="read")
    try:
        page = page_text(browser.get(f"/communities/{circle.slug}"))
    finally:
        post_init.disconnect(sender=Membership, dispatch_uid="read")
    assert "101" in page
    assert "baker000" in page
    assert len(read) < 20


@pytest.mark.parametrize("address", ["", "/members", "/members?q=baker", "/manage?tab=members"])
def test_the_people_of_a_community(same, alice, circle, address):
    def make(numbers):
        Membership.objects.bulk_create(
            Membership(community=circle, member=member) for member in make_people("baker", numbers)
        )

    same(alice, f"/communities/{circle.slug}{address}", make)
