"""Invitations by e-mail: who gets one and when, what it says, and what its reader can do."""

import smtplib
from datetime import timedelta

import pytest
from django.core.mail.backends.base import BaseEmailBackend
from django.test import Client

from elonara.events import actions as events
from elonara.events.guests import rsvps
from elonara.events.models import Rsvp
from elonara.invitations import actions, queries
from elonara.invitations.consent import pauses
from elonara.invitations.email import delivery as email_delivery
from elonara.invitations.email import eligibility, tokens
from elonara.invitations.email import inviting as email_inviting
from elonara.invitations.email import views as email_views
from elonara.invitations.email.addresses import hash_of, parse
from elonara.invitations.models import EmailInvitation, EmailOptOut, HostSending
from elonara.invitations.responses import email_reader
from elonara.invitations.results import InvitationRefused
from elonara.members.errors import NotAllowed
from elonara.members.models import Member
from elonara.sealing import seal

SENT, FAULTS = [], []
ANA = "Ana Lima <ana@example.org>"


class Server(BaseEmailBackend):
    """A mail server that accepts e-mails, or raises the next of FAULTS."""

    def send_messages(self, messages):
        if FAULTS:
            raise FAULTS.pop(0)
        SENT.extend(messages)
        return len(messages)


@pytest.fixture
def mailers(settings):
    """Requested before the options are set: what is set first is restored last."""
    settings.MAILERS = {
        "default": {"BACKEND": "django.core.mail.backends.dummy.EmailBackend"},
        "smtp": {"BACKEND": f"{__name__}.Server"},
    }
    settings.DEFAULT_FROM_EMAIL = "events@site.example"


@pytest.fixture(autouse=True)
def mail_server(mailers, set_options, site):
    set_options(email={"url": "smtp://mail.example"})
    SENT.clear()
    FAULTS.clear()


@pytest.fixture
def write(alice):
    def go(event, text=ANA, host=None, **options):
        return email_inviting.invite(host or alice, event, text, **options)

    return go


@pytest.fixture
def email_row():
    """The row of one address."""
    return lambda address="ana@example.org": EmailInvitation.objects.select_related("event", "host").get(
        address_hash=hash_of(address)
    )


def token_in(message):
    return message.body.split("/rsvp/")[1].split()[0]


def reasons_of(left_out):
    return {one.text: one.reason for one in left_out}


def test_addresses_are_read_as_people_write_them():
    found, invalid = parse('ana@example.org; "Lima, Bo" <bo@example.org>\r\nANA@example.org,\n cy at example.org, <>')
    assert [(one.address, one.name) for one in found] == [("ana@example.org", ""), ("bo@example.org", "Lima, Bo")]
    assert invalid == ["cy at example.org", "<>"]


def test_an_email_is_sent_by_the_jobs_and_says_what_the_host_saw(alice, picnic, write, deliver, email_row):
    plan = email_inviting.preview(alice, picnic, ANA, "Bring bread.\nPlease.")
    write(picnic, note="Bring bread.\nPlease.")
    assert SENT == [], "the request sends nothing"
    deliver()
    (message,) = SENT
    token = token_in(message)
    assert message.subject == plan.subject == "Alice invites you: Picnic"
    assert message.body.replace(token, "…") == plan.body
    assert "Bring bread.\nPlease." in message.body
    assert message.to == ["Ana Lima <ana@example.org>"]
    assert message.from_email.endswith("<events@site.example>")
    assert message.extra_headers["List-Unsubscribe"] == f"<https://events.example/rsvp/{token}/stop>"
    row = email_row()
    assert (row.state, row.token_enc) == ("sent", "")
    assert email_reader.by_token(token) == row


def test_nobody_who_reads_the_database_can_answer_or_write_to_the_guest(picnic, write, deliver, email_row):
    write(picnic)
    row = email_row()
    token = tokens.token_of(row)
    stored = repr({field.name: getattr(row, field.name) for field in row._meta.concrete_fields})
    assert "ana@example.org" not in stored
    assert token not in stored
    deliver()
    assert tokens.token_of(email_row()) == ""


def test_sending_twice_writes_once(picnic, write, deliver):
    write(picnic)
    assert reasons_of(write(picnic).left_out) == {"ana@example.org": "already_invited"}
    deliver()
    deliver()
    assert len(SENT) == 1


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


def test_emails_and_posts_share_one_cap(alice, picnic, write, set_options, deliver, clock, send):
    set_options(invitations={"first_week_per_day": 3, "per_day": 3})
    send(picnic, "bob", "carol")
    sent = write(picnic, "a@example.org, b@example.org")
    assert sent.schedule == "1 today, 1 tomorrow"
    assert queries.caps_left(alice).today == 0
    deliver()
    assert len(SENT) == 1
    clock.pass_(days=2)
    deliver()
    assert len(SENT) == 2


def test_one_address_gets_no_more_than_its_cap_from_the_whole_site(make_event, make_member, write, soon):
    for number in range(3):
        host = make_member(f"host{number}")
        write(make_event(host, title=f"Party {number}"), host=host)
    assert reasons_of(write(make_event()).left_out) == {"ana@example.org": "person_cap"}


def test_who_is_skipped_and_why(make_member, make_event, write):
    zoe = make_member("zoe", email="zoe@example.org")
    sent = write(make_event(zoe), "ZOE@example.org, nobody", host=zoe)
    assert sent.queued == 0
    assert reasons_of(sent.left_out) == {"nobody": "bad_address", "ZOE@example.org": "yourself"}


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"email": {"url": ""}}, "no_email"),
        ({"site": {"url": "http://127.0.0.1:8000"}}, "loopback_site"),
    ],
)
def test_where_no_email_can_be_sent_the_host_reads_why(alice, picnic, set_options, write, options, code):
    set_options(**options)
    assert email_inviting.preview(alice, picnic, ANA).refusal.code == code
    with pytest.raises(InvitationRefused) as caught:
        write(picnic)
    assert caught.value.code == code


def test_a_developers_mail_catcher_on_this_machine_may_be_used(set_options):
    set_options(site={"url": "http://127.0.0.1:8000"}, email={"url": "smtp://127.0.0.1:1025"})
    assert eligibility.unavailable() is None


def test_only_those_who_run_it_write(make_member, picnic, write, deliver, email_row):
    mallory = make_member("mallory")
    with pytest.raises(InvitationRefused):
        write(picnic, host=mallory)
    write(picnic)
    for act in (email_inviting.cancel, email_inviting.retry):
        with pytest.raises(InvitationRefused):
            act(email_row(), mallory)
    assert email_views.invitation_for(mallory, email_row().pk) is None


def test_too_many_and_too_long_are_refused_as_a_whole(picnic, write, set_options):
    set_options(invitations={"per_send": 1})
    for options, code in (
        ({"text": "a@example.org,b@example.org"}, "too_many"),
        ({"note": "x" * 501}, "note_too_long"),
        ({"text": " ,"}, "no_addresses"),
    ):
        with pytest.raises(InvitationRefused) as caught:
            write(picnic, **options)
        assert caught.value.code == code
    assert not EmailInvitation.objects.exists()


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
    assert {guest.name for guest in rsvps.guest_list(picnic, picnic.created_by).guests} == {
        "Somebody invited by e-mail"
    }


def test_an_email_opens_a_private_event_for_its_reader_alone(supper, write, deliver):
    write(supper)
    deliver()
    assert email_reader.respond(email_reader.by_token(token_in(SENT[0])), "going").event == supper


def test_who_declined_is_not_asked_again(alice, picnic, write, deliver, email_row):
    write(picnic)
    deliver()
    email_reader.respond(email_row(), "cant")
    assert reasons_of(write(picnic).left_out) == {"ana@example.org": "declined"}


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


@pytest.mark.parametrize("whole_site", [False, True])
def test_opting_out_of_a_host_or_of_the_site(make_event, make_member, write, deliver, email_row, whole_site):
    write(make_event(title="First"))
    deliver()
    write(make_event(title="Second"))
    email_reader.stop(EmailInvitation.objects.get(state="sent"), whole_site=whole_site)
    deliver()
    assert len(SENT) == 1, "what was queued is stopped"
    assert not write(make_event(title="Third")).queued
    bob = make_member("berta")
    assert write(make_event(bob, title="Fourth"), host=bob).queued == (0 if whole_site else 1)
    assert "ana" not in str(list(EmailOptOut.objects.values()))


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


def test_one_address_in_two_alphabets_gets_one_email(picnic, write):
    assert write(picnic, "ana@m\u00fcnchen.example, ana@xn--mnchen-3ya.example").queued == 1


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


def test_an_unknown_token_finds_nothing():
    assert email_reader.by_token("") is None
    assert email_reader.by_token("x" * 200) is None
    assert email_reader.by_token("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA") is None


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
