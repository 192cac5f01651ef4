"""Nobody is written to after a "stop", by whatever way she said it; her pages go on telling."""

import pytest
from tests.fakes.graph import somebody
from tests.fakes.known import graph_with
from tests.unit.invitations.email.mail import SENT

from elonara.bluesky.graph.models import KnownPerson
from elonara.bluesky.models import MemberIdentity
from elonara.events import actions
from elonara.events.messages.models import GuestMessage, MessageOptOut
from elonara.invitations.email import inviting
from elonara.invitations.guest_emails import host_messages, stopping
from elonara.invitations.guest_emails.stopping import EmailSettings
from elonara.invitations.responses import email_reader, invitee
from elonara.members.queries import open_notices


@pytest.fixture
def moves(alice, settle):
    """`moves(event)`: it moves, and its guests are told."""
    places = iter(range(100))

    def move(event):
        SENT.clear()
        actions.change(event, by=alice, location=f"Hill {next(places)}")
        settle()
        return [message.to[0] for message in SENT]

    return move


@pytest.mark.promise("stop-emails")
def test_the_link_of_an_e_mail_ends_those_of_its_event(picnic, make_event, bob, going, moves):
    lunch = make_event(title="Lunch")
    going(lunch, bob)
    assert len(moves(picnic)) == 1
    stopping.stop(GuestMessage.objects.get())
    assert moves(picnic) == []
    assert open_notices(bob).filter(kind=f"event:{picnic.pk}").exists()
    assert len(moves(lunch)) == 1


@pytest.mark.promise("stop-emails")
def test_or_those_of_every_event(picnic, make_event, bob, going, moves):
    lunch = make_event(title="Lunch")
    going(lunch, bob)
    moves(picnic)
    stopping.stop(GuestMessage.objects.get(), for_ever=True)
    assert moves(picnic) == moves(lunch) == []


def test_somebody_without_an_account_who_stops_for_ever_is_not_invited_either(picnic, make_event, ana, moves, alice):
    ana(picnic)
    moves(picnic)
    stopping.stop(GuestMessage.objects.get(), for_ever=True)
    assert moves(picnic) == []
    plan = inviting.preview(alice, make_event(title="Lunch"), "ana+list@example.org")
    assert [one.reason for one in plan.left_out] == ["opted_out_site"]


@pytest.mark.promise("stop-emails")
@pytest.mark.parametrize("whole_site", [True, False])
def test_who_wanted_no_more_letters_gets_none_of_these(picnic, ana, moves, whole_site):
    row = ana(picnic)
    email_reader.stop(row, whole_site=whole_site)
    assert moves(picnic) == []


def test_reminders_alone_can_be_ended(picnic, bob, moves):
    moves(picnic)
    stopping.stop(GuestMessage.objects.get(), reminders_only=True)
    assert stopping.settings_of(bob, picnic) == EmailSettings(changes=True, reminders=False)
    assert len(moves(picnic)) == 1


def test_a_member_can_take_it_back(picnic, bob, moves):
    stopping.change_settings(bob, EmailSettings(False, False))
    assert stopping.settings_of(bob) == EmailSettings(False, False)
    assert moves(picnic) == []
    stopping.change_settings(bob, EmailSettings())
    assert not MessageOptOut.objects.exists()
    assert len(moves(picnic)) == 1


def test_stopping_twice_is_stopping(picnic, bob, moves):
    moves(picnic)
    for _ in range(2):
        stopping.stop(GuestMessage.objects.get())
    assert MessageOptOut.objects.count() == 1


@pytest.mark.parametrize("token", ["", "x" * 32, "x" * 500, "\0"])
def test_an_unknown_link_stops_nobody(picnic, token):
    assert stopping.by_token(token) is None


@pytest.mark.parametrize("no", ["blocks her", "opted out of her", "opted out of the site"])
def test_who_said_no_to_a_host_reads_her_words_on_the_site_alone(picnic, alice, bob, no, deliver, moves):
    MemberIdentity.objects.create(member=bob, bsky_did="did:plc:bobby", bsky_handle="bobby.example")
    picnic.answers.filter(member=bob).update(did="did:plc:bobby")
    if no == "blocks her":
        graph_with(alice, [somebody("bobby")])
        KnownPerson.objects.filter(did="did:plc:bobby").update(blocked_by=True)
    else:
        invitee.opt_out("did:plc:bobby", alice if "her" in no else None)
    host_messages.send(alice, picnic, "going", "Bring bread.")
    deliver()
    assert SENT == []
    assert open_notices(bob).get().text == "Alice writes about Picnic: Bring bread."
    assert len(moves(picnic)) == 1  # where it takes place she has to know


def test_who_is_deleted_takes_her_rows_along(picnic, bob, moves):
    moves(picnic)
    stopping.stop(GuestMessage.objects.get())
    bob.delete()
    assert not GuestMessage.objects.exists()
    assert not MessageOptOut.objects.exists()
