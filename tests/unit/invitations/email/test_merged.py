"""Two e-mail invitations that a host says are one person's: one answer, which the link of either changes."""

import pytest
from allauth.account.models import EmailAddress
from allauth.account.signals import email_confirmed
from tests.unit.invitations.email.mail import SENT, token_in

from elonara.events.guests import by_host, places, rsvps
from elonara.events.messages import readers, telling
from elonara.events.messages.models import GuestMessage, MessageKind, MessageState
from elonara.events.models import Rsvp
from elonara.housekeeping.guest_data import deletion
from elonara.invitations.guest_emails.told import told_to
from elonara.invitations.models import EmailInvitation
from elonara.invitations.responses import email_reader
from elonara.members.errors import NotAllowed
from elonara.personal_data import actions as personal_data

WORK, HOME, THIRD = "ana@work.example", "ana@home.example", "ana@third.example"


@pytest.fixture
def answered(picnic, write, deliver):
    """`answered(WORK, "going")`: somebody answers by the link that was sent to this address."""

    def go(address, choice="going", event=picnic, **more):
        write(event, address)
        deliver()
        token = token_in(SENT[-1])
        return token, email_reader.respond(email_reader.by_token(token), choice, **more)

    return go


def by(token):
    return email_reader.by_token(token)


def merged(event, by_whom, *answers):
    return by_host.merge(event, by_whom, *(row.pk for _, row in answers))


def verified(member, address):
    known = EmailAddress.objects.create(user=member, email=address, verified=True)
    email_confirmed.send(None, email_address=known, request=None)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_either_link_shows_and_changes_the_one_answer(picnic, alice, answered, order):
    (work, one), (home, other) = answered(WORK, "maybe"), answered(HOME, "going", plus_ones=0)
    rows = [(one, other)[at].pk for at in order]
    kept = by_host.merge(picnic, alice, *rows)
    assert (kept.choice, places.taken(picnic)) == ("going", 1)
    for token, choice in ((home, "cant"), (work, "going"), (home, "maybe")):
        email_reader.respond(by(token), choice)
        assert Rsvp.objects.get().choice == choice
        assert {email_reader.rsvp_of(by(each), None).choice for each in (work, home)} == {choice}
        assert set(EmailInvitation.objects.values_list("answer", flat=True)) == {choice}, "its hosts read it at both"


def test_a_third_one_joins_whichever_it_is_merged_with(picnic, alice, answered):
    given = [answered(address) for address in (WORK, HOME, THIRD)]
    by_host.merge(picnic, alice, given[1][1].pk, given[2][1].pk)
    by_host.merge(picnic, alice, given[0][1].pk, Rsvp.objects.latest("pk").pk)
    for token, _ in given:
        email_reader.respond(by(token), "going")
    assert Rsvp.objects.count() == 1


def test_who_proves_either_address_owns_the_answer(picnic, alice, answered, make_member):
    (_, one), (_, other) = answered(WORK), answered(HOME)
    kept = by_host.merge(picnic, alice, one.pk, other.pk)
    bob = make_member("bob")
    for address in (WORK, HOME):
        verified(bob, address)
        assert Rsvp.objects.get().member == bob
    assert Rsvp.objects.get().pk == kept.pk


def test_a_members_answer_and_two_addresses(picnic, alice, answered, make_member):
    bob = make_member("bob")
    own = rsvps.respond(picnic, choice="maybe", member=bob)
    (work, one), (home, other) = answered(WORK), answered(HOME)
    by_host.merge(picnic, alice, own.pk, one.pk)
    by_host.merge(picnic, alice, other.pk, own.pk)
    for token in (home, work):
        email_reader.respond(by(token), "going")
        assert [row.member for row in Rsvp.objects.all()] == [bob]


def test_what_is_kept_is_shown_to_the_reader_of_either(picnic, alice, answered, client):
    (work, one), (home, other) = answered(WORK, note="Brings bread"), answered(HOME, "maybe", note="Brings salt")
    by_host.merge(picnic, alice, one.pk, other.pk)
    for token in (work, home):
        found = personal_data.export_for_email_invitation(by(token).pk)
        assert [each["note"] for each in found["answers"]] == ["Brings salt"]
        assert "Brings salt" in client.get(f"/rsvp/{token}").content.decode()


def test_what_waited_for_either_is_still_told(picnic, alice, answered):
    (_, one), (_, other) = answered(WORK), answered(HOME)
    for row in (one, other):
        telling.tell(picnic, row, MessageKind.PLACE, "You have a place at Picnic.")
    kept = by_host.merge(picnic, alice, one.pk, other.pk)
    waiting = GuestMessage.objects.filter(kind=MessageKind.PLACE)
    assert [readers.answer_of(row) for row in waiting] == [kept, kept]
    assert {row.email_invitation for row in waiting} == {kept.email_invitation}, "what stops it stops that address"


def test_each_address_stops_its_own_emails(picnic, alice, answered):
    (work, one), (home, other) = answered(WORK), answered(HOME)
    by_host.merge(picnic, alice, one.pk, other.pk)
    email_reader.stop(by(home))
    assert email_reader.stopped(by(home))
    assert not email_reader.stopped(by(work))


def test_a_guest_of_another_event_is_not_found(picnic, make_event, alice, answered):
    _, one = answered(WORK)
    _, other = answered(HOME, event=make_event(title="Another"))
    with pytest.raises(NotAllowed):
        by_host.merge(picnic, alice, one.pk, other.pk)
    assert not EmailInvitation.objects.exclude(same_person=None).exists()


def test_two_members_who_prove_an_address_each_have_an_answer_each(picnic, alice, answered, make_member, client):
    (work, one), (home, other) = answered(WORK, note="Brings bread"), answered(HOME, "maybe")
    by_host.merge(picnic, alice, one.pk, other.pk)
    bob, carol = make_member("bob", "did:plc:bob"), make_member("carol", "did:plc:carol")
    email_reader.respond(by(work), "going", note="Brings bread")
    verified(bob, WORK)
    verified(carol, HOME)
    assert "Brings bread" not in client.get(f"/rsvp/{home}").content.decode()
    email_reader.respond(by(home), "cant")
    found = {row.member.username: (row.choice, row.did) for row in Rsvp.objects.all()}
    assert (found["bob"][0], found["carol"][0]) == ("going", "cant")
    assert found["bob"][1] != "did:plc:carol"


def test_a_third_address_stays_hers_when_she_proves_the_others(picnic, alice, answered, make_member):
    given = [answered(address) for address in (WORK, HOME, THIRD)]
    merged(picnic, alice, given[1], given[2])
    bob = make_member("bob")
    verified(bob, WORK)
    verified(bob, HOME)
    email_reader.respond(by(given[2][0]), "maybe")
    assert [(row.member, row.choice) for row in Rsvp.objects.all()] == [(bob, "maybe")]


def test_what_was_told_at_either_address_is_shown_and_can_be_reported(picnic, alice, answered):
    (_, one), (home, other) = answered(WORK), answered(HOME)
    telling.tell(picnic, other, MessageKind.PLACE, "You have a place at Picnic.")
    GuestMessage.objects.filter(kind=MessageKind.PLACE).update(state=MessageState.SENT)
    by_host.merge(picnic, alice, one.pk, other.pk)
    row = by(home)
    known = email_reader.known_as(row, None)
    assert [item.text for item in told_to(None, email_invitations=known, event=picnic)] == [
        "You have a place at Picnic."
    ]


def test_a_merge_between_opening_and_answering(picnic, alice, answered):
    (_, one), (home, other) = answered(WORK), answered(HOME)
    row = by(home)
    by_host.merge(picnic, alice, one.pk, other.pk)
    email_reader.respond(row, "cant")
    assert [each.choice for each in Rsvp.objects.all()] == ["cant"]


def test_that_two_addresses_are_one_person_is_forgotten_with_the_guests_data(picnic, alice, answered):
    (_, one), (_, other) = answered(WORK), answered(HOME)
    by_host.merge(picnic, alice, one.pk, other.pk)
    deletion._emailed(picnic.pk)
    assert not EmailInvitation.objects.exclude(same_person=None).exists()
