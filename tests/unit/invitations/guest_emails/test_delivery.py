"""Exactly what was decided leaves, under one Message-ID, whatever the mail server and the worker do."""

import smtplib
from datetime import timedelta

import pytest
from tests.unit.invitations.email.mail import FAULTS, SENT

from elonara import jobs, locks
from elonara.events import actions
from elonara.events.messages.models import GuestMessage, MessageState
from elonara.invitations.guest_emails import delivery, stopping
from elonara.mail.smtp import Unanswered


class Killed(BaseException):
    """The process ends here."""


class KilledAfterTaking:
    """A mail server that takes the e-mail, and whose reply nobody is there to read."""

    def send_messages(self, messages):
        SENT.extend(messages)
        raise Killed


@pytest.fixture
def killed(monkeypatch):
    """`killed()`: the worker is killed between the data of the next e-mail and the reply; its lease is left."""

    def run():
        with monkeypatch.context() as patch:
            patch.setattr("elonara.mail.delivery.mailers", {"smtp": KilledAfterTaking()})
            patch.setattr("elonara.mail.row_queue.release", lambda _lease: None)
            with pytest.raises(Killed):
                jobs.drain()

    monkeypatch.setattr(locks, "has_ended", lambda _owner: True)
    return run


@pytest.fixture
def row():
    return GuestMessage.objects.get


def ids():
    return [message.extra_headers["Message-ID"] for message in SENT]


@pytest.mark.promise("told-once")
def test_after_a_kill_the_second_copy_has_the_same_message_id_and_facts(
    picnic, alice, bob, clock, killed, row, deliver
):
    actions.change(picnic, by=alice, location="Beach")
    clock.pass_(minutes=3)
    killed()
    assert (row().state, row().told["place"]) == (MessageState.SENDING, "Beach")
    actions.change(picnic, by=alice, location="Hill")  # a change of its own: the first may be out
    deliver()
    assert len(set(ids())) == 1
    assert [("Where: Beach" in message.body) for message in SENT] == [True, True]
    clock.pass_(minutes=3)
    deliver()
    assert len(SENT) == 3
    assert "Where: Hill" in SENT[-1].body
    assert "Before, the place was: Beach" in SENT[-1].body
    assert len(set(ids())) == 2


@pytest.mark.promise("stop-emails")
def test_after_a_stop_there_is_no_second_copy(picnic, alice, bob, clock, killed, row, deliver):
    actions.change(picnic, by=alice, location="Beach")
    clock.pass_(minutes=3)
    killed()
    stopping.stop(row())
    deliver()
    assert len(SENT) == 1
    assert row().state == MessageState.SUPPRESSED


def test_one_that_was_refused_tells_the_newest_when_it_is_taken(picnic, alice, bob, settle, clock):
    FAULTS.append(smtplib.SMTPRecipientsRefused({"bob@example.org": (450, b"4.7.1 greylisted")}))
    actions.change(picnic, by=alice, location="Beach")
    settle()
    actions.change(picnic, by=alice, location="Hill")
    settle(minutes=20)
    assert ["Where: Hill" in message.body for message in SENT] == [True]


@pytest.mark.promise("told-once")
def test_one_that_nobody_answered_is_sent_again_as_it_was(picnic, alice, bob, settle, clock):
    FAULTS.append(Unanswered("SMTPServerDisconnected"))
    actions.change(picnic, by=alice, location="Beach")
    settle()
    clock.pass_(seconds=30)
    actions.change(picnic, by=alice, location="Hill")
    settle(minutes=1)
    settle(minutes=5)
    assert [next(line for line in message.body.split("\n") if line.startswith("Where")) for message in SENT] == [
        "Where: Beach",
        "Where: Hill",
    ]


def test_an_old_doubt_is_dropped_once_something_newer_was_told(picnic, alice, bob, settle, clock):
    FAULTS.extend([Unanswered("TimeoutError")] * 3)
    actions.change(picnic, by=alice, location="Beach")
    for minutes in (3, 2, 6):
        settle(minutes=minutes)
    actions.change(picnic, by=alice, location="Hill")
    settle()
    settle(hours=2)
    assert ["Where: Hill" in message.body for message in SENT] == [True]


def test_a_refusal_beside_a_newer_edit_joins_it(picnic, alice, bob, clock, monkeypatch, deliver):
    actions.change(picnic, by=alice, location="Beach")
    clock.pass_(minutes=3)

    class EditsMeanwhile:
        def send_messages(self, _messages):
            actions.change(picnic, by=alice, location="Hill")
            raise smtplib.SMTPDataError(451, b"4.3.0 later")

    with monkeypatch.context() as patch:
        patch.setattr("elonara.mail.delivery.mailers", {"smtp": EditsMeanwhile()})
        deliver()
    clock.pass_(minutes=3)
    deliver()
    assert len(SENT) == 1
    assert "Where: Hill" in SENT[0].body
    assert "Beach" not in SENT[0].body


def test_it_is_given_up_after_eight_tries_in_a_day(picnic, alice, bob, settle, row):
    FAULTS.extend([smtplib.SMTPDataError(451, b"4.3.0 later")] * 20)
    actions.change(picnic, by=alice, location="Beach")
    for _ in range(12):
        settle(hours=13)
    assert (row().state, row().reason, len(FAULTS)) == (MessageState.FAILED, "mail_gave_up", 12)


def test_an_address_that_nobody_has_ends_it_at_once(picnic, alice, bob, settle, row):
    FAULTS.append(smtplib.SMTPRecipientsRefused({"bob@example.org": (550, b"5.1.1 no such user")}))
    actions.change(picnic, by=alice, location="Beach")
    settle()
    assert (row().state, row().reason) == (MessageState.FAILED, "address_refused")


def test_a_pause_of_all_e_mail_costs_no_attempt(picnic, alice, bob, settle, row):
    FAULTS.append(smtplib.SMTPAuthenticationError(535, b"5.7.8 bad"))
    actions.change(picnic, by=alice, location="Beach")
    settle()
    assert (row().state, row().attempts, row().reason) == (MessageState.QUEUED, 0, "mail_paused")
    settle(minutes=5)
    assert len(SENT) == 1


def test_two_workers_send_one(picnic, alice, bob, clock):
    actions.change(picnic, by=alice, location="Beach")
    clock.pass_(minutes=3)
    key = str(GuestMessage.objects.get().pk)
    lease = locks.take_lease(GuestMessage, key, "another:1:1", 60)
    assert lease is not None
    assert delivery.poll(key) > clock.now() + timedelta(seconds=30)
    assert SENT == []
    locks.release(lease)
    delivery.poll(key)
    delivery.poll(key)
    assert len(SENT) == 1
