"""Attacks on the pages: taking over accounts, leftover proofs, slow servers, floods, open redirects."""

import threading
from datetime import timedelta

import pytest
from django.test import Client, RequestFactory
from django.utils import timezone
from tests.fakes.oauth import ALICE, BOB
from tests.pages import page_text

from elonara.bluesky.models import AuthorizationRequest, MemberIdentity
from elonara.communities import actions as communities
from elonara.events import actions as events
from elonara.events.models import Rsvp
from elonara.invitations.opt_out_models import Report
from elonara.members.models import Member
from elonara.web import concurrency
from elonara.web.shortcuts import safe_next

PASSWORD = "correct horse battery staple"


@pytest.fixture
def bob(make_member):
    member = make_member("bob")
    MemberIdentity.objects.create(member=member, bsky_did=BOB, bsky_handle="bob.example.com")
    return member


def password_in(client, name):
    client.post("/accounts/login/", {"login": name, "password": PASSWORD})


class TestSomebodyElseAtTheSameBrowser:
    """Bob proved his account in this browser and left; the next person must not be able to use it."""

    @pytest.mark.promise("left-browser")
    def test_not_you_also_ends_the_offer_to_link_the_account(self, client, authorize, server, make_member):
        authorize(client, client.get("/auth/bluesky/start", {"handle": "bob.example.com"}), BOB)
        client.post("/invitations/forget")
        make_member("mallory")
        password_in(client, "mallory")
        client.post("/auth/bluesky/new", {"did": BOB})
        assert not MemberIdentity.objects.exists()

    def test_the_offer_ends_after_ten_minutes(self, client, authorize, server, make_member, monkeypatch):
        authorize(client, client.get("/auth/bluesky/start", {"handle": "bob.example.com"}), BOB)
        later = timezone.now() + timedelta(minutes=11)
        monkeypatch.setattr(timezone, "now", lambda: later)
        response = client.post("/auth/bluesky/new", {"did": BOB})
        assert response["location"] == "/accounts/login/"
        assert not Member.objects.exists()

    def test_the_offer_ends_when_a_member_with_a_linked_account_signs_in(self, client, authorize, server, make_member):
        mallory = make_member("mallory")
        MemberIdentity.objects.create(member=mallory, bsky_did=ALICE, bsky_handle="alice.example.com")
        authorize(client, client.get("/auth/bluesky/start", {"handle": "bob.example.com"}), BOB)
        password_in(client, "mallory")
        assert client.get("/auth/bluesky/new").status_code == 302

    def test_an_offered_account_does_not_answer_for_the_member_who_signs_in(
        self, client, authorize, invited, picnic, make_member
    ):
        ref = invited(picnic).ref
        authorize(client, client.get("/auth/bluesky/start", {"handle": "bob.example.com"}), BOB)
        make_member("mallory")
        password_in(client, "mallory")
        assert client.post(f"/i/{ref}", {"answer": "going"})["location"].startswith("https://"), "asked to prove"
        assert not Rsvp.objects.exists()


class TestForcedSignIn:
    def test_a_sign_in_started_before_does_not_replace_the_signed_in_member(
        self, client, authorize, server, bob, alice
    ):
        redirect = client.get("/auth/bluesky/start", {"handle": "bob.example.com"})
        password_in(client, "alice")
        back = authorize(client, redirect, BOB)
        assert client.session["_auth_user_id"] == str(alice.pk)
        assert "signed in as" in page_text(client.get(back["location"]))

    @pytest.mark.promise("no-forced-link")
    def test_another_site_cannot_start_a_sign_in(self, client, server):
        response = client.get(
            "/auth/bluesky/start",
            {"handle": "bob.example.com", "next": "/events"},
            headers={"sec-fetch-site": "cross-site"},
        )
        assert response.status_code == 200, "the visitor presses herself"
        assert 'value="bob.example.com"' in page_text(response)
        assert not AuthorizationRequest.objects.exists()

    @pytest.mark.parametrize("came_from", ["same-origin", "none", ""])
    def test_our_own_form_and_typed_urls_start_a_sign_in(self, client, server, came_from):
        headers = {"sec-fetch-site": came_from} if came_from else {}
        response = client.get("/auth/bluesky/start", {"handle": "bob.example.com"}, headers=headers)
        assert response.status_code == 302


class TestSlowServersOfStrangers:
    """A server that a visitor names may take 20 s to answer; that must not occupy every thread of the site."""

    @pytest.mark.promise("slow-servers")
    def test_they_never_occupy_every_thread(self):
        limit, inside, over = (
            concurrency.ConcurrencyLimit(max_concurrent=2, max_per_visitor=2, max_wait_seconds=0.05),
            threading.Barrier(3),
            threading.Event(),
        )

        def slow():
            with limit.slot("192.0.2.1"):
                inside.wait(5)
                over.wait(5)

        threads = [threading.Thread(target=slow) for _ in range(2)]
        for thread in threads:
            thread.start()
        inside.wait(5)
        try:
            with pytest.raises(concurrency.TooManyConcurrentRequests), limit.slot("192.0.2.2"):
                pass
        finally:
            over.set()
            for thread in threads:
                thread.join(5)
        with limit.slot("192.0.2.2"):
            pass

    def test_one_visitor_leaves_room_for_others(self):
        limit = concurrency.ConcurrencyLimit(max_concurrent=3, max_per_visitor=1, max_wait_seconds=0.05)
        with limit.slot("192.0.2.1"):
            with pytest.raises(concurrency.TooManyConcurrentRequests), limit.slot("192.0.2.1"):
                pass
            with limit.slot("192.0.2.2"):
                pass

    def test_concurrent_visitors_wait_for_a_slot(self):
        limit, through = concurrency.ConcurrencyLimit(max_concurrent=1, max_per_visitor=1, max_wait_seconds=2), []

        def quick(number):
            with limit.slot("192.0.2.1"):
                through.append(number)

        threads = [threading.Thread(target=quick, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(5)
        assert sorted(through) == list(range(8))

    def test_a_refused_request_gets_503_and_can_be_repeated(self, client, server, authorize, bob, monkeypatch):
        full = concurrency.ConcurrencyLimit(max_concurrent=0, max_per_visitor=0, max_wait_seconds=0)
        redirect = client.get("/auth/bluesky/start", {"handle": "bob.example.com"})
        params = server.approve(redirect["location"], BOB)
        with monkeypatch.context() as patch:
            patch.setattr(concurrency, "visitor_named_servers", full)
            patch.setattr(concurrency, "callbacks", full)
            refused = client.get("/auth/bluesky/start", {"handle": "bob.example.com"})
            assert refused.status_code == 503
            assert refused["retry-after"]
            assert client.get("/auth/bluesky/callback", params).status_code == 503
        assert client.get("/auth/bluesky/callback", params)["location"] == "/"
        assert client.session["_auth_user_id"] == str(bob.pk)


@pytest.mark.promise("no-open-redirect")
@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "http://testserver/\t/evil.example",
        "http://testserver//evil.example",
        "http://testserver/\\evil.example",
        "http://testserver/\r\nLocation: https://evil.example",
        "javascript:alert(1)",
        "http://testserver@evil.example/",
        "/\x00/evil.example",
    ],
)
def test_next_never_leads_to_another_site(wanted):
    assert safe_next(RequestFactory().get("/"), wanted) == "/"


@pytest.mark.promise("reports-heard")
def test_reports_cannot_bury_the_operator(invited, picnic):
    ref = invited(picnic).ref
    for number in range(30):
        Client().post(f"/i/{ref}/report", {"text": f"spam {number}"})  # each time another browser
    assert Report.objects.count() <= 5


@pytest.mark.promise("reports-heard")
def test_the_invited_person_is_heard_however_many_strangers_reported(authorize, invited, picnic):
    ref = invited(picnic).ref
    for _ in range(9):
        Client().post(f"/i/{ref}/report", {"text": "noise"})
    mine = Client()
    authorize(mine, mine.post(f"/i/{ref}", {"answer": "cant"}), BOB)
    mine.post(f"/i/{ref}/report", {"text": "I do not know her."})
    mine.post(f"/i/{ref}/report", {"text": "I really do not."})
    assert Report.objects.get(reporter_did=BOB).text == "I really do not."


@pytest.mark.promise("private-community")
def test_a_public_event_does_not_name_its_private_community_to_strangers(client, alice, signed_in):
    hidden = communities.create(alice, name="Quiet Recovery Group", description="We meet", visibility="private")
    walk = events.create(
        alice, title="Open walk", starts_at=timezone.now() + timedelta(days=3), timezone="UTC", community=hidden
    )
    page = page_text(client.get(f"/events/{walk.slug}"))
    assert "Open walk" in page
    assert "Quiet Recovery" not in page
    assert hidden.slug not in page
    assert "Quiet Recovery" in page_text(signed_in(alice).get(f"/events/{walk.slug}"))
