"""The file with everything about somebody: for her alone."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from tests.fakes.oauth import ALICE, BOB
from tests.pages import page_text
from tests.unit.web.members.test_fresh_proof import ASK_PASSWORD, PASSWORD, grow_old

from elonara.bluesky.models import AuthorizationRequest, MemberIdentity
from elonara.events import actions
from elonara.events.guests import questions, rsvps
from elonara.events.models import Event, GivenAnswer, Rsvp
from elonara.invitations.email import tokens
from elonara.invitations.models import EmailInvitation
from elonara.members.models import AuditEntry, Member


@pytest.mark.promise("export-own")
def test_it_asks_who_is_there_and_gives_the_members_own(signed_in, alice, make_member):
    other = make_member("other", bio="somebody else")
    client = signed_in(alice)
    grow_old(client)
    asked = client.post("/profile/export", headers={"referer": "/profile/edit?tab=data"})
    assert asked["location"].startswith(ASK_PASSWORD)
    assert not AuditEntry.objects.exists()
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    response = client.post("/profile/export")
    assert response["content-disposition"] == 'attachment; filename="alice.json"'
    assert "no-store" in response["cache-control"]
    assert response.json()["account"]["username"] == "alice"
    assert other.bio not in response.content.decode()
    assert AuditEntry.objects.get().what == "data_exported"


def test_nobody_gets_one_by_a_link_or_signed_out(client, signed_in, alice):
    assert client.post("/profile/export").status_code == 302
    assert signed_in(alice).get("/profile/export").status_code == 405


def test_the_profile_says_what_is_in_it(signed_in, alice):
    page = page_text(signed_in(alice).get("/profile/edit?tab=data"))
    assert "Download my data" in page


def test_there_are_ten_in_an_hour(signed_in, alice):
    client = signed_in(alice)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    client.get("/profile/edit?tab=data")
    answers = [client.post("/profile/export").status_code for _ in range(11)]
    assert answers == [200] * 10 + [302]


@pytest.mark.promise("export-own")
def test_a_guest_gets_hers_and_nobody_elses(client, authorize, invited, picnic):
    invitation = invited(picnic)
    authorize(client, client.post(f"/i/{invitation.ref}", {"answer": "maybe"}), BOB)
    Rsvp.objects.create(event=picnic, did="did:plc:carol", choice="going", note="secret")
    assert "Download what this site keeps about" in page_text(client.get("/invitations"))
    found = client.post("/invitations/export", {"did": BOB}).json()
    assert [one["choice"] for one in found["answers"]] == ["maybe"]
    assert client.post("/invitations/export", {"did": "did:plc:carol"})["location"] == "/invitations"


def test_the_link_of_an_e_mail_gives_its_own(client, picnic, alice):
    token = "t" * 32
    EmailInvitation.objects.create(
        event=picnic, host=alice, address_hash="a", token_hash=tokens.token_hash(token), due_at=picnic.starts_at,
        state="sent", name="Ana", note="Come along",
    )  # fmt: skip
    response = client.get(f"/rsvp/{token}?data=1")
    assert response.json()["email_invitations_received"][0]["note"] == "Come along"
    assert response["referrer-policy"] == "no-referrer"
    assert token not in response.content.decode()


@pytest.mark.promise("account-end")
def test_deleting_asks_who_is_there(signed_in, alice, picnic):
    client = signed_in(alice)
    grow_old(client)
    for response in (client.get("/profile/delete"), client.post("/profile/delete")):
        assert response["location"].startswith(ASK_PASSWORD)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    page = page_text(client.get("/profile/delete"))
    assert "<bdi>Winter picnic</bdi></a>is cancelled, because nobody hosts it with you." in page
    done = client.post("/profile/delete", {"word": "Bye"})
    assert done["location"] == "/"
    assert not Member.objects.filter(username="alice").exists()
    assert "Your account is deleted." in page_text(client.get("/"))
    assert client.get("/profile")["location"].startswith("/accounts/login/")


def test_a_word_that_is_too_long_deletes_nothing(signed_in, alice, picnic):
    client = signed_in(alice)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    response = client.post("/profile/delete", {"word": "x" * 501})
    assert response.status_code == 400
    assert "x" * 501 in response.content.decode()
    assert Member.objects.filter(username="alice").exists()


def test_the_last_operator_reads_why_not(signed_in, make_member):
    client = signed_in(make_member("olga", is_superuser=True, is_staff=True))
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    page = page_text(client.get("/profile/delete"))
    assert "You are the only operator" in page
    assert "Delete my account for good" not in page


def test_posts_that_stand_are_named_before(signed_in, alice, invited, picnic):
    invited(picnic)
    client = signed_in(alice)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert f"/events/{picnic.slug}/manage?tab=invite&amp;step=watch" in client.get("/profile/delete").content.decode()


@pytest.mark.promise("account-end")
def test_the_session_is_revoked_at_her_server(signed_in, make_member, server, authorize):
    member = make_member("alma")
    client = signed_in(member)
    authorize(client, client.post("/auth/bluesky/connect", {"handle": "alice.example.com", "next": "/"}), ALICE)
    assert server.sessions[-1].alive
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    client.post("/profile/delete")
    assert not Member.objects.filter(pk=member.pk).exists()
    assert not server.sessions[-1].alive


@pytest.mark.promise("guest-answers-end")
def test_a_guest_without_an_account_deletes_her_answers(client, authorize, invited, alice, picnic):
    actions.change(picnic, by=alice, capacity=1)
    invitation = invited(picnic)
    authorize(client, client.post(f"/i/{invitation.ref}", {"answer": "going"}), BOB)
    rsvps.respond(picnic, choice="going", did="did:plc:carol", handle="carol.test")
    page = page_text(client.get("/invitations"))
    assert "Delete my answers" in page
    Client().post(f"/i/{invitation.ref}", {"answer": "maybe", "note": "Never proved."})
    client.post("/invitations/delete-answers", {"did": "did:plc:carol"})
    assert Rsvp.objects.count() == 2, "only what was proved here"
    assert AuthorizationRequest.objects.get().expected_did == BOB
    assert client.post("/invitations/delete-answers", {"did": BOB})["location"] == "/invitations"
    assert [(row.did, row.choice) for row in Rsvp.objects.all()] == [("did:plc:carol", "going")], "the place is hers"
    assert not AuthorizationRequest.objects.exists(), "nor is an answer kept that waits for a proof"
    invitation.refresh_from_db()
    assert (invitation.answer, invitation.answered_at, invitation.opened_at) == ("", None, None)
    assert client.post("/invitations/export", {"did": BOB}).json()["answers"] == []


def test_answers_to_what_is_over_go_too_and_a_refusal_stays(client, authorize, server, picnic):
    authorize(client, client.post("/invitations/prove", {"handle": "bob.example.com"}), BOB)
    Event.objects.filter(pk=picnic.pk).update(starts_at=timezone.now() - timedelta(days=3))
    Rsvp.objects.create(event=picnic, did=BOB, choice="going")
    client.post("/invitations/delete-answers", {"did": BOB})
    assert not Rsvp.objects.exists()
    questions.ask(picnic, picnic.created_by, [{"text": "What do you eat?", "kind": "text"}])
    declined = Rsvp.objects.create(
        event=picnic, did=BOB, choice="refused", refused_at=timezone.now(), note="Please!", name="Bob", plus_ones=2,
    )  # fmt: skip
    GivenAnswer.objects.create(rsvp=declined, question=questions.of_event(picnic)[0], value="Bread")
    client.post("/invitations/delete-answers", {"did": BOB})
    declined.refresh_from_db()
    assert declined.refused_at, "who was declined cannot ask anew by this"
    assert (declined.note, declined.name, declined.plus_ones) == ("", "", 0)
    assert not GivenAnswer.objects.exists()


@pytest.mark.parametrize("target", ["picnic", "circle"])
def test_a_no_stays_a_no(client, authorize, invited, picnic, circle, target):
    invitation = invited({"picnic": picnic, "circle": circle}[target])
    answer = {"picnic": "cant", "circle": "declined"}[target]
    authorize(client, client.post(f"/i/{invitation.ref}", {"answer": answer}), BOB)
    client.post("/invitations/delete-answers", {"did": BOB})
    invitation.refresh_from_db()
    assert invitation.answer == answer, "nobody asks again"
    assert not Rsvp.objects.exists()


def test_a_guest_leaves_her_communities(client, authorize, invited, circle):
    invitation = invited(circle)
    authorize(client, client.post(f"/i/{invitation.ref}", {"answer": "joined"}), BOB)
    assert circle.memberships.filter(did=BOB).exists()
    client.post("/invitations/delete-answers", {"did": BOB})
    assert not circle.memberships.filter(did=BOB).exists()
    invitation.refresh_from_db()
    assert invitation.answer == ""


def test_what_a_host_has_merged_goes_too(client, authorize, server, alice, picnic):
    authorize(client, client.post("/invitations/prove", {"handle": "bob.example.com"}), BOB)
    mail = EmailInvitation.objects.create(
        event=picnic, host=alice, address_hash="a", token_hash="b", due_at=picnic.starts_at, state="sent",
        answer="going", answered_at=timezone.now(),
    )  # fmt: skip
    Rsvp.objects.create(event=picnic, did=BOB, email_invitation=mail, choice="going")
    client.post("/invitations/delete-answers", {"did": BOB})
    mail.refresh_from_db()
    assert (mail.answer, mail.answered_at, Rsvp.objects.count()) == ("", None, 0)


@pytest.mark.promise("guest-answers-end")
def test_who_has_an_account_deletes_that(client, authorize, server, make_member, picnic):
    authorize(client, client.post("/invitations/prove", {"handle": "bob.example.com"}), BOB)
    member = make_member("bob")
    MemberIdentity.objects.create(member=member, bsky_did=BOB, bsky_handle="bob.example.com")
    Rsvp.objects.create(event=picnic, member=member, choice="going")
    client.post("/invitations/delete-answers", {"did": BOB})
    assert "sign in to delete that" in page_text(client.get("/invitations"))
    assert Rsvp.objects.exists()
