"""What an e-mail to a guest looks like, and where its links lead."""

import re

import pytest
from allauth.account.models import EmailAddress
from django.test import Client
from tests.unit.invitations.email.mail import SENT

from elonara.events import actions, calendar_file
from elonara.events.messages.models import GuestMessage
from elonara.events.models import Event


def links(message):
    return re.findall(r"https://\S+", message.body)


@pytest.fixture
def moved(picnic, alice, bob, settle, soon):
    actions.change(picnic, by=alice, location="Beach <3 & sun")
    settle()
    return SENT[-1]


def test_it_has_one_reader_a_text_and_html_that_fetches_nothing(moved):
    assert (moved.to, moved.cc, moved.bcc) == (["Bob <bob@example.org>"], [], [])
    [part] = moved.alternatives
    assert part.mimetype == "text/html"
    assert "Beach &lt;3 &amp; sun" in part.content
    assert not re.search(r"<(img|link|script|style|iframe)|src=", part.content)


def test_its_time_is_in_the_readers_zone_and_in_the_events(make_event, alice, with_address, going, settle):
    event = make_event(timezone="Europe/Berlin")
    going(event, with_address("bob", timezone="America/New_York"))
    actions.change(event, by=alice, location="Beach")
    settle()
    assert re.search(r"When: \w+ \d+ \w+, 09:00, New York time \(15:00, Berlin time\)", SENT[-1].body)


def test_without_a_zone_of_the_reader_it_names_that_of_the_event(make_event, alice, with_address, going, settle):
    event = make_event(timezone="Europe/Berlin")
    going(event, with_address("bob"))
    actions.change(event, by=alice, location="Beach")
    settle()
    assert "15:00, Berlin time\n" in SENT[-1].body


def test_its_message_id_is_stored_before_it_leaves_and_it_can_be_stopped_with_one_press(moved):
    row = GuestMessage.objects.get()
    headers = moved.extra_headers
    assert headers["Message-ID"] == row.message_id == f"<{row.pk}@site.example>"
    assert re.fullmatch(r"<https://events\.example/rsvp/[\w-]{32}/mail>", headers["List-Unsubscribe"])
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert headers["Auto-Submitted"] == "auto-generated"
    assert row.token_enc == ""


def test_a_member_is_led_to_the_event_and_its_calendar_file(moved, picnic):
    assert links(moved)[:2] == [
        f"https://events.example/events/{picnic.slug}",
        f"https://events.example/events/{picnic.slug}.ics",
    ]


def test_a_reader_by_e_mail_is_led_to_her_own_link_also_of_a_private_event(supper, alice, ana, settle):
    ana(supper)
    actions.change(supper, by=alice, location="Behind the beech")
    settle()
    own, calendar = links(SENT[-1])[:2]
    browser = Client()
    assert "Behind the beech" in browser.get(own.removeprefix("https://events.example")).content.decode()
    file = browser.get(calendar.removeprefix("https://events.example")).content.decode()
    assert calendar_file.uid(supper) in file.replace("\r\n ", "")
    assert "SEQUENCE:1" in file


def test_the_calendar_file_of_a_cancelled_event_takes_it_out(supper, alice, ana, deliver):
    ana(supper)
    actions.cancel(supper, alice)
    deliver()
    [calendar] = [link for link in links(SENT[-1]) if "calendar" in link]
    assert "STATUS:CANCELLED" in Client().get(calendar.removeprefix("https://events.example")).content.decode()


def test_replies_reach_the_host_only_where_she_says_so(picnic, alice, bob, settle):
    EmailAddress.objects.create(user=alice, email="alice@example.org", verified=True, primary=True)
    actions.change(picnic, by=alice, location="Beach")
    settle()
    assert SENT[-1].reply_to == []
    assert "Replies to this e-mail are not read." in SENT[-1].body
    actions.change(picnic, by=alice, location="Hill", replies_to_host=True)
    settle()
    assert SENT[-1].reply_to == ["alice@example.org"]
    assert "not read" not in SENT[-1].body


def test_an_address_that_the_host_has_not_verified_gets_no_replies(picnic, alice, bob, settle):
    EmailAddress.objects.create(user=alice, email="somebody@example.org", verified=False, primary=True)
    actions.change(picnic, by=alice, location="Beach", replies_to_host=True)
    settle()
    assert SENT[-1].reply_to == []


def test_names_are_no_addresses(make_event, alice, with_address, going, settle):
    event = make_event(title="Win at evil.example\r\nBcc: all@evil.example")
    going(event, with_address("bob", display_name="bob@evil.example"))
    actions.change(event, by=alice, location="Beach")
    settle()
    message = SENT[-1]
    assert message.subject == "[Elonara] New place: Win at evil example Bcc: all evil example"
    assert message.body.startswith("Hello bob evil example,")
    assert list(Event.objects.values_list("pk", flat=True)) == [event.pk]
