"""Delivering e-mail invitations: retries, crashed workers, pauses and caps."""

import smtplib
from datetime import timedelta

import pytest
from tests.unit.invitations.email.mail import FAULTS, SENT

from elonara.events import actions as events
from elonara.invitations import actions
from elonara.invitations.consent import pauses
from elonara.invitations.email import delivery as email_delivery
from elonara.invitations.email import inviting as email_inviting
from elonara.invitations.email import tokens
from elonara.invitations.email import views as email_views
from elonara.invitations.models import EmailInvitation
from elonara.invitations.responses import email_reader
from elonara.invitations.results import InvitationRefused
from elonara.members.models import Member
from elonara.sealing import seal


def test_an_unreachable_server_gets_it_later(picnic, write, deliver, clock, email_row):
    FAULTS.extend([ConnectionRefusedError(), smtplib.SMTPServerDisconnected("gone")])
    write(picnic)
    deliver()
    assert (email_row().state, email_row().reason) == ("queued", "mail_trying")
    clock.pass_(minutes=2)
    deliver()
    assert SENT == []
    clock.pass_(minutes=6)
    deliver()
    assert email_row().state == "sent"


def test_an_email_is_given_up_after_a_day_and_can_be_sent_again(alice, picnic, write, deliver, clock, email_row):
    FAULTS.extend([OSError()] * 8)
    write(picnic)
    for _ in range(9):
        deliver()
        clock.pass_(hours=13)
    assert (email_row().state, email_row().reason) == ("failed", "mail_gave_up")
    (row,) = email_views.views(picnic, alice)
    assert row.can == ("retry",)
    email_inviting.retry(email_row(), alice)
    deliver()
    assert email_row().state == "sent"
    with pytest.raises(InvitationRefused):
        email_inviting.retry(email_row(), alice)


def test_an_address_that_does_not_exist_fails_and_is_not_retried(picnic, write, deliver, email_row):
    FAULTS.append(smtplib.SMTPRecipientsRefused({"ana@example.org": (550, b"no such user")}))
    write(picnic)
    deliver()
    assert (email_row().state, email_row().reason, email_row().counted_on) == ("failed", "address_refused", None)


def test_a_cancelled_email_is_not_sent(alice, picnic, write, deliver, email_row):
    write(picnic)
    token = tokens.token_of(email_row())
    email_inviting.cancel(email_row(), alice)
    deliver()
    assert SENT == []
    assert email_reader.by_token(token) is None


def test_a_cancelled_event_writes_to_nobody(alice, picnic, write, deliver, email_row):
    write(picnic)
    events.cancel(picnic, alice)
    deliver()
    assert (SENT, email_row().state, email_row().reason) == ([], "cancelled", "event_cancelled")


def test_an_email_that_another_worker_has_leased_waits(picnic, write, email_row, clock):
    from elonara.locks import take_lease

    write(picnic)
    take_lease(EmailInvitation, email_row().pk, "another", 60)
    assert email_delivery.poll(str(email_row().pk)) > clock.now() + timedelta(seconds=30)
    assert SENT == []


def test_who_answered_the_email_of_a_killed_worker_gets_no_second_one(picnic, write, deliver, email_row):
    write(picnic)
    token = tokens.token_of(email_row())
    deliver()
    # The row as a worker leaves it that is killed after the mail server accepted the e-mail.
    sealed = seal(token, column="token_enc", row=email_row().pk, did="")
    EmailInvitation.objects.update(state="queued", sent_at=None, token_enc=sealed)
    email_reader.respond(email_reader.by_token(token), "cant")
    deliver()
    assert len(SENT) == 1
    assert (email_row().state, email_row().token_enc) == ("sent", "")
    assert email_reader.by_token(token) is not None


def test_emails_that_were_held_back_count_for_the_day_on_which_they_leave(
    alice, picnic, write, set_options, deliver, clock
):
    set_options(invitations={"first_week_per_day": 2, "per_day": 2})
    clock.pass_(hours=(36 - clock.now().hour) % 24)  # noon: a later day's e-mails start in the morning
    pauses.pause_host(alice, "operator")
    write(picnic, ", ".join(f"guest{number}@example.org" for number in range(8)))
    for _ in range(5):
        deliver()
        clock.pass_(days=1)
    assert SENT == []
    operator = Member.objects.create_superuser("olga", password="a long password")
    actions.resume_sending(alice, operator)
    for expected in (2, 4, 6, 8):
        deliver()
        assert len(SENT) == expected
        clock.pass_(days=1)


def test_a_late_email_keeps_to_the_cap_of_its_reader(alice, make_event, write, set_options, deliver, clock):
    set_options(invitations={"per_person_per_week": 1})
    FAULTS.append(OSError())
    write(make_event(title="First"))
    deliver()
    EmailInvitation.objects.update(due_at=clock.now() + timedelta(days=8))
    clock.pass_(days=8)
    write(make_event(title="Second"))
    deliver()
    assert len(SENT) == 1
    assert sorted(EmailInvitation.objects.values_list("state", "reason")) == [("queued", "day_cap"), ("sent", "")]


def test_emails_that_were_cancelled_and_are_retried_keep_to_the_cap_of_their_reader(
    alice, make_event, write, deliver, clock
):
    for number in range(5):
        event = make_event(title=f"Party {number}")
        assert write(event).queued == 1
        email_inviting.cancel(EmailInvitation.objects.get(event=event), alice)
    for row in EmailInvitation.objects.all():
        email_inviting.retry(row, alice)
    deliver()
    assert len(SENT) == 3
    clock.pass_(days=8)
    deliver()
    assert len(SENT) == 5


def test_an_email_held_by_a_pause_leaves_as_soon_as_it_ends(alice, picnic, write, deliver, email_row):
    write(picnic)
    pauses.pause_host(alice, "operator")
    deliver()
    assert (email_row().state, email_row().reason) == ("queued", "operator")
    actions.resume_sending(alice, Member.objects.create_superuser("olga", password="a long password"))
    deliver()
    assert email_row().state == "sent"
