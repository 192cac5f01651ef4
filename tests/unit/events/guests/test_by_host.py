"""What hosts do with the answers of others, and which answers are taken and shown when."""

from datetime import timedelta

import pytest
from django.utils import timezone

from elonara.bluesky.models import MemberIdentity
from elonara.events import actions, queries
from elonara.events.guests import by_host, export, places, rsvps
from elonara.events.guests.visible import visible_list
from elonara.events.models import Event, Rsvp
from elonara.members.errors import Invalid, NotAllowed
from elonara.members.models import AuditEntry
from elonara.members.queries import open_notices


def answer(event, who, choice="going", **more):
    return rsvps.respond(event, choice=choice, did=f"did:plc:{who}", invited=True, **more)


def test_a_host_sets_an_answer_and_the_guest_is_told(picnic, alice, make_member):
    bob = make_member("bob")
    row = rsvps.respond(picnic, choice="cant", member=bob)
    assert by_host.set_answer(picnic, alice, row.pk, "going", 2).plus_ones == 2
    assert [each.text for each in open_notices(bob)] == ["Alice set your answer to Picnic: Going, with 2 more."]
    assert by_host.set_answer(picnic, alice, row.pk, "cant", 2).plus_ones == 0
    assert AuditEntry.objects.filter(what="answer_changed").count() == 2


def test_places_hold_for_hosts_too(make_event, alice):
    event = make_event(capacity=1)
    answer(event, "a")
    b = answer(event, "b", "maybe")
    assert by_host.set_answer(event, alice, b.pk, "going").choice == "waiting"
    assert by_host.add(event, alice, "Cora").choice == "waiting"
    by_host.set_answer(event, alice, Rsvp.objects.get(did="did:plc:a").pk, "cant")
    assert Rsvp.objects.get(did="did:plc:b").choice == "going"
    assert places.taken(event) == 1


def test_a_guest_is_added_by_name_and_removed(picnic, alice):
    row = by_host.add(picnic, alice, "  Cora  Lima ", plus_ones=1)
    assert (row.name, row.choice, places.taken(picnic)) == ("Cora Lima", "going", 2)
    assert visible_list(picnic, alice).guests[0].name == "Cora Lima"
    by_host.remove(picnic, alice, row.pk)
    assert not Rsvp.objects.exists()
    for name in ("", " ", "x" * 101):
        with pytest.raises(Invalid):
            by_host.add(picnic, alice, name)
    with pytest.raises(NotAllowed, match="added by name"):
        by_host.remove(picnic, alice, answer(picnic, "a").pk)


def test_hosts_alone_do_it_to_their_own_guests(picnic, make_event, alice, make_member):
    mallory, row = make_member("mallory"), answer(picnic, "a")
    other = answer(make_event(mallory), "b")
    for act in (
        lambda by, pk: by_host.set_answer(picnic, by, pk, "going"),
        lambda by, pk: by_host.remove(picnic, by, pk),
        lambda by, pk: by_host.merge(picnic, by, row.pk, pk),
    ):
        with pytest.raises(NotAllowed, match="Only the hosts"):
            act(mallory, row.pk)
        with pytest.raises(NotAllowed):
            act(alice, other.pk)
    with pytest.raises(NotAllowed, match="Only the hosts"):
        by_host.add(picnic, mallory, "Cora")
    with pytest.raises(Invalid):
        by_host.set_answer(picnic, alice, row.pk, "waiting")
    with pytest.raises(Invalid):
        by_host.set_answer(picnic, alice, row.pk, "going", 21)
    actions.cancel(picnic, alice)
    with pytest.raises(NotAllowed, match="cancelled"):
        by_host.add(picnic, alice, "Cora")


class TestMerging:
    def test_the_later_answer_holds_and_both_ways_to_answer_lead_to_it(self, picnic, alice, make_member):
        bob = make_member("bob")
        mine = rsvps.respond(picnic, choice="going", member=bob)
        letter = answer(picnic, "bob", "maybe", note="Later")
        kept = by_host.merge(picnic, alice, letter.pk, mine.pk)
        assert (kept.member, kept.did, kept.choice, kept.note) == (bob, "did:plc:bob", "maybe", "Later")
        assert answer(picnic, "bob", "cant").pk == kept.pk
        assert rsvps.respond(picnic, choice="going", member=bob).pk == kept.pk
        assert Rsvp.objects.count() == 1

    def test_a_name_is_merged_into_the_answer_of_who_has_one(self, make_event, alice):
        event = make_event(capacity=2)
        name = by_host.add(event, alice, "Cora", plus_ones=1)
        row = answer(event, "cora")
        assert row.choice == "waiting"
        kept = by_host.merge(event, alice, name.pk, row.pk)
        assert (kept.pk, kept.choice, kept.plus_ones, kept.added_by_host) == (row.pk, "going", 1, False)
        assert places.taken(event) == 2

    def test_the_place_that_becomes_free_goes_on(self, make_event, alice, make_member):
        event, bob = make_event(capacity=2), make_member("bob")
        one, other = rsvps.respond(event, choice="going", member=bob), answer(event, "bob")
        answer(event, "c")
        by_host.merge(event, alice, one.pk, other.pk)
        assert set(Rsvp.objects.values_list("choice", flat=True)) == {"going"}

    def test_two_accounts_stay_two_guests(self, picnic, alice, make_member):
        bob, carol = make_member("bob", did="did:plc:bob"), make_member("carol")
        one, two = (rsvps.respond(picnic, choice="going", member=who) for who in (bob, carol))
        three, four = answer(picnic, "c"), answer(picnic, "d")
        # Carol's own account is another one than the one that answered as d.
        MemberIdentity.objects.create(member=carol, bsky_did="did:plc:carol", bsky_handle="carol.example")
        for pair in ((one, two), (three, four), (one, three), (two, four)):
            with pytest.raises(NotAllowed, match="different accounts"):
                by_host.merge(picnic, alice, pair[0].pk, pair[1].pk)
        with pytest.raises(NotAllowed, match="two different"):
            by_host.merge(picnic, alice, one.pk, one.pk)
        assert Rsvp.objects.count() == 4


class TestClosing:
    @pytest.fixture
    def closed(self, make_event, clock):
        event = make_event(capacity=2, plus_ones_allowed=2, answers_until=timezone.now() + timedelta(hours=2))
        answer(event, "a", plus_ones=1)
        answer(event, "b")
        clock.pass_(hours=3)
        return event

    def test_then_nobody_new_comes_and_anybody_can_stay_away(self, closed):
        for who, choice in (("c", "going"), ("c", "maybe"), ("a", "maybe")):
            with pytest.raises(NotAllowed, match="Answers closed on"):
                answer(closed, who, choice)
        with pytest.raises(NotAllowed, match="closed"):
            answer(closed, "a", plus_ones=2)
        assert answer(closed, "a", note="Late").note == "Late"
        answer(closed, "a", "cant")
        assert Rsvp.objects.get(did="did:plc:b").choice == "going"

    def test_an_offered_place_can_still_be_taken(self, closed, alice):
        actions.change(closed, by=alice, offer_hours=5)
        answer(closed, "a", "cant")
        assert answer(closed, "b").choice == "going"

    def test_hosts_open_them_again(self, closed, alice):
        actions.change(closed, by=alice, answers_until=None)
        assert answer(closed, "c", "maybe").choice == "maybe"

    def test_not_after_the_event(self, make_event, soon):
        with pytest.raises(Invalid, match="Answers end when the event does"):
            make_event(ends_at=soon + timedelta(hours=2), answers_until=soon + timedelta(hours=3))


class TestWhatIsShown:
    def test_names_and_numbers_can_be_for_hosts_alone(self, make_event, alice, make_member):
        event = make_event(guest_list_hidden=True, count_hidden=True)
        bob = make_member("bob")
        rsvps.respond(event, choice="going", member=bob)
        answer(event, "a")
        for seen in (visible_list(event), visible_list(event, bob)):
            assert (seen.guests, seen.going, seen.answers, seen.hidden) == ((), 0, {}, 0)
        assert visible_list(event, alice).going == len(visible_list(event, alice).guests) == 2
        assert queries.with_going(Event.objects.all()).get().going_count == 0

    def test_hidden_numbers_leave_the_names_to_guests(self, make_event, make_member):
        event, bob = make_event(count_hidden=True), make_member("bob")
        rsvps.respond(event, choice="going", member=bob)
        assert visible_list(event, bob).going == 1
        assert visible_list(event, make_member()).going == 0

    def test_who_was_not_accepted_reads_no_names(self, make_event, make_member, alice):
        event, bob = make_event(approval=True), make_member("bob")
        rsvps.respond(event, choice="going", member=alice)
        rsvps.respond(event, choice="maybe", member=bob)
        assert visible_list(event, bob).guests == ()
        Rsvp.objects.update(choice="going")
        assert len(visible_list(event, bob).guests) == 2


@pytest.mark.parametrize("choice", sorted(by_host.KEPT))
def test_the_number_of_people_changes_and_the_answer_stays(make_event, alice, choice):
    event = make_event(capacity=1, plus_ones_allowed=5)
    answer(event, "first")
    row = answer(event, "b")
    Rsvp.objects.filter(pk=row.pk).update(choice=choice, plus_ones=3, offered_until=timezone.now() + timedelta(hours=1))
    assert by_host.set_answer(event, alice, row.pk, "", 2).choice == choice
    row.refresh_from_db()
    assert (row.choice, row.plus_ones) == (choice, 2)


def test_an_offer_is_not_made_larger_and_other_answers_stay_too(picnic, alice):
    row = answer(picnic, "b")
    Rsvp.objects.filter(pk=row.pk).update(choice="offered", offered_until=timezone.now() + timedelta(hours=1))
    with pytest.raises(Invalid, match="no more than these"):
        by_host.set_answer(picnic, alice, row.pk, "", 1)
    Rsvp.objects.filter(pk=row.pk).update(choice="going")
    assert by_host.set_answer(picnic, alice, row.pk, "", 1).choice == "going"
    with pytest.raises(Invalid, match="Choose Going"):
        by_host.set_answer(picnic, alice, row.pk, "waiting", 1)


def test_how_a_guest_comes_is_set_and_counted_there(make_event, alice):
    event = make_event(
        attendance="both", capacity=1, online_capacity=1, location="The lawn", online_link="https://call.example/x"
    )
    row = answer(event, "a")
    assert by_host.set_answer(event, alice, row.pk, "going", online=True).online
    assert (places.taken(event, online=False), places.taken(event, online=True)) == (0, 1)
    assert by_host.set_answer(event, alice, row.pk, "going").online  # left as it is
    assert by_host.add(event, alice, "Cora").choice == "going"
    assert by_host.add(event, alice, "Dan", online=True).choice == "waiting"
    table = [line.split(",") for line in export.guests_csv(event, alice).splitlines()]
    assert sorted(row[4] for row in table) == ["Online", "no", "yes", "yes"]


def test_in_person_where_there_is_no_other_way(picnic, alice):
    assert by_host.add(picnic, alice, "Cora", online=True).online is False


def test_the_host_reads_who_waits_in_the_order_of_the_list(make_event, alice, make_member):
    event = make_event(capacity=1)
    answer(event, "first")
    for who in ("b", "c", "d"):
        answer(event, who)
    rsvps.respond(event, choice="going", did="did:plc:b", note="Really!", invited=True)  # a later note
    shown = visible_list(event, alice, known_dids={"did:plc:d"})
    assert [guest.did for guest in shown.guests] == [f"did:plc:{who}" for who in ("first", "b", "c", "d")]
