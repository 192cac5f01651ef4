"""Who opens an invitation to another person: what the page offers instead, and what it says of a change since then."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from tests.fakes.oauth import ALICE, BOB
from tests.pages import page_text

from elonara.events import actions
from elonara.events.models import Event
from elonara.invitations.models import Invitation
from elonara.invitations.targets import Target

ANSWER = re.compile(r'<button[^>]*name="answer"')


def outside_folds(page):
    return re.sub(r"<details.*?</details>", "", page, flags=re.S)


@pytest.mark.parametrize("kind", ["event", "community"])
def test_a_visitor_who_is_known_as_another_sees_no_buttons_of_the_invitee(
    client, authorize, invited, picnic, circle, kind
):
    target, address = (picnic, "/events/") if kind == "event" else (circle, "/communities/")
    ref = invited(target).ref
    authorize(client, client.post("/invitations/prove", {"handle": "alice.example.com"}), ALICE)
    page = client.get(f"/i/{ref}").content.decode()
    assert "this invitation is for @bob.example.com" in page
    assert not ANSWER.search(outside_folds(page)), "they would answer as the invitee"
    assert re.search(rf'<a class="button primary" href="{address}{target.slug}">', page)
    assert "@bob.example.com is mine, too: answer with it" in page
    authorize(client, client.post(f"/i/{ref}", {"answer": "going" if kind == "event" else "joined"}), BOB)
    own = client.get(f"/i/{ref}").content.decode()
    assert "is mine, too" not in own
    assert "this invitation is for" not in own


def test_a_visitor_who_is_not_known_reads_where_to_answer_as_somebody_else(client, invited, picnic):
    page = client.get(f"/i/{invited(picnic).ref}").content.decode()
    assert ANSWER.search(outside_folds(page))
    section = page[page.index('id="not-you"') :]
    assert f'href="/events/{picnic.slug}"' in section[: section.index("</section>")]


def test_who_cancels_at_the_invitees_sign_in_is_led_to_the_event(client, server, invited, picnic):
    sent = client.post(f"/i/{invited(picnic).ref}", {"answer": "going"})
    page = page_text(client.get("/auth/bluesky/callback", server.deny(sent["location"])))
    assert "You cancelled there, so your answer was not saved." in page
    assert "Not @bob.example.com?" in page
    assert f'/events/{picnic.slug}">' in page


def test_but_not_to_a_private_one(client, server, authorize, invited, supper):
    ref = invited(supper).ref
    sent = client.post(f"/i/{ref}", {"handle": "bob.example.com"})
    page = page_text(client.get("/auth/bluesky/callback", server.deny(sent["location"])))
    assert supper.slug not in page


def test_what_was_wrong_with_an_answer_is_in_sight(client, authorize, invited, picnic):
    ref = invited(picnic).ref
    authorize(client, client.post("/invitations/prove", {"handle": "alice.example.com"}), ALICE)
    page = client.post(f"/i/{ref}", {"answer": "going", "plus_ones": "9"})
    assert page.status_code == 400
    assert re.search(r'<details class="fold" open>\s*<summary>\s*@bob.example.com is mine, too', page.content.decode())


@pytest.mark.parametrize("change", ["hidden", "cancelled", "stop"])
def test_nobody_is_led_where_there_is_nothing_to_answer(client, server, invited, picnic, change):
    ref, address = invited(picnic).ref, f"/events/{picnic.slug}"
    if change == "stop":
        sent = client.post(f"/i/{ref}/stop", {"who": "host"})
    else:
        sent = client.post(f"/i/{ref}", {"answer": "going"})
        now = {"hidden_at": timezone.now()} if change == "hidden" else {"status": "cancelled"}
        Event.objects.filter(pk=picnic.pk).update(**now)
    page = page_text(client.get("/auth/bluesky/callback", server.deny(sent["location"])))
    assert address not in page
    assert ("nothing was changed" in page) == (change == "stop")


def test_a_place_that_is_hidden_since_is_not_called_old(client, invited, picnic):
    row = invited(picnic)
    Invitation.objects.filter(pk=row.pk).update(facts=Target(picnic).facts)
    actions.change(picnic, by=picnic.created_by, place_hidden=True)
    assert "The post of this invitation" not in page_text(client.get(f"/i/{row.ref}"))
    Invitation.objects.filter(pk=row.pk).update(state="queued", ambiguous=True)
    actions.change(picnic, by=picnic.created_by, title="Supper")
    assert "The post of this invitation" not in page_text(client.get(f"/i/{row.ref}")), "it may not be on Bluesky"


def test_an_invitee_reads_that_something_has_changed_since_the_post(client, invited, picnic):
    row = invited(picnic)
    words = "The post of this invitation shows the old time and place. What you read here is right."
    assert "The post of this invitation" not in page_text(client.get(f"/i/{row.ref}"))
    later = (picnic.starts_at + timedelta(hours=1)).replace(tzinfo=None)
    Invitation.objects.filter(pk=row.pk).update(facts=Target(picnic).facts)
    actions.change(picnic, by=picnic.created_by, starts_at=later, ends_at=None, location="The mill")
    assert words in page_text(client.get(f"/i/{row.ref}"))
