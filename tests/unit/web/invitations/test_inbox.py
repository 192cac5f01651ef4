"""The list of invitations to somebody: what waits, what is answered and still to come, and what is earlier."""

import pytest
from tests.fakes.oauth import BOB
from tests.pages import page_text

from elonara.events import actions as events
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
    assert "You stopped these invitations." in page
    assert "Stop invitations from" not in page
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
    assert "a link alone lets nobody in" in picker
    assert "Copy link" not in picker
    assert "opy the link" not in picker
