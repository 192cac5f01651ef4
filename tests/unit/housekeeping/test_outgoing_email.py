"""Letters leave by themselves, survive a mail server that is away, and lie sealed until then."""

import dataclasses
import smtplib
from datetime import timedelta

import pytest
from django.core import mail
from django.core.mail import EmailMultiAlternatives, send_mail
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.utils import timezone

from elonara.housekeeping import outgoing_email
from elonara.housekeeping.models import OutgoingEmail

SENT, MOODS = [], []


class Server(BaseEmailBackend):
    """A mail server that takes letters, or does what its mood says."""

    def send_messages(self, messages):
        if MOODS:
            raise MOODS.pop(0)
        SENT.extend(messages)
        return len(messages)


@pytest.fixture(autouse=True)
def outbox(settings, transactional_db):
    here = f"{__name__}.Server"
    settings.MAILERS = {
        "default": {"BACKEND": "elonara.housekeeping.outgoing_email.OutgoingEmailBackend"},
        "smtp": {"BACKEND": here},
    }
    SENT.clear()
    MOODS.clear()


@pytest.fixture
def write():
    def go(text="Your link: https://events.example/reset/a-secret"):
        send_mail("Hello", text, "us@events.example", ["alice@example.org"])
        return OutgoingEmail.objects.get()

    return go


def hurry():
    OutgoingEmail.objects.update(due_at=timezone.now())


def test_a_letter_waits_in_a_row_and_leaves_by_the_jobs(write):
    letter = write()
    assert SENT == []
    assert list(outgoing_email.sweep()) == [(str(letter.pk), letter.due_at)]
    assert outgoing_email.poll(str(letter.pk)) is None
    assert [(one.to, one.subject, "a-secret" in one.body) for one in SENT] == [(["alice@example.org"], "Hello", True)]
    assert not OutgoingEmail.objects.exists()
    assert outgoing_email.poll(str(letter.pk)) is None
    assert len(SENT) == 1


def test_nobody_who_reads_the_database_reads_the_letter(write):
    letter = write()
    for secret in ("a-secret", "alice@example.org", "Hello"):
        assert secret not in letter.message_enc


def test_both_parts_of_a_letter_and_its_headers_arrive():
    message = EmailMultiAlternatives(
        "S", "plain", "us@x.example", ["a@x.example"], bcc=["b@x.example"], headers={"X-A": "1"}
    )
    message.attach_alternative("<b>rich</b>", "text/html")
    message.send()
    outgoing_email.poll(str(OutgoingEmail.objects.get().pk))
    (sent,) = SENT
    assert (sent.body, sent.alternatives[0].content, sent.extra_headers) == ("plain", "<b>rich</b>", {"X-A": "1"})
    assert sent.recipients() == ["a@x.example", "b@x.example"]


def test_a_letter_of_a_transaction_that_failed_is_never_sent():
    def fail():
        with transaction.atomic():
            send_mail("Hello", "x", None, ["alice@example.org"])
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert list(outgoing_email.sweep()) == []


AWAY = [
    ConnectionRefusedError(),
    TimeoutError(),
    smtplib.SMTPServerDisconnected("gone"),
    smtplib.SMTPRecipientsRefused({"a": (450, b"busy")}),
]


@pytest.mark.parametrize("away", AWAY)
def test_a_server_that_is_away_gets_it_later(write, away, caplog):
    MOODS.append(away)
    letter = write()
    again = outgoing_email.poll(str(letter.pk))
    assert timedelta(seconds=50) < again - timezone.now() < timedelta(seconds=70)
    assert outgoing_email.poll(str(letter.pk)) == again
    hurry()
    assert outgoing_email.poll(str(letter.pk)) is None
    assert len(SENT) == 1
    assert "alice" not in caplog.text


def test_after_a_day_it_is_given_up(write, caplog):
    letter = write()
    for _ in range(len(outgoing_email.RETRY_DELAYS_SECONDS) + 1):
        MOODS.append(TimeoutError())
        hurry()
        outgoing_email.poll(str(letter.pk))
    assert not OutgoingEmail.objects.exists()
    assert "given up" in caplog.text


def test_a_receiver_who_does_not_exist_is_not_tried_again(write):
    MOODS.append(smtplib.SMTPRecipientsRefused({"alice@example.org": (550, b"no such user")}))
    letter = write()
    assert outgoing_email.poll(str(letter.pk)) is None
    assert not OutgoingEmail.objects.exists()
    assert SENT == []


def test_while_another_process_sends_it_nobody_else_does(write):
    letter = write()
    OutgoingEmail.objects.update(lease_until=timezone.now() + timedelta(seconds=60), lease_owner="other", lease_fence=3)
    assert outgoing_email.poll(str(letter.pk)) > timezone.now()
    assert SENT == []
    assert mail.mailers["smtp"] is not None


def test_a_letter_without_its_key_waits_for_the_operator_to_bring_the_keys_back(write, settings, tmp_path, caplog):
    letter, keys = write(), settings.ELONARA
    settings.ELONARA = dataclasses.replace(keys, data_dir=tmp_path)
    again = outgoing_email.poll(str(letter.pk))
    assert timedelta(minutes=59) < again - timezone.now() < timedelta(minutes=61)
    assert "restore the keys folder" in caplog.text
    letter.refresh_from_db()
    assert (letter.attempts, letter.error) == (0, "CannotUnseal")
    settings.ELONARA = keys
    hurry()
    assert outgoing_email.poll(str(letter.pk)) is None
    assert len(SENT) == 1


def test_but_not_for_longer_than_its_links_work(write, settings, tmp_path):
    letter = write()
    settings.ELONARA = dataclasses.replace(settings.ELONARA, data_dir=tmp_path)
    OutgoingEmail.objects.update(created_at=timezone.now() - timedelta(days=3, minutes=1))
    assert outgoing_email.poll(str(letter.pk)) is None
    assert not OutgoingEmail.objects.exists()
