"""Places: who has one, who waits for one, and what happens when one becomes free."""

import contextlib
from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from elonara.events import actions
from elonara.events.guests import adoption, offers, places, rsvps
from elonara.events.models import Event, Rsvp
from elonara.members.errors import Invalid, NotAllowed
from elonara.members.models import Notice


@pytest.fixture
def small(make_event):
    """An event with three places; a guest may bring two people."""
    return make_event(capacity=3, plus_ones_allowed=2)


def answer(event, who, choice="going", plus_ones=0):
    return rsvps.respond(event, choice=choice, did=f"did:plc:{who}", invited=True, plus_ones=plus_ones)


def state(event):
    """Who has a place and who waits, by the last part of the DID."""
    rows = Rsvp.objects.filter(event=event)
    going = [row.did[8:] for row in rows.filter(choice="going").order_by("pk")]
    waiting = [row.did[8:] for row in rows.filter(choice="waiting").order_by("waiting_since", "pk")]
    return going, waiting


def test_who_comes_when_it_is_full_waits_in_the_order_of_answers(small):
    for who in ("a", "b", "c", "d", "e"):
        answer(small, who)
    assert state(small) == (["a", "b", "c"], ["d", "e"])
    assert [places.position(rsvps.rsvp_of(small, did=f"did:plc:{who}")) for who in ("a", "d", "e")] == [0, 1, 2]


def test_people_whom_guests_bring_take_places(small):
    answer(small, "a", plus_ones=2)
    answer(small, "b")
    assert state(small) == (["a"], ["b"])
    assert places.left(small) == 0


@pytest.mark.parametrize("how", ["cant", "maybe", "withdraw", "fewer"])
def test_a_place_that_becomes_free_goes_to_the_first_who_waits(small, how):
    answer(small, "a", plus_ones=1)
    answer(small, "b")
    answer(small, "c")
    answer(small, "d")
    match how:
        case "withdraw":
            rsvps.withdraw(small, did="did:plc:b")
        case "fewer":
            answer(small, "a")
        case choice:
            answer(small, "b", choice)
    going, waiting = state(small)
    assert "c" in going
    assert waiting == ["d"]


def test_nobody_overtakes_who_needs_more_places(small):
    answer(small, "a", plus_ones=2)
    answer(small, "b", plus_ones=1)
    answer(small, "c")
    answer(small, "a", plus_ones=1)  # one place is free, b needs two
    assert state(small) == (["a"], ["b", "c"])
    answer(small, "d")
    assert state(small)[1] == ["b", "c", "d"]
    answer(small, "a", "cant")
    assert state(small) == (["b", "c"], ["d"])


def test_who_answers_again_keeps_the_place_in_the_order(small):
    for who in ("a", "b", "c", "d", "e"):
        answer(small, who)
    answer(small, "d", plus_ones=1)
    assert state(small)[1] == ["d", "e"]
    answer(small, "d", "maybe")
    answer(small, "d")
    assert state(small)[1] == ["e", "d"]


def test_who_has_a_place_keeps_it_and_brings_nobody_when_it_is_full(small):
    for who in ("a", "b", "c"):
        answer(small, who)
    with pytest.raises(Invalid, match="cannot bring anyone"):
        answer(small, "a", plus_ones=1)
    assert rsvps.rsvp_of(small, did="did:plc:a").plus_ones == 0


@pytest.mark.parametrize(("capacity", "promoted"), [(4, ["d"]), (5, ["d", "e"]), (None, ["d", "e", "f"])])
def test_places_that_a_host_adds_are_given(small, alice, capacity, promoted, django_capture_on_commit_callbacks):
    for who in ("a", "b", "c", "d", "e", "f"):
        answer(small, who)
    with django_capture_on_commit_callbacks(execute=True):
        actions.change(small, by=alice, capacity=capacity)
    assert state(small)[0] == ["a", "b", "c", *promoted]


def test_fewer_places_throw_nobody_out(small, alice):
    for who in ("a", "b", "c", "d"):
        answer(small, who)
    small = actions.change(small, by=alice, capacity=1)
    assert state(small) == (["a", "b", "c"], ["d"])
    answer(small, "a", "cant")
    assert state(small) == (["b", "c"], ["d"])


def test_the_host_gives_places_by_hand(small, alice, make_member):
    actions.change(small, by=alice, fills_by_itself=False)
    for who in ("a", "b", "c", "d", "e"):
        answer(small, who)
    answer(small, "a", "cant")
    assert state(small)[1] == ["d", "e"]
    row = rsvps.rsvp_of(small, did="did:plc:e")
    with pytest.raises(NotAllowed):
        places.give(small, make_member("mallory"), row.pk)
    places.give(small, alice, row.pk)
    assert state(small)[1] == ["d"]
    with pytest.raises(NotAllowed, match="no longer waiting"):
        places.give(small, alice, row.pk)


@pytest.mark.parametrize("fields", [{"fills_by_itself": False}, {"fill_cutoff_hours": 100}])
def test_who_waits_gets_no_place_by_answering_again(small, alice, fields):
    for who in ("a", "b", "c", "d"):
        answer(small, who)
    actions.change(small, by=alice, **fields)
    answer(small, "a", "cant")
    assert answer(small, "d").choice == "waiting"


def test_after_the_cutoff_nobody_is_promoted(small, alice):
    actions.change(small, by=alice, fill_cutoff_hours=48)
    for who in ("a", "b", "c", "d"):
        answer(small, who)
    Event.objects.filter(pk=small.pk).update(starts_at=timezone.now() + timedelta(hours=47))
    answer(small, "a", "cant")
    assert state(small) == (["b", "c"], ["d"])


def test_a_promoted_member_is_told_once(small, make_member):
    bob = make_member("bob")
    for who in ("a", "b", "c"):
        answer(small, who)
    assert rsvps.respond(small, choice="going", member=bob).choice == "waiting"
    answer(small, "a", "cant")
    (notice,) = Notice.objects.filter(member=bob)
    assert notice.text == "You have a place at Picnic."


def test_an_account_that_is_deleted_frees_its_place(small, make_member):
    bob = make_member("bob")
    rsvps.respond(small, choice="going", member=bob, plus_ones=2)
    answer(small, "a")
    bob.delete()
    assert places.fill_all() == 1
    assert state(small) == (["a"], [])


def test_who_answered_twice_has_one_place(small, make_member):
    bob = make_member("bob")
    rsvps.respond(small, choice="going", member=bob)
    answer(small, "bob")
    answer(small, "c")
    answer(small, "d")
    adoption.adopt(bob, "did:plc:bob")
    assert places.taken(small) == 3
    assert state(small)[1] == []


class Places(RuleBasedStateMachine):
    """Answers in any order: never more people than places, and whoever is first on the list does not fit."""

    host = None
    offer_hours = 0

    def __init__(self):
        super().__init__()
        number = Event.objects.count()
        start = timezone.now() + timedelta(days=3)
        self.event = actions.create(
            self.host, title=f"Picnic {number}", starts_at=start, timezone="UTC", capacity=4, plus_ones_allowed=2,
            offer_hours=self.offer_hours,
        )  # fmt: skip

    @rule(who=st.sampled_from("abcdef"), plus_ones=st.integers(0, 2))
    def going(self, who, plus_ones):
        with contextlib.suppress(Invalid):  # brings more people than there are places
            answer(self.event, who, plus_ones=plus_ones)

    @rule(who=st.sampled_from("abcdef"), choice=st.sampled_from(["cant", "maybe"]))
    def other(self, who, choice):
        answer(self.event, who, choice)

    @rule(who=st.sampled_from("abcdef"))
    def withdraw(self, who):
        rsvps.withdraw(self.event, did=f"did:plc:{who}")

    @rule(who=st.sampled_from("abcdef"))
    def offer_runs_out(self, who):
        Rsvp.objects.filter(event=self.event, did=f"did:plc:{who}", choice="offered").update(
            offered_until=timezone.now()
        )
        places.pass_offers_on()

    @invariant()
    def places_hold(self):
        free = places.left(self.event)
        assert places.taken(self.event) <= 4
        rows = list(Rsvp.objects.filter(event=self.event).order_by("waiting_since", "pk"))
        first = next((row for row in rows if row.choice == "waiting" and not offers.silent_since(row)), None)
        assert first is None or 1 + first.plus_ones > free
        for row in rows:
            assert (row.waiting_since is not None) == (row.choice in ("waiting", "offered"))
            assert (row.offered_until is not None) == (row.choice == "offered")
            assert row.choice != "offered" or self.offer_hours


class OfferedPlaces(Places):
    """The same where a free place is offered for some hours."""

    offer_hours = 6


@pytest.mark.parametrize("machine", [Places, OfferedPlaces])
def test_any_order_of_answers_keeps_the_places(alice, machine):
    machine.host = alice
    checks = settings(max_examples=12, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(machine, settings=checks)
