"""`/@alice`: her public events, and nothing that tells who else has an account."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from tests.pages import page_text

from elonara.events import actions
from elonara.events.models import Event
from elonara.members.models import Member


def test_it_shows_public_events_to_come_and_past(client, alice, picnic, supper):
    old = actions.create(alice, title="Harvest", starts_at=picnic.starts_at, timezone="Europe/Lisbon")
    began = old.starts_at - timedelta(days=40)
    Event.objects.filter(pk=old.pk).update(starts_at=began, ends_at=began + timedelta(hours=2))
    called_off = actions.create(alice, title="Called off", starts_at=picnic.starts_at, timezone="Europe/Lisbon")
    actions.cancel(called_off, alice)
    words = page_text(client.get("/@alice"))
    assert "Alice Moreira" in words
    assert "@alice.example" in words
    assert words.index("Winter picnic") < words.index("Past events") < words.index("Harvest")
    assert supper.title not in words
    assert "Called off" not in words


def test_the_page_of_each_public_event_leads_there(client, alice, picnic):
    assert 'href="/@alice"' in client.get(f"/events/{picnic.slug}").content.decode()


def test_a_private_or_cancelled_event_leads_nowhere_that_is_not_there(signed_in, alice, supper, picnic):
    browser = signed_in(alice)
    assert "/@alice" not in browser.get(f"/events/{supper.slug}").content.decode()
    actions.cancel(picnic, alice)
    assert "/@alice" not in browser.get(f"/events/{picnic.slug}").content.decode()
    assert browser.get("/@alice").status_code == 404


def test_a_cohost_has_a_page_once_she_has_accepted(client, alice, picnic, make_member):
    bob = make_member("bob")
    actions.add_cohost(picnic, by=alice, member=bob)
    assert client.get("/@bob").status_code == 404
    actions.accept_cohost(picnic, by=bob)
    assert "Winter picnic" in page_text(client.get("/@bob"))


def without(response, name):
    """The page without the name that was asked for, and the token of its form."""
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", response.content.decode()).replace(name, "")


@pytest.mark.promise("private-is-absent")
@pytest.mark.parametrize("who", ["nemo", "quiet", "secretive", "suspended"])
def test_nobody_learns_who_has_an_account(client, make_member, picnic, alice, who):
    make_member("quiet")
    secretive = make_member("secretive")
    actions.create(
        secretive, title="Secret", starts_at=picnic.starts_at, timezone="Europe/Lisbon", visibility="private"
    )
    suspended = make_member("suspended")
    actions.create(suspended, title="Loud", starts_at=picnic.starts_at, timezone="Europe/Lisbon")
    Member.objects.filter(pk=suspended.pk).update(standing=Member.Standing.SUSPENDED)
    client.get("/@warm")
    with CaptureQueriesContext(connection) as of_nobody:
        nobody = client.get("/@nobodyatall")
    with CaptureQueriesContext(connection) as seen:
        response = client.get(f"/@{who}")
    assert response.status_code == nobody.status_code == 404
    assert len(seen) == len(of_nobody)
    assert without(response, who) == without(nobody, "nobodyatall")


def test_markup_in_a_name_stays_text(client, alice, picnic):
    Member.objects.filter(pk=alice.pk).update(display_name="<b>Alice</b>", bio="<i>hello</i>")
    page = client.get("/@alice").content.decode()
    assert "<b>Alice" not in page
    assert "<i>hello" not in page


def test_the_account_that_keeps_what_former_members_made_has_no_page(client, alice, picnic):
    Member.objects.filter(pk=alice.pk).update(is_active=False)
    assert client.get("/@alice").status_code == 404
    assert "/@alice" not in client.get(f"/events/{picnic.slug}").content.decode()
