"""Who asks too often gets a sentence, and keeps what was typed."""

import pytest
from django.core.cache import cache
from tests.fakes.oauth import BOB
from tests.pages import page_text

from elonara.events.models import Rsvp
from elonara.invitations.models import Report
from elonara.web import rate_limits

ELSEWHERE = {"REMOTE_ADDR": "203.0.113.7"}


@pytest.fixture(autouse=True)
def nobody_was_here(transactional_db):
    cache.clear()
    yield
    cache.clear()


def test_trips_to_a_server_are_counted_for_each_browser(client, server):
    for _ in range(rate_limits.AUTHORIZATIONS.times):
        assert client.get("/auth/bluesky/start?handle=bob.example.com").status_code == 302
    answer = client.get("/auth/bluesky/start?handle=bob.example.com&next=/events")
    page = page_text(answer)
    assert answer.status_code == 429
    assert answer["Retry-After"] == "600"
    assert "Wait 10 minutes" in page
    assert 'value="bob.example.com"' in page
    assert 'value="/events"' in page


def test_a_program_without_cookies_is_counted_by_its_address(client, server):
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


def test_a_household_is_one_network(client):
    assert rate_limits._network("2001:db8:1:2::1") == rate_limits._network("2001:db8:1:2:ffff::9")
    assert rate_limits._network("2001:db8:1:2::1") != rate_limits._network("2001:db8:1:3::1")
    assert rate_limits._network("127.0.0.1") == ""


def test_a_press_too_many_is_kept_for_a_little_later(client, trip, invited, picnic):
    ref = invited(picnic).ref
    trip(client, client.post(f"/i/{ref}", {"answer": "going"}), BOB)
    for _ in range(rate_limits.ANSWERS.times):
        client.post(f"/i/{ref}", {"answer": "maybe"})
    answer = client.post(f"/i/{ref}", {"answer": "cant", "note": "So sorry"})
    page = page_text(answer)
    assert answer.status_code == 429
    assert 'name="answer" value="cant"' in page
    assert 'name="note" value="So sorry"' in page
    assert Rsvp.objects.get().choice == "maybe"


def test_the_page_of_a_private_invitation_shows_nothing_to_who_presses_too_often(client, invited, supper, server):
    ref = invited(supper).ref
    for _ in range(rate_limits.AUTHORIZATIONS.times):
        client.post("/invitations/prove", {"handle": "bob.example.com"})
    answer = client.post(f"/i/{ref}", {"handle": "bob.example.com"})
    assert answer.status_code == 429
    assert "Secret supper" not in page_text(answer)


def test_reports_end_before_the_operator_drowns(client, invited, picnic):
    ref = invited(picnic).ref
    for _ in range(rate_limits.REPORT.times):
        client.post(f"/i/{ref}/report", {"text": "spam"})
    answer = client.post(f"/i/{ref}/report", {"text": "And another thing"})
    assert answer.status_code == 429
    assert "And another thing" in page_text(answer)
    assert Report.objects.count() == rate_limits.REPORT.times


def test_a_member_who_connects_too_often_is_told_on_her_page(signed_in, make_member, server):
    client = signed_in(make_member("zoe"))
    for _ in range(rate_limits.AUTHORIZATIONS.times):
        client.post("/auth/bluesky/connect", {"handle": "bob.example.com"})
    page = page_text(client.post("/auth/bluesky/connect", {"handle": "bob.example.com"}, follow=True))
    assert "Wait 10 minutes" in page
    assert 'value="bob.example.com"' in page
