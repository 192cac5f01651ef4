"""Servers that take their time: a page stops waiting, nothing that was sent is lost, and others are served."""

import threading
import time
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import timezone
from tests.fakes.oauth import ALICE, BOB
from tests.pages import page_text
from tests.unit.web.conftest import sign_in

from elonara.api import tokens
from elonara.atproto.errors import SlowBody
from elonara.bluesky import outward
from elonara.bluesky.models import AuthorizationRequest, MemberIdentity
from elonara.members.models import Member
from elonara.networks import network_of
from elonara.web import concurrency

GIVE_UP = 0.4
SLOW = 1.2


@pytest.fixture(autouse=True)
def soon(monkeypatch, transactional_db):
    cache.clear()
    monkeypatch.setattr(outward, "GIVE_UP_SECONDS", GIVE_UP)
    yield
    outward.wait_for_background(10)


@pytest.fixture
def slow(server, monkeypatch):
    """`slow("/token")`: requests to URLs with this part take SLOW seconds; the deadline of a call holds."""
    Client().get("/auth/bluesky/start", {"handle": "alice.example.com"})  # the first request of a process loads modules
    AuthorizationRequest.objects.all().delete()
    ask, parts = server.network.request, []

    def request(method, url, **options):
        if any(part in url for part in parts):
            deadline = options.get("deadline", 20.0)
            time.sleep(min(SLOW, deadline))
            if deadline < SLOW:
                raise SlowBody("it did not answer in time")
        return ask(method, url, **options)

    monkeypatch.setattr(server.network, "request", request)
    return SimpleNamespace(at=parts.append, off=parts.clear)


@pytest.fixture
def bob(make_member):
    member = make_member("bob")
    MemberIdentity.objects.create(member=member, bsky_did=BOB, bsky_handle="bob.example.com")
    return member


@pytest.fixture
def connected(make_member, authorize, server):
    """A member with a stored session whose access token has expired."""
    member, browser = make_member("carla"), Client()
    sign_in(browser, member)
    authorize(browser, browser.post("/auth/bluesky/connect", {"handle": "alice.example.com"}), ALICE)
    MemberIdentity.objects.update(bsky_token_expires_at=timezone.now())
    return member


def timed(call):
    began = time.monotonic()
    response = call()
    return response, time.monotonic() - began


def look_until_done(client):
    deadline = time.monotonic() + 10
    while True:
        response = client.get("/auth/bluesky/finishing")
        if response.status_code != 200 or time.monotonic() > deadline:
            return response
        assert response["Refresh"] == "3"
        time.sleep(0.1)


def test_a_sign_in_at_a_slow_server_gives_up_and_says_so(client, slow):
    slow.at("/par")
    response, seconds = timed(lambda: client.get("/auth/bluesky/start", {"handle": "bob.example.com"}))
    assert response.status_code == 400
    assert seconds < SLOW
    assert "does not answer" in page_text(response)


def test_all_calls_of_a_page_have_one_time_together(client, slow):
    slow.at("example")  # every server is slow: directory, PDS, issuer
    response, seconds = timed(lambda: client.get("/auth/bluesky/start", {"handle": "bob.example.com"}))
    assert (response.status_code, seconds < 2 * GIVE_UP + 0.3) == (400, True)


def test_a_slow_name_server_holds_no_page(client, server, monkeypatch):
    monkeypatch.setattr(server.network, "dns", lambda _name: time.sleep(SLOW) or [])
    from elonara.bluesky import network

    with network.use(server.network, dns=server.network.dns):
        _, seconds = timed(lambda: client.get("/auth/bluesky/start", {"handle": "bob.example.com"}))
    assert seconds < SLOW


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
    def ask(self, member):
        token = tokens.issue(member).access_token
        return Client().get("/api/v1/me/bluesky/followers", headers={"Authorization": f"Bearer {token}"})

    def test_is_stored_though_the_call_gave_up(self, connected, server, slow):
        before = MemberIdentity.objects.get(member=connected)
        slow.at("/token")
        response, seconds = timed(lambda: self.ask(connected))
        assert (response.status_code, response.json()["code"], seconds < SLOW) == (503, "busy", True)
        assert response["Retry-After"]
        outward.wait_for_background(10)
        after = MemberIdentity.objects.get(member=connected)
        assert after.bsky_refresh_token_enc != before.bsky_refresh_token_enc
        assert (after.attempt_started_at, after.lease_until, after.state) == (None, None, "active")

    def test_nine_presses_send_one(self, connected, server, slow):
        sent = len(server.network.sent("/token"))
        slow.at("/token")
        found = []

        def press():
            found.append(self.ask(connected).status_code)
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


class TestShares:
    def limit(self, **changes):
        return concurrency.ConcurrencyLimit(max_waiting=0, kept_free=concurrency.KEPT_FREE, **changes)

    def test_three_networks_cannot_keep_others_out(self):
        limit = self.limit()
        for network in ["a", "b", "c"] * 4:
            try:
                limit.take(f"network:{network}")
            except concurrency.TooManyConcurrentRequests:
                continue
        with limit.slot("network:d"):
            pass

    def test_one_member_has_one_share_whatever_her_networks(self):
        limit, held = self.limit(), 0
        for number in range(9):
            try:
                limit.take("member:1", f"network:{number}")
            except concurrency.TooManyConcurrentRequests:
                continue
            held += 1
        assert held <= concurrency.MAX_PER_VISITOR
        with limit.slot("member:2", "network:z"):
            pass

    @pytest.mark.parametrize(
        ("one", "other", "same"),
        [
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
            ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
            ("192.0.2.1", "192.0.2.2", False),
            ("::ffff:192.0.2.1", "192.0.2.1", True),
            ("::ffff:192.0.2.1", "::ffff:203.0.113.9", False),
            ("fe80::1%eth0", "fe80::2%eth0", True),
        ],
    )
    def test_networks(self, one, other, same):
        assert (network_of(one) == network_of(other)) is same

    @pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "", "nonsense"])
    def test_this_machine_is_everybody_at_once(self, address):
        assert network_of(address) == ""

    def test_few_threads_wait_for_a_place(self):
        limit = concurrency.ConcurrencyLimit(max_concurrent=1, max_wait_seconds=5, max_waiting=1)
        release = limit.take("network:a")
        got = []
        waiting = threading.Thread(target=lambda: got.append(limit.take("network:b")))
        waiting.start()
        time.sleep(0.1)
        with pytest.raises(concurrency.TooManyConcurrentRequests):
            limit.take("network:c")
        release()
        waiting.join(5)
        assert len(got) == 1

    @pytest.mark.parametrize("path", ["followers", "follows", "followers?q=bob"])
    def test_the_api_has_the_same_places(self, path, connected, server, monkeypatch):
        MemberIdentity.objects.update(bsky_token_expires_at=timezone.now() + timezone.timedelta(hours=1))
        monkeypatch.setattr(
            concurrency, "visitor_named_servers", concurrency.ConcurrencyLimit(max_concurrent=0, max_waiting=0)
        )
        token = tokens.issue(connected).access_token
        response = Client().get(f"/api/v1/me/bluesky/{path}", headers={"Authorization": f"Bearer {token}"})
        assert (response.status_code, response.json()["code"]) == (503, "busy")

    def test_a_place_is_given_back(self, connected, server):
        token = tokens.issue(connected).access_token
        for _ in range(concurrency.MAX_CONCURRENT * 3):
            Client().get("/api/v1/me/bluesky/followers", headers={"Authorization": f"Bearer {token}"})
        assert not concurrency.visitor_named_servers._held
        assert not concurrency.background._held


@pytest.mark.parametrize(
    ("path", "data"),
    [("/auth/bluesky/connect", {"handle": "alice.example.com"}), ("/auth/bluesky/reauthorize", {})],
)
def test_a_member_who_waits_for_approval_sends_the_site_nowhere(path, data, connected, server):
    Member.objects.filter(pk=connected.pk).update(standing="pending")
    browser = Client()
    sign_in(browser, connected)
    asked = len(server.network.requests)
    assert browser.post(path, data).status_code == 403
    token = tokens.issue(Member.objects.get(pk=connected.pk)).access_token
    response = Client().get("/api/v1/me/bluesky/followers", headers={"Authorization": f"Bearer {token}"})
    assert response.status_code in {403, 503}
    assert len(server.network.requests) == asked


class TestALinkOnAnotherSite:
    @pytest.mark.parametrize("signed_in", [False, True])
    @pytest.mark.parametrize(
        "headers",
        [
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
            {"sec-fetch-site": "something-new"},
            {"origin": "https://evil.example"},
            {"origin": "null"},
            {"referer": "https://evil.example/page"},
            {"referer": "https://testserver.evil.example/"},
        ],
    )
    def test_asks_first(self, headers, signed_in, server, bob):
        browser = Client(headers=headers)
        if signed_in:
            sign_in(browser, bob)
        response = browser.get("/auth/bluesky/start", {"handle": "bob.example.com"})
        assert response.status_code == 200
        assert "<button" in page_text(response)
        assert not AuthorizationRequest.objects.exists()
        assert not server.network.requests

    def test_the_button_there_starts_it(self, client, server):
        response = client.get(
            "/auth/bluesky/start", {"handle": "bob.example.com"}, headers={"referer": "http://testserver/x"}
        )
        assert parse_qs(urlsplit(response["location"]).query)["request_uri"]
