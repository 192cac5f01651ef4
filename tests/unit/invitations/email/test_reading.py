"""What the reader of an e-mail invitation can do: answer, and opt out."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from tests.unit.invitations.conftest import ALICE
from tests.unit.invitations.email.mail import SENT, reasons_of, token_in

from elonara.bluesky.connections import linking
from elonara.events.guests import rsvps
from elonara.events.models import Rsvp
from elonara.invitations.email import inviting as email_inviting
from elonara.invitations.email import tokens
from elonara.invitations.email import views as email_views
from elonara.invitations.email_addresses import hash_of
from elonara.invitations.models import EmailInvitation, HostSending
from elonara.invitations.opt_out_models import EmailOptOut
from elonara.invitations.responses import email_reader
from elonara.members.errors import NotAllowed


def test_the_link_alone_answers_and_changes_the_answer(alice, picnic, write, deliver, email_row):
    write(picnic)
    deliver()
    row = email_reader.by_token(token_in(SENT[0]))
    assert email_row().answer == "", "opening changes nothing"
    email_reader.respond(row, "going", "Ana L.", 0, "I bring soup")
    email_reader.respond(row, "maybe")
    rsvp = Rsvp.objects.get()
    assert (rsvp.choice, rsvp.name, rsvp.member, rsvp.did) == ("maybe", "Ana L.", None, "")
    assert email_row().answer == "maybe"
    (guest,) = rsvps.guest_list(picnic, alice).guests
    assert (guest.name, guest.choice) == ("Ana L.", "maybe")


def test_two_guests_without_an_account_are_two_answers(picnic, write, deliver):
    write(picnic, "a@example.org, b@example.org")
    deliver()
    for message in SENT:
        email_reader.respond(email_reader.by_token(token_in(message)), "going")
    assert Rsvp.objects.count() == 2
    assert {guest.name for guest in rsvps.guest_list(picnic, picnic.created_by).guests} == {"Someone invited by e-mail"}


def test_an_email_opens_a_private_event_for_its_reader_alone(supper, write, deliver):
    write(supper)
    deliver()
    assert email_reader.respond(email_reader.by_token(token_in(SENT[0])), "going").event == supper


def test_who_declined_is_not_asked_again(alice, picnic, write, deliver, email_row):
    write(picnic)
    deliver()
    email_reader.respond(email_row(), "cant")
    assert reasons_of(write(picnic).left_out) == {"ana@example.org": "declined"}


@pytest.mark.promise("addresses-forgotten")
def test_the_link_ends_with_the_event_and_the_address_is_deleted(picnic, write, deliver, clock, email_row, alice):
    write(picnic)
    deliver()
    assert tokens.forget_past() == 0
    clock.pass_(days=20)
    with pytest.raises(NotAllowed):
        email_reader.respond(email_row(), "going")
    assert tokens.forget_past() == 1
    assert email_row().address_enc == ""
    assert [row.address for row in email_views.views(picnic, alice)] == [""]


@pytest.mark.promise("never-again-letters")
@pytest.mark.parametrize("whole_site", [False, True])
def test_opting_out_of_a_host_or_of_the_site(make_event, make_member, write, deliver, email_row, whole_site):
    write(make_event(title="First"))
    deliver()
    write(make_event(title="Second"))
    email_reader.stop(EmailInvitation.objects.get(state="sent"), whole_site=whole_site)
    deliver()
    assert len(SENT) == 1, "what was queued is stopped"
    assert not write(make_event(title="Third")).queued
    bob = make_member("berta", "did:plc:berta")
    assert write(make_event(bob, title="Fourth"), host=bob).queued == (0 if whole_site else 1)
    assert "ana" not in str(list(EmailOptOut.objects.values()))


@pytest.mark.promise("never-again-letters")
@pytest.mark.parametrize(
    "spelling", ['"ana"@example.org', '"a\\na"@example.org', "ana@\uff45xample.org", "ANA@EXAMPLE.ORG"]
)
def test_no_other_spelling_of_an_address_reaches_who_opted_out(make_event, write, deliver, email_row, spelling):
    write(make_event())
    deliver()
    email_reader.stop(email_row())
    assert write(make_event(title="Supper"), spelling).queued == 0
    deliver()
    assert len(SENT) == 1


def test_the_reader_of_a_cancelled_email_can_opt_out(alice, picnic, make_event, write, email_row):
    write(picnic)
    token = tokens.token_of(email_row())
    # The mail server accepted it and closed the connection before it answered, so the site does not know.
    email_inviting.cancel(email_row(), alice)
    assert email_reader.by_token(token) is None
    page = Client(HTTP_HOST="127.0.0.1").post(f"/rsvp/{token}/stop", {"List-Unsubscribe": "One-Click"})
    assert page.status_code == 200
    assert write(make_event(title="Supper")).queued == 0


def test_too_many_email_opt_outs_pause_the_host(picnic, write, deliver, alice, set_options):
    set_options(invitations={"opt_outs_to_pause": 2})
    write(picnic, "a@example.org, b@example.org, c@example.org")
    deliver()
    for row in EmailInvitation.objects.all()[:2]:
        email_reader.stop(row)
    assert HostSending.objects.get(host=alice).pause_reason == "opt_outs"
    write(picnic, "d@example.org")
    deliver()
    assert len(SENT) == 3


def test_an_unknown_token_finds_nothing():
    assert email_reader.by_token("") is None
    assert email_reader.by_token("x" * 200) is None
    assert email_reader.by_token("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA") is None


@pytest.mark.parametrize(
    ("refused", "written"),
    [
        ("ana+list@example.org", "ana@example.org"),
        ("ana@example.org", "ana+news@example.org"),
        ("Ana+List@example.org", "ana+news+old@EXAMPLE.org"),
    ],
)
def test_no_tag_reaches_who_opted_out(make_event, write, deliver, email_row, refused, written):
    write(make_event(), refused)
    write(make_event(title="Queued"), written)
    EmailInvitation.objects.filter(event__title="Queued").update(due_at=timezone.now() + timedelta(days=1))
    deliver()
    email_reader.stop(EmailInvitation.objects.get(event__title="Picnic"))
    assert EmailInvitation.objects.get(event__title="Queued").state == "suppressed"
    assert write(make_event(title="Supper"), written).queued == 0
    deliver()
    assert len(SENT) == 1


def test_an_older_opt_out_without_a_folded_hash_holds_for_tags(make_event, write, alice):
    EmailOptOut.objects.create(address_hash=hash_of("ana@example.org"), host=None)
    assert write(make_event(), "ana+news@example.org").queued == 0


def test_an_older_row_that_waits_is_looked_up_by_its_sealed_address(make_event, write, deliver, alice):
    write(make_event(), "ana+news@example.org")
    EmailInvitation.objects.update(folded_hash="")
    EmailOptOut.objects.create(address_hash=hash_of("ana@example.org"), host=None)
    deliver()
    assert not SENT
    assert EmailInvitation.objects.get().reason == "opted_out_site"


def test_a_tag_makes_another_person_for_all_but_opt_outs(picnic, write, deliver):
    assert write(picnic, "ana@example.org, ana+news@example.org, +news@example.org").queued == 3
    deliver()
    assert len(SENT) == 3


def test_an_email_opt_out_follows_the_host_s_account(make_event, write, deliver, email_row, alice, make_member):
    write(make_event())
    deliver()
    email_reader.stop(email_row())
    alice.set_password("a long password")
    alice.save()
    linking.remove_sign_in(alice)
    again = make_member("alicia", ALICE)
    assert write(make_event(again, title="Supper"), "ana+news@example.org", host=again).queued == 0
