"""The invitee's pages: pending actions applied after the proof, wrong accounts, and opting out."""

import re
import uuid
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone
from tests.fakes.oauth import ALICE, BOB
from tests.pages import page_text

from elonara.bluesky.models import AuthorizationRequest, MemberIdentity
from elonara.events import actions
from elonara.events.guests import questions
from elonara.events.models import Event, EventHost, Rsvp
from elonara.housekeeping import cleanup
from elonara.invitations.models import Invitation
from elonara.invitations.opt_out_models import OptOut, Report


def normalized(response):
    """A page without what differs between any two requests: the ref and the CSRF token."""
    text = re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", page_text(response))
    return re.sub(r"/i/[\w-]+", "/i/…", text.replace("%2F", "/"))


def test_a_pending_answer_is_applied_after_the_proof(client, authorize, invited, picnic):
    ref = invited(picnic).ref
    redirect = client.post(f"/i/{ref}", {"answer": "going", "plus_ones": "1", "note": "I bring two loaves."})
    assert not Rsvp.objects.exists(), "nothing is answered before the proof"

    back = authorize(client, redirect, BOB)

    assert back["location"] == f"/i/{ref}"
    rsvp = Rsvp.objects.get()
    assert (rsvp.did, rsvp.choice, rsvp.plus_ones, rsvp.note) == (BOB, "going", 1, "I bring two loaves.")
    assert "You are going." in page_text(client.get(f"/i/{ref}"))


def test_a_second_invitation_needs_no_second_proof(client, authorize, invited, picnic, circle):
    authorize(client, client.post(f"/i/{invited(picnic).ref}", {"answer": "going"}), BOB)
    ref = invited(circle).ref

    response = client.post(f"/i/{ref}", {"answer": "joined"})

    assert response["location"] == f"/i/{ref}"
    assert circle.memberships.filter(did=BOB).exists()


def test_a_proof_of_another_account_names_both_accounts(client, authorize, invited, picnic, server):
    ref = invited(picnic).ref
    response = authorize(client, client.post(f"/i/{ref}", {"answer": "going"}), ALICE)

    page = page_text(response)
    assert response.status_code == 400
    assert "this invitation is for @bob.example.com" in page
    assert "Continue as @bob.example.com" in page
    assert 'name="answer" value="going"' in page, "the pending action is offered again"
    assert not Rsvp.objects.exists()


@pytest.mark.promise("public-ref")
def test_unknown_and_private_refs_look_alike(client, invited, supper):
    ref = invited(supper).ref
    private, unknown = client.get(f"/i/{ref}"), client.get("/i/nobodyknowsthis")
    assert (private.status_code, normalized(private)) == (unknown.status_code, normalized(unknown))
    assert "Secret supper" not in page_text(private)
    for page in ("stop", "report"):
        assert client.get(f"/i/{ref}/{page}").status_code == client.get(f"/i/nobodyknowsthis/{page}").status_code == 404


def test_a_private_event_is_shown_to_the_proved_invitee_only(client, authorize, invited, supper):
    ref = invited(supper).ref
    assert client.get(f"/events/{supper.slug}").status_code == 404

    back = authorize(client, client.post(f"/i/{ref}", {"handle": "bob.example.com"}), BOB)

    assert back["location"] == f"/i/{ref}"
    assert "Secret supper" in page_text(client.get(f"/i/{ref}"))
    assert client.get(f"/events/{supper.slug}").status_code == 200


@pytest.mark.parametrize(
    ("state", "has_access"),
    [
        ("queued", False),
        ("waiting", False),
        ("sending", True),
        ("sent", True),
        ("handed_over", True),
        ("undone", False),
    ],
)
def test_an_invitation_gives_access_once_its_post_may_exist(signed_in, make_member, invited, supper, state, has_access):
    """The event page, the link and the inbox agree: an invitation whose post may not exist yet gives no access."""
    bob = make_member("bob")
    MemberIdentity.objects.create(member=bob, bsky_did=BOB, bsky_handle="bob.example.com", state="active")
    ref = invited(supper).ref
    Invitation.objects.update(state=state)

    browser = signed_in(bob)

    assert (browser.get(f"/events/{supper.slug}").status_code == 200) is has_access
    assert (browser.get(f"/i/{ref}").status_code == 200) is has_access
    assert ("Secret supper" in page_text(browser.get("/invitations"))) is has_access


@pytest.mark.promise("opening")
def test_looking_at_an_invitation_leaves_nothing(client, authorize, invited, picnic):
    invitation = invited(picnic)
    authorize(client, client.post(f"/i/{invitation.ref}", {"answer": "maybe"}), BOB)
    stored = Invitation.objects.filter(pk=invitation.pk)
    before = stored.values().get()
    assert client.get(f"/i/{invitation.ref}").status_code == 200
    assert stored.values().get() == before
    assert before["opened_at"] is None


def test_an_unknown_choice_is_refused_and_keeps_the_note(client, invited, picnic):
    response = client.post(f"/i/{invited(picnic).ref}", {"answer": "perhaps", "note": "I bring bread"})
    page = page_text(response)
    assert response.status_code == 400
    assert "Choose Going, Maybe or Can’t." in page
    assert "I bring bread" in page


@pytest.mark.parametrize(("who", "host"), [("host", True), ("site", False)])
def test_opting_out_is_one_link_and_one_button(client, authorize, invited, picnic, alice, who, host):
    ref = invited(picnic).ref
    button = "Stop invitations</button>" if host else "Stop all invitations</button>"
    assert button in page_text(client.get(f"/i/{ref}/stop?who={who}")).replace(" </button>", "</button>")
    assert not OptOut.objects.exists()

    authorize(client, client.post(f"/i/{ref}/stop", {"who": who}), BOB)

    row = OptOut.objects.get()
    assert (row.did, row.host) == (BOB, alice if host else None)


def test_anybody_can_report_up_to_a_length(client, invited, picnic):
    ref = invited(picnic).ref
    assert "1,000 fit" in page_text(client.post(f"/i/{ref}/report", {"text": "x" * 1001}))
    client.post(f"/i/{ref}/report", {"text": "I do not know this person."})
    assert Report.objects.get().reporter_did == ""


def test_the_inbox_shows_invitations_of_proved_accounts(client, authorize, invited, picnic):
    invited(picnic)
    assert "Winter picnic" not in page_text(client.get("/invitations"))
    back = authorize(client, client.post("/invitations/prove", {"handle": "bob.example.com"}), BOB)
    assert back["location"] == "/invitations"
    assert "Winter picnic" in page_text(client.get("/invitations"))

    client.post("/invitations/forget")
    assert "Winter picnic" not in page_text(client.get("/invitations"))


@pytest.mark.promise("left-browser")
def test_a_proof_ends_when_somebody_else_signs_in(client, authorize, invited, picnic, make_member):
    ref = invited(picnic).ref
    authorize(client, client.post(f"/i/{ref}", {"answer": "going"}), BOB)
    make_member("mallory")
    client.post("/accounts/login/", {"login": "mallory", "password": "correct horse battery staple"})

    assert client.session["_auth_user_id"]
    assert client.post(f"/i/{ref}", {"answer": "cant"})["location"].startswith("https://"), "asked to prove again"
    assert Rsvp.objects.get().choice == "going"


def test_a_proof_comes_with_a_new_session_key(client, authorize, invited, picnic):
    """Who put a session into her browser beforehand shares nothing with it afterwards."""
    redirect = client.post(f"/i/{invited(picnic).ref}", {"answer": "going"})
    before = client.session.session_key
    authorize(client, redirect, BOB)
    assert before != client.session.session_key
    assert not Session.objects.filter(session_key=before).exists()


def test_the_host_sees_what_she_sent_as_its_reader_and_can_do_nothing(signed_in, alice, invited, supper):
    ref, client = invited(supper).ref, signed_in(alice)
    page = client.get(f"/i/{ref}")
    assert "This is what @bob.example.com sees" in page_text(page)
    assert "Secret supper" in page_text(page)
    assert 'name="answer"' not in page.content.decode()
    client.post(f"/i/{ref}", {"answer": "going"})
    assert not Rsvp.objects.exists()
    for way in ("stop", "report"):
        assert client.get(f"/i/{ref}/{way}").status_code == 404


def test_her_public_invitation_says_so_too(signed_in, alice, invited, picnic, circle):
    client = signed_in(alice)
    for target in (picnic, circle):
        page = client.get(f"/i/{invited(target).ref}")
        assert "This is what @bob.example.com sees" in page_text(page)
        assert 'name="answer"' not in page.content.decode()


@pytest.mark.promise("private-is-absent")
def test_who_no_longer_hosts_sees_a_private_event_no_more(signed_in, make_member, alice, invited, supper):
    ref, client = invited(supper).ref, signed_in(alice)
    dan = make_member("dan")
    EventHost.objects.filter(event=supper).update(member=dan)
    gone, unknown = client.get(f"/i/{ref}"), client.get("/i/nobodyknowsthis")
    assert (gone.status_code, normalized(gone)) == (unknown.status_code, normalized(unknown))


def test_a_host_whose_event_is_hidden_is_offered_no_stop(signed_in, alice, invited, picnic):
    ref = invited(picnic).ref
    Event.objects.filter(pk=picnic.pk).update(hidden_at=timezone.now())
    page = signed_in(alice).get(f"/i/{ref}")
    assert (page.status_code, "/stop?who=" in page.content.decode()) == (410, False)


def test_all_that_was_filled_in_is_offered_again_after_a_refusal(client, authorize, invited, picnic, alice):
    questions.ask(picnic, alice, [{"text": "What do you eat?", "kind": "text"}])
    field = f"{questions.PREFIX}{questions.of_event(picnic)[0].pk}"
    ref = invited(picnic).ref
    given = {"answer": "going", "note": "By train.", "plus_ones": "1", "seen": "abc", field: "Bread"}
    page = authorize(client, client.post(f"/i/{ref}", given), ALICE).content.decode()
    for name, value in given.items():
        assert f'name="{name}" value="{value}"' in page


def test_from_the_calendar_the_invited_person_comes_back_to_the_event(client, authorize, invited, supper):
    invited(supper)
    address = f"/events/{supper.slug}"
    gone, unknown = client.get(address), client.get("/events/nothing-there")
    assert 'action="/invitations/prove"' in gone.content.decode()
    assert normalized(gone).replace(supper.slug, "x") == normalized(unknown).replace("nothing-there", "x")
    back = authorize(client, client.post("/invitations/prove", {"handle": "bob.example.com", "next": address}), BOB)
    assert back["location"] == address
    assert client.get(address).status_code == 200


def test_who_comes_back_too_late_reads_that_nothing_is_lost(client, server, invited, picnic):
    ref = invited(picnic).ref
    begun = client.post(f"/i/{ref}", {"answer": "going", "note": "By train."})
    AuthorizationRequest.objects.update(expires_at=timezone.now() - timedelta(minutes=20))
    cleanup.clear()
    back = client.get("/auth/bluesky/callback", server.approve(begun["location"], BOB))
    words = page_text(back)
    assert "Your answer is not sent yet, and nothing you wrote is lost." in words
    assert 'name="note" value="By train."' in back.content.decode()
    assert not Rsvp.objects.exists()


def test_a_note_is_said_to_be_saved(client, authorize, invited, picnic):
    ref = invited(picnic).ref
    authorize(client, client.post(f"/i/{ref}", {"answer": "maybe", "note": "By train."}), BOB)
    saved = "Your note is saved. The hosts can read it, and nobody else."
    assert saved in page_text(client.get(f"/i/{ref}"))
    # An answer that leaves the note as it was says that it is still there.
    stays = page_text(client.post(f"/i/{ref}", {"answer": "going", "note": "By train."}, follow=True))
    assert "Your note to the hosts stays." in stays
    assert saved not in stays
    assert saved in page_text(client.post(f"/i/{ref}", {"answer": "going", "note": "By bus."}, follow=True))
    gone = page_text(client.post(f"/i/{ref}", {"answer": "going", "note": ""}, follow=True))
    assert saved not in gone
    assert "stays" not in gone


@pytest.mark.parametrize("typed", [{}, {"note": ""}, {"note": "", "plus_ones": "0"}, {"note": "", "plus_ones": ""}])
def test_a_browser_that_does_not_know_her_takes_nothing_back(client, authorize, invited, picnic, alice, typed):
    actions.change(picnic, by=alice, plus_ones_allowed=2)
    ref = invited(picnic).ref
    authorize(client, client.post(f"/i/{ref}", {"answer": "going", "note": "By train.", "plus_ones": "2"}), BOB)
    client.post("/invitations/forget")
    authorize(client, client.post(f"/i/{ref}", {"answer": "maybe"} | typed), BOB)
    row = Rsvp.objects.get()
    assert (row.choice, row.note, row.plus_ones) == ("maybe", "By train.", 2)
    # Known again, the page shows both: an empty field is what she wants.
    client.post(f"/i/{ref}", {"answer": "going", "note": "", "plus_ones": "0"})
    row.refresh_from_db()
    assert (row.choice, row.note, row.plus_ones) == ("going", "", 0)


def test_what_a_changed_event_no_longer_allows_is_not_kept(client, authorize, invited, picnic, alice):
    actions.change(picnic, by=alice, plus_ones_allowed=2)
    ref = invited(picnic).ref
    authorize(client, client.post(f"/i/{ref}", {"answer": "going", "plus_ones": "2"}), BOB)
    actions.change(picnic, by=alice, plus_ones_allowed=1)
    client.post(f"/i/{ref}", {"answer": "maybe"})
    assert Rsvp.objects.get().plus_ones == 1
    client.post(f"/i/{ref}", {"answer": "cant"})
    assert Rsvp.objects.get().plus_ones == 0


@pytest.mark.parametrize("answer", ["going", "maybe"])
def test_a_guest_reads_who_sees_the_name_and_whom_she_brings(client, authorize, invited, picnic, alice, answer):
    actions.change(picnic, by=alice, plus_ones_allowed=2)
    ref = invited(picnic).ref
    beforehand = "after Going or Maybe, other guests see them, too"
    for address in (f"/i/{ref}", f"/events/{picnic.slug}"):
        assert beforehand in page_text(client.get(address))
    redirect = client.post(f"/i/{ref}", {"answer": answer, "plus_ones": "2"})
    page = page_text(client.get(authorize(client, redirect, BOB)["location"]))
    assert "You bring 2 people." in page
    assert "and other guests can see your name" in page
    assert beforehand in page
    assert "<bdi>bob.example.com</bdi>(you) +2" in page


def test_who_may_not_see_a_private_event_is_not_said_to_see_its_guests(client, signed_in, picnic, alice):
    member, address = signed_in(alice), f"/events/{picnic.slug}"
    assert "so do members of this site who follow you" in page_text(member.get(address))
    actions.change(picnic, by=alice, visibility="private")
    assert "so do people who may see this event and follow you" in page_text(member.get(address))
    assert "so do members" not in page_text(member.get(address))


def test_of_names_that_only_hosts_see_the_page_says_nothing_else(client, authorize, invited, picnic, alice):
    actions.change(picnic, by=alice, guest_list_hidden=True)
    ref = invited(picnic).ref
    for address in (f"/i/{ref}", f"/events/{picnic.slug}"):
        assert "other guests see" not in page_text(client.get(address))
        assert "Only the hosts see your name and answer." in page_text(client.get(address))
    back = authorize(client, client.post(f"/i/{ref}", {"answer": "maybe"}), BOB)["location"]
    assert "other guests can see" not in page_text(client.get(back))


def test_the_list_of_invitations_leads_to_stopping_all(client, authorize, invited, picnic):
    ref = invited(picnic).ref
    authorize(client, client.post(f"/i/{ref}", {"answer": "maybe"}), BOB)
    page = client.get("/invitations").content.decode()
    assert f'href="/i/{ref}/stop?who=site"' in page
    client.post(f"/i/{ref}/stop?who=site", {"who": "site"})
    page = page_text(client.get("/invitations"))
    assert "stop?who=site" not in page
    assert "You’ve stopped all invitations from this site." in page
    assert "it appears here" not in page
    assert "Everyone on this site" in page


def test_of_two_accounts_each_stops_for_itself(client, authorize, invited, picnic):
    row = invited(picnic)
    other = Invitation.objects.get(pk=row.pk)
    other.pk, other.ref, other.invitee_did, other.rkey = uuid.uuid4(), "x" * len(row.ref), ALICE, "3lother222222"
    other.save(force_insert=True)
    refs = row.ref, other.ref
    for ref, did in zip(refs, (BOB, ALICE), strict=True):
        authorize(client, client.post(f"/i/{ref}", {"answer": "maybe"}), did)
    page = page_text(client.get("/invitations"))
    assert all(f'href="/i/{ref}/stop?who=site"' in page for ref in refs)
    assert page.count("Stop all invitations from this site to ") == 2
    client.post(f"/i/{refs[0]}/stop?who=site", {"who": "site"})
    page = page_text(client.get("/invitations"))
    assert f'href="/i/{refs[1]}/stop?who=site"' in page
    assert f'href="/i/{refs[0]}/stop?who=site"' not in page
    assert "You’ve stopped all" not in page


def test_without_an_invitation_there_is_no_way_to_stop_by_one(client, authorize):
    authorize(client, client.post("/invitations/prove", {"handle": "bob.example.com", "next": "/invitations"}), BOB)
    page = page_text(client.get("/invitations"))
    assert "No new invitations" in page
    assert "stop?who=site" not in page


@pytest.mark.parametrize(("hours", "all_day", "said"), [(None, False, True), (2, False, False), (None, True, False)])
def test_a_calendar_s_end_that_the_host_did_not_give_is_explained(client, picnic, hours, all_day, said):
    ends = picnic.starts_at + timedelta(hours=hours) if hours else None
    Event.objects.filter(pk=picnic.pk).update(ends_at=ends, all_day=all_day)
    page = page_text(client.get(f"/events/{picnic.slug}"))
    assert ("so calendars show three hours" in page) == said
