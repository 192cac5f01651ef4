"""What the mail server refuses to the whole site pauses all e-mail; what it refuses to one address does not."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from tests.fakes.mail_server import MailServer
from tests.pages import page_text

from elonara import jobs
from elonara.housekeeping import metrics
from elonara.housekeeping.models import OutgoingEmail
from elonara.invitations.models import EmailInvitation
from elonara.mail import pausing
from elonara.mail.models import MailPause, MailRefusal

GUESTS = ("ana@one.example", "ben@two.example", "cleo@three.example")
BLOCKED = "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org"


def run_jobs(clock=None, **later):
    if later:
        clock.pass_(**later)
    jobs.drain()


SITE_WIDE = [
    ("connect", lambda server: server.refuse.update(CONNECT="554 5.7.1 go away")),
    ("connect", lambda server: server.refuse.update(CONNECT="421 4.7.0 too many connections from you")),
    ("connect", lambda server: server.closes.add("CONNECT")),
    ("sender", lambda server: server.refuse.update(MAIL="553 5.7.1 not your address")),
    ("sender", lambda server: server.refuse.update(MAIL="451 4.3.0 not now")),
    ("auth", lambda server: server.refuse.update(MAIL="530 5.7.0 authentication required")),
    ("quota", lambda server: server.refuse.update(MAIL="550 5.4.5 Daily user sending limit exceeded")),
    ("quota", lambda server: server.refuse.update(RCPT="452 4.4.5 daily limit")),
    ("quota", lambda server: server.refuse.update(DATA="454 Throttling failure: Daily message quota exceeded.")),
    ("quota", lambda server: server.refuse.update(END="550 5.4.5 Daily SMTP relay limit exceeded")),
]


@pytest.mark.parametrize(("reason", "spoil"), SITE_WIDE)
def test_what_concerns_the_site_pauses_all_email_and_ends_by_itself(
    mailing, told, reset_password, invite, state, clock, reason, spoil
):
    spoil(mailing)
    email = reset_password()
    invite(*GUESTS)
    run_jobs()
    assert mailing.letters == []
    assert MailPause.objects.get().reason == reason
    attempts = len([verb for verb in mailing.log if verb == "CONNECT"])
    assert attempts == 1, "one e-mail tries, the others wait"
    assert {state(one) for one in GUESTS} == {("queued", "mail_paused")}
    (notice,) = told()
    assert "All e-mail is on hold" in notice.text
    assert not any(guest in notice.text for guest in GUESTS)
    for _ in range(12):  # two days, and more than the attempts that a row has
        run_jobs(clock, hours=4)
    email.refresh_from_db()
    assert (email.attempts, set(EmailInvitation.objects.values_list("attempts", flat=True))) == (0, {0})
    assert len(told()) == 1
    mailing.heal()
    run_jobs(clock, hours=1)
    run_jobs(clock, minutes=5)
    assert sorted(str(one["to"]) for one in mailing.letters) == sorted([*GUESTS, "member@example.net"])
    assert (MailPause.objects.count(), told(), OutgoingEmail.objects.count()) == (0, [], 0)
    run_jobs(clock, days=2)
    assert len(mailing.letters) == 4


def test_a_wrong_password_pauses_and_its_text_is_in_no_log(at, told, reset_password, self_signed, monkeypatch, caplog):
    context, certificate = self_signed
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with MailServer(users={"me": "the right one"}, tls=context) as server:
        at(server, user="me", password="hunter2-wrong")
        reset_password()
        run_jobs()
        assert (MailPause.objects.get().reason, MailPause.objects.get().reply) == ("auth", "535 5.7.8")
        assert "email.password" in told()[0].text
        assert "hunter2" not in caplog.text + told()[0].text
        at(server, user="me", password="the right one")
        MailPause.objects.update(next_try_at=timezone.now())
        OutgoingEmail.objects.update(due_at=timezone.now())
        run_jobs()
        assert (len(server.letters), server.encrypted, MailPause.objects.count()) == (1, 1, 0)


def test_a_certificate_that_nobody_vouches_for_is_not_accepted(at, reset_password, self_signed, operator):
    for implicit in (False, True):
        with MailServer(users={"me": "pw"}, tls=self_signed[0], implicit_tls=implicit) as server:
            scheme = "smtps" if implicit else "smtp"
            at(server, url=f"{scheme}://127.0.0.1:{server.port}", user="me", password="pw")
            MailPause.objects.all().delete()
            reset_password()
            run_jobs()
            assert MailPause.objects.get().reason == "tls"
            assert "AUTH" not in server.log


def test_a_server_without_tls_gets_no_password(at, reset_password, operator):
    with MailServer(users={"me": "pw"}) as server:
        at(server, user="me", password="pw")
        reset_password()
        run_jobs()
        assert (MailPause.objects.get().reason, "AUTH" in server.log, server.letters) == ("tls", False, [])


def test_after_a_quota_the_rest_goes_the_next_day(mailing, invite, told, clock):
    mailing.quota = 2
    invite(*(f"guest{number}@one.example" for number in range(6)))
    run_jobs()
    assert (len(mailing.letters), MailPause.objects.get().reason) == (2, "quota")
    mailing.quota = None
    run_jobs(clock, days=1)
    run_jobs(clock, minutes=5)
    assert len({str(one["to"]) for one in mailing.letters}) == len(mailing.letters) == 6


@pytest.mark.parametrize("reply", [BLOCKED, "550 Message refused by DNSBL", "421 4.7.28 unsolicited mail from your IP"])
def test_policy_refusals_of_three_people_at_two_domains_pause_all(mailing, invite, state, told, clock, reply):
    mailing.recipients = {"one.example": reply, "two.example": reply}
    invite("ana@one.example", "al@one.example", "abe@one.example", "amy@one.example")
    run_jobs()
    assert MailPause.objects.count() == 0, "one domain has its own rules"
    assert state("ana@one.example") == ("queued", "mail_trying")
    invite("ben@two.example", "cleo@three.example")
    run_jobs()
    assert MailPause.objects.get().reason == "blocked"
    assert "block list" in told()[0].text
    run_jobs(clock, hours=2)
    run_jobs(clock, minutes=5)
    mailing.heal()
    for _ in range(4):
        run_jobs(clock, hours=3)
    assert set(EmailInvitation.objects.values_list("state", flat=True)) == {"sent"}
    assert len(mailing.letters) == 6
    assert (told(), MailRefusal.objects.count()) == ([], 0)


@pytest.mark.promise("mail-for-others")
@pytest.mark.parametrize("reply", [BLOCKED, "550 5.4.5 Daily user sending limit exceeded", "553 5.1.8 not this sender"])
def test_guests_at_servers_of_their_own_cannot_hold_up_the_others(mailing, reset_password, told, clock, reply):
    mailing.recipients = {"evil.example": reply, "evil.test": reply}
    for round_ in range(4):
        for name in ("a", "b", "c"):
            reset_password(f"{name}{round_}@evil.example")
            reset_password(f"{name}{round_}@evil.test")
        run_jobs(clock, minutes=1)
    mine = reset_password("member@example.net")
    run_jobs(clock, minutes=2)
    run_jobs(clock, minutes=2)
    assert [str(one["to"]) for one in mailing.letters] == ["member@example.net"]
    assert not OutgoingEmail.objects.filter(pk=mine.pk).exists()
    for _ in range(6):
        run_jobs(clock, hours=1)
        mine = reset_password("other@example.net")
        run_jobs(clock, minutes=2)
        run_jobs(clock, minutes=2)
        assert not OutgoingEmail.objects.filter(pk=mine.pk).exists()


def test_the_same_two_people_refused_again_and_again_pause_nobody(mailing, reset_password, clock, operator):
    mailing.recipients = {"one.example": BLOCKED, "two.example": BLOCKED}
    for _ in range(3):
        reset_password("ana@one.example")
        reset_password("ben@two.example")
        run_jobs(clock, minutes=30)
    assert MailPause.objects.count() == 0
    for table in MailRefusal.objects.values_list("recipient_hash", "domain_hash"):
        assert not any(word in "".join(table) for word in ("ana", "one.example"))


def test_old_refusals_do_not_count(mailing, reset_password, clock, operator):
    mailing.recipients = {"one.example": BLOCKED, "two.example": BLOCKED}
    for address in ("ana@one.example", "al@one.example"):
        reset_password(address)
        run_jobs()
    OutgoingEmail.objects.all().delete()
    clock.pass_(hours=25)
    reset_password("ben@two.example")
    run_jobs()
    assert MailPause.objects.count() == 0
    assert pausing.forget_old() == 2


@pytest.mark.parametrize(
    ("reply", "after"),
    [
        ("550 5.1.1 no such mailbox", ("failed", "address_refused")),
        ("550 User unknown", ("failed", "address_refused")),
        ("550 5.7.1 this list takes mail of members only", ("queued", "mail_trying")),
        ("552 5.2.2 mailbox full", ("queued", "mail_trying")),
        ("550 5.2.1 disabled", ("queued", "mail_trying")),
        ("554 transaction failed", ("queued", "mail_trying")),
        ("450 4.7.1 greylisted", ("queued", "mail_trying")),
    ],
)
def test_one_refusal_concerns_one_address_and_only_no_such_user_is_final(mailing, invite, state, told, reply, after):
    mailing.recipients = {"ana@one.example": reply}
    invite(*GUESTS)
    run_jobs()
    assert state("ana@one.example") == after
    assert [state(one) for one in GUESTS[1:]] == [("sent", ""), ("sent", "")]
    assert (told(), MailPause.objects.count()) == ([], 0)


def test_greylisting_is_waited_out(mailing, invite, reset_password, state, clock, told):
    mailing.greylists = True
    invite(*GUESTS)
    reset_password()
    run_jobs()
    assert mailing.letters == []
    run_jobs(clock, minutes=2)
    assert len(mailing.letters) == 4
    assert told() == []


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "END", "EHLO"])
def test_a_server_that_hangs_up_in_the_middle_costs_no_email(mailing, invite, state, clock, stage):
    mailing.closes = {stage}
    invite("ana@one.example")
    run_jobs()
    assert state("ana@one.example")[0] == "queued"
    mailing.heal()
    run_jobs(clock, hours=1)
    run_jobs(clock, minutes=5)
    assert state("ana@one.example") == ("sent", "")
    assert len({one["message-id"] for one in mailing.letters}) == 1, "a mailbox can tell that both are the same"


@pytest.mark.parametrize("spoil", [lambda one: one.slow.update(QUIT=3), lambda one: one.closes.add("QUIT")])
def test_what_comes_after_the_server_took_it_makes_no_second_email(mailing, reset_password, clock, spoil):
    spoil(mailing)
    reset_password()
    run_jobs()
    run_jobs(clock, hours=1)
    assert (len(mailing.letters), OutgoingEmail.objects.count()) == (1, 0)


def test_a_password_reset_outlives_a_pause_of_two_days_and_no_longer_than_its_link(mailing, reset_password, clock):
    mailing.refuse = {"CONNECT": "554 no"}
    reset_password()
    for _ in range(2):
        run_jobs(clock, days=1)
    assert OutgoingEmail.objects.count() == 1
    run_jobs(clock, days=1, hours=2)
    assert OutgoingEmail.objects.count() == 0


def test_an_event_that_is_over_is_not_waited_for(mailing, invite, picnic, state, clock):
    mailing.refuse = {"CONNECT": "554 no"}
    invite("ana@one.example")
    run_jobs()
    run_jobs(clock, days=400)
    assert state("ana@one.example")[0] == "cancelled"


def test_the_operator_sees_the_pause_on_the_jobs_page_and_in_the_metrics(mailing, operator, reset_password):
    assert "elonara_mail_paused 0\n" in metrics.render()
    mailing.refuse = {"CONNECT": "554 5.7.1 no"}
    reset_password()
    run_jobs()
    browser = Client(HTTP_HOST="127.0.0.1")
    browser.force_login(operator)
    page = page_text(browser.get("/admin/jobs/"))
    assert "The mail server refuses connections from this site (554 5.7.1)." in page
    assert "Ask the provider, with the code." in page
    assert 'elonara_mail_paused{reason="connect"} 1\n' in metrics.render()
    assert browser.post("/admin/jobs/", {"what": "mail", "which": "1"}).status_code == 302
    mailing.heal()
    run_jobs()
    assert len(mailing.letters) == 1


def test_two_workers_make_one_attempt(mailing, operator):
    pausing.pause(MailPause.Reason.QUOTA, "550 5.4.5")
    MailPause.objects.update(next_try_at=timezone.now() - timedelta(seconds=1))
    assert [pausing.take_turn() is None for _ in range(3)] == [True, False, False]
