"""Approval: who asks takes no place until a host accepts."""

import pytest
from tests.unit.events.test_at_once import at_once

from elonara.events import actions
from elonara.events.guests import adoption, approval, places, rsvps
from elonara.events.models import Event, Rsvp
from elonara.members.errors import Invalid, NotAllowed
from elonara.members.models import AuditEntry
from elonara.members.queries import open_notices


@pytest.fixture
def chosen(make_event):
    """An event with one place, whose host accepts each guest."""
    return make_event(capacity=1, plus_ones_allowed=2, approval=True)


def answer(event, who, choice="going", **more):
    return rsvps.respond(event, choice=choice, did=f"did:plc:{who}", invited=True, **more)


def row_of(event, who):
    return Rsvp.objects.get(event=event, did=f"did:plc:{who}")


def test_who_asks_takes_no_place(chosen, make_member):
    assert answer(chosen, "a").choice == "asked"
    assert rsvps.respond(chosen, choice="going", member=make_member()).choice == "asked"
    assert places.taken(chosen) == 0
    assert answer(chosen, "b", "maybe").choice == "maybe"


def test_the_hosts_need_not_ask_themselves(chosen, alice):
    assert rsvps.respond(chosen, choice="going", member=alice).choice == "going"


def test_accepted_with_a_word_and_at_a_full_event_on_the_waiting_list(chosen, alice, make_member):
    bob = make_member("bob")
    rsvps.respond(chosen, choice="going", member=bob)
    answer(chosen, "b")
    row = approval.accept(chosen, alice, Rsvp.objects.get(member=bob).pk, " Good to have you. ")
    assert (row.choice, row.word) == ("going", "Good to have you.")
    assert [notice.text for notice in open_notices(bob)] == ["You are accepted to Picnic. “Good to have you.”"]
    assert approval.accept(chosen, alice, row_of(chosen, "b").pk).choice == "waiting"
    rsvps.withdraw(chosen, member=bob)
    assert row_of(chosen, "b").choice == "going"
    assert set(AuditEntry.objects.values_list("what", flat=True)) == {"guest_accepted"}


def test_who_was_accepted_need_not_ask_again(chosen, alice):
    approval.accept(chosen, alice, answer(chosen, "a").pk)
    answer(chosen, "a", "cant")
    assert answer(chosen, "a").choice == "going"


@pytest.mark.promise("hosts-decide")
@pytest.mark.parametrize("way", ["going", "maybe", "cant", "withdraw"])
def test_who_was_declined_cannot_ask_again_and_is_accepted_by_a_host_alone(chosen, alice, way):
    row = approval.decline(chosen, alice, answer(chosen, "a").pk, "Not this time.")
    assert (row.choice, row.word) == ("refused", "Not this time.")
    if way == "withdraw":
        rsvps.withdraw(chosen, did="did:plc:a")
    elif way == "cant":
        answer(chosen, "a", "cant")
    else:
        with pytest.raises(NotAllowed, match="have declined"):
            answer(chosen, "a", way)
    with pytest.raises(NotAllowed, match="have declined"):
        answer(chosen, "a")
    if way in ("going", "maybe"):
        assert approval.accept(chosen, alice, row.pk).choice == "going"


def test_a_decision_is_made_once(chosen, alice):
    row = answer(chosen, "a")
    approval.accept(chosen, alice, row.pk)
    for decide in (approval.accept, approval.decline):
        with pytest.raises(NotAllowed, match="already decided"):
            decide(chosen, alice, row.pk)
    rsvps.withdraw(chosen, did="did:plc:a")
    with pytest.raises(NotAllowed, match="withdrawn the answer"):
        approval.decline(chosen, alice, row.pk)


def test_hosts_alone_decide_while_the_event_is_to_come(chosen, alice, make_member, picnic):
    row, mallory = answer(chosen, "a"), make_member("mallory")
    for decide in (approval.accept, approval.decline):
        with pytest.raises(NotAllowed, match="Only the hosts"):
            decide(chosen, mallory, row.pk)
        with pytest.raises(NotAllowed):  # an answer to another event
            decide(picnic, alice, row.pk)
    with pytest.raises(Invalid):
        approval.accept(chosen, alice, row.pk, "x" * 501)
    actions.cancel(chosen, alice)
    with pytest.raises(NotAllowed, match="cancelled"):
        approval.accept(chosen, alice, row.pk)
    assert row_of(chosen, "a").choice == "asked"


@pytest.mark.parametrize("told", [True, False])
def test_where_approval_ends_who_asked_gets_a_place_or_waits(chosen, alice, told, django_capture_on_commit_callbacks):
    for who in "ab":
        answer(chosen, who)
    if told:
        with django_capture_on_commit_callbacks(execute=True):
            actions.change(chosen, by=alice, approval=False)
    else:  # as after a kill
        Event.objects.update(approval=False)
        assert approval.admit_all() == 2
    assert [row_of(chosen, who).choice for who in "ab"] == ["going", "waiting"]


def test_who_comes_already_stays_when_approval_begins(make_event, alice):
    event = make_event()
    answer(event, "a")
    actions.change(event, by=alice, approval=True)
    assert answer(event, "a", note="Hello").choice == "going"
    assert answer(event, "b").choice == "asked"


def test_a_no_stays_when_two_answers_turn_out_to_be_one_persons(chosen, alice, make_member):
    bob = make_member("bob")
    approval.decline(chosen, alice, answer(chosen, "bob").pk)
    rsvps.respond(chosen, choice="going", member=bob)
    adoption.adopt(bob, "did:plc:bob")
    assert Rsvp.objects.get(event=chosen).choice == "refused"


@pytest.mark.promise("hosts-decide")
@pytest.mark.django_db(transaction=True)
def test_accepting_declining_and_taking_back_at_once_have_one_outcome(chosen, alice):
    for _ in range(3):
        row = answer(chosen, "a")
        outcomes = at_once(
            lambda row=row: approval.accept(chosen, alice, row.pk).choice,
            lambda row=row: approval.decline(chosen, alice, row.pk).choice,
            lambda: rsvps.withdraw(chosen, did="did:plc:a"),
            lambda row=row: approval.accept(chosen, alice, row.pk).choice,
        )
        unforeseen = [one for one in outcomes if isinstance(one, Exception) and not isinstance(one, NotAllowed)]
        assert not unforeseen
        decided = [one for one in outcomes if isinstance(one, str)]
        found = Rsvp.objects.filter(event=chosen).first()
        # A host may accept whom another has just declined; nobody is accepted twice, and a withdrawal ends all.
        assert decided in ([], ["going"], ["refused"], ["going", "refused"], ["refused", "going"])
        assert found is None or found.choice in ("going", "cant")
        assert places.taken(chosen) <= 1
        Rsvp.objects.all().delete()
