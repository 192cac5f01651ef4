"""One member creates so many events and communities within a day, by whatever way, and no more."""

from datetime import timedelta

import pytest
from django.utils import timezone

from elonara.communities import actions as communities
from elonara.communities.models import Community
from elonara.events import again
from elonara.events.models import Event
from elonara.members.daily_limits import COMMUNITIES_A_DAY, EVENTS_A_DAY
from elonara.members.errors import Invalid, NotAllowed


@pytest.fixture
def created(soon):
    """`created(member, 3)`: she has created three events, just now."""

    def make(member, number):
        Event.objects.bulk_create(
            Event(slug=f"{member.username}-{n}", title="Tea", starts_at=soon, timezone="UTC", created_by=member)
            for n in range(number)
        )

    return make


@pytest.mark.promise("creation-bounded")
def test_the_last_event_of_a_day_and_none_after_it(make_event, created, alice):
    created(alice, EVENTS_A_DAY - 1)
    last = make_event()
    with pytest.raises(NotAllowed, match=f"{EVENTS_A_DAY} events within a day") as refused:
        make_event()
    assert refused.value.code == "too_many"
    with pytest.raises(NotAllowed, match="within a day"):
        again.create(alice, of=last, title="Tea", starts_at=last.starts_at, timezone="UTC")
    assert Event.objects.count() == EVENTS_A_DAY


def test_of_others_and_of_earlier_days_none_counts(make_event, make_member, created, alice):
    created(make_member(), EVENTS_A_DAY)
    created(alice, EVENTS_A_DAY)
    Event.objects.filter(created_by=alice).update(created_at=timezone.now() - timedelta(hours=24, seconds=1))
    assert make_event().pk


def test_what_was_cancelled_counts(make_event, created, alice):
    created(alice, EVENTS_A_DAY)
    Event.objects.update(status=Event.Status.CANCELLED)
    with pytest.raises(NotAllowed):
        make_event()


def test_what_was_not_valid_does_not_count(make_event, created, alice):
    created(alice, EVENTS_A_DAY - 1)
    with pytest.raises(Invalid):
        make_event(title="")
    assert make_event().pk


@pytest.mark.promise("creation-bounded")
def test_communities(alice, make_member):
    for number in range(COMMUNITIES_A_DAY):
        communities.create(alice, name=f"Club {number}")
    with pytest.raises(NotAllowed, match=f"{COMMUNITIES_A_DAY} communities within a day") as refused:
        communities.create(alice, name="One more")
    assert refused.value.code == "too_many"
    assert communities.create(make_member(), name="Of somebody else").pk
    communities.close(Community.objects.filter(created_by=alice)[0], alice)
    with pytest.raises(NotAllowed):
        communities.create(alice, name="One more")
    Community.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert communities.create(alice, name="The next day").pk
