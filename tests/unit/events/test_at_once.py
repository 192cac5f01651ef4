"""Two presses at the same moment."""

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


def at_once(*presses):
    """Run every press in a thread of its own, all beginning together; exceptions are returned."""
    together = Barrier(len(presses))

    def run(press):
        together.wait(10)
        try:
            return press()
        except Exception as fault:  # noqa: BLE001
            return fault
        finally:
            connection.close()

    with ThreadPoolExecutor(len(presses)) as pool:
        return list(pool.map(run, presses))


def test_one_person_who_answers_eight_times_at_once_has_one_answer(picnic):
    rows = at_once(*[lambda: rsvps.respond(picnic, choice="going", did="did:plc:gil", invited=True)] * 8)
    assert [row for row in rows if not isinstance(row, Rsvp)] == []
    assert Rsvp.objects.count() == 1


def test_two_last_admins_who_leave_at_once_leave_one_behind(alice, make_member):
    bakers, bob = communities.create(alice, name="Bakers"), make_member()
    Membership.objects.create(community=bakers, member=bob, role="admin")
    outcomes = at_once(*[lambda who=who: communities.leave(bakers, member=who) for who in (alice, bob)])
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", "NotAllowed"]
    assert Membership.objects.filter(community=bakers, role="admin").count() == 1


def test_six_events_of_one_title_made_at_once_get_six_addresses(make_event, alice):
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


def test_one_link_makes_one_operator_however_many_press(db):
    token = members.first_run_link().rsplit("/", 1)[1]
    presses = [
        lambda name=name: members.claim_first_operator(token, name, "correct horse battery")
        for name in ("a1", "b2", "c3", "d4")
    ]
    outcomes = at_once(*presses)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["LinkRefused"] * 3 + ["Member"]
    assert Member.objects.count() == 1
