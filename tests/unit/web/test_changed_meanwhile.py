"""A guest whose page is older than the event is told after answering, whichever way she answers."""

import re
from datetime import timedelta

import pytest
from tests.fakes.oauth import BOB
from tests.pages import page_text

from elonara.events import actions, times
from elonara.events.models import Rsvp

CHANGED = "The time or the place changed while you had the page open"


def mark_in(page):
    """What the form with the buttons says about the event."""
    return re.search(r'name="seen" value="(\w+)"', page.content.decode())[1]


CHANGES = {
    "time": lambda event: {"starts_at": event.starts_at + timedelta(hours=2)},
    "zone": lambda event: {"timezone": "Asia/Tokyo"},
    "place": lambda event: {"location": "The old pier"},
    "all day": lambda event: {"all_day": True},
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_member_hears_of_it(signed_in, make_member, alice, picnic, what):
    client, page = signed_in(make_member("carol")), f"/events/{picnic.slug}"
    seen = mark_in(client.get(page))
    actions.change(picnic, by=alice, **CHANGES[what](picnic))
    client.post(f"{page}/answer", {"answer": "going", "seen": seen})
    assert Rsvp.objects.get().choice == "going", "the answer counts all the same"
    assert CHANGED in page_text(client.get(page))


def test_nobody_hears_of_what_is_as_it_was(signed_in, make_member, alice, picnic):
    client, page = signed_in(make_member("carol")), f"/events/{picnic.slug}"
    seen = mark_in(client.get(page))
    actions.change(picnic, by=alice, title="Another title", description="More to read")
    client.post(f"{page}/answer", {"answer": "going", "seen": seen})
    assert CHANGED not in page_text(client.get(page))
    client.post(f"{page}/answer", {"answer": "maybe"})  # by a form of before this was asked
    assert CHANGED not in page_text(client.get(page))


def test_an_invitee_hears_of_it_after_the_proof(client, authorize, invited, alice, picnic):
    ref = invited(picnic).ref
    seen = mark_in(client.get(f"/i/{ref}"))
    pressed = client.post(f"/i/{ref}", {"answer": "going", "seen": seen})
    actions.change(picnic, by=alice, location="The old pier")
    authorize(client, pressed, BOB)
    assert CHANGED in page_text(client.get(f"/i/{ref}"))


def test_the_inbox_says_which_time_it_shows(client, authorize, invited, alice, picnic):
    ref = invited(picnic).ref
    authorize(client, client.post("/invitations/prove", {"handle": "bob.example.com"}), BOB)
    assert mark_in(client.get("/invitations")) == times.shown_mark(picnic)
    seen = mark_in(client.get("/invitations"))
    actions.change(picnic, by=alice, starts_at=picnic.starts_at + timedelta(days=1))
    client.post(f"/i/{ref}", {"answer": "going", "seen": seen})
    assert CHANGED in page_text(client.get(f"/i/{ref}"))


def test_a_hidden_place_cannot_be_guessed_from_it(picnic):
    picnic.place_hidden, picnic.location = True, "12 Rua da Prata"
    mark = times.shown_mark(picnic)
    picnic.location = "13 Rua da Prata"
    assert times.shown_mark(picnic) == mark
