"""A guest whom this browser knows by her Bluesky account alone: what she is offered, and how she leaves."""

from dataclasses import replace

import pytest
from tests.fakes.oauth import ALICE, BOB
from tests.pages import page_text

from elonara.events import actions
from elonara.events.guests import rsvps


@pytest.fixture
def bob(client, authorize, invited, picnic):
    """The browser of Bob, who is going."""
    authorize(client, client.post(f"/i/{invited(picnic).ref}", {"answer": "going"}), BOB)
    return client


def first_button(page):
    return page.partition('action="/auth/bluesky/start"')[2].partition("<button")[2].partition("</button>")[0]


def test_to_host_she_is_asked_for_what_hosting_needs_and_not_for_her_handle(bob):
    page = bob.get("/accounts/login/?next=/events/create").content.decode()
    assert 'value="@bob.example.com"' in page
    assert "You are signed in as @bob.example.com" in page_text(bob.get("/accounts/login/"))
    assert "Bluesky asks you once more, because until now it only said who you are." in page_text(
        bob.get("/accounts/login/?next=/events/create")
    )
    assert "once more" not in page_text(bob.get("/accounts/login/"))
    assert "I want to invite people" in first_button(page)
    assert "Continue with Bluesky" in first_button(bob.get("/accounts/login/").content.decode())


@pytest.mark.parametrize("registration", ["closed", "approval"])
def test_where_no_more_can_be_asked_for_she_reads_of_no_second_time(bob, settings, registration):
    options = settings.ELONARA
    settings.ELONARA = replace(options, site=replace(options.site, registration=registration))
    page = page_text(bob.get("/accounts/login/?next=/events/create"))
    assert "To host you need an account." in page
    assert "once more" not in page


def test_a_visitor_whom_nobody_knows_is_asked_for_hers(client, site):
    page = client.get("/accounts/login/?next=/events/create").content.decode()
    assert "Continue with Bluesky" in first_button(page)
    assert "You are signed in as" not in page


def test_in_the_list_of_guests_she_finds_herself(bob, picnic, make_member):
    rsvps.respond(picnic, choice="going", member=make_member("carol"), plus_ones=0)
    words = page_text(bob.get(f"/events/{picnic.slug}"))
    assert words.count("(you)") == 2, "among the first names, and in the whole list"
    assert "<bdi>bob.example.com</bdi>(you),<bdi>carol</bdi>" in words
    invitation = picnic.invitations.get()
    assert "<bdi>bob.example.com</bdi>(you)" in page_text(bob.get(f"/i/{invitation.ref}"))


def test_she_signs_out_on_any_page(bob, picnic):
    page = bob.get(f"/events/{picnic.slug}").content.decode()
    footer = page.partition('<footer class="foot">')[2]
    assert 'action="/invitations/forget"' in footer
    assert "Sign out" in footer
    response = bob.post("/invitations/forget", {"next": "/"})
    assert response["location"] == "/"
    assert "Sign out" not in page_text(bob.get("/"))


def test_at_anothers_private_invitation_she_is_led_to_her_own(client, authorize, invited, picnic, alice):
    actions.change(picnic, by=alice, visibility="private")
    address = f"/i/{invited(picnic).ref}"
    assert "Is this invitation for you?" in page_text(client.get(address))
    authorize(client, client.post("/invitations/prove", {"handle": "alice.example.com"}), ALICE)
    page = page_text(client.get(address))
    assert "There is no invitation for you at this address" in page
    assert '<a href="/invitations">See your invitations</a>' in page
    assert picnic.title not in page


def test_the_calendar_file_is_called_like_the_event(bob, picnic, alice):
    for title, name in (
        ("Birthday dinner", 'filename="birthday-dinner.ics"'),
        ("お花見", "filename*=utf-8''%E3%81%8A%E8%8A%B1%E8%A6%8B.ics"),
        ('../"x"\r\ny', 'filename="x-y.ics"'),
        ("!!!", f'filename="{picnic.slug}.ics"'),
    ):
        actions.change(picnic, by=alice, title=title)
        assert bob.get(f"/events/{picnic.slug}.ics")["Content-Disposition"] == f"attachment; {name}"


def test_a_page_of_an_e_mails_link_has_no_form_that_would_be_refused(bob):
    page = bob.get("/rsvp/none").content.decode()
    assert 'content="no-referrer"' in page
    assert 'action="/invitations/forget"' not in page
