"""What was sent to a slow server is finished and stored, though its page gave up."""

import threading
import time

from django.db import connection
from django.test import Client
from tests.fakes.oauth import ALICE, BOB
from tests.pages import page_text
from tests.unit.web.conftest import sign_in
from tests.unit.web.slow_servers.conftest import SLOW, timed

from elonara.atproto.errors import SlowBody
from elonara.bluesky import outward
from elonara.bluesky.models import MemberIdentity
from elonara.web import concurrency


def look_until_done(client):
    deadline = time.monotonic() + 10
    while True:
        response = client.get("/auth/bluesky/finishing")
        if response.status_code != 200 or time.monotonic() > deadline:
            return response
        assert response["Refresh"] == "3"
        time.sleep(0.1)


class TestAnExchangeThatWasSent:
    def test_signs_in_once_it_is_finished(self, client, authorize, slow, bob):
        redirect = client.get("/auth/bluesky/start", {"handle": "bob.example.com", "next": "/events"})
        slow.at("/token")
        response, seconds = timed(lambda: authorize(client, redirect, BOB))
        assert (response["location"], seconds < SLOW) == ("/auth/bluesky/finishing", True)
        assert "_auth_user_id" not in client.session
        assert look_until_done(client)["location"] == "/events"
        assert client.session["_auth_user_id"] == str(bob.pk)
        assert client.get("/auth/bluesky/finishing")["location"] == "/", "an outcome is used once"

    def test_stores_a_connection(self, authorize, slow, make_member):
        member, browser = make_member("carla"), Client()
        sign_in(browser, member)
        redirect = browser.post("/auth/bluesky/connect", {"handle": "alice.example.com"})
        slow.at("/token")
        authorize(browser, redirect, ALICE)
        outward.wait_for_background(10)
        assert MemberIdentity.objects.get(member=member).state == "active", "stored, whether she looks or not"
        assert look_until_done(browser)["location"].startswith("/profile/edit")

    def test_keeps_a_proof(self, client, authorize, slow):
        redirect = client.post("/invitations/prove", {"handle": "bob.example.com"})
        slow.at("/token")
        authorize(client, redirect, BOB)
        assert look_until_done(client)["location"] == "/invitations"
        assert BOB in client.session["proven"]

    def test_asks_before_linking_what_a_link_began(self, authorize, slow, make_member):
        member, browser = make_member("carla"), Client()
        sign_in(browser, member)
        redirect = browser.get("/auth/bluesky/start", {"handle": "alice.example.com"})
        slow.at("/token")
        authorize(browser, redirect, ALICE)
        assert look_until_done(browser)["location"].startswith("/auth/bluesky/confirm/")

    def test_says_why_it_failed(self, client, server, authorize, slow, bob):
        redirect = client.get("/auth/bluesky/start", {"handle": "bob.example.com"})
        slow.at("/token")
        server.network.faults.append(("/token", "after", SlowBody("nothing came")))
        authorize(client, redirect, BOB)
        response = look_until_done(client)
        assert response.status_code == 400
        assert "does not answer" in page_text(response)

    def test_belongs_to_the_browser_that_began_it(self, client, authorize, slow, bob):
        redirect = client.get("/auth/bluesky/start", {"handle": "bob.example.com"})
        slow.at("/token")
        authorize(client, redirect, BOB)
        outward.wait_for_background(10)
        assert Client().get("/auth/bluesky/finishing")["location"] == "/"

    def test_a_code_survives_a_full_background(self, client, server, bob, monkeypatch):
        redirect = client.get("/auth/bluesky/start", {"handle": "bob.example.com"})
        params = server.approve(redirect["location"], BOB)
        with monkeypatch.context() as patch:
            patch.setattr(concurrency, "background", concurrency.ConcurrencyLimit(max_concurrent=0, max_waiting=0))
            assert client.get("/auth/bluesky/callback", params).status_code == 503
        assert client.get("/auth/bluesky/callback", params)["location"] == "/"


class TestARefreshThatWasSent:
    def test_is_stored_though_the_call_gave_up(self, connected, server, slow, ask_by_api):
        before = MemberIdentity.objects.get(member=connected)
        slow.at("/token")
        response, seconds = timed(lambda: ask_by_api(connected))
        assert (response.status_code, response.json()["code"], seconds < SLOW) == (503, "graph_unavailable", True)
        assert response["Retry-After"]
        outward.wait_for_background(10)
        after = MemberIdentity.objects.get(member=connected)
        assert after.bsky_refresh_token_enc != before.bsky_refresh_token_enc
        assert (after.attempt_started_at, after.lease_until, after.state) == (None, None, "active")

    def test_nine_presses_send_one(self, connected, server, slow, ask_by_api):
        sent = len(server.network.sent("/token"))
        slow.at("/token")
        found = []

        def press():
            found.append(ask_by_api(connected).status_code)
            connection.close()

        threads = [threading.Thread(target=press) for _ in range(9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        outward.wait_for_background(10)
        assert set(found) == {503}
        # One exchange, of which the server asked for a nonce first. A token sent twice would have ended the session.
        assert len(server.network.sent("/token")) - sent <= 2
        assert MemberIdentity.objects.get(member=connected).state == "active"
