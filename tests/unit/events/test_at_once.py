"""Simultaneous requests: no duplicates, no lost updates."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from elonara.communities import actions as communities
from elonara.communities.models import Membership
from elonara.events import actions
from elonara.events.guests import rsvps
from elonara.events.models import Event, Rsvp
from elonara.members import actions as members
from elonara.members.models import Member

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*calls):
    """Run each call in a thread of its own, all starting together; returns their results and exceptions."""
    together = Barrier(len(calls))

    def run(call):
        together.wait(10)
        try:
            return call()
        except Exception as fault:  # noqa: BLE001
            return fault
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_one_person_who_answers_eight_times_at_once_has_one_answer(picnic):
    rows = at_once(*[lambda: rsvps.respond(picnic, choice="going", did="did:plc:gil", invited=True)] * 8)
    assert [row for row in rows if not isinstance(row, Rsvp)] == []
    assert Rsvp.objects.count() == 1


def test_of_the_two_last_admins_only_one_can_leave(alice, make_member):
    bakers, bob = communities.create(alice, name="Bakers"), make_member()
    Membership.objects.create(community=bakers, member=bob, role="admin")
    outcomes = at_once(*[lambda who=who: communities.leave(bakers, member=who) for who in (alice, bob)])
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", "NotAllowed"]
    assert Membership.objects.filter(community=bakers, role="admin").count() == 1


def test_six_events_with_one_title_created_at_once_get_six_slugs(make_event, alice):
    made = at_once(*[make_event] * 6)
    assert [row for row in made if not isinstance(row, Event)] == []
    assert len({row.slug for row in made}) == 6


def test_two_changes_at_once_lose_nothing(picnic, alice):
    at_once(
        lambda: actions.change(picnic, by=alice, title="Swim"),
        lambda: actions.change(picnic, by=alice, location="Beach"),
    )
    picnic.refresh_from_db()
    assert (picnic.title, picnic.location, picnic.sequence) == ("Swim", "Beach", 2)


@pytest.mark.promise("first-operator-once")
def test_a_first_run_link_creates_one_operator_even_when_used_at_once(db):
    token = members.first_run_link().rsplit("/", 1)[1]
    calls = [
        lambda name=name: members.claim_first_operator(token, name, "correct horse battery")
        for name in ("a1", "b2", "c3", "d4")
    ]
    outcomes = at_once(*calls)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["LinkRefused"] * 3 + ["Member"]
    assert Member.objects.count() == 1
