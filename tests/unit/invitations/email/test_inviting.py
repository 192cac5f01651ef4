"""Invitations by e-mail: who gets one and when, what it says, and what its reader can do."""

import pytest
from tests.unit.invitations.email.mail import ANA, SENT, reasons_of, token_in

from elonara.invitations import queries
from elonara.invitations.email import eligibility, tokens
from elonara.invitations.email import inviting as email_inviting
from elonara.invitations.email import views as email_views
from elonara.invitations.email_addresses import parse
from elonara.invitations.models import EmailInvitation
from elonara.invitations.responses import email_reader
from elonara.invitations.results import InvitationRefused


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
    assert message.subject == plan.subject == "[Elonara] Alice invites you: Picnic"
    assert message.body.replace(token, "…") == plan.body
    assert "Bring bread.\nPlease." in message.body
    assert message.to == ["Ana Lima <ana@example.org>"]
    assert message.from_email.endswith("<events@site.example>")
    assert message.extra_headers["List-Unsubscribe"] == f"<https://events.example/rsvp/{token}/stop>"
    row = email_row()
    assert (row.state, row.token_enc) == ("sent", "")
    assert email_reader.by_token(token) == row


@pytest.mark.promise("stolen-database")
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


@pytest.mark.promise("person-cap")
def test_one_address_gets_no_more_than_its_cap_from_the_whole_site(make_event, make_member, write, soon):
    for number in range(3):
        host = make_member(f"host{number}", f"did:plc:host{number}")
        write(make_event(host, title=f"Party {number}"), host=host)
    assert reasons_of(write(make_event()).left_out) == {"ana@example.org": "person_cap"}


def test_who_is_skipped_and_why(make_member, make_event, write):
    zoe = make_member("zoe", "did:plc:zoe", email="zoe@example.org")
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


def test_one_address_in_two_alphabets_gets_one_email(picnic, write):
    assert write(picnic, "ana@m\u00fcnchen.example, ana@xn--mnchen-3ya.example").queued == 1
