"""One member creates so many events and communities within a day, by whatever way, and no more."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from elonara.communities import actions as communities
from elonara.communities import transfer as community_transfer
from elonara.communities.models import Community
from elonara.events import actions, again, transfer
from elonara.events.models import Event
from elonara.members.daily_limits import MOST
from elonara.members.errors import Invalid, LimitReached
from elonara.members.models import Creation

EVENTS_A_DAY, COMMUNITIES_A_DAY = MOST[Creation.Kind.EVENT], MOST[Creation.Kind.COMMUNITY]


@pytest.fixture
def created(db):
    """`created(member, 3)`: she has created three events, just now."""

    def make(member, number, **fields):
        Creation.objects.bulk_create(Creation(member=member, kind="event", **fields) for _ in range(number))

    return make


@pytest.mark.promise("creation-bounded")
def test_the_last_event_of_a_day_and_none_after_it(make_event, created, alice):
    created(alice, EVENTS_A_DAY - 1)
    last = make_event()
    with pytest.raises(LimitReached, match=f"{EVENTS_A_DAY} events within 24 hours") as refused:
        make_event()
    assert refused.value.code == "too_many"
    with pytest.raises(LimitReached):
        again.create(alice, of=last, title="Tea", starts_at=last.starts_at, timezone="UTC")
    assert Event.objects.count() == 1


def test_of_others_and_of_earlier_days_none_counts(make_event, make_member, created, alice):
    created(make_member(), EVENTS_A_DAY)
    created(alice, EVENTS_A_DAY, at=timezone.now() - timedelta(hours=24, seconds=1))
    assert make_event().pk


@pytest.mark.promise("creation-bounded")
def test_what_was_cancelled_or_given_away_counts_for_who_created_it(make_event, make_member, created, alice):
    created(alice, EVENTS_A_DAY - 2)
    actions.cancel(make_event(), alice)
    bob, given = make_member("bob"), make_event()
    transfer.ask(given, by=alice, member=bob)
    transfer.accept(given, by=bob)
    with pytest.raises(LimitReached):
        make_event()
    assert [Creation.objects.filter(member=one).count() for one in (alice, bob)] == [EVENTS_A_DAY, 0]


def test_what_was_refused_does_not_count(make_event, created, alice):
    created(alice, EVENTS_A_DAY - 1)
    with pytest.raises(Invalid):
        make_event(title="")
    assert make_event().pk


@pytest.mark.promise("creation-bounded")
def test_communities(alice, make_member):
    for number in range(COMMUNITIES_A_DAY):
        made = communities.create(alice, name=f"Club {number}")
    with pytest.raises(LimitReached, match=f"{COMMUNITIES_A_DAY} communities within 24 hours") as refused:
        communities.create(alice, name="One more")
    assert refused.value.code == "too_many"
    bob = make_member("bob")
    assert communities.create(bob, name="Of somebody else").pk
    community_transfer.ask(made, by=alice, member=bob)
    community_transfer.accept(made, by=bob)
    communities.close(Community.objects.filter(created_by=alice)[0], alice)
    with pytest.raises(LimitReached):
        communities.create(alice, name="One more")
    Creation.objects.update(at=timezone.now() - timedelta(hours=25))
    assert communities.create(alice, name="The next day").pk


@pytest.mark.django_db(transaction=True)
def test_presses_at_the_same_time_take_turns(make_event, created, alice, soon):
    created(alice, EVENTS_A_DAY - 2)
    refused, ready = [], threading.Barrier(4)

    def press():
        ready.wait()
        try:
            actions.create(alice, title="Tea", starts_at=soon, timezone="UTC")
        except LimitReached as fault:
            refused.append(fault)
        finally:
            connection.close()

    threads = [threading.Thread(target=press) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(refused), Event.objects.count()) == (2, 2)
