"""Approval and a hidden place on the pages: of members, of guests by DID, and of guests by e-mail."""

from datetime import timedelta

import pytest
from django.utils import timezone
from tests.fakes.oauth import BOB
from tests.pages import page_text

from elonara.events import actions
from elonara.events.guests import approval, rsvps
from elonara.events.models import Rsvp
from elonara.invitations.email.tokens import token_hash
from elonara.invitations.models import EmailInvitation

PLACE = "Behind the crooked oak"


@pytest.fixture
def supper(alice):
    return actions.create(
        alice, title="Supper", starts_at=timezone.now() + timedelta(days=5), timezone="Europe/Lisbon", location=PLACE,
        approval=True, place_hidden=True, plus_ones_allowed=1,
    )  # fmt: skip


def pages_of(event):
    """Where the place of a public event could stand."""
    return (
        f"/events/{event.slug}", f"/events/{event.slug}.ics", "/events", "/events?q=crooked", "/events?show=mine", "/",
    )  # fmt: skip


def shown(client, event):
    """The pages that show the place. Calendars fold their lines."""
    return {
        address
        for address in pages_of(event)
        if "crooked oak" in client.get(address).content.decode().replace("\r\n ", "")
    }


def own(event):
    return {f"/events/{event.slug}", f"/events/{event.slug}.ics"}


@pytest.mark.promise("hidden-place")
def test_the_place_stands_nowhere_but_before_hosts_and_who_is_accepted(client, signed_in, alice, make_member, supper):
    assert shown(client, supper) == set()
    assert "The place is not public" in page_text(client.get(f"/events/{supper.slug}"))
    bob = make_member("bob")
    signed_in(bob)
    assert ">Ask to come</button>" in page_text(client.get(f"/events/{supper.slug}"))
    page = page_text(client.post(f"/events/{supper.slug}/answer", {"answer": "going"}, follow=True))
    assert "You asked to come. The hosts decide, and you will see it here." in page
    assert ">Asked to come</button>" in page
    assert shown(client, supper) == set()
    approval.accept(supper, alice, Rsvp.objects.get().pk, "Ring twice.")
    assert shown(client, supper) == own(supper)
    assert "The hosts write: Ring twice." in page_text(client.get(f"/events/{supper.slug}"))
    signed_in(alice)
    assert shown(client, supper) == own(supper)
    assert PLACE in page_text(client.get(f"/events/{supper.slug}/manage"))


def test_the_host_accepts_and_declines_on_the_guests_tab(client, signed_in, alice, make_member, supper):
    bob, carol = make_member("bob"), make_member("carol")
    for who in (bob, carol):
        rsvps.respond(supper, choice="going", member=who)
    page = page_text(signed_in(alice).get(f"/events/{supper.slug}/manage?tab=guests"))
    assert "2 asked to come," in page
    address = f"/events/{supper.slug}/guests"
    rows = {who: rsvps.rsvp_of(supper, who).pk for who in (bob, carol)}
    accepted = client.post(f"{address}/accept", {"rsvp": rows[bob], "word": "Hello"}, follow=True)
    assert "They have a place now." in page_text(accepted)
    declined = client.post(f"{address}/decline", {"rsvp": rows[carol], "word": "Full table."}, follow=True)
    assert "Declined. They will see it on the event’s page." in page_text(declined)
    assert "already decided" in page_text(client.post(f"{address}/decline", {"rsvp": rows[bob]}, follow=True))
    page = page_text(signed_in(carol).get(f"/events/{supper.slug}"))
    assert "The hosts have declined. Full table." in page
    assert ">Ask to come</button>" not in page
    assert client.post(f"{address}/accept", {"rsvp": rows[carol]}).status_code == 403


def test_a_guest_by_personal_link(client, alice, supper, invited, authorize):
    invitation = invited(supper)
    response = client.post(f"/i/{invitation.ref}", {"answer": "going"})
    page = page_text(authorize(client, response, BOB).client.get(f"/i/{invitation.ref}"))
    assert "You asked to come." in page
    assert "crooked" not in page
    approval.accept(supper, alice, Rsvp.objects.get(did=BOB).pk)
    assert PLACE in page_text(client.get(f"/i/{invitation.ref}"))
    invitation.refresh_from_db()
    assert invitation.answer == "going"


def test_a_guest_by_email(client, alice, supper):
    EmailInvitation.objects.create(
        event=supper, host=alice, address_hash="a" * 64, token_hash=token_hash("key"), state="sent",
        due_at=timezone.now(),
    )  # fmt: skip
    page = page_text(client.post("/rsvp/key", {"answer": "going", "plus_ones": "1"}, follow=True))
    assert "You asked to come." in page
    assert "crooked" not in page + client.get("/rsvp/key?calendar=1").content.decode()
    approval.accept(supper, alice, Rsvp.objects.get().pk)
    assert PLACE in page_text(client.get("/rsvp/key"))
    assert EmailInvitation.objects.get().answer == "going"
    assert "crooked" in client.get("/rsvp/key?calendar=1").content.decode()
