"""Answering, and who reads whom in the list of guests."""

from datetime import timedelta

import pytest
from django.utils import timezone

from elonara.bluesky.models import MemberIdentity
from elonara.events import actions
from elonara.events.guests import adoption, rsvps
from elonara.events.models import Event, Rsvp


def test_an_answer_is_one_row_that_changes(picnic, make_member):
    bob = make_member()
    rsvps.respond(picnic, choice="going", member=bob, note=" I bring cake. ")
    rsvps.respond(picnic, choice="cant", member=bob)
    row = Rsvp.objects.get()
    assert (row.choice, row.note, row.member) == ("cant", "I bring cake.", bob)  # what is not said stays
    rsvps.respond(picnic, choice="maybe", member=bob, note="")
    row.refresh_from_db()
    assert (row.choice, row.note) == ("maybe", "")
    assert rsvps.rsvp_of(picnic, bob) == row
    rsvps.withdraw(picnic, member=bob)
    assert rsvps.rsvp_of(picnic, bob) is None


def test_somebody_without_an_account_answers_by_did(picnic):
    row = rsvps.respond(picnic, choice="maybe", did="did:plc:gil", handle="gil.example", name="Gil")
    assert (row.member, row.did, row.handle, row.name) == (None, "did:plc:gil", "gil.example", "Gil")
    assert rsvps.rsvp_of(picnic, did="did:plc:gil") == row
    assert rsvps.rsvp_of(picnic) is None


def test_a_proven_did_answers_for_its_owner_and_never_for_who_is_signed_in(picnic, make_member):
    bob, carol = make_member(did="did:plc:bob"), make_member(did="did:plc:carol")
    assert rsvps.respond(picnic, choice="going", member=carol, did="did:plc:bob").member == bob
    row = rsvps.respond(picnic, choice="going", member=carol, did="did:plc:new")
    assert (row.member, row.did) == (None, "did:plc:new")
    assert rsvps.rsvp_of(picnic, carol) is None


def test_by_account_and_by_did_is_one_answer(picnic, make_member):
    bob = make_member(did="did:plc:bob")
    rsvps.respond(picnic, choice="going", member=bob)
    rsvps.respond(picnic, choice="maybe", did="did:plc:bob")
    assert Rsvp.objects.get().choice == "maybe"
    Rsvp.objects.update(member=None)
    rsvps.respond(picnic, choice="cant", member=bob)
    assert Rsvp.objects.get().member == bob


@pytest.mark.parametrize(("allowed", "asked", "sentence"), [
    (2, 3, "You can bring up to 2 people to this event."),
    (1, 2, "You can bring up to 1 person to this event."),
    (0, 1, "Guests cannot bring others to this event."),
    (2, -1, "You can bring up to 2 people to this event."),
    (2, "many", "You can bring up to 2 people to this event."),
])  # fmt: skip
def test_plus_ones_are_bound_by_the_event(make_event, make_member, allowed, asked, sentence):
    event = make_event(plus_ones_allowed=allowed)
    with pytest.raises(rsvps.Invalid) as refused:
        rsvps.respond(event, choice="going", member=make_member(), plus_ones=asked)
    assert refused.value.errors == {"plus_ones": sentence}
    assert rsvps.respond(event, choice="cant", member=make_member(), plus_ones=asked).plus_ones == 0


def test_a_strange_choice_and_a_long_note_get_sentences(picnic, make_member):
    with pytest.raises(rsvps.Invalid) as refused:
        rsvps.respond(picnic, choice="perhaps", member=make_member(), note="x" * 501)
    assert refused.value.errors == {
        "choice": "Choose Going, Maybe or Can't.",
        "note": "The note has 501 characters; 500 fit.",
    }


def test_nobody_answers_what_is_over_or_cancelled(picnic, alice, make_member):
    Event.objects.update(starts_at=timezone.now() - timedelta(hours=4))
    picnic.refresh_from_db()
    with pytest.raises(rsvps.NotAllowed, match="is over"):
        rsvps.respond(picnic, choice="going", member=make_member(), invited=True)
    actions.cancel(picnic, alice)
    with pytest.raises(rsvps.NotAllowed, match="cancelled"):
        rsvps.respond(picnic, choice="going", did="did:plc:gil", invited=True)
    assert rsvps.why_closed(picnic) == "This event was cancelled."


def test_a_private_event_is_answered_by_the_invited(supper, make_member):
    for person in ({"member": make_member()}, {"did": "did:plc:gil"}):
        with pytest.raises(rsvps.NotAllowed, match="Ask its host"):
            rsvps.respond(supper, choice="going", **person)
        assert rsvps.respond(supper, choice="going", invited=True, **person)
        assert rsvps.respond(supper, choice="maybe", **person).choice == "maybe"


def test_a_waiting_member_answers_invitations_only_and_a_suspended_one_nothing(picnic, make_member):
    waiting = make_member(standing="pending")
    with pytest.raises(rsvps.NotAllowed, match="waiting for approval"):
        rsvps.respond(picnic, choice="going", member=waiting)
    assert rsvps.respond(picnic, choice="going", member=waiting, invited=True)
    make_member(did="did:plc:eve", standing="suspended")
    with pytest.raises(rsvps.NotAllowed, match="suspended"):
        rsvps.respond(picnic, choice="going", did="did:plc:eve", invited=True)


def test_listeners_hear_every_answer(picnic, make_member, heard, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        row = rsvps.respond(picnic, choice="going", member=make_member())
        assert heard == []
    assert heard == [row]


def test_proving_a_did_later_brings_its_answers_and_the_later_one_stays(make_event, make_member):
    bob, one, two, three = make_member(), make_event(), make_event(), make_event()
    rsvps.respond(one, choice="going", did="did:plc:bob", note="by DID")
    rsvps.respond(two, choice="going", did="did:plc:bob", note="by DID, later")
    rsvps.respond(two, choice="cant", member=bob)
    rsvps.respond(three, choice="maybe", did="did:plc:bob")
    rsvps.respond(three, choice="going", member=bob, note="by account, later")
    early = timezone.now() - timedelta(days=1)
    Rsvp.objects.filter(event=two, member=bob).update(answered_at=early)
    Rsvp.objects.filter(event=three, did="did:plc:bob").update(answered_at=early)
    MemberIdentity.objects.create(member=bob, bsky_did="did:plc:bob", bsky_handle="bob.example")
    assert adoption.has_unadopted(bob, "did:plc:bob")
    assert adoption.adopt(bob, "did:plc:bob") == 3
    found = {row.event_id: (row.member, row.did, row.choice, row.note) for row in Rsvp.objects.all()}
    assert found == {
        one.pk: (bob, "did:plc:bob", "going", "by DID"),
        two.pk: (bob, "did:plc:bob", "going", "by DID, later"),
        three.pk: (bob, "did:plc:bob", "going", "by account, later"),
    }
    assert not adoption.has_unadopted(bob, "did:plc:bob")
    assert adoption.adopt(bob, "did:plc:bob") == 0


def test_an_answer_by_account_or_by_did_alone_is_to_be_adopted(picnic, make_member):
    bob, eve = make_member(), make_member()
    assert not adoption.has_unadopted(bob, "did:plc:bob")
    rsvps.respond(picnic, choice="going", did="did:plc:bob")
    assert adoption.has_unadopted(bob, "did:plc:bob")
    assert not adoption.has_unadopted(bob, "did:plc:eve")
    rsvps.respond(picnic, choice="going", member=eve)
    assert adoption.has_unadopted(eve, "did:plc:eve")


def test_nobody_adopts_another_members_answers(picnic, make_member):
    bob = make_member(did="did:plc:bob")
    rsvps.respond(picnic, choice="going", member=bob)
    assert not adoption.has_unadopted(make_member(), "did:plc:bob")
    assert adoption.adopt(make_member(), "did:plc:bob") == 0
    assert Rsvp.objects.get().member == bob


@pytest.fixture
def busy(make_event, make_member):
    """Five answers: Bob going with two, Carol going, Dora maybe, Eve can't, and Gil by DID."""
    event = make_event(plus_ones_allowed=2)
    people = {name: make_member(name, did=f"did:plc:{name}") for name in ("bob", "carol", "dora", "eve")}
    rsvps.respond(event, choice="going", member=people["bob"], plus_ones=2, note="vegan")
    rsvps.respond(event, choice="going", member=people["carol"])
    rsvps.respond(event, choice="maybe", member=people["dora"])
    rsvps.respond(event, choice="cant", member=people["eve"], note="ill")
    rsvps.respond(event, choice="going", did="did:plc:gil", handle="gil.example", name="Gil")
    return event, people


def names(listed):
    return [guest.name for guest in listed.guests]


def test_hosts_read_everybody_with_notes(busy, alice):
    listed = rsvps.guest_list(busy[0], alice)
    assert names(listed) == ["bob", "carol", "Gil", "dora", "eve"]
    assert [guest.note for guest in listed.guests] == ["vegan", "", "", "", "ill"]
    assert (listed.going, listed.maybe, listed.cant, listed.full, listed.hidden) == (5, 1, 1, True, 0)
    assert listed.of("going")[2].handle == "gil.example"


@pytest.mark.promise("guest-list")
def test_guests_read_names_but_no_notes_of_others(busy):
    event, people = busy
    listed = rsvps.guest_list(event, people["bob"], known_dids=["did:plc:gil"])
    assert names(listed) == ["bob", "Gil", "carol", "dora"]
    assert [guest.note for guest in listed.guests] == ["vegan", "", "", ""]
    assert [guest.you for guest in listed.guests] == [True, False, False, False]
    assert names(rsvps.guest_list(event, dids=["did:plc:gil"])) == ["Gil", "bob", "carol", "dora"]


def test_a_note_is_for_the_hosts_and_its_writer(busy, alice, make_member):
    event, people = busy
    rsvps.respond(event, choice="going", member=people["carol"], note="late")

    def notes(viewer=None, **seen_by):
        return {guest.name: guest.note for guest in rsvps.guest_list(event, viewer, **seen_by).guests if guest.note}

    assert notes(alice) == {"bob": "vegan", "carol": "late", "eve": "ill"}
    assert notes(people["bob"]) == {"bob": "vegan"}
    assert notes(people["carol"]) == {"carol": "late"}
    assert notes(people["dora"], known_dids=["did:plc:bob", "did:plc:carol"]) == {}
    assert notes(make_member(), known_dids=["did:plc:bob", "did:plc:carol"]) == {}
    assert notes(dids=["did:plc:gil"]) == {}
    # Carol answered by a Bluesky account that she has changed for another one since.
    Rsvp.objects.filter(member=people["carol"]).update(did="did:plc:former")
    assert notes(people["carol"]) == {"carol": "late"}
    assert notes(dids=["did:plc:former"]) == {}


def test_other_members_read_those_they_know_and_numbers(busy, make_member):
    event, people = busy
    listed = rsvps.guest_list(event, make_member(), known_dids=["did:plc:carol", "did:plc:eve", "did:plc:far"])
    assert names(listed) == ["carol"]
    assert listed.guests[0].known
    assert (listed.going, listed.maybe, listed.hidden, listed.full) == (5, 1, 3, False)
    assert names(rsvps.guest_list(event, people["eve"])) == []


@pytest.mark.promise("guest-list")
def test_strangers_read_numbers(busy):
    listed = rsvps.guest_list(busy[0], known_dids=["did:plc:carol"])
    assert (listed.guests, listed.going, listed.hidden) == ((), 5, 4)


def test_a_long_list_costs_three_queries(busy, alice, django_assert_max_num_queries):
    with django_assert_max_num_queries(3):
        assert len(rsvps.guest_list(busy[0], alice, page_size=2).guests) == 2


@pytest.mark.every_value_on_postgres
@pytest.mark.parametrize("viewer", ["host", "guest", "stranger"])
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_pages_together_name_everybody_once_in_the_same_order(busy, alice, make_member, viewer, size):
    event, people = busy
    known = ["did:plc:carol", "did:plc:gil", "did:plc:eve"]
    who = {"host": alice, "guest": people["bob"], "stranger": make_member()}[viewer]
    whole = rsvps.guest_list(event, who, known_dids=known)
    pages = [
        rsvps.guest_list(event, who, known_dids=known, page=number, page_size=size)
        for number in range(1, -(-whole.named // size) + 1)
    ]
    assert [name for page in pages for name in names(page)] == names(whole)
    assert {(page.pages, page.hidden, page.named, page.going) for page in pages} == {
        (len(pages), whole.hidden, len(whole.guests), whole.going)
    }
    for beyond, last in ((99, pages[-1]), (0, pages[0]), (-3, pages[0])):
        assert rsvps.guest_list(event, who, known_dids=known, page=beyond, page_size=size) == last
