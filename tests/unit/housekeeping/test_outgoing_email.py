"""E-mails are queued sealed, sent by the jobs, and survive an unreachable mail server."""

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

SENT, FAULTS = [], []


class Server(BaseEmailBackend):
    """A mail server that accepts messages, or raises the next of FAULTS."""

    def send_messages(self, messages):
        if FAULTS:
            raise FAULTS.pop(0)
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
    FAULTS.clear()


@pytest.fixture
def write():
    def go(text="Your link: https://events.example/reset/a-secret"):
        send_mail("Hello", text, "us@events.example", ["alice@example.org"])
        return OutgoingEmail.objects.get()

    return go


def make_due():
    OutgoingEmail.objects.update(due_at=timezone.now())


def test_an_email_is_queued_in_a_row_and_sent_by_the_jobs(write):
    email = write()
    assert SENT == []
    assert list(outgoing_email.sweep()) == [(str(email.pk), email.due_at)]
    assert outgoing_email.poll(str(email.pk)) is None
    assert [(one.to, one.subject, "a-secret" in one.body) for one in SENT] == [(["alice@example.org"], "Hello", True)]
    assert not OutgoingEmail.objects.exists()
    assert outgoing_email.poll(str(email.pk)) is None
    assert len(SENT) == 1


@pytest.mark.promise("stolen-database")
def test_the_database_holds_the_email_sealed(write):
    email = write()
    for secret in ("a-secret", "alice@example.org", "Hello"):
        assert secret not in email.message_enc


def test_both_parts_of_an_email_and_its_headers_arrive():
    message = EmailMultiAlternatives(
        "S", "plain", "us@x.example", ["a@x.example"], bcc=["b@x.example"], headers={"X-A": "1"}
    )
    message.attach_alternative("<b>rich</b>", "text/html")
    message.send()
    outgoing_email.poll(str(OutgoingEmail.objects.get().pk))
    (sent,) = SENT
    assert (sent.body, sent.alternatives[0].content, sent.extra_headers) == ("plain", "<b>rich</b>", {"X-A": "1"})
    assert sent.recipients() == ["a@x.example", "b@x.example"]


def test_an_email_of_a_rolled_back_transaction_is_never_sent():
    def fail():
        with transaction.atomic():
            send_mail("Hello", "x", None, ["alice@example.org"])
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert list(outgoing_email.sweep()) == []


TEMPORARY = [
    ConnectionRefusedError(),
    TimeoutError(),
    smtplib.SMTPServerDisconnected("gone"),
    smtplib.SMTPRecipientsRefused({"a": (450, b"busy")}),
]


@pytest.mark.parametrize("fault", TEMPORARY)
def test_a_temporary_failure_is_retried_later(write, fault, caplog):
    FAULTS.append(fault)
    email = write()
    next_attempt = outgoing_email.poll(str(email.pk))
    assert timedelta(seconds=50) < next_attempt - timezone.now() < timedelta(seconds=70)
    assert outgoing_email.poll(str(email.pk)) == next_attempt
    make_due()
    assert outgoing_email.poll(str(email.pk)) is None
    assert len(SENT) == 1
    assert "alice" not in caplog.text


def test_after_a_day_it_is_given_up(write, caplog):
    email = write()
    for _ in range(len(outgoing_email.RETRY_DELAYS_SECONDS) + 1):
        FAULTS.append(TimeoutError())
        make_due()
        outgoing_email.poll(str(email.pk))
    assert not OutgoingEmail.objects.exists()
    assert "given up" in caplog.text


def test_a_recipient_who_does_not_exist_is_not_tried_again(write):
    FAULTS.append(smtplib.SMTPRecipientsRefused({"alice@example.org": (550, b"no such user")}))
    email = write()
    assert outgoing_email.poll(str(email.pk)) is None
    assert not OutgoingEmail.objects.exists()
    assert SENT == []


def test_while_another_process_holds_the_lease_it_is_not_sent(write):
    email = write()
    OutgoingEmail.objects.update(lease_until=timezone.now() + timedelta(seconds=60), lease_owner="other", lease_fence=3)
    assert outgoing_email.poll(str(email.pk)) > timezone.now()
    assert SENT == []
    assert mail.mailers["smtp"] is not None


def test_an_email_that_cannot_be_decrypted_waits_for_the_keys(write, settings, tmp_path, caplog):
    email, keys = write(), settings.ELONARA
    settings.ELONARA = dataclasses.replace(keys, data_dir=tmp_path)
    next_attempt = outgoing_email.poll(str(email.pk))
    assert timedelta(seconds=59) < next_attempt - timezone.now() < timedelta(seconds=61)
    assert "restore the keys" in caplog.text
    email.refresh_from_db()
    assert (email.attempts, email.error) == (0, "KeyMissing")
    settings.ELONARA = keys
    make_due()
    assert outgoing_email.poll(str(email.pk)) is None
    assert len(SENT) == 1


def test_an_email_that_cannot_be_decrypted_is_given_up_when_its_links_expire(write, settings, tmp_path):
    email = write()
    settings.ELONARA = dataclasses.replace(settings.ELONARA, data_dir=tmp_path)
    OutgoingEmail.objects.update(created_at=timezone.now() - timedelta(days=3, minutes=1))
    assert outgoing_email.poll(str(email.pk)) is None
    assert not OutgoingEmail.objects.exists()
