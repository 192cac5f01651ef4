"""`elonara doctor` about e-mail: the pause, and what the mail server says to it."""

import pytest
from tests.fakes.mail_server import MailServer

from elonara.cli import doctor_mail
from elonara.mail import pausing
from elonara.mail.models import MailPause


@pytest.fixture
def findings(settings, monkeypatch):
    monkeypatch.setattr("elonara.cli.migrate.pending", list)

    def look(check):
        return [(one.level, one.says, one.fix) for one in check(settings.ELONARA)]

    return look


def test_a_server_that_takes_the_site_is_ok_and_gets_no_letter(mailing, findings):
    assert [one[0] for one in findings(doctor_mail.check)] == ["ok"]
    assert [one[0] for one in findings(doctor_mail.check_server)] == ["ok"]
    assert (mailing.letters, mailing.log[-2:]) == ([], ["MAIL", "QUIT"])


def test_a_pause_is_wrong_and_says_what_to_do(mailing, findings):
    pausing.pause(MailPause.Reason.QUOTA, "550 5.4.5")
    _, (level, says, fix) = findings(doctor_mail.check)
    assert level == "wrong"
    assert "550 5.4.5" in says
    assert "invitations.emails_per_day" in fix


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (lambda one: one.refuse.update(CONNECT="554 no"), "refuses connections"),
        (lambda one: one.closes.add("CONNECT"), "refuses connections"),
        (lambda one: one.refuse.update(MAIL="550 5.4.5 limit"), "all it may"),
        (lambda one: one.refuse.update(MAIL="553 not yours"), "the address that this site sends from"),
        (lambda one: one.closes.add("EHLO"), "refuses connections"),
    ],
)
def test_what_the_server_refuses_is_said(mailing, findings, spoil, word):
    spoil(mailing)
    ((level, says, fix),) = findings(doctor_mail.check_server)
    assert level == "wrong"
    assert word in says
    assert fix


def test_a_wrong_password_is_said_and_not_printed(at, findings, self_signed, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(self_signed[1]))
    with MailServer(users={"me": "right"}, tls=self_signed[0]) as server:
        at(server, user="me", password="hunter2")
        ((level, says, fix),) = findings(doctor_mail.check_server)
    assert (level, "hunter2" in says + fix) == ("wrong", False)
    assert "535 5.7.8" in says


def test_a_server_that_is_away_is_said(at, findings):
    with MailServer() as gone:
        at(gone)
    ((level, says, _),) = findings(doctor_mail.check_server)
    assert level == "wrong"
    assert "not reached" in says


def test_without_a_server_nothing_is_asked(findings, site):
    assert [one[0] for one in findings(doctor_mail.check)] == ["note"]
    assert findings(doctor_mail.check_server) == []
