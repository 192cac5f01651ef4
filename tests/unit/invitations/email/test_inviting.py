"""Invitations by e-mail: who gets a letter and when, what it says, and what its reader can do."""

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

SENT, MOODS = [], []
ANA = "Ana Lima <ana@example.org>"


class Server(BaseEmailBackend):
    """A mail server that takes letters, or does what its mood says."""

    def send_messages(self, messages):
        if MOODS:
            raise MOODS.pop(0)
        SENT.extend(messages)
        return len(messages)


@pytest.fixture
def mailers(settings):
    """Before the options: what is set first is put back last."""
    settings.MAILERS = {
        "default": {"BACKEND": "django.core.mail.backends.dummy.EmailBackend"},
        "smtp": {"BACKEND": f"{__name__}.Server"},
    }
    settings.DEFAULT_FROM_EMAIL = "events@site.example"


@pytest.fixture(autouse=True)
def mail_server(mailers, set_options, site):
    set_options(email={"url": "smtp://mail.example"})
    SENT.clear()
    MOODS.clear()


@pytest.fixture
def write(alice):
    def go(event, text=ANA, host=None, **wish):
        return email_inviting.invite(host or alice, event, text, **wish)

    return go


@pytest.fixture
def letter():
    """The row of one address."""
    return lambda address="ana@example.org": EmailInvitation.objects.select_related("event", "host").get(
        address_hash=hash_of(address)
    )


def token_in(message):
    return message.body.split("/rsvp/")[1].split()[0]


def reasons_of(left_out):
    return {one.text: one.reason for one in left_out}


def test_addresses_are_read_as_people_write_them():
    found, strange = parse('ana@example.org; "Lima, Bo" <bo@example.org>\r\nANA@example.org,\n cy at example.org, <>')
    assert [(one.address, one.name) for one in found] == [("ana@example.org", ""), ("bo@example.org", "Lima, Bo")]
    assert strange == ["cy at example.org", "<>"]


def test_a_letter_leaves_by_the_jobs_and_says_what_the_host_saw(alice, picnic, write, deliver, letter):
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
    row = letter()
    assert (row.state, row.token_enc) == ("sent", "")
    assert email_reader.by_token(token) == row


def test_nobody_who_reads_the_database_can_answer_or_write_to_the_guest(picnic, write, deliver, letter):
    write(picnic)
    row = letter()
    token = tokens.token_of(row)
    stored = repr({field.name: getattr(row, field.name) for field in row._meta.concrete_fields})
    assert "ana@example.org" not in stored
    assert token not in stored
    deliver()
    assert tokens.token_of(letter()) == ""


def test_pressing_twice_writes_once(picnic, write, deliver):
    write(picnic)
    assert reasons_of(write(picnic).left_out) == {"ana@example.org": "already_invited"}
    deliver()
    deliver()
    assert len(SENT) == 1


def test_a_server_that_is_away_gets_it_later(picnic, write, deliver, clock, letter):
    MOODS.extend([ConnectionRefusedError(), smtplib.SMTPServerDisconnected("gone")])
    write(picnic)
    deliver()
    assert (letter().state, letter().reason) == ("queued", "mail_trying")
    clock.pass_(minutes=2)
    deliver()
    assert SENT == []
    clock.pass_(minutes=6)
    deliver()
    assert letter().state == "sent"


def test_a_letter_is_given_up_after_a_day_and_can_be_sent_again(alice, picnic, write, deliver, clock, letter):
    MOODS.extend([OSError()] * 8)
    write(picnic)
    for _ in range(9):
        deliver()
        clock.pass_(hours=13)
    assert (letter().state, letter().reason) == ("failed", "mail_gave_up")
    (row,) = email_views.views(picnic, alice)
    assert row.can == ("retry",)
    email_inviting.retry(letter(), alice)
    deliver()
    assert letter().state == "sent"
    with pytest.raises(InvitationRefused):
        email_inviting.retry(letter(), alice)


def test_an_address_that_does_not_exist_is_told_and_not_tried_again(picnic, write, deliver, letter):
    MOODS.append(smtplib.SMTPRecipientsRefused({"ana@example.org": (550, b"no such user")}))
    write(picnic)
    deliver()
    assert (letter().state, letter().reason, letter().counted_on) == ("failed", "address_refused", None)


def test_letters_and_posts_share_one_cap(alice, picnic, write, set_options, deliver, clock, send):
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


def test_one_address_gets_no_more_than_its_share_of_the_whole_site(make_event, make_member, write, soon):
    for number in range(3):
        host = make_member(f"host{number}")
        write(make_event(host, title=f"Party {number}"), host=host)
    assert reasons_of(write(make_event()).left_out) == {"ana@example.org": "person_cap"}


def test_who_is_left_out_and_why(make_member, make_event, write):
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
def test_where_no_letter_can_leave_the_host_is_told(alice, picnic, set_options, write, options, code):
    set_options(**options)
    assert email_inviting.preview(alice, picnic, ANA).refusal.code == code
    with pytest.raises(InvitationRefused) as told:
        write(picnic)
    assert told.value.code == code


def test_a_developer_catches_letters_on_this_machine(set_options):
    set_options(site={"url": "http://127.0.0.1:8000"}, email={"url": "smtp://127.0.0.1:1025"})
    assert eligibility.unavailable() is None


def test_only_those_who_run_it_write(make_member, picnic, write, deliver, letter):
    mallory = make_member("mallory")
    with pytest.raises(InvitationRefused):
        write(picnic, host=mallory)
    write(picnic)
    for act in (email_inviting.cancel, email_inviting.retry):
        with pytest.raises(InvitationRefused):
            act(letter(), mallory)
    assert email_views.invitation_for(mallory, letter().pk) is None


def test_too_many_and_too_long_are_refused_as_a_whole(picnic, write, set_options):
    set_options(invitations={"per_send": 1})
    for wish, code in (
        ({"text": "a@example.org,b@example.org"}, "too_many"),
        ({"note": "x" * 501}, "note_too_long"),
        ({"text": " ,"}, "no_addresses"),
    ):
        with pytest.raises(InvitationRefused) as told:
            write(picnic, **wish)
        assert told.value.code == code
    assert not EmailInvitation.objects.exists()


def test_a_cancelled_letter_stays_at_home(alice, picnic, write, deliver, letter):
    write(picnic)
    token = tokens.token_of(letter())
    email_inviting.cancel(letter(), alice)
    deliver()
    assert SENT == []
    assert email_reader.by_token(token) is None


def test_a_cancelled_event_writes_to_nobody(alice, picnic, write, deliver, letter):
    write(picnic)
    events.cancel(picnic, alice)
    deliver()
    assert (SENT, letter().state, letter().reason) == ([], "cancelled", "event_cancelled")


def test_the_link_alone_answers_and_answers_anew(alice, picnic, write, deliver, letter):
    write(picnic)
    deliver()
    row = email_reader.by_token(token_in(SENT[0]))
    assert letter().answer == "", "opening changes nothing"
    email_reader.respond(row, "going", "Ana L.", 0, "I bring soup")
    email_reader.respond(row, "maybe")
    given = Rsvp.objects.get()
    assert (given.choice, given.name, given.member, given.did) == ("maybe", "Ana L.", None, "")
    assert letter().answer == "maybe"
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


def test_a_letter_opens_a_private_event_for_its_reader_alone(supper, write, deliver):
    write(supper)
    deliver()
    assert email_reader.respond(email_reader.by_token(token_in(SENT[0])), "going").event == supper


def test_who_declined_is_not_asked_again(alice, picnic, write, deliver, letter):
    write(picnic)
    deliver()
    email_reader.respond(letter(), "cant")
    assert reasons_of(write(picnic).left_out) == {"ana@example.org": "declined"}


def test_the_link_ends_with_the_event_and_the_address_is_forgotten(picnic, write, deliver, clock, letter, alice):
    write(picnic)
    deliver()
    assert tokens.forget_past() == 0
    clock.pass_(days=20)
    with pytest.raises(NotAllowed):
        email_reader.respond(letter(), "going")
    assert tokens.forget_past() == 1
    assert letter().address_enc == ""
    assert [row.address for row in email_views.views(picnic, alice)] == [""]


@pytest.mark.parametrize("whole_site", [False, True])
def test_no_more_letters_from_a_host_or_from_the_site(make_event, make_member, write, deliver, letter, whole_site):
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
def test_no_other_spelling_of_an_address_reaches_who_said_no(make_event, write, deliver, letter, spelling):
    write(make_event())
    deliver()
    email_reader.stop(letter())
    assert write(make_event(title="Supper"), spelling).queued == 0
    deliver()
    assert len(SENT) == 1


def test_whoever_got_a_letter_that_was_taken_back_may_say_no_more(alice, picnic, make_event, write, letter):
    write(picnic)
    token = tokens.token_of(letter())
    # The mail server took it and hung up before it said so; nobody here knows.
    email_inviting.cancel(letter(), alice)
    assert email_reader.by_token(token) is None
    page = Client(HTTP_HOST="127.0.0.1").post(f"/rsvp/{token}/stop", {"List-Unsubscribe": "One-Click"})
    assert page.status_code == 200
    assert write(make_event(title="Supper")).queued == 0


def test_one_address_in_two_alphabets_gets_one_letter(picnic, write):
    assert write(picnic, "ana@m\u00fcnchen.example, ana@xn--mnchen-3ya.example").queued == 1


def test_too_many_who_want_no_letters_pause_the_host(picnic, write, deliver, alice, set_options):
    set_options(invitations={"opt_outs_to_pause": 2})
    write(picnic, "a@example.org, b@example.org, c@example.org")
    deliver()
    for row in EmailInvitation.objects.all()[:2]:
        email_reader.stop(row)
    assert HostSending.objects.get(host=alice).pause_reason == "opt_outs"
    write(picnic, "d@example.org")
    deliver()
    assert len(SENT) == 3


def test_a_letter_that_is_in_another_workers_hands_waits(picnic, write, letter, clock):
    from elonara.locks import take_lease

    write(picnic)
    take_lease(EmailInvitation, letter().pk, "another", 60)
    assert email_delivery.poll(str(letter().pk)) > clock.now() + timedelta(seconds=30)
    assert SENT == []


def test_who_has_answered_a_letter_of_a_killed_worker_gets_no_second_one(picnic, write, deliver, letter):
    write(picnic)
    token = tokens.token_of(letter())
    deliver()
    # As a worker leaves it that is killed after the mail server took the letter.
    sealed = seal(token, column="token_enc", row=letter().pk, did="")
    EmailInvitation.objects.update(state="queued", sent_at=None, token_enc=sealed)
    email_reader.respond(email_reader.by_token(token), "cant")
    deliver()
    assert len(SENT) == 1
    assert (letter().state, letter().token_enc) == ("sent", "")
    assert email_reader.by_token(token) is not None


def test_an_unknown_link_is_nobodys():
    assert email_reader.by_token("") is None
    assert email_reader.by_token("x" * 200) is None
    assert email_reader.by_token("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA") is None


def test_letters_that_were_kept_back_keep_to_the_share_of_the_day_on_which_they_leave(
    alice, picnic, write, set_options, deliver, clock
):
    set_options(invitations={"first_week_per_day": 2, "per_day": 2})
    clock.pass_(hours=(36 - clock.now().hour) % 24)  # noon: the share of a day begins in the morning
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


def test_a_letter_that_comes_late_keeps_to_the_share_of_its_reader(
    alice, make_event, write, set_options, deliver, clock
):
    set_options(invitations={"per_person_per_week": 1})
    MOODS.append(OSError())
    write(make_event(title="First"))
    deliver()
    EmailInvitation.objects.update(due_at=clock.now() + timedelta(days=8))
    clock.pass_(days=8)
    write(make_event(title="Second"))
    deliver()
    assert len(SENT) == 1
    assert sorted(EmailInvitation.objects.values_list("state", "reason")) == [("queued", "day_cap"), ("sent", "")]


def test_letters_that_were_cancelled_and_are_sent_again_keep_to_the_share_of_their_reader(
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


def test_a_letter_held_by_a_pause_leaves_as_soon_as_it_ends(alice, picnic, write, deliver, letter):
    write(picnic)
    pauses.pause_host(alice, "operator")
    deliver()
    assert (letter().state, letter().reason) == ("queued", "operator")
    actions.resume_sending(alice, Member.objects.create_superuser("olga", password="a long password"))
    deliver()
    assert letter().state == "sent"
