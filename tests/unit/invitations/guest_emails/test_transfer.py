"""E-mails to guests of an event that was given to somebody else."""

import pytest
from allauth.account.models import EmailAddress
from tests.unit.invitations.email.mail import SENT

from elonara.events import actions, transfer
from elonara.events.models import Event
from elonara.invitations.models import EmailInvitation
from elonara.invitations.responses import email_reader


@pytest.fixture
def zoe(make_member):
    member = make_member("zoe", "did:plc:zoe", display_name="Zoe")
    EmailAddress.objects.create(user=member, email="zoe@example.org", verified=True, primary=True)
    return member


@pytest.fixture
def given(picnic, alice, zoe):
    """The picnic is zoe's now."""
    transfer.ask(picnic, by=alice, member=zoe)
    transfer.accept(picnic, by=zoe)
    return picnic


def test_replies_go_to_nobody_until_the_new_host_says_so(picnic, alice, zoe, bob, settle):
    EmailAddress.objects.create(user=alice, email="alice@example.org", verified=True, primary=True)
    actions.change(picnic, by=alice, replies_to_host=True)
    transfer.ask(picnic, by=alice, member=zoe)
    transfer.accept(picnic, by=zoe)
    actions.change(picnic, by=zoe, location="Beach")
    settle()
    assert SENT[-1].reply_to == []
    assert "Replies to this e-mail are not read." in SENT[-1].body
    actions.change(picnic, by=zoe, location="Hill", replies_to_host=True)
    settle()
    assert SENT[-1].reply_to == ["zoe@example.org"]


@pytest.mark.promise("stop-emails")
@pytest.mark.parametrize("of", ["the former host", "the new host"])
def test_who_wanted_no_more_e_mail_from_either_host_gets_none(picnic, alice, zoe, ana, settle, write, make_event, of):
    row = ana(picnic)
    email_reader.stop(row, whole_site=False)
    if of == "the new host":
        from elonara.invitations.opt_out_models import EmailOptOut

        assert EmailOptOut.objects.update(host=zoe, account=None) == 1
    # Whoever has written the invitation is asked anyway: here it is somebody else.
    EmailInvitation.objects.update(host=row.host if of == "the new host" else zoe)
    transfer.ask(picnic, by=alice, member=zoe)
    transfer.accept(picnic, by=zoe)
    actions.change(Event.objects.get(), by=zoe, location="Beach")
    SENT.clear()
    settle()
    assert SENT == []


def test_guests_are_told_nothing_of_it(given, bob, settle):
    SENT.clear()
    settle()
    assert SENT == []
    assert not [notice for notice in bob.notices.all() if "Zoe" in notice.text]
