"""Rate limits: the page says how long to wait, and what was typed is kept."""

import pytest
from django.core.cache import cache
from tests.fakes.oauth import BOB
from tests.pages import page_text

from elonara.events.models import Rsvp
from elonara.invitations.opt_out_models import Report
from elonara.networks import network_of
from elonara.web import rate_limits

ELSEWHERE = {"REMOTE_ADDR": "203.0.113.7"}


@pytest.fixture(autouse=True)
def empty_cache(transactional_db):
    cache.clear()
    yield
    cache.clear()


def test_authorization_requests_are_limited_per_browser(client, server):
    for _ in range(rate_limits.AUTHORIZATIONS.times):
        assert client.get("/auth/bluesky/start?handle=bob.example.com").status_code == 302
    response = client.get("/auth/bluesky/start?handle=bob.example.com&next=/events")
    page = page_text(response)
    assert response.status_code == 429
    assert response["Retry-After"] == "600"
    assert "Wait 10 minutes" in page
    assert 'value="bob.example.com"' in page
    assert 'value="/events"' in page


@pytest.mark.promise("visitors-apart")
def test_clients_without_cookies_are_limited_by_ip_address(client, server):
    for _ in range(rate_limits.AUTHORIZATIONS.times * rate_limits.BROWSERS_PER_ADDRESS):
        client.cookies.clear()
        rate_limits.AUTHORIZATIONS.passed(request_from(client))
    client.cookies.clear()
    assert client.post("/invitations/prove", {"handle": "bob.example.com"}, **ELSEWHERE).status_code == 429
    client.cookies.clear()
    assert client.post("/invitations/prove", {"handle": "bob.example.com"}).status_code == 302, "another address may"


def request_from(client):
    from django.contrib.sessions.backends.db import SessionStore
    from django.test import RequestFactory

    request = RequestFactory().get("/", **ELSEWHERE)
    request.session = SessionStore()
    return request


@pytest.mark.promise("visitors-apart")
def test_ipv6_addresses_of_one_64_network_count_as_one(client):
    assert network_of("2001:db8:1:2::1") == network_of("2001:db8:1:2:ffff::9")
    assert network_of("2001:db8:1:2::1") != network_of("2001:db8:1:3::1")
    assert network_of("127.0.0.1") == ""


def test_an_answer_over_the_limit_is_kept_in_the_form(client, authorize, invited, picnic):
    ref = invited(picnic).ref
    authorize(client, client.post(f"/i/{ref}", {"answer": "going"}), BOB)
    for _ in range(rate_limits.ANSWERS.times):
        client.post(f"/i/{ref}", {"answer": "maybe"})
    response = client.post(f"/i/{ref}", {"answer": "cant", "note": "So sorry"})
    page = page_text(response)
    assert response.status_code == 429
    assert 'name="answer" value="cant"' in page
    assert 'name="note" value="So sorry"' in page
    assert Rsvp.objects.get().choice == "maybe"


def test_the_limit_page_of_a_private_invitation_shows_nothing_of_it(client, invited, supper, server):
    ref = invited(supper).ref
    for _ in range(rate_limits.AUTHORIZATIONS.times):
        client.post("/invitations/prove", {"handle": "bob.example.com"})
    response = client.post(f"/i/{ref}", {"handle": "bob.example.com"})
    assert response.status_code == 429
    assert "Secret supper" not in page_text(response)


def test_reports_are_limited_and_the_text_is_kept(client, invited, picnic):
    ref = invited(picnic).ref
    client.get(f"/i/{ref}/report")
    for _ in range(rate_limits.REPORT.times):
        client.post(f"/i/{ref}/report", {"text": "spam"})
    response = client.post(f"/i/{ref}/report", {"text": "And another thing"})
    assert response.status_code == 429
    assert "And another thing" in page_text(response)
    assert Report.objects.count() == rate_limits.REPORT.times


def test_a_member_who_connects_too_often_reads_it_on_her_profile(signed_in, make_member, server):
    client = signed_in(make_member("zoe"))
    for _ in range(rate_limits.AUTHORIZATIONS.times):
        client.post("/auth/bluesky/connect", {"handle": "bob.example.com"})
    page = page_text(client.post("/auth/bluesky/connect", {"handle": "bob.example.com"}, follow=True))
    assert "Wait 10 minutes" in page
    assert 'value="bob.example.com"' in page
