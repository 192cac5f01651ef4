"""Communities to choose among, and events with places left: as the event's own page says."""

from datetime import timedelta

import pytest
from django.utils import timezone
from tests.plans import explained

from elonara.communities import actions as communities
from elonara.communities.models import Membership
from elonara.events.guests import rsvps
from elonara.events.listing.filters import Filters, choices, community_at, narrowed
from elonara.events.models import Event, Rsvp
from elonara.members.models import Member
from elonara.web.parts.places import places_of


def with_places():
    return set(narrowed(Event.objects.all(), Filters(places_left=True)).values_list("title", flat=True))


@pytest.fixture
def going(make_member):
    def answer(event, **fields):
        return rsvps.respond(event, choice="going", member=make_member(), **fields)

    return answer


def test_places_are_left_until_they_are_taken(make_event, going):
    make_event(title="Open")
    walk = make_event(title="Walk", capacity=3, plus_ones_allowed=2)
    going(walk, plus_ones=1)
    assert with_places() == {"Open", "Walk"}
    going(walk)
    assert with_places() == {"Open"}
    Rsvp.objects.filter(plus_ones=1).update(choice="cant")
    assert with_places() == {"Open", "Walk"}


def test_a_free_place_that_somebody_waits_for_is_none(make_event, going, alice):
    walk = make_event(title="Walk", capacity=1, fills_by_itself=False)
    first, _ = going(walk), going(walk)
    rsvps.respond(walk, choice="cant", member=first.member)
    assert with_places() == set()
    assert places_of(walk, None).full


def test_an_offered_place_is_taken_and_who_let_one_run_out_does_not_count(make_event, going):
    walk = make_event(title="Walk", capacity=1, offer_hours=4)
    first, second = going(walk), going(walk)
    rsvps.respond(walk, choice="cant", member=first.member)
    second.refresh_from_db()
    assert second.choice == "offered"
    assert with_places() == set()
    Rsvp.objects.filter(pk=second.pk).update(
        choice="waiting", offered_until=None, offer_ended_at=timezone.now() + timedelta(minutes=1)
    )
    assert with_places() == {"Walk"}
    assert not places_of(walk, None).full
    Event.objects.update(offer_hours=0)
    assert with_places() == set()


@pytest.mark.parametrize(
    ("attendance", "there", "online", "left"),
    [
        ("both", 1, 1, False), ("both", 1, None, True), ("both", None, 1, True), ("both", 1, 2, True),
        ("online", None, 1, False), ("online", 1, 2, True), ("place", 2, 1, True), ("place", 1, None, False),
    ],
)  # fmt: skip
def test_either_way_to_come_will_do(make_event, make_member, attendance, there, online, left):
    walk = make_event(title="Walk", attendance=attendance, online_link="https://call.example/x")
    for comes_online in {"both": (False, True), "online": (True,), "place": (False,)}[attendance]:
        Rsvp.objects.create(event=walk, member=make_member(), choice="going", online=comes_online)
    Event.objects.update(capacity=there, online_capacity=online)
    assert with_places() == ({"Walk"} if left else set())


def test_nothing_is_left_where_nobody_can_answer_any_more(make_event, alice):
    for title in ("Closed", "Cancelled", "Over", "Until"):
        make_event(title=title)
    rows, now = Event.objects, timezone.now()
    rows.filter(title="Closed").update(answers_until=now - timedelta(hours=1))
    rows.filter(title="Until").update(answers_until=now + timedelta(hours=1))
    rows.filter(title="Cancelled").update(status="cancelled")
    rows.filter(title="Over").update(starts_at=now - timedelta(days=1))
    assert with_places() == {"Until"}


@pytest.fixture
def circles(alice, make_event):
    """Three communities of alice: one with a public event, one private with a public event, one without events."""
    made = {
        name: communities.create(alice, name=name, visibility=visibility)
        for name, visibility in (("Bakers", "public"), ("Secret", "private"), ("Idle", "public"))
    }
    for name in ("Bakers", "Secret"):
        make_event(title=f"Of {name}", community=made[name])
    make_event(title="Of nobody")
    return made


def test_the_choice_has_those_with_public_events_and_the_viewers_own(circles, make_member, alice):
    bob = make_member("bob")
    assert [one.name for one in choices(None)] == ["Bakers"]
    assert [one.name for one in choices(bob)] == ["Bakers"]
    assert [one.name for one in choices(alice)] == ["Bakers", "Idle", "Secret"]
    Membership.objects.create(community=circles["Secret"], did="did:plc:x", role="member")
    assert [one.name for one in choices(None, ["did:plc:x"])] == ["Bakers", "Secret"]
    Event.objects.filter(community=circles["Bakers"]).update(visibility="private")
    assert choices(bob) == []


@pytest.mark.parametrize("change", [{"hidden_at": timezone.now()}, {"status": "cancelled"}])
def test_a_hidden_or_cancelled_event_does_not_count(circles, change):
    Event.objects.update(**change)
    assert choices(None) == []


def test_nor_does_one_of_a_suspended_host(circles, alice):
    Membership.objects.update(role="member")
    Member.objects.filter(pk=alice.pk).update(standing="suspended")
    assert choices(None) == []


def test_a_community_that_the_viewer_may_not_see_is_none(circles, alice, make_member):
    slug = circles["Secret"].slug
    assert community_at(slug, None) is None
    assert community_at(slug, make_member("bob")) is None
    assert community_at(slug, alice) == circles["Secret"]
    assert community_at("nothing", alice) is None


def test_all_filters_hold_together(circles, going, make_event):
    Event.objects.filter(title="Of nobody").update(capacity=1)
    full = make_event(title="Full", community=circles["Bakers"], capacity=1)
    going(full)
    wanted = Filters(community=circles["Bakers"], places_left=True)
    assert [row.title for row in narrowed(Event.objects.all(), wanted)] == ["Of Bakers"]


@pytest.mark.sqlite_only
@pytest.mark.parametrize("known", [True, False])
def test_the_communities_with_events_are_found_in_one_go(alice, known):
    """Asked of each community, SQLite read every public event each time: 20 s with 3,000 of them and 10,000 events."""
    [(_, plan)] = explained(lambda: choices(alice if known else None))
    assert not [line for line in plan if "CORRELATED" in line]
