"""People whom the viewer follows are named where they are going: those alone whom the event names to others."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from tests.fakes.graph import somebody
from tests.fakes.known import graph_with

from elonara.bluesky.graph.models import KnownPerson
from elonara.events.guests import rsvps
from elonara.events.guests.followed import followed_going
from elonara.events.models import Event, Rsvp
from elonara.invitations.models import EmailInvitation
from elonara.members.models import Member

VIEWER = "did:plc:viewer"


@pytest.fixture
def viewer(make_member):
    return make_member("viewer", did=VIEWER)


@pytest.fixture
def follows(viewer):
    """`follows(name, …)`: the viewer's graph with these people, mutuals of hers."""

    def store(*names):
        return graph_with(viewer, [somebody(name, known=True) for name in names])

    return store


@pytest.fixture
def going(make_member):
    """Bob is going as a member who has linked his account, carol by her DID alone."""

    def answer(event, name, **fields):
        if name.startswith("bob"):
            who = {"member": make_member(name, did=f"did:plc:{name}", display_name=name.title())}
        else:
            who = {"did": f"did:plc:{name}", "name": name.title()}
        return Rsvp.objects.create(event=event, **{"choice": "going"} | who | fields)

    return answer


def names(event, viewer, **options):
    found = followed_going([event], viewer, **options).get(event.pk)
    return [guest.name for guest in found.guests] if found else []


def test_members_by_the_did_they_linked_and_others_by_their_own(picnic, viewer, follows, going):
    going(picnic, "bob"), going(picnic, "carol"), going(picnic, "dan")
    follows("carol", "bob")
    assert names(picnic, viewer) == ["Carol", "Bob"]


def test_three_by_name_and_the_number_of_the_others(picnic, viewer, follows, going):
    people = ["carol", "bob", *(f"guest{number}" for number in range(5))]
    for name in people:
        going(picnic, name)
    follows(*people)
    found = followed_going([picnic], viewer)[picnic.pk]
    assert [guest.name for guest in found.guests] == ["Carol", "Bob", "Guest0"]
    assert found.others == 4


def test_mutuals_come_first(picnic, viewer, follows, going):
    for name in ("carol", "bob"):
        going(picnic, name)
    graph_with(viewer, [somebody("carol", known=True, follows_you=False), somebody("bob", known=True)])
    assert names(picnic, viewer) == ["Bob", "Carol"]


@pytest.mark.parametrize("name", ["bob", "carol"])
@pytest.mark.parametrize(
    "flags",
    [
        {"you_follow": False},
        {"blocked_by": True},
        {"blocking": True},
        {"muted": True},
        {"known": False},
        {"gone": "takendown"},
    ],
)
def test_what_the_graph_says_against_it(picnic, viewer, follows, going, name, flags):
    going(picnic, name)
    follows(name)
    assert names(picnic, viewer) == [name.title()]
    KnownPerson.objects.update(**flags)
    assert names(picnic, viewer) == []


@pytest.mark.parametrize("choice", ["maybe", "cant", "waiting", "asked", "refused", "offered"])
def test_going_alone_counts(picnic, viewer, follows, going, choice):
    going(picnic, "carol", choice=choice)
    follows("carol")
    assert names(picnic, viewer) == []


@pytest.mark.parametrize("fields", [{"standing": "suspended"}, {"is_active": False}])
def test_nobody_who_is_suspended(picnic, viewer, follows, going, make_member, fields):
    going(picnic, "bob")
    going(picnic, "carol")
    make_member("carols", did="did:plc:carol")  # linked after she had answered by her DID
    follows("bob", "carol")
    assert names(picnic, viewer) == ["Bob", "Carol"]
    Member.objects.exclude(pk=viewer.pk).update(**fields)
    assert names(picnic, viewer) == []


def test_nobody_who_answered_by_email(picnic, viewer, follows, going, alice):
    letter = EmailInvitation.objects.create(
        event=picnic, host=alice, address_hash="1", token_hash="1", due_at=timezone.now(), address_enc="x"
    )
    row = going(picnic, "bob")
    follows("bob")
    assert names(picnic, viewer) == ["Bob"]
    Rsvp.objects.filter(pk=row.pk).update(email_invitation=letter)
    assert names(picnic, viewer) == []


def test_not_the_viewer_and_no_member_by_a_did_that_she_has_not_linked(picnic, viewer, follows, going, make_member):
    Rsvp.objects.create(event=picnic, member=viewer, choice="going")
    Rsvp.objects.create(event=picnic, member=make_member("dora"), did="did:plc:dora", choice="going")
    follows("viewer", "dora")
    assert names(picnic, viewer) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"guest_list_hidden": True},
        {"count_hidden": True},
        {"status": "cancelled"},
        {"starts_at": timezone.now() - timedelta(days=2)},
    ],
)
def test_not_where_the_list_or_its_number_is_hidden_nor_after_the_end(picnic, viewer, follows, going, fields):
    going(picnic, "carol")
    follows("carol")
    Event.objects.update(**fields)
    picnic.refresh_from_db()
    assert names(picnic, viewer) == names(picnic, viewer, accepted=True) == []


def test_where_hosts_accept_each_guest_to_those_who_were_accepted(picnic, viewer, follows, going):
    going(picnic, "carol")
    follows("carol")
    Event.objects.update(approval=True)
    picnic.refresh_from_db()
    assert names(picnic, viewer) == []
    assert names(picnic, viewer, accepted=True) == ["Carol"]


def test_nothing_without_the_viewers_own_graph(picnic, viewer, follows, going, make_member):
    going(picnic, "carol")
    other = make_member("other", did="did:plc:other")
    assert names(picnic, viewer) == []
    graph = follows("carol")
    assert names(picnic, other) == names(picnic, None) == []
    graph.member = None  # she has disconnected
    graph.save()
    assert names(picnic, viewer) == []


def test_one_query_for_many_events_and_none_for_a_visitor(viewer, follows, going, make_event, make_member):
    walks = [make_event(title=f"Walk {number}") for number in range(5)]
    members = {name: make_member(name, did=f"did:plc:{name}") for name in ("bob", "bea", "ben", "bo")}
    for walk in walks[1:]:
        for member in members.values():
            rsvps.respond(walk, choice="going", member=member)
    follows(*members)
    with CaptureQueriesContext(connection) as seen:
        found = followed_going(walks, viewer)
    assert len(seen) == 1
    assert set(found) == {walk.pk for walk in walks[1:]}
    assert {(len(one.guests), one.others) for one in found.values()} == {(3, 1)}
    with CaptureQueriesContext(connection) as seen:
        assert followed_going(walks, None) == {}
    assert len(seen) == 0
