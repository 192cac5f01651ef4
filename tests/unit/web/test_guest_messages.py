"""E-mails to guests on the pages: what is said before an edit, the Messages tab, news, and how they are stopped."""

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.test import Client
from django.utils import timezone
from tests.pages import page_text

from elonara import jobs
from elonara.events import actions
from elonara.events.guests import by_host, rsvps
from elonara.events.messages.models import GuestMessage, HostMessage
from elonara.invitations.email import tokens
from elonara.invitations.guest_emails import asking, stopping
from elonara.members.models import Notice


@pytest.fixture
def mail(set_options, settings, site):
    settings.MAILERS = {
        name: {"BACKEND": "django.core.mail.backends.dummy.EmailBackend"} for name in ("default", "smtp")
    }
    set_options(email={"url": "smtp://127.0.0.1"})


@pytest.fixture
def dinner(alice, mail):
    start = timezone.now() + timedelta(days=5)
    return actions.create(alice, title="Dinner", starts_at=start, timezone="Europe/Lisbon")


@pytest.fixture
def bob(dinner, make_member):
    """Going, with an address."""
    member = make_member("bob")
    EmailAddress.objects.create(user=member, email="bob@example.org", verified=True, primary=True)
    rsvps.respond(dinner, choice="going", member=member)
    return member


@pytest.fixture
def link(bob, dinner, alice):
    """The path of the link that stops bob's e-mails."""
    actions.change(dinner, by=alice, location="Beach")
    row = GuestMessage.objects.get()
    token, row.token_hash, row.token_enc = tokens.new_token(row.pk)
    row.save()
    return f"/rsvp/{token}/mail"


def test_a_host_reads_who_is_told_before_she_edits_or_cancels(client, signed_in, alice, dinner, bob):
    for number in range(2):
        rsvps.respond(dinner, choice="maybe", did=f"did:plc:guest{number}", invited=True)
    signed_in(alice)
    said = "3 people are told, 2 cannot be reached by e-mail and see it on this site."
    assert said in page_text(client.get(f"/events/{dinner.slug}/edit"))
    assert said in page_text(client.get(f"/events/{dinner.slug}/cancel"))


def test_she_cancels_with_a_word_that_stands_on_the_page(client, signed_in, alice, dinner, bob):
    signed_in(alice)
    refused = client.post(f"/events/{dinner.slug}/cancel", {"word": "x" * 501})
    assert refused.status_code == 400
    assert "500 fit" in page_text(refused)
    client.post(f"/events/{dinner.slug}/cancel", {"word": "It rains."})
    assert "It rains." in page_text(client.get(f"/events/{dinner.slug}"))


def test_a_message_is_looked_at_then_sent(client, signed_in, alice, dinner, bob):
    signed_in(alice)
    address, words = f"/events/{dinner.slug}/manage?tab=messages", {"to": "everybody", "text": "Bring bread."}
    looked = client.post(address, words | {"go": "check"})
    page = page_text(looked)
    assert "1 person is told." in page
    assert "Send to 1 guest" in page
    assert not HostMessage.objects.exists()
    words |= {"go": "send", "shown": looked.context["plan"].preview_id}
    assert "on its way to 1 guest." in page_text(client.post(address, words, follow=True))
    assert "Bring bread." in page_text(client.get(address))


def test_what_is_refused_keeps_what_was_typed(client, signed_in, alice, dinner, bob):
    signed_in(alice)
    address = f"/events/{dinner.slug}/manage?tab=messages"
    response = client.post(address, {"to": "waiting", "text": "Bring bread.", "go": "send", "shown": "another"})
    assert response.status_code == 400
    assert "Bring bread." in page_text(response)


def test_only_hosts_open_the_tab(client, signed_in, dinner, bob):
    signed_in(bob)
    assert client.get(f"/events/{dinner.slug}/manage?tab=messages").status_code == 403


def test_a_guest_reads_the_news_on_the_page_and_in_the_inbox(client, signed_in, alice, dinner, bob, clock):
    actions.change(dinner, by=alice, location="Beach")
    clock.pass_(minutes=3)
    jobs.drain()
    signed_in(bob)
    for address in (f"/events/{dinner.slug}", "/invitations"):
        page = page_text(client.get(address))
        assert "Dinner has a new place." in page
        assert "Beach" in page


def test_news_of_others_are_not_shown(client, signed_in, alice, dinner, bob, make_member, clock):
    actions.change(dinner, by=alice, location="Beach")
    clock.pass_(minutes=3)
    jobs.drain()
    signed_in(make_member("carol"))
    for address in (f"/events/{dinner.slug}", "/invitations"):
        assert "has a new place" not in page_text(client.get(address))


def test_a_guest_chooses_for_the_event_and_for_all(client, signed_in, dinner, bob):
    signed_in(bob)
    client.post(f"/events/{dinner.slug}/emails", {"changes": "1"})
    assert stopping.settings_of(bob, dinner) == stopping.EmailSettings(changes=True, reminders=False)
    client.post("/profile/emails", {"reminders": "1"})
    assert stopping.settings_of(bob).changes is False
    assert client.get("/profile/edit?tab=invitations").context["emails"] == stopping.settings_of(bob)


@pytest.mark.promise("stop-emails")
def test_one_press_in_the_mail_program_stops_and_looking_does_not(link, bob, dinner):
    browser = Client(enforce_csrf_checks=True)
    page = browser.get(link)
    assert page["Referrer-Policy"] == "no-referrer"
    assert stopping.settings_of(bob, dinner) == stopping.EmailSettings()
    assert browser.post(link, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert stopping.settings_of(bob, dinner).changes is False
    assert stopping.settings_of(bob).changes is True


@pytest.mark.parametrize(
    ("what", "of_event", "of_all"),
    [
        ("event", (False, False), (True, True)),
        ("event-reminders", (True, False), (True, True)),
        ("reminders", (True, True), (True, False)),
        ("all", (True, True), (False, False)),
        ("nonsense", (False, False), (True, True)),
    ],
)
def test_each_button_stops_what_it_says(link, bob, dinner, what, of_event, of_all):
    Client().post(link, {"what": what})
    assert stopping.settings_of(bob, dinner) == stopping.EmailSettings(*of_event)
    assert stopping.settings_of(bob) == stopping.EmailSettings(*of_all)


def test_an_unknown_link_is_nobodys(site):
    assert Client().get(f"/rsvp/{'x' * 32}/mail").status_code == 404


def test_a_member_without_an_address_is_asked_once(dinner, make_member):
    carol = make_member("carol")
    for choice in ("cant", "going", "maybe"):
        rsvps.respond(dinner, choice=choice, member=carol)
    notice = Notice.objects.get(member=carol, kind=asking.KIND)
    Notice.objects.all().delete()
    rsvps.respond(dinner, choice="going", member=carol)
    assert not Notice.objects.filter(kind=asking.KIND).exists()
    assert notice.link == "/accounts/email/"


def test_who_has_an_address_or_a_site_without_e_mail_is_not_asked(dinner, bob, make_member, set_options):
    set_options(email={"url": ""})
    rsvps.respond(dinner, choice="going", member=make_member("carol"))
    assert not Notice.objects.filter(kind=asking.KIND).exists()


def test_an_address_that_is_verified_settles_it(dinner, make_member):
    carol = make_member("carol")
    rsvps.respond(dinner, choice="going", member=carol)
    address = EmailAddress.objects.create(user=carol, email="carol@example.org", verified=False)
    asking.address_verified(None, address)
    assert not Notice.objects.filter(kind=asking.KIND, dismissed_at=None).exists()


def test_without_an_answer_there_is_nobody_to_write_to(signed_in, alice, picnic, make_member):
    client, address = signed_in(alice), f"/events/{picnic.slug}/manage?tab=messages"
    page = page_text(client.get(address))
    assert "People who have not answered get no messages" in page
    assert "<textarea" not in page
    # Neither she herself nor a name that she has added reads what she writes.
    rsvps.respond(picnic, choice="going", member=alice)
    by_host.add(picnic, alice, "Aunt Eva")
    assert "<textarea" not in page_text(client.get(address))
    rsvps.respond(picnic, choice="maybe", member=make_member("carol"))
    assert "<textarea" in page_text(client.get(address))


def test_who_cannot_write_to_the_invited_is_led_to_her_invitations(signed_in, alice, picnic, invited):
    client, base = signed_in(alice), f"/events/{picnic.slug}/manage?tab="
    watch = '?tab=invite&amp;step=watch">See who was invited</a>'
    for tab in ("messages", "guests"):
        assert watch not in client.get(f"{base}{tab}").content.decode()
    invited(picnic)
    for tab in ("messages", "guests"):
        assert watch in client.get(f"{base}{tab}").content.decode()


def test_that_nobody_reads_it_is_said_before_the_message(signed_in, alice, dinner, bob):
    client, address = signed_in(alice), f"/events/{dinner.slug}/manage?tab=messages"
    page = client.post(address, {"to": "maybe", "text": "Ring twice.", "go": "check"}).content.decode()
    refused, _, form = page.partition("Nobody has given that answer.")
    assert "<textarea" not in refused
    assert "Ring twice." in form
    assert 'message-preview"' not in form  # the page stays at its top
    page = client.post(address, {"to": "going", "text": "Ring twice.", "go": "check"}).content.decode()
    assert 'id="message-preview"' in page
