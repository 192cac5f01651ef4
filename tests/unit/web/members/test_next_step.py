"""The front page of a member names her next step; a detour leads back to the step it came from."""

import re
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.utils import timezone
from tests.fakes.oauth import ALICE, BOB
from tests.pages import page_text

from elonara.bluesky.models import MemberIdentity
from elonara.events import actions as events
from elonara.events.guests import rsvps
from elonara.invitations.models import Invitation
from elonara.members.models import Member

PICK = "/events/winter-picnic/manage?tab=invite"
CARD = f"/profile/edit?next={quote(PICK, safe='')}"


def step(client):
    """What the front page says under "Your next step", "" where it says nothing."""
    page = page_text(client.get("/"))
    found = re.search(r'<h2 id="step">([^<]+)</h2>', page)
    return found.group(1) if found else ""


def make_event(host, title="Winter picnic"):
    return events.create(host, title=title, starts_at=timezone.now() + timedelta(days=9), timezone="Europe/Lisbon")


class TestTheNextStep:
    def test_is_to_connect(self, signed_in, make_member):
        assert step(signed_in(make_member("alice"))) == "Connect your Bluesky account"

    def test_of_who_only_signs_in_is_one_press_away(self, signed_in, make_member, server):
        member = make_member("alice")
        MemberIdentity.objects.create(member=member, bsky_did=ALICE, bsky_handle="alice.example.com")
        client = signed_in(member)
        assert step(client) == "Invite people you know"
        assert "/auth/bluesky/reauthorize" in page_text(client.get("/"))

    def test_of_who_only_comes_to_an_event_is_that_event(self, signed_in, make_member, alice, server):
        member = make_member("bob")
        MemberIdentity.objects.create(member=member, bsky_did=BOB, bsky_handle="bob.example.com")
        event = make_event(alice)
        rsvps.respond(event, choice="maybe", member=member)
        client = signed_in(member)
        assert step(client) == "See your next event"
        assert f'href="/events/{event.slug}"' in client.get("/").content.decode()
        make_event(member)
        assert step(client) == "Invite people you know", "a host connects"

    def test_is_to_renew_what_has_ended(self, signed_in, alice):
        MemberIdentity.objects.update(state="needs_reauth")
        assert step(signed_in(alice)) == "Renew your Bluesky connection"

    def test_is_to_make_an_event_then_to_invite(self, signed_in, alice):
        client = signed_in(alice)
        assert step(client) == "Plan an event"
        event = make_event(alice)
        assert step(client) == "Invite people"
        assert f"/events/{event.slug}/manage?tab=invite" in page_text(client.get("/"))
        events.cancel(event, alice)
        assert step(client) == "Plan an event"

    def test_is_to_see_who_answered(self, signed_in, alice, make_member, invited, picnic):
        client = signed_in(alice)
        invited(picnic)
        assert step(client) == "Waiting for answers"
        rsvps.respond(picnic, member=make_member("bob"), choice="going")
        assert step(client) == "See who answered"
        make_event(alice, "Soup evening")
        assert step(client) == "Invite people", "to the event that nobody is invited to"

    def test_of_another_hosts_event_is_not_hers(self, signed_in, alice, make_member):
        make_event(make_member("bob"))
        assert step(signed_in(alice)) == "Plan an event"

    def test_of_who_waits_for_approval_is_nothing(self, signed_in, make_member):
        assert step(signed_in(make_member("alice", standing=Member.Standing.PENDING))) == ""


class TestADetour:
    def test_to_connect_returns(self, signed_in, make_member, authorize, server):
        client = signed_in(make_member("alice"))
        assert "Back to where you were" in page_text(client.get(CARD))
        back = authorize(
            client, client.post("/auth/bluesky/connect", {"handle": "alice.example.com", "next": PICK}), ALICE
        )
        assert back["location"] == PICK

    def test_that_failed_still_knows_the_way_back(self, signed_in, make_member, server):
        client = signed_in(make_member("alice"))
        back = client.post("/auth/bluesky/connect", {"handle": "no.such.example", "next": PICK})
        assert f'href="{PICK}"' in page_text(client.get(back["location"]))

    def test_to_the_app_password_returns(self, signed_in, alice, monkeypatch):
        from elonara.web.members import profile

        monkeypatch.setattr(profile.app_passwords, "connect", lambda *_: None)
        client, form = signed_in(alice), {"identifier": "alice.example", "app_password": "abcd-efgh-ijkl-mnop"}
        assert f'name="next" value="{PICK}"' in page_text(client.get(CARD))
        assert client.post("/connect/bluesky", form | {"next": PICK})["location"] == PICK
        assert client.post("/connect/bluesky", form)["location"] == "/profile/edit"

    @pytest.mark.parametrize(
        ("state", "reason", "waited"),
        [("waiting", "app_password_missing", True), ("waiting", "needs_reauth", False), ("queued", "", False)],
    )
    def test_says_that_something_goes_out_only_if_it_waited(
        self, signed_in, alice, picnic, invited, monkeypatch, state, reason, waited
    ):
        from elonara.web.members import profile

        monkeypatch.setattr(profile.app_passwords, "connect", lambda *_: None)
        Invitation.objects.filter(pk=invited(picnic).pk).update(state=state, reason=reason)
        client, form = signed_in(alice), {"identifier": "alice.example", "app_password": "abcd-efgh-ijkl-mnop"}
        client.post("/connect/bluesky", form)
        page = page_text(client.get("/profile/edit"))
        assert "The app password is saved." in page
        assert ("The invitations that waited for it go out now." in page) == waited

    def test_that_is_refused_keeps_the_way_back(self, signed_in, alice):
        response = signed_in(alice).post("/connect/bluesky", {"identifier": "", "app_password": "", "next": PICK})
        assert response.status_code == 400
        assert f'href="{PICK}"' in page_text(response)

    @pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example", "/profile/edit?tab=data"])
    def test_leads_nowhere_else(self, signed_in, alice, wanted):
        client = signed_in(alice)
        assert "Back to where you were" not in page_text(client.get("/profile/edit", {"next": wanted}))
        assert client.post("/connect/posting", {"next": wanted})["location"] == "/profile/edit"
