"""Two answers that become one person's: she is told once, and her "stop" holds for both."""

import pytest
from tests.unit.invitations.email.mail import SENT

from elonara.events import actions
from elonara.events.guests import by_host, rsvps
from elonara.events.messages.models import GuestMessage
from elonara.events.models import Rsvp
from elonara.invitations.guest_emails import delivery, host_messages, stopping
from elonara.invitations.guest_emails.stopping import EmailSettings
from elonara.members.queries import open_notices


@pytest.fixture
def both(picnic, ana, with_address, going):
    """Ana by e-mail, and Ana with an account under the same address."""
    row = ana(picnic)
    member = with_address("ana", display_name="Ana")
    going(picnic, member)
    return Rsvp.objects.get(email_invitation=row), Rsvp.objects.get(member=member)


def test_what_waits_for_both_is_told_once(picnic, alice, both, settle):
    actions.change(picnic, by=alice, location="Beach")
    host_messages.send(alice, picnic, "everybody", "Bring bread.")
    by_host.merge(picnic, alice, both[0].pk, both[1].pk)
    settle()
    assert sorted(message.subject for message in SENT) == [
        "[Elonara] Alice writes: Picnic",
        "[Elonara] New place: Picnic",
    ]


def test_what_waits_for_one_of_them_is_told(picnic, alice, ana, with_address, going, settle):
    row = ana(picnic)
    actions.change(picnic, by=alice, location="Beach")
    member = with_address("ana", display_name="Ana")
    going(picnic, member)
    by_host.merge(picnic, alice, Rsvp.objects.get(member=member).pk, Rsvp.objects.get(email_invitation=row).pk)
    settle()
    assert [message.to for message in SENT] == [["Ana <ana@example.org>"]]


def test_a_stop_of_the_address_holds_for_the_account(picnic, alice, both, settle):
    actions.change(picnic, by=alice, location="Beach")
    settle()
    stopping.stop(GuestMessage.objects.get(member=None))
    by_host.merge(picnic, alice, both[0].pk, both[1].pk)
    SENT.clear()
    actions.change(picnic, by=alice, location="Hill")
    settle()
    assert SENT == []
    member = both[1].member
    assert stopping.settings_of(member, picnic) == EmailSettings(changes=False, reminders=False)
    stopping.change_settings(member, EmailSettings(), picnic)  # her own word, later
    assert stopping.settings_of(member, picnic) == EmailSettings()
    actions.change(picnic, by=alice, location="Oak")
    settle()
    assert len(SENT) == 1


def test_a_merge_that_changes_an_answer_is_told(picnic, alice, bob, settle):
    name = by_host.add(picnic, alice, "Bob", "cant")
    row = Rsvp.objects.get(member=bob)
    assert by_host.merge(picnic, alice, row.pk, name.pk).choice == "cant"
    settle()
    assert [message.subject for message in SENT] == ["[Elonara] Your answer: Picnic"]
    assert [each.text for each in open_notices(bob)] == ["Alice set your answer to Picnic: Can’t."]


def test_a_merge_that_changes_nothing_is_not(picnic, alice, bob, settle):
    by_host.merge(picnic, alice, Rsvp.objects.get(member=bob).pk, by_host.add(picnic, alice, "Bob").pk)
    settle()
    assert SENT == []
    assert open_notices(bob).count() == 0


def test_an_answer_that_changes_just_before_the_claim_decides(make_event, alice, bob, going, settle, monkeypatch):
    event = make_event(location="The oak", place_hidden=True)
    going(event, bob)
    actions.change(event, by=alice, location="The beech")
    found = delivery.reach.of_row

    def then_she_says_no(row, rsvp):
        rsvps.respond(event, choice="cant", member=bob)
        return found(row, rsvp)

    monkeypatch.setattr(delivery.reach, "of_row", then_she_says_no)
    settle()
    assert SENT == []


def test_the_answer_of_an_account_outlives_the_invitation_it_was_merged_with(picnic, alice, both):
    by_mail, by_member = both
    invitation, member = by_mail.email_invitation, by_member.member
    by_host.merge(picnic, alice, by_mail.pk, by_member.pk)
    assert Rsvp.objects.get(member=member).email_invitation == invitation
    invitation.delete()
    kept = Rsvp.objects.get(member=member)
    assert (kept.choice, kept.email_invitation) == ("going", None)


def test_an_answer_by_e_mail_alone_goes_with_its_invitation(picnic, both):
    both[0].email_invitation.delete()
    assert list(Rsvp.objects.filter(event=picnic)) == [both[1]]
