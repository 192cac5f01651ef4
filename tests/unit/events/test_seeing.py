"""Who may see which events, and in how many queries."""

from datetime import timedelta

import pytest
from django.utils import timezone

from elonara.communities import actions as communities
from elonara.events import access, actions, queries
from elonara.events.guests import rsvps
from elonara.events.models import Event, Rsvp

NOBODY = Event.objects.none().values("pk")  # has an invitation


def test_a_private_event_is_visible_to_hosts_guests_and_its_community(make_event, alice, make_member):
    bakers = communities.create(alice, name="Bakers", visibility="private")
    event = make_event(visibility="private", community=bakers)
    guest, baker, cohost, eve = (make_member() for _ in range(4))
    rsvps.respond(event, choice="going", member=guest, invited=True)
    rsvps.respond(event, choice="maybe", did="did:plc:gil", invited=True)
    communities.join(bakers, member=baker, invited=True)
    actions.add_cohost(event, by=alice, member=cohost)
    actions.accept_cohost(event, by=cohost)
    for member in (alice, guest, baker, cohost):
        assert queries.may_see(event, member)
        assert access.find(event.slug, member, (), NOBODY) == event
    assert queries.may_see(event, None, ["did:plc:gil"])
    for viewer in ((None, ()), (eve, ()), (eve, ("did:plc:eve", ""))):
        assert not queries.may_see(event, *viewer)
        assert access.find(event.slug, *viewer, NOBODY) is None
    assert access.find(event.slug, eve, (), Event.objects.values("pk")) == event
    assert access.find(event.slug, None, ["did:plc:gil"], NOBODY) == event


@pytest.mark.promise("private-not-named")
def test_the_slug_of_a_private_event_reveals_nothing(supper):
    assert supper.slug.startswith("event-")


def test_upcoming_events_are_public_not_over_and_of_no_suspended_member(make_event, supper, alice, make_member):
    first = make_event(title="Now", starts_at=timezone.now())
    make_event(title="Later")
    past = make_event(title="Past")
    Event.objects.filter(pk=past.pk).update(starts_at=timezone.now() - timedelta(hours=4))
    actions.cancel(make_event(title="Off"), alice)
    spammer = make_member()
    make_event(spammer, title="Spam")
    spammer.standing = "suspended"
    spammer.save()
    assert [event.title for event in queries.upcoming_public()] == ["Now", "Later"]
    assert [event.title for event in queries.upcoming_public("lAt")] == ["Later"]
    assert queries.is_over(Event.objects.get(pk=past.pk))
    assert not queries.is_over(first)


def test_an_event_without_end_lasts_three_hours(picnic):
    assert not queries.is_over(picnic, picnic.starts_at + timedelta(hours=2, minutes=59))
    assert queries.is_over(picnic, picnic.starts_at + timedelta(hours=3))


def test_a_members_own_events(make_event, alice, make_member):
    bob = make_member("bob", did="did:plc:bob")
    mine, going, by_did, cant = (
        make_event(bob, title="Mine"),
        make_event(title="Going"),
        make_event(title="By DID"),
        make_event(title="Can't"),
    )
    rsvps.respond(going, choice="going", member=bob)
    Rsvp.objects.create(event=by_did, did="did:plc:bob", choice="maybe")
    rsvps.respond(cant, choice="cant", member=bob)
    assert {event.title for event in queries.upcoming(bob, ["did:plc:bob"])} == {"Mine", "Going", "By DID"}
    assert [event.title for event in queries.hosted_by(bob)] == ["Mine"]
    assert {event.title for event in queries.attending(bob, ["did:plc:bob"])} == {"Going", "By DID"}
    assert [event.title for event in queries.attending(None, ["did:plc:eve"])] == []
    assert mine in queries.visible_to(None)


def test_a_list_of_events_takes_two_queries_however_long(make_event, make_member, django_assert_num_queries):
    for number in range(8):
        event = make_event(title=f"Event {number}", plus_ones_allowed=2)
        rsvps.respond(event, choice="going", member=make_member(did=f"did:plc:{number}"), plus_ones=2)
        rsvps.respond(event, choice="maybe", member=make_member(), plus_ones=1)
    with django_assert_num_queries(2):
        seen = [
            (event.going_count, event.community, [getattr(row.member, "bluesky", None) for row in event.hosts.all()])
            for event in queries.upcoming_public()
        ]
    assert [count for count, _, _ in seen] == [3] * 8


def test_the_events_of_a_community_are_those_the_viewer_may_see(make_event, alice, make_member):
    bakers = communities.create(alice, name="Bakers")
    make_event(title="Open", community=bakers)
    make_event(title="Closed", community=bakers, visibility="private")
    make_event(title="Elsewhere")
    assert [event.title for event in queries.of_community(bakers.pk)] == ["Open"]
    assert {event.title for event in queries.of_community(bakers.pk, alice)} == {"Open", "Closed"}
