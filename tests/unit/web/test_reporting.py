"""Whoever sees an event, or was written to by its host, reports it; nobody reports what she cannot see."""

import uuid

import pytest
from django.test import Client
from tests.fakes.oauth import BOB
from tests.pages import page_text

from elonara.events import actions as events
from elonara.events.guests import rsvps
from elonara.events.messages.models import GuestMessage, HostMessage
from elonara.events.models import Event
from elonara.invitations.actions import Reporter, report_event
from elonara.invitations.email import tokens
from elonara.invitations.models import EmailInvitation
from elonara.invitations.opt_out_models import Report
from elonara.members.errors import NotAllowed
from elonara.members.models import AuditEntry, Notice


@pytest.fixture
def operator(make_member):
    return make_member("olga", is_superuser=True, is_staff=True)


@pytest.fixture
def bob(make_member):
    return make_member("bob", display_name="Bob")


@pytest.fixture
def supper(alice, picnic):
    return events.create(alice, title="Secret supper", starts_at=picnic.starts_at, timezone="UTC", visibility="private")


@pytest.fixture
def written(alice):
    """`written(event, member=bob)`: words of Alice that this reader was told."""

    def write(event, **reader):
        message = HostMessage.objects.create(event=event, by=alice, audience="everybody", text="Buy my book.")
        GuestMessage.objects.create(
            event=event, kind="host", host_message=message, reader=str(uuid.uuid4()), state="shown",
            due_at=event.starts_at, told_at=event.starts_at, **reader,
        )  # fmt: skip
        return message

    return write


@pytest.fixture
def letter(alice, picnic):
    """The path of an e-mail invitation to the picnic, and its row."""
    token, row = "t" * 32, EmailInvitation.objects.create(
        event=picnic, host=alice, address_hash="a", token_hash=tokens.token_hash("t" * 32), due_at=picnic.starts_at,
        state="sent",
    )  # fmt: skip
    return f"/rsvp/{token}", row


def test_a_stranger_reports_a_public_event_and_the_operator_hides_it(client, signed_in, operator, picnic):
    path = f"/events/{picnic.slug}"
    assert f'href="{path}/report"' in client.get(path).content.decode()
    assert "Report this event" in page_text(client.get(f"{path}/report"))
    response = client.post(f"{path}/report", {"text": "It is a fraud."})
    assert response["location"] == path
    report = Report.objects.get()
    assert (report.text, report.event, report.reporter, report.reporter_did) == ("It is a fraud.", picnic, None, "")
    notice = Notice.objects.get(member=operator)
    assert notice.text == "Someone reported an event of Alice Moreira."
    browser = signed_in(operator)
    page = f"/admin/elonara/report/{report.pk}/change/"
    assert "event: Winter picnic" in page_text(browser.get("/admin/elonara/report/"))
    shown = page_text(browser.get(page))
    assert "It is a fraud." in shown
    assert "The post" not in shown
    browser.post(page, {"act": "hide", "note": "fraud"})
    assert Event.objects.get(pk=picnic.pk).hidden_at is not None
    assert AuditEntry.objects.filter(what="hidden").exists()
    assert Client().get(f"{path}/report").status_code == 404


def test_a_host_reads_no_such_link_on_her_own_page(signed_in, alice, picnic):
    assert "Report this event" not in page_text(signed_in(alice).get(f"/events/{picnic.slug}"))


@pytest.mark.promise("reports")
def test_nobody_reports_what_she_cannot_see(client, signed_in, bob, supper, picnic, written):
    to_bob = written(picnic, member=bob)
    assert client.get(f"/events/{supper.slug}/report").status_code == 404
    assert client.post(f"/events/{supper.slug}/report").status_code == 404
    for message in (to_bob.pk, uuid.uuid4(), "nonsense"):
        assert client.post(f"/events/{picnic.slug}/report?message={message}").status_code == 404
    for by in (Reporter(), Reporter(bob), Reporter(dids=(BOB,)), Reporter(email_invitation=uuid.uuid4())):
        with pytest.raises(NotAllowed):
            report_event(supper, by, "Rude")
    with pytest.raises(NotAllowed):
        report_event(picnic, Reporter(dids=(BOB,)), "Rude", to_bob.pk)
    assert not Report.objects.exists()


def test_a_guest_reports_a_message_to_her(signed_in, operator, bob, picnic, written):
    rsvps.respond(picnic, choice="going", member=bob)
    message = written(picnic, member=bob)
    browser, path = signed_in(bob), f"/events/{picnic.slug}/report?message={message.pk}"
    assert path in browser.get(f"/events/{picnic.slug}").content.decode()
    assert "Report this message" in page_text(browser.get(path))
    browser.post(path, {"text": "It sells something."})
    report = Report.objects.get()
    assert (report.message, report.event, report.reporter) == (message, picnic, bob)
    shown = page_text(signed_in(operator).get(f"/admin/elonara/report/{report.pk}/change/"))
    for words in ("Buy my book.", "It sells something.", "Bob (bob)"):
        assert words in shown
    assert "reported a message" in Notice.objects.get(member=operator).text


@pytest.mark.promise("reports")
def test_the_reader_of_an_e_mail_reports_event_and_message(client, letter, picnic, written):
    path, row = letter
    message = written(picnic, email_invitation=row)
    shown = client.get(path).content.decode()
    assert 'href="?report=event"' in shown
    assert f'href="?report={message.pk}"' in shown
    assert client.post(f"{path}?report=event", {"text": "one"})["location"] == path
    response = client.post(f"{path}?report={message.pk}", {"text": "two"})
    assert response["Referrer-Policy"] == "no-referrer"
    assert sorted(Report.objects.values_list("text", "message")) == [("one", None), ("two", message.pk)]
    assert client.get(f"{path}?report={uuid.uuid4()}").status_code == 404


def test_one_person_has_one_open_report_and_strangers_five(bob, picnic):
    for text in ("first", "second"):
        report_event(picnic, Reporter(bob), text)
        report_event(picnic, Reporter(dids=(BOB,)), text)
    assert list(Report.objects.values_list("text", flat=True)) == ["second", "second"]
    for _ in range(9):
        report_event(picnic, Reporter(), "again")
    assert Report.objects.filter(text="again").count() == 5


def test_what_is_too_long_is_kept_and_not_sent(client, picnic):
    response = client.post(f"/events/{picnic.slug}/report", {"text": "x" * 1001})
    assert "1,000 fit." in page_text(response)
    assert "x" * 1001 in response.content.decode()
    assert not Report.objects.exists()


def test_programs_do_not_flood_operators(client, picnic):
    client.get(f"/events/{picnic.slug}/report")  # a browser is known by the cookie of its forms
    answers = [client.post(f"/events/{picnic.slug}/report", {"text": "x"}).status_code for _ in range(6)]
    assert answers == [302] * 5 + [429]


def test_the_report_stays_when_the_message_is_deleted(picnic, bob, written):
    message = written(picnic, member=bob)
    report_event(picnic, Reporter(bob), "Rude", message.pk)
    GuestMessage.objects.all().delete()
    message.delete()
    assert Report.objects.get().text == "Rude"


def test_a_report_of_a_message_suspends_who_wrote_it(signed_in, operator, picnic, bob, written, alice):
    report_event(picnic, Reporter(bob), "Rude", written(picnic, member=bob).pk)
    signed_in(operator).post(f"/admin/elonara/report/{Report.objects.get().pk}/change/", {"act": "suspend"})
    alice.refresh_from_db()
    assert alice.standing == "suspended"
