"""A member is one person, whether she is invited by her DID or by an address that she has verified."""

import pytest
from allauth.account.models import EmailAddress
from allauth.account.signals import email_confirmed
from django.test import Client
from tests.unit.invitations.email.mail import SENT, reasons_of, token_in

from elonara.events.guests import places, rsvps
from elonara.events.messages.models import GuestMessage, MessageKind, MessageState
from elonara.events.messages.telling import tell
from elonara.events.models import EventHost, Rsvp
from elonara.invitations.consent import one_person
from elonara.invitations.email import inviting as email_inviting
from elonara.invitations.models import EmailInvitation, Invitation
from elonara.invitations.responses import email_reader, invitee, requeue
from elonara.invitations.results import InvitationRefused

ANA = "ana@example.org"
SPELLINGS = [ANA, "Ana@Example.ORG", "Ana Lima <ANA@example.org>"]


@pytest.fixture
def bob(make_member):
    """A member of alice's friends who has verified an address."""
    member = make_member("bob", "did:plc:bob")
    owns(member, ANA)
    return member


def owns(member, address, *, verified=True):
    return EmailAddress.objects.create(user=member, email=address, verified=verified)


def letter(index=-1):
    return email_reader.by_token(token_in(SENT[index]))


def skipped(sent):
    return {one.did: one.reason for one in sent.skipped}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_who_was_invited_by_a_post_gets_no_email(bob, picnic, send, write, deliver, spelling):
    send(picnic, "bob")
    assert set(reasons_of(write(picnic, spelling).left_out).values()) == {"already_invited"}
    deliver()
    assert set(reasons_of(write(picnic, spelling).left_out).values()) == {"already_invited"}
    assert SENT == []


def test_who_was_invited_by_email_gets_no_post(bob, picnic, send, write, deliver, agent):
    write(picnic, ANA)
    assert skipped(send(picnic, "bob", "carol")) == {"did:plc:bob": "already_invited"}
    deliver()
    assert skipped(send(picnic, "bob")) == {"did:plc:bob": "already_invited"}
    invitee_reads = letter()
    email_reader.respond(invitee_reads, "cant")
    assert skipped(send(picnic, "bob")) == {"did:plc:bob": "declined"}
    assert Invitation.objects.filter(invitee_did="did:plc:bob").count() == 0


def test_an_address_that_is_only_claimed_is_nobodys(make_member, picnic, send, write):
    owns(make_member("bob", "did:plc:bob"), ANA, verified=False)
    send(picnic, "bob")
    assert write(picnic, ANA).queued == 1


def test_another_event_is_another_invitation(bob, make_event, send, write):
    send(make_event(title="First"), "bob")
    assert write(make_event(title="Second"), ANA).queued == 1


@pytest.mark.parametrize("by", ["member", "did"])
def test_who_has_answered_gets_no_email(bob, picnic, write, by):
    rsvps.respond(picnic, choice="going", **({"member": bob} if by == "member" else {"did": "did:plc:bob"}))
    assert reasons_of(write(picnic, ANA).left_out) == {ANA: "already_answered"}


@pytest.mark.parametrize("who", ["yourself", "cohost"])
def test_hosts_get_no_email(alice, make_member, picnic, write, who):
    member = alice if who == "yourself" else make_member("bob")  # without a Bluesky account
    owns(member, ANA)
    if who == "cohost":
        EventHost.objects.create(event=picnic, member=member, role="cohost", accepted_at=picnic.created_at)
    assert reasons_of(write(picnic, ANA).left_out) == {ANA: who}


def test_two_addresses_of_one_member_get_one_email(bob, picnic, write, deliver):
    owns(bob, "bob@work.example")
    sent = write(picnic, f"{ANA}, bob@work.example")
    assert (sent.queued, reasons_of(sent.left_out)) == (1, {"bob@work.example": "already_invited"})
    deliver()
    assert reasons_of(write(picnic, "bob@work.example").left_out) == {"bob@work.example": "already_invited"}
    assert len(SENT) == 1


@pytest.mark.parametrize("whole_site", [False, True])
def test_a_no_to_posts_is_one_to_emails(alice, bob, make_event, write, whole_site):
    invitee.opt_out("did:plc:bob", None if whole_site else alice)
    code = "opted_out_site" if whole_site else "opted_out_host"
    assert reasons_of(write(make_event(), ANA).left_out) == {ANA: code}


@pytest.mark.parametrize("whole_site", [False, True])
def test_a_no_to_emails_is_one_to_posts(bob, make_event, send, write, deliver, whole_site):
    write(make_event(title="First"), ANA)
    deliver()
    email_reader.stop(letter(), whole_site=whole_site)
    code = "opted_out_site" if whole_site else "opted_out_host"
    assert skipped(send(make_event(title="Second"), "bob")) == {"did:plc:bob": code}


# Between Send and the moment at which it leaves


def test_a_post_that_waits_ends_when_she_says_no_by_email(bob, make_event, send, write, deliver, states):
    write(make_event(title="First"), ANA)
    deliver()
    send(make_event(title="Second"), "bob")
    email_reader.stop(letter())
    deliver()
    assert states() == {"bob": "suppressed"}


def test_a_failed_post_is_not_queued_again_past_a_no_by_email(alice, bob, make_event, send, write, deliver, row):
    write(make_event(title="First"), ANA)
    deliver()
    send(make_event(title="Second"), "bob")
    Invitation.objects.filter(pk=row("bob").pk).update(state="failed", reason="server")
    email_reader.stop(letter())
    with pytest.raises(InvitationRefused, match="asked not to be"):
        requeue.requeue(row("bob"), alice)


def test_an_email_that_waits_ends_when_she_says_no_to_a_post(alice, bob, make_event, write, deliver, email_row):
    write(make_event(), ANA)
    invitee.opt_out("did:plc:bob", alice)
    deliver()
    assert (email_row(ANA).state, email_row(ANA).reason, SENT) == ("suppressed", "opted_out_host", [])
    with pytest.raises(InvitationRefused):
        email_inviting.retry(email_row(ANA), alice)


def test_an_email_that_waits_ends_when_she_answers(bob, picnic, write, deliver, email_row):
    write(picnic, ANA)
    rsvps.respond(picnic, choice="going", member=bob)
    deliver()
    assert (email_row(ANA).state, email_row(ANA).reason, SENT) == ("suppressed", "already_answered", [])


def test_of_two_that_wait_the_first_one_goes(make_member, picnic, send, write, deliver, states, email_row):
    """Neither may end the other while both wait, or she gets none."""
    member = make_member("bob", "did:plc:bob")
    send(picnic, "bob")
    write(picnic, ANA)
    owns(member, ANA)  # verified between Send and delivery
    deliver()
    ways = (states()["bob"], email_row(ANA).state)
    assert ways in {("sent", "suppressed"), ("suppressed", "sent")}


# One answer


def test_a_member_answers_her_email_as_herself(bob, picnic, write, deliver, email_row):
    write(picnic, ANA)
    deliver()
    given = email_reader.respond(letter(), "going", "Another name")
    assert (given.member, given.did, given.name) == (bob, "did:plc:bob", "")
    assert rsvps.rsvp_of(picnic, bob) == given
    rsvps.respond(picnic, choice="maybe", member=bob)
    assert Rsvp.objects.count() == 1
    assert email_row(ANA).answer == "maybe"


def test_her_answer_on_the_event_s_page_is_that_of_her_email(bob, picnic, write, deliver, email_row):
    write(picnic, ANA)
    deliver()
    rsvps.respond(picnic, choice="going", member=bob)
    assert email_row(ANA).answer == "going"
    page = Client().get(f"/rsvp/{token_in(SENT[0])}").content.decode()
    assert "You answer as <bdi>bob</bdi>" in page
    assert 'name="name"' not in page
    email_reader.respond(letter(), "cant")
    assert Rsvp.objects.get().choice == "cant"


def test_a_private_event_is_open_to_the_member_whose_address_was_invited(bob, supper, write, deliver):
    write(supper, ANA)
    deliver()
    assert email_reader.respond(letter(), "going").member == bob


def test_the_email_of_somebody_without_an_account_stays_as_it_is(picnic, write, deliver):
    write(picnic, ANA)
    deliver()
    page = Client().get(f"/rsvp/{token_in(SENT[0])}").content.decode()
    assert "You answer as" not in page
    assert 'name="name"' in page


@pytest.mark.parametrize("later", ["email", "member"])
def test_an_answer_is_hers_once_she_verifies_the_address_and_the_later_one_holds(
    make_member, picnic, write, deliver, clock, later, email_row
):
    member = make_member("bob", "did:plc:bob")
    write(picnic, ANA)
    deliver()

    def by_email():
        email_reader.respond(letter(), "maybe")

    def by_member():
        rsvps.respond(picnic, choice="going", member=member)

    for answer in (by_member, by_email) if later == "email" else (by_email, by_member):
        answer()
        clock.pass_(minutes=1)
    assert Rsvp.objects.count() == 2
    address = owns(member, ANA)
    email_confirmed.send(EmailAddress, request=None, email_address=address)
    row = Rsvp.objects.get()
    expected = "maybe" if later == "email" else "going"
    assert (row.member, row.choice, email_row(ANA).answer) == (member, expected, expected)


def test_two_places_that_were_one_person_s_become_one(make_member, make_event, write, deliver, clock):
    event = make_event(capacity=2)
    member = make_member("bob", "did:plc:bob")
    write(event, ANA)
    deliver()
    email_reader.respond(letter(), "going")
    rsvps.respond(event, choice="going", member=member)
    rsvps.respond(event, choice="going", did="did:plc:carol")
    assert Rsvp.objects.get(did="did:plc:carol").choice == "waiting"
    email_confirmed.send(EmailAddress, request=None, email_address=owns(member, ANA))
    assert Rsvp.objects.get(did="did:plc:carol").choice == "going"
    assert places.taken(event) == 2


def test_two_letters_answered_before_both_addresses_were_verified_are_one_answer(
    make_member, picnic, write, deliver, clock
):
    member = make_member("bob")
    write(picnic, f"{ANA}, bob@work.example")
    deliver()
    for index, choice in enumerate(("going", "cant")):
        email_reader.respond(letter(index), choice)
        clock.pass_(minutes=1)
    for address in (ANA, "bob@work.example"):
        email_confirmed.send(EmailAddress, request=None, email_address=owns(member, address))
    row = Rsvp.objects.get()
    assert (row.member, row.choice) == (member, "cant")
    email_reader.respond(letter(0), "maybe")
    assert Rsvp.objects.get().choice == "maybe"
    assert set(EmailInvitation.objects.values_list("answer", flat=True)) == {"maybe"}


def test_a_suspended_member_does_not_answer_by_her_email(bob, picnic, write, deliver):
    write(picnic, ANA)
    deliver()
    bob.standing = "suspended"
    bob.save()
    page = Client().post(f"/rsvp/{token_in(SENT[0])}", {"choice": "going"})
    assert page.status_code == 403
    assert "suspended" in page.content.decode()
    assert not Rsvp.objects.exists()


def test_owners_are_found_by_any_spelling(bob):
    assert set(one_person.owners(SPELLINGS[:2]).values()) == {bob}


def test_an_address_that_changes_hands_takes_no_answer_along(picnic, write, deliver, make_member, client):
    write(picnic, ANA)
    deliver()
    token, bob, carol = token_in(SENT[-1]), make_member("bob"), make_member("carol", "did:plc:carol")
    held = owns(bob, ANA)
    email_reader.respond(email_reader.by_token(token), "going", note="Brings bread")
    tell(picnic, Rsvp.objects.get(), MessageKind.PLACE, "You have a place, Bob.")
    GuestMessage.objects.update(state=MessageState.SENT)
    held.delete()
    owns(carol, ANA)
    row = email_reader.by_token(token)
    assert email_reader.rsvp_of(row, carol) is None
    page = client.get(f"/rsvp/{token}").content.decode()
    assert "Brings bread" not in page
    assert "You have a place, Bob." not in page
    email_reader.respond(row, "cant")
    assert {one.member.username: (one.choice, one.did) for one in Rsvp.objects.all()} == {
        "bob": ("going", ""), "carol": ("cant", "did:plc:carol"),
    }  # fmt: skip
