"""Offers: a free place is kept for who is next, for some hours."""

from datetime import timedelta

import pytest
from django.utils import timezone
from tests.unit.events.test_at_once import at_once

from elonara.events import actions
from elonara.events.guests import offers, places, rsvps
from elonara.events.models import Event, Rsvp
from elonara.members.errors import Invalid, NotAllowed
from elonara.members.queries import open_notices


@pytest.fixture
def small(make_event):
    """An event with two places, which are offered for six hours; a guest may bring two people."""
    return make_event(capacity=2, plus_ones_allowed=2, offer_hours=6)


def answer(event, who, choice="going", plus_ones=0):
    return rsvps.respond(event, choice=choice, did=f"did:plc:{who}", invited=True, plus_ones=plus_ones)


def row_of(event, who):
    return Rsvp.objects.get(event=event, did=f"did:plc:{who}")


def choices(event):
    """`{"a": "going", …}`"""
    return {row.did[8:]: row.choice for row in Rsvp.objects.filter(event=event)}


@pytest.fixture
def offered(small):
    """a and b are going, c, d and e wait; then a cannot come, and c has an offer."""
    for who in "abcde":
        answer(small, who)
    answer(small, "a", "cant")
    assert choices(small) == {"a": "cant", "b": "going", "c": "offered", "d": "waiting", "e": "waiting"}
    return small


def test_an_offer_takes_the_place_until_it_is_answered(offered):
    assert places.left(offered) == 0
    answer(offered, "f")
    assert choices(offered)["f"] == "waiting"
    assert answer(offered, "c").choice == "going"
    assert row_of(offered, "c").offered_until is None
    assert choices(offered)["d"] == "waiting"


@pytest.mark.parametrize("how", ["cant", "maybe", "withdraw"])
def test_an_offer_that_is_declined_goes_to_the_next_at_once(offered, how):
    if how == "withdraw":
        rsvps.withdraw(offered, did="did:plc:c")
    else:
        answer(offered, "c", how)
    assert choices(offered)["d"] == "offered"
    assert places.left(offered) == 0


def test_an_offer_that_runs_out_goes_to_the_next(offered, clock):
    clock.pass_(hours=5, minutes=59)
    assert places.pass_offers_on() == 0
    clock.pass_(minutes=1)
    assert places.pass_offers_on() == 2  # one ended, one made
    assert choices(offered) == {"a": "cant", "b": "going", "c": "waiting", "d": "offered", "e": "waiting"}
    assert places.pass_offers_on() == 0


def test_a_late_yes_is_refused_and_keeps_the_place_in_the_order(offered, clock):
    clock.pass_(hours=7)
    assert answer(offered, "c").choice == "waiting"  # whether or not the task has run
    assert choices(offered)["d"] == "offered"
    assert places.position(row_of(offered, "c")) == 1
    answer(offered, "d", "cant")
    assert choices(offered)["c"] == "offered"


def test_a_late_yes_takes_a_place_that_nobody_else_waits_for(small, clock):
    for who in "abc":
        answer(small, who)
    answer(small, "a", "cant")
    clock.pass_(hours=7)
    assert answer(small, "c").choice == "going"


def test_who_does_not_answer_is_not_offered_again_and_holds_nobody_up(small, clock):
    for who in "abc":
        answer(small, who)
    answer(small, "a", "cant")
    clock.pass_(hours=7)
    places.pass_offers_on()
    assert choices(small)["c"] == "waiting"
    places.fill_all()
    assert choices(small)["c"] == "waiting"
    assert answer(small, "d").choice == "going"
    assert places.position(row_of(small, "c")) == 1


def test_the_host_can_give_a_place_to_who_has_an_offer_or_let_one_run_out(offered, alice, clock):
    places.give(offered, alice, row_of(offered, "c").pk)
    answer(offered, "b", "cant")
    clock.pass_(hours=7)
    places.pass_offers_on()
    assert places.give(offered, alice, row_of(offered, "d").pk).choice == "going"


def test_no_offer_is_open_beyond_the_cutoff(make_event, alice, soon, clock):
    event = make_event(capacity=1, offer_hours=48, fill_cutoff_hours=36)
    for who in "abc":
        answer(event, who)
    answer(event, "a", "cant")
    assert row_of(event, "b").offered_until == soon - timedelta(hours=36)
    clock.pass_(seconds=(soon - timedelta(hours=36) - timezone.now()).total_seconds())
    assert answer(event, "b").choice == "waiting"
    assert choices(event)["c"] == "waiting"  # and nobody is offered it


def test_an_offer_ends_earlier_where_the_cutoff_comes_earlier(offered, alice, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        actions.change(offered, by=alice, fill_cutoff_hours=72)
    assert row_of(offered, "c").offered_until <= timezone.now()
    assert answer(offered, "c").choice == "waiting"


def test_the_place_is_offered_for_all_whom_she_brings_and_no_more(make_event):
    event = make_event(capacity=3, plus_ones_allowed=2, offer_hours=6)
    answer(event, "a", plus_ones=2)
    answer(event, "b", plus_ones=1)
    answer(event, "a", "cant")
    assert places.left(event) == 1
    answer(event, "c")
    with pytest.raises(Invalid, match="you can bring 1 person"):
        answer(event, "b", plus_ones=2)
    assert answer(event, "b", plus_ones=1).plus_ones == 1


@pytest.mark.parametrize("fields", [{"capacity": None}, {"capacity": 50, "offer_hours": 0}])
def test_where_places_are_not_offered_any_more_all_who_wait_get_one(
    offered, alice, clock, fields, django_capture_on_commit_callbacks
):
    clock.pass_(hours=7)
    places.pass_offers_on()
    with django_capture_on_commit_callbacks(execute=True):
        actions.change(offered, by=alice, **fields)
    if "offer_hours" not in fields:
        assert set(choices(offered).values()) == {"cant", "going"}
    else:
        assert "waiting" not in choices(offered).values()


def test_nothing_is_offered_for_an_event_that_does_not_take_place(offered, alice, clock):
    actions.cancel(offered, alice)
    clock.pass_(hours=7)
    places.pass_offers_on()
    assert choices(offered)["d"] == "waiting"


def test_an_event_that_is_hidden_offers_nothing(offered, clock):
    Event.objects.update(hidden_at=timezone.now())
    clock.pass_(hours=7)
    places.pass_offers_on()
    assert choices(offered)["d"] == "waiting"


def test_a_member_is_told_of_an_offer_and_of_its_end_once_each(small, make_member, clock):
    bob = make_member("bob")
    answer(small, "a", plus_ones=1)
    rsvps.respond(small, choice="going", member=bob)
    answer(small, "a", "cant")
    (notice,) = open_notices(bob)
    assert notice.text.startswith("A place at Picnic is offered to you until ")
    assert "(Berlin time)" in notice.text
    clock.pass_(hours=7)
    places.pass_offers_on()
    (notice,) = open_notices(bob)
    assert "has run out" in notice.text
    rsvps.respond(small, choice="going", member=bob)
    assert not open_notices(bob)


def test_hours_are_bounded(make_event):
    for hours in (-1, 721, "x"):
        with pytest.raises(Invalid, match="hours to accept"):
            make_event(offer_hours=hours)


@pytest.mark.django_db(transaction=True)
@pytest.mark.every_value_on_postgres
@pytest.mark.parametrize("late", [False, True])
def test_taking_an_offer_its_end_and_a_withdrawal_at_once_have_one_outcome(make_event, late):
    event = make_event(capacity=1, offer_hours=6)
    for who in "abc":
        answer(event, who)
    answer(event, "a", "cant")
    if late:
        Rsvp.objects.filter(choice="offered").update(offered_until=timezone.now())
    outcomes = at_once(
        lambda: answer(event, "b").choice,
        lambda: rsvps.withdraw(event, did="did:plc:b"),
        places.pass_offers_on,
        lambda: answer(event, "d").choice,
        places.pass_offers_on,
    )
    assert not [fault for fault in outcomes if isinstance(fault, Exception)]
    found = choices(event)
    assert places.taken(event) <= 1
    if found.get("b") == "going":
        assert not late
    else:
        assert found["c"] == "offered"
    assert Rsvp.objects.filter(event=event, choice__in=places.HOLDING).count() == 1


def test_only_hosts_give_places(offered, make_member):
    with pytest.raises(NotAllowed):
        places.give(offered, make_member("mallory"), row_of(offered, "d").pk)


def test_an_ended_offer_reads_as_ended_before_the_row_says_so(offered, clock):
    row = row_of(offered, "c")
    assert offers.is_open(row)
    assert offers.silent_since(row) is None
    clock.pass_(hours=7)
    assert not offers.is_open(row)
    assert offers.silent_since(row) == row.offered_until
