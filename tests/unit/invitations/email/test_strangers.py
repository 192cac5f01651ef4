"""Inviting strangers by e-mail: who may, how many leave the whole site a day, and what subject and sender say."""

from email.header import decode_header, make_header

import pytest
from allauth.account.models import EmailAddress
from tests.unit.invitations.email.mail import FAULTS, SENT

from elonara.bluesky.models import MemberIdentity
from elonara.events import actions as events
from elonara.invitations.email import inviting as email_inviting
from elonara.invitations.models import EmailInvitation
from elonara.invitations.results import InvitationRefused

UNPROVEN = "email_unproven"


@pytest.fixture
def mallory(make_member):
    """A fresh account that has proved nothing."""
    return make_member("mallory", display_name="PayPal Security")


@pytest.fixture
def counted(set_options):
    def set_cap(number, **others):
        set_options(invitations={"emails_per_day": number} | others)

    return set_cap


def addresses(count, letter="a"):
    return ", ".join(f"{letter}{number}@example.org" for number in range(count))


@pytest.mark.promise("strangers-by-email")
def test_a_fresh_account_without_a_proof_writes_to_nobody(mallory, make_event, write, deliver):
    event = make_event(mallory)
    assert email_inviting.preview(mallory, event, addresses(30)).refusal.code == UNPROVEN
    with pytest.raises(InvitationRefused) as caught:
        write(event, addresses(30), host=mallory)
    assert caught.value.code == UNPROVEN
    deliver()
    assert SENT == []


@pytest.mark.parametrize("verified", [False, True])
def test_an_address_is_a_proof_once_it_is_verified(mallory, make_event, write, verified):
    EmailAddress.objects.create(user=mallory, email="mallory@example.org", verified=verified)
    if verified:
        assert write(make_event(mallory), host=mallory).queued == 1
    else:
        with pytest.raises(InvitationRefused):
            write(make_event(mallory), host=mallory)


def test_a_cohost_or_moderator_is_asked_for_a_proof_of_her_own(mallory, alice, picnic, write, deliver, email_row):
    events.EventHost.objects.create(event=picnic, member=mallory, role="host")
    with pytest.raises(InvitationRefused):
        write(picnic, host=mallory)
    write(picnic)
    email_inviting.cancel(email_row(), alice)
    with pytest.raises(InvitationRefused) as caught:
        email_inviting.retry(email_row(), mallory)
    assert caught.value.code == UNPROVEN


def test_who_loses_the_proof_keeps_her_letters_waiting(alice, picnic, write, deliver, email_row, clock):
    write(picnic)
    identity = MemberIdentity.objects.get(member=alice)
    MemberIdentity.objects.filter(pk=identity.pk).delete()
    deliver()
    assert SENT == []
    assert (email_row().state, email_row().reason) == ("queued", UNPROVEN)
    identity.save(force_insert=True)
    clock.pass_(hours=2)
    deliver()
    assert len(SENT) == 1


def test_the_first_weeks_cap_holds_for_letters(alice, picnic, write, counted, deliver, clock):
    counted(500, first_week_per_day=3, per_day=50)
    assert write(picnic, addresses(5)).schedule == "3 today, 2 tomorrow"
    deliver()
    assert len(SENT) == 3


@pytest.mark.promise("strangers-by-email")
def test_the_whole_site_has_a_daily_share(alice, picnic, make_member, make_event, write, counted, deliver, clock):
    counted(3)
    write(picnic, addresses(2))
    bo = make_member("bo", "did:plc:bo")
    sent = write(make_event(bo), addresses(4, "b"), host=bo)
    assert sent.schedule == "1 today, 3 tomorrow"
    deliver()
    assert len(SENT) == 3
    waiting = EmailInvitation.objects.filter(state="queued")
    assert waiting.count() == 3
    clock.pass_(days=1)
    deliver()
    assert len(SENT) == 6


def test_the_share_is_of_one_day_in_every_time_zone(make_member, make_event, write, counted, deliver):
    counted(2)
    for zone in ("Pacific/Kiritimati", "UTC", "Pacific/Pago_Pago"):
        host = make_member(zone.rpartition("/")[2].lower(), f"did:plc:{zone[-5:].lower()}", timezone=zone)
        write(make_event(host), addresses(2, zone[-1]), host=host)
    deliver()
    assert len(SENT) == 2


def test_a_site_without_a_share_keeps_letters(picnic, write, counted, deliver, clock, email_row):
    counted(0)
    write(picnic)
    deliver()
    clock.pass_(days=2)
    deliver()
    assert SENT == []
    assert (email_row().state, email_row().reason) == ("queued", "site_email_cap")


def test_a_place_of_the_site_is_taken_once_for_all_tries(picnic, write, counted, deliver, clock):
    counted(2)
    FAULTS.extend([OSError(), OSError()])
    write(picnic, addresses(2))
    deliver()
    clock.pass_(minutes=2)
    deliver()
    assert len(SENT) == 2


def test_a_cancelled_letter_gives_its_place_back(alice, picnic, write, counted, deliver, email_row):
    counted(1)
    write(picnic)
    email_inviting.cancel(email_row(), alice)
    assert write(picnic, "b@example.org").schedule == "1 today"
    deliver()
    assert [message.to for message in SENT] == [["b@example.org"]]


def test_a_full_site_holds_up_neither_change_nor_cancellation(alice, picnic, write, counted, deliver, email_row):
    from django.core.mail import EmailMessage

    from elonara.housekeeping.outgoing_email import OutgoingEmail, enqueue

    counted(0)
    write(picnic)
    enqueue(EmailMessage("The picnic is cancelled", "It rains.", to=["guest@example.org"]))
    events.change(picnic, by=alice, location="Elsewhere")
    events.cancel(picnic, alice)
    deliver()
    assert [message.to for message in SENT] == [["guest@example.org"]]
    assert not OutgoingEmail.objects.exists()


@pytest.mark.parametrize(
    "name",
    [
        "PayPal https://paypal-secure.example/login",
        "security@paypal.com",
        "Call paypal.com now",
        "paypal\uff0ecom",
        "paypal\u3002com",
        "paypal\u200b.\u200dcom",
        "пример.рф",
        "उदाहरण.भारत",
        "security\uff20paypal\u2024com",
        "=?utf-8?q?security=40paypal=2Ecom?=",
    ],
)
@pytest.mark.promise("strangers-by-email")
def test_a_name_leads_nowhere_from_subject_and_sender(alice, make_event, write, deliver, name):
    alice.display_name = name[:64]
    alice.save()
    write(make_event(title=f"Free: {name}"), f'"{name}" <ana@example.org>')
    deliver()
    (message,) = SENT
    # As a mail program shows them: names of other alphabets are encoded in the headers.
    sender, receiver = (
        str(make_header(decode_header(line.rpartition("<")[0]))) for line in (message.from_email, message.to[0])
    )
    for text in (message.subject, sender, receiver, message.body.splitlines()[0]):
        for forbidden in ("://", "@", ".com", "\uff0e", "\u3002", "\u2024", ".рф", ".भारत", "=?", "\u200b", "\uff20"):
            assert forbidden not in text.replace("Elonara", "")


def test_the_sites_name_opens_the_subject_and_the_proven_handle_stands_in_the_body(
    alice, picnic, write, deliver, set_options
):
    set_options(site={"name": "Bread Site"})
    write(picnic)
    deliver()
    assert SENT[0].subject == "[Bread Site] Alice invites you: Picnic"
    assert "Alice (@alice.example on Bluesky) invites you to" in SENT[0].body
    assert "PayPal" not in SENT[0].body
