"""Whoever is not signed in leaves a session row only where something has to be kept, and not for long."""

import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from tests.fakes.oauth import BOB
from tests.unit.web.conftest import PASSWORD
from tests.urlconf import examples

from elonara.config.sessions import VISITOR_SECONDS, SessionStore
from elonara.housekeeping import cleanup
from elonara.web.proofs import PROOF_SECONDS

VISITOR = {"REMOTE_ADDR": "203.0.113.7"}
# Everything that any form of the site may send.
FORM = {
    "handle": "nobody.example.com", "next": "/events", "answer": "going", "act": "link", "who": "site", "text": "spam",
    "login": "alice", "password": "wrong", "email": "nobody@mail.example", "username": "x", "password1": "short",
    "do": "no", "theme": "dark", "title": "x", "name": "x", "did": "did:plc:x", "code": "123456",
}  # fmt: skip


@pytest.fixture(autouse=True)
def empty_cache(transactional_db):
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def addresses(server, invited, picnic, circle):
    return [*examples(), f"/events/{picnic.slug}", f"/communities/{circle.slug}", f"/i/{invited(picnic).ref}"]


def rows():
    return [store.get_decoded() for store in Session.objects.all()]


@pytest.mark.promise("visitors-leave-nothing")
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_address_makes_a_row(method, addresses):
    made = {}
    for address in addresses:
        # A browser of its own each time: without a cookie.
        Client(raise_request_exception=False).generic(method, address, **VISITOR)
        if method == "POST":
            Client().post(address, FORM, **VISITOR)
        if rows():
            made[address] = rows()
            Session.objects.all().delete()
    assert not made


def test_a_refused_form_makes_none_in_a_browser_that_has_its_token(addresses):
    client = Client(enforce_csrf_checks=True)
    page = client.get("/accounts/login/").content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[1]
    for address in addresses:
        client.post(address, FORM | {"csrfmiddlewaretoken": token}, **VISITOR)
        assert not rows(), address


def test_a_callback_that_nobody_began(client, server):
    response = client.get("/auth/bluesky/callback", {"state": "x", "code": "y", "iss": "https://auth.example"})
    assert response.status_code == 400
    assert not rows()
    assert settings.SESSION_COOKIE_NAME not in response.cookies


def test_a_server_that_does_not_answer(client, server):
    del server.network.origins[server.pds]
    assert client.get("/auth/bluesky/start?handle=bob.example.com").status_code == 400
    assert not rows()


class TestWhatMustBeKept:
    @pytest.mark.promise("visitors-leave-nothing")
    def test_a_begun_sign_in_lives_an_hour(self, client, server):
        response = client.get("/auth/bluesky/start?handle=bob.example.com")
        assert response.cookies[settings.SESSION_COOKIE_NAME]["max-age"] <= VISITOR_SECONDS == 3600
        assert Session.objects.get().expire_date <= timezone.now() + timedelta(seconds=VISITOR_SECONDS)

    def test_and_is_bounded_for_each_network(self, server):
        found = [Client().get("/auth/bluesky/start?handle=bob.example.com", **VISITOR).status_code for _ in range(80)]
        assert found.count(302) == 72
        assert Session.objects.count() == 72

    def test_and_is_cleared_away(self, client, server, clock):
        client.get("/auth/bluesky/start?handle=bob.example.com")
        clock.pass_(seconds=VISITOR_SECONDS + 1)
        cleanup.clear()
        assert not Session.objects.exists()

    def test_a_proof_is_kept_as_long_as_it_counts(self, client, server, authorize):
        authorize(client, client.post("/invitations/prove", {"handle": "bob.example.com"}), BOB)
        left = Session.objects.get().expire_date - timezone.now()
        assert timedelta(days=13) < left <= timedelta(seconds=PROOF_SECONDS)
        client.post("/invitations/forget")
        assert Session.objects.get().expire_date <= timezone.now() + timedelta(seconds=VISITOR_SECONDS)

    def test_a_member_keeps_hers_for_sixty_days(self, client, server, alice):
        client.get("/auth/bluesky/start?handle=bob.example.com")
        response = client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
        assert response.cookies[settings.SESSION_COOKIE_NAME]["max-age"] == settings.SESSION_COOKIE_AGE
        left = Session.objects.get().expire_date - timezone.now()
        assert timedelta(days=59) < left <= timedelta(days=60)

    def test_a_password_that_waits_for_its_second_factor_lives_an_hour(self):
        store = SessionStore()
        store["account_login"] = {"user_pk": "1"}
        store.save()
        assert Session.objects.get().expire_date <= timezone.now() + timedelta(seconds=VISITOR_SECONDS)


@pytest.mark.promise("visitors-apart")
def test_a_browser_is_counted_before_it_has_a_session(client, invited, picnic):
    """By the token of its forms: one browser in an office must not use up what the others have."""
    ref = invited(picnic).ref
    client.get("/accounts/login/")
    found = [client.post(f"/i/{ref}/report", {"text": "spam"}, **VISITOR).status_code for _ in range(6)]
    assert found[-1] == 429
    other = Client()
    other.get("/accounts/login/")
    assert other.post(f"/i/{ref}/report", {"text": "spam"}, **VISITOR).status_code == 302
