"""A page stops waiting for servers that take their time, and asks none for whom it must not."""

import time

import pytest
from django.test import Client
from tests.pages import page_text
from tests.unit.web.conftest import sign_in
from tests.unit.web.slow_servers.conftest import GIVE_UP, SLOW, timed

from elonara.api import tokens
from elonara.members.models import Member


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
    response = Client().post("/api/v1/me/bluesky/sync", headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 403
    assert len(server.network.requests) == asked
