"""The invited person's pages: the press before the proof, whose invitation it is, and stopping more of them."""

import re

import pytest
from tests.fakes.oauth import ALICE, BOB
from tests.pages import page_text

from elonara.bluesky.models import MemberIdentity
from elonara.events.models import Rsvp
from elonara.invitations.models import Invitation, OptOut, Report


def without_names(answer):
    """A page without what differs in any two requests: the address and the form's key."""
    text = re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", page_text(answer))
    return re.sub(r"/i/[\w-]+", "/i/…", text.replace("%2F", "/"))


def test_the_press_is_applied_after_the_proof(client, trip, invited, picnic):
    ref = invited(picnic).ref
    leaves = client.post(f"/i/{ref}", {"answer": "going", "plus_ones": "1", "note": "I bring two loaves."})
    assert not Rsvp.objects.exists(), "nothing is answered before the proof"

    back = trip(client, leaves, BOB)

    assert back["location"] == f"/i/{ref}"
    answer = Rsvp.objects.get()
    assert (answer.did, answer.choice, answer.plus_ones, answer.note) == (BOB, "going", 1, "I bring two loaves.")
    assert "You are going." in page_text(client.get(f"/i/{ref}"))


def test_a_second_invitation_takes_one_press(client, trip, invited, picnic, circle):
    trip(client, client.post(f"/i/{invited(picnic).ref}", {"answer": "going"}), BOB)
    ref = invited(circle).ref

    answer = client.post(f"/i/{ref}", {"answer": "joined"})

    assert answer["location"] == f"/i/{ref}"
    assert circle.memberships.filter(did=BOB).exists()


def test_another_account_reads_who_is_who(client, trip, invited, picnic, server):
    ref = invited(picnic).ref
    answer = trip(client, client.post(f"/i/{ref}", {"answer": "going"}), ALICE)

    page = page_text(answer)
    assert answer.status_code == 400
    assert "this invitation is for @bob.example.com" in page
    assert "Continue as @bob.example.com" in page
    assert 'name="answer" value="going"' in page, "the press is offered again"
    assert not Rsvp.objects.exists()


def test_unknown_and_private_addresses_look_alike(client, invited, supper):
    ref = invited(supper).ref
    private, unknown = client.get(f"/i/{ref}"), client.get("/i/nobodyknowsthis")
    assert (private.status_code, without_names(private)) == (unknown.status_code, without_names(unknown))
    assert "Secret supper" not in page_text(private)
    for page in ("stop", "report"):
        assert client.get(f"/i/{ref}/{page}").status_code == client.get(f"/i/nobodyknowsthis/{page}").status_code == 404


def test_a_private_event_opens_for_the_invited_person_alone(client, trip, invited, supper):
    ref = invited(supper).ref
    assert client.get(f"/events/{supper.slug}").status_code == 404

    back = trip(client, client.post(f"/i/{ref}", {"handle": "bob.example.com"}), BOB)

    assert back["location"] == f"/i/{ref}"
    assert "Secret supper" in page_text(client.get(f"/i/{ref}"))
    assert client.get(f"/events/{supper.slug}").status_code == 200


@pytest.mark.parametrize(
    ("state", "opens"),
    [
        ("queued", False),
        ("waiting", False),
        ("sending", True),
        ("sent", True),
        ("handed_over", True),
        ("undone", False),
    ],
)
def test_the_event_opens_when_the_link_does(signed_in, make_member, invited, supper, state, opens):
    """One rule for the page, the link and the inbox: an invitation that nobody can have seen opens nothing yet."""
    bob = make_member("bob")
    MemberIdentity.objects.create(member=bob, bsky_did=BOB, bsky_handle="bob.example.com", state="active")
    ref = invited(supper).ref
    Invitation.objects.update(state=state)

    browser = signed_in(bob)

    assert (browser.get(f"/events/{supper.slug}").status_code == 200) is opens
    assert (browser.get(f"/i/{ref}").status_code == 200) is opens
    assert ("Secret supper" in page_text(browser.get("/invitations"))) is opens


def test_opening_counts_only_with_a_proof(client, trip, invited, picnic):
    invitation = invited(picnic)
    client.get(f"/i/{invitation.ref}")
    invitation.refresh_from_db()
    assert invitation.opened_at is None

    trip(client, client.post(f"/i/{invitation.ref}", {"answer": "maybe"}), BOB)
    client.get(f"/i/{invitation.ref}")
    invitation.refresh_from_db()
    assert invitation.opened_at is not None


def test_a_choice_that_does_not_exist_gets_a_sentence_and_keeps_the_note(client, invited, picnic):
    answer = client.post(f"/i/{invited(picnic).ref}", {"answer": "perhaps", "note": "I bring bread"})
    page = page_text(answer)
    assert answer.status_code == 400
    assert "Choose Going, Maybe or Can’t." in page
    assert "I bring bread" in page


@pytest.mark.parametrize(("who", "host"), [("host", True), ("site", False)])
def test_stopping_is_one_link_and_one_button(client, trip, invited, picnic, alice, who, host):
    ref = invited(picnic).ref
    assert "Stop them" in page_text(client.get(f"/i/{ref}/stop?who={who}"))
    assert not OptOut.objects.exists()

    trip(client, client.post(f"/i/{ref}/stop", {"who": who}), BOB)

    row = OptOut.objects.get()
    assert (row.did, row.host) == (BOB, alice if host else None)


def test_anybody_can_report_but_not_at_any_length(client, invited, picnic):
    ref = invited(picnic).ref
    assert "1,000 fit" in page_text(client.post(f"/i/{ref}/report", {"text": "x" * 1001}))
    client.post(f"/i/{ref}/report", {"text": "I do not know this person."})
    assert Report.objects.get().reporter_did == ""


def test_the_inbox_is_by_proven_account(client, trip, invited, picnic):
    invited(picnic)
    assert "Winter picnic" not in page_text(client.get("/invitations"))
    back = trip(client, client.post("/invitations/prove", {"handle": "bob.example.com"}), BOB)
    assert back["location"] == "/invitations"
    assert "Winter picnic" in page_text(client.get("/invitations"))

    client.post("/invitations/forget")
    assert "Winter picnic" not in page_text(client.get("/invitations"))


def test_a_proof_ends_when_somebody_else_signs_in(client, trip, invited, picnic, make_member):
    ref = invited(picnic).ref
    trip(client, client.post(f"/i/{ref}", {"answer": "going"}), BOB)
    make_member("mallory")
    client.post("/accounts/login/", {"login": "mallory", "password": "correct horse battery staple"})

    assert client.session["_auth_user_id"]
    assert client.post(f"/i/{ref}", {"answer": "cant"})["location"].startswith("https://"), "asked to prove again"
    assert Rsvp.objects.get().choice == "going"
