"""The list of invitations to somebody: what waits, what is answered and still to come, and what is earlier."""

import pytest
from django.utils import timezone
from tests.fakes.oauth import BOB
from tests.pages import page_text

from elonara.events import actions as events
from elonara.events.models import Event
from elonara.invitations.opt_out_models import OptOut


@pytest.fixture
def answered(client, authorize, invited, picnic):
    """Bob has said Going to the picnic in this browser; returns the invitation."""
    invitation = invited(picnic)
    authorize(client, client.post(f"/i/{invitation.ref}", {"answer": "going"}), BOB)
    return invitation


def test_what_is_answered_and_still_to_come_is_in_sight(client, answered, alice, picnic):
    page = page_text(client.get("/invitations"))
    head, _, rest = page.partition("What you answered")
    assert "No new invitations" in head
    assert "You answered Going" in rest
    assert picnic.title in rest
    assert "earlier invitation" not in page
    events.cancel(picnic, alice)
    page = page_text(client.get("/invitations"))
    assert "What you answered" not in page
    assert "1 earlier invitation" in page


def test_a_community_that_was_joined_is_an_earlier_invitation(client, answered, invited, circle):
    client.post(f"/i/{invited(circle).ref}", {"answer": "joined"})
    page = page_text(client.get("/invitations"))
    assert "Bread Circle" in page.partition("1 earlier invitation")[2]


def test_what_is_stopped_waits_no_longer_and_says_so(client, answered, alice, supper, invited):
    invitation = invited(supper)
    stop = f"/i/{invitation.ref}/stop?who=host"
    assert stop in client.get("/invitations").content.decode(), "each has its own link"
    assert "Don’t want these invitations?" in page_text(client.get(f"/i/{invitation.ref}"))
    client.post(stop, {"who": "host"})
    page = page_text(client.get("/invitations"))
    assert "Not answered; you stopped these invitations" in page
    assert stop not in client.get("/invitations").content.decode()
    page = page_text(client.get(f"/i/{invitation.ref}"))
    assert "You stopped invitations from Alice." in page
    assert "Stop invitations from" not in page
    assert "Stop all invitations from this site" in page, "the whole site can still be stopped"
    client.post(f"/i/{invitation.ref}/stop?who=site", {"who": "site"})
    page = page_text(client.get(f"/i/{invitation.ref}"))
    assert "You stopped all invitations from this site." in page
    assert "Stop all" not in page
    Event.objects.update(hidden_at=timezone.now())
    hidden = page_text(client.get(f"/i/{invitation.ref}"))
    assert "You stopped all invitations" in hidden
    assert "Don’t want these" not in hidden
    Event.objects.update(hidden_at=None)
    back = client.post("/invitations/again", {"opt_out": OptOut.objects.get(host=alice).pk}, follow=True)
    assert "All invitations from this site are still stopped." in page_text(back)
    back = client.post("/invitations/again", {"opt_out": OptOut.objects.get().pk}, follow=True)
    assert "You can be invited again." in page_text(back)
    client.post(stop, {"who": "host"})
    back = client.post("/invitations/again", {"opt_out": OptOut.objects.get().pk}, follow=True)
    assert "Alice Moreira can invite you again." in page_text(back)
    assert stop in back.content.decode()


def test_the_link_of_a_private_event_is_offered_to_nobody_who_cannot_pass_it_on(
    client, answered, signed_in, alice, supper, invited, authorize
):
    invitation = invited(supper)
    client.post(f"/i/{invitation.ref}", {"answer": "going"})
    page = page_text(client.get(f"/events/{supper.slug}"))
    assert "Secret supper" in page
    assert "Link to this page" not in page
    picker = page_text(signed_in(alice).get(f"/events/{supper.slug}/manage?tab=invite"))
    assert "A link alone lets nobody in: only invited people can open the page." in picker
    assert "send this link" not in picker
