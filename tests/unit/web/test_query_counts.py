"""The number of queries of a page does not grow with the number of rows it shows."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.signals import post_init
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from tests.fakes.graph import somebody
from tests.fakes.oauth import BOB
from tests.pages import page_text

from elonara.atproto.tid import new_tid
from elonara.bluesky.models import MemberIdentity
from elonara.communities.models import Membership
from elonara.events import actions as events
from elonara.events.models import Rsvp
from elonara.invitations.models import Batch, Invitation
from elonara.members.models import Member


@pytest.fixture
def asked(signed_in):
    """The number of queries of a page, once the caches of the process are warm."""

    def count(member, address):
        browser = signed_in(member)
        browser.get(address)
        with CaptureQueriesContext(connection) as seen:
            response = browser.get(address)
        assert response.status_code == 200
        return len(seen)

    return count


@pytest.fixture
def bob(make_member):
    member = make_member("bob", display_name="Bob")
    MemberIdentity.objects.create(member=member, bsky_did=BOB, bsky_handle="bob.example.com", state="active")
    return member


def make_guests(event, first, count):
    members = Member.objects.bulk_create(
        [Member(username=f"guest{n}", password="!") for n in range(first, first + count)]
    )
    MemberIdentity.objects.bulk_create(
        MemberIdentity(pk=uuid.uuid4(), member=member, bsky_did=f"did:plc:{member.username}") for member in members
    )
    Rsvp.objects.bulk_create(Rsvp(event=event, member=member, choice="going") for member in members)


def make_invitations(target, host, dids, **fields):
    batch = Batch.objects.create(host=host, event=target)
    Invitation.objects.bulk_create(
        Invitation(
            batch=batch, event=target, host=host, author_did="did:plc:host", invitee_did=did, invitee_handle="x.test",
            rkey=new_tid(), ref=uuid.uuid4().hex[:20], record={"text": "Come!"}, state="sent", queued_at=timezone.now(),
            next_attempt_at=timezone.now(),
            **fields,
        )
        for did in dids
    )  # fmt: skip


def make_events(host, first, count):
    return [
        events.create(
            host, title=f"Walk {n}", starts_at=timezone.now() + timedelta(days=3, hours=n), timezone="Europe/Lisbon"
        )
        for n in range(first, first + count)
    ]


@pytest.mark.parametrize("address", ["/", "/events", "/events?show=mine", "/events?show=past", "/profile"])
def test_event_lists(asked, alice, address):
    make_events(alice, 0, 2)
    few = asked(alice, address)
    make_events(alice, 2, 4)
    assert asked(alice, address) == few


@pytest.mark.parametrize("tab", ["", "/manage?tab=guests"])
def test_tabs_of_an_event_with_two_hundred_guests(asked, alice, picnic, tab):
    make_guests(picnic, 0, 3)
    few = asked(alice, f"/events/{picnic.slug}{tab}")
    make_guests(picnic, 3, 197)
    assert asked(alice, f"/events/{picnic.slug}{tab}") == few


@pytest.mark.parametrize("step", ["watch", "watch&part=1"])
def test_watching_three_hundred_invitations(asked, alice, picnic, friends, step):
    address = f"/events/{picnic.slug}/manage?tab=invite&step={step}"
    make_invitations(picnic, alice, [f"did:plc:w{n}" for n in range(2)])
    few = asked(alice, address)
    make_invitations(picnic, alice, [f"did:plc:w{n}" for n in range(2, 300)])
    assert asked(alice, address) == few


def test_picking_from_a_long_list(asked, alice, picnic, friends, people):
    address = f"/events/{picnic.slug}/manage?tab=invite"
    few = asked(alice, address)
    people.extend(somebody(f"friend{n}") for n in range(45))
    assert asked(alice, address) == few


@pytest.mark.parametrize("address", ["/", "/invitations"])
def test_a_full_inbox(asked, alice, bob, address):
    for event in make_events(alice, 0, 2):
        make_invitations(event, alice, [BOB])
    few = asked(bob, address)
    for event in make_events(alice, 2, 6):
        make_invitations(event, alice, [BOB])
    assert asked(bob, address) == few


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
def test_the_people_of_a_community(asked, alice, circle, address):
    counts = []
    for first, last in ((0, 1), (1, 10), (10, 100)):
        members = Member.objects.bulk_create(
            [Member(username=f"baker{n:03}", password="!") for n in range(first, last)]
        )
        MemberIdentity.objects.bulk_create(
            MemberIdentity(pk=uuid.uuid4(), member=member, bsky_did=f"did:plc:{member.username}") for member in members
        )
        Membership.objects.bulk_create(Membership(community=circle, member=member) for member in members)
        counts.append(asked(alice, f"/communities/{circle.slug}{address}"))
    assert len(set(counts)) == 1
