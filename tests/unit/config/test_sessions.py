"""The session cookie is a secret that the database does not have; sessions end for good after 90 days."""

import importlib
import re
from datetime import timedelta
from http.cookies import SimpleCookie
from pathlib import Path

import pytest
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.conf import settings
from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import timezone

from elonara.config.sessions import LONGEST_SESSION, SessionStore, key_of
from elonara.members import actions as members
from elonara.members.models import Member

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery staple"
NAME = settings.SESSION_COOKIE_NAME


@pytest.fixture(autouse=True)
def plain_http(settings, db):
    cache.clear()  # counts of sign-ins: of all tests, that come from one address
    settings.SECURE_SSL_REDIRECT = False


@pytest.fixture
def member():
    return Member.objects.create_user("alice", password=PASSWORD)


@pytest.fixture
def browser(member):
    """A browser in which alice has signed in by the form."""
    client = Client()
    assert client.post("/accounts/login/", {"login": "alice", "password": PASSWORD}).status_code == 302
    return client


def is_signed_in(client):
    return client.get("/profile/edit").status_code == 200


def with_cookie(value):
    client = Client()
    client.cookies = SimpleCookie({NAME: value})
    return client


@pytest.mark.promise("session-hashed")
def test_no_column_has_what_the_browser_has(browser):
    cookie = browser.cookies[NAME].value
    keys = [*Session.objects.values_list("session_key", flat=True)]
    assert keys == [*UserSession.objects.values_list("session_key", flat=True)] == [key_of(cookie)]
    assert cookie not in keys
    assert all(re.fullmatch("[0-9a-f]{40}", key) for key in keys)


@pytest.mark.promise("session-hashed")
def test_what_the_database_has_opens_no_session(browser):
    assert is_signed_in(browser)
    assert not is_signed_in(with_cookie(Session.objects.get().session_key))
    # Nor once more hashed by the thief, who may know how it is done.
    assert not is_signed_in(with_cookie(key_of(Session.objects.get().session_key)))
    assert is_signed_in(browser)


@pytest.mark.every_value_on_postgres
@pytest.mark.parametrize("value", ["", "x", "short", "é" * 40, "a" * 40, "x" * 9000, "%00", "../../etc/passwd"])
def test_a_cookie_that_is_none_is_a_visitors(value, browser):
    assert with_cookie(value).get("/about").status_code == 200
    assert not is_signed_in(with_cookie(value))


def test_signing_in_makes_a_new_secret_and_the_old_one_opens_nothing(member):
    client = Client()
    client.session["any"] = 1
    before = client.cookies[NAME].value
    client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    assert client.cookies[NAME].value != before
    assert not SessionStore.of_cookie(before).exists(key_of(before))
    assert not is_signed_in(with_cookie(before))


def test_a_new_password_gives_this_browser_another_secret_and_ends_the_others(browser, member):
    other = Client()
    other.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    before = browser.cookies[NAME].value
    new = {"oldpassword": PASSWORD, "password1": "another long password", "password2": "another long password"}
    browser.post("/accounts/password/change/", new)
    assert browser.cookies[NAME].value != before
    assert is_signed_in(browser)
    assert not is_signed_in(other)
    assert not is_signed_in(with_cookie(before))


def test_the_list_of_sessions_knows_this_one_and_ends_the_others(browser):
    other = Client()
    other.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    page = browser.get("/accounts/sessions/")
    assert page.status_code == 200
    assert page.content.count(b"This browser") == 1
    assert UserSession.objects.count() == 2
    browser.post("/accounts/sessions/")
    assert UserSession.objects.get().session_key == key_of(browser.cookies[NAME].value)
    assert is_signed_in(browser)
    assert not is_signed_in(other)


def test_ending_a_members_sessions_ends_them_at_once(browser, member):
    members.end_sessions(member)
    assert not Session.objects.filter(session_key=key_of(browser.cookies[NAME].value)).exists()
    assert not is_signed_in(browser)


def test_signing_out_takes_the_cookie_and_the_row(browser):
    browser.post("/accounts/logout/")
    assert browser.cookies[NAME].value == ""
    assert not Session.objects.exists()
    assert not is_signed_in(browser)


def test_a_session_that_was_opened_by_its_key_never_becomes_a_cookie(browser, rf):
    from django.http import HttpResponse

    from elonara.config.sessions import SessionMiddleware

    def page(request):
        request.session = SessionStore(request.session.session_key)
        request.session["any"] = 1
        return HttpResponse()

    request = rf.get("/")
    request.COOKIES[NAME] = browser.cookies[NAME].value
    assert NAME not in SessionMiddleware(page)(request).cookies
    assert is_signed_in(browser)


class TestTheEnd:
    @pytest.mark.promise("session-hashed")
    def test_each_use_moves_it_on_until_the_absolute_end(self, browser, clock):
        last = timezone.now() + LONGEST_SESSION
        for _ in range(20):
            clock.pass_(days=6)
            session = SessionStore.of_cookie(browser.cookies[NAME].value)
            if not session.get("_auth_user_id"):
                break
            session["seen"] = timezone.now().timestamp()
            session.save()
            assert Session.objects.get(pk=session.session_key).expire_date <= last + timedelta(seconds=2)
        assert timezone.now() - timedelta(days=6) <= last <= timezone.now()
        assert not is_signed_in(browser)

    def test_the_cookie_ends_with_it(self, browser, clock):
        clock.pass_(days=50)
        session = SessionStore.of_cookie(browser.cookies[NAME].value)
        assert 39 * 86400 < session.get_expiry_age() <= 40 * 86400

    def test_it_counts_from_the_sign_in_and_not_from_the_first_visit(self, member, clock):
        client = Client()
        session = client.session
        session["any"] = 1
        session.save()
        clock.pass_(days=50)
        client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
        session = SessionStore.of_cookie(client.cookies[NAME].value)
        assert session.get_expiry_age() > 59 * 86400

    def test_a_new_password_is_no_longer_life(self, browser, clock):
        began = SessionStore.of_cookie(browser.cookies[NAME].value)["began"]
        clock.pass_(days=3)
        new = {"oldpassword": PASSWORD, "password1": "another long password", "password2": "another long password"}
        browser.post("/accounts/password/change/", new)
        assert SessionStore.of_cookie(browser.cookies[NAME].value)["began"] == began

    @pytest.mark.parametrize("expiry", [0, None, 10 * 365 * 86400, timezone.now() + timedelta(days=4000)])
    def test_nobody_can_ask_for_more(self, expiry):
        store = SessionStore()
        store.set_expiry(expiry)
        store.save()
        assert store.get_expiry_age() <= LONGEST_SESSION.total_seconds()
        assert Session.objects.get().expire_date <= timezone.now() + LONGEST_SESSION


class TestTheUpgrade:
    """Migration 0008: what lives goes on under the same cookie."""

    @pytest.fixture
    def old(self, member):
        """A session of 0.1.0, whose key is the cookie, and its line in the list. Returns the cookie."""
        client = Client()
        client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
        data = client.session
        data.pop("began")
        store = db.SessionStore()
        store.update(dict(data.items()))
        store.create()
        Session.objects.exclude(pk=store.session_key).delete()
        UserSession.objects.update(session_key=store.session_key)
        assert len(store.session_key) == 32
        return store.session_key

    def migrate(self):
        module = importlib.import_module("elonara.migrations.0012_hashed_session_keys")
        with connection.schema_editor() as editor:
            module.hash_keys(apps, editor)
        with connection.schema_editor(atomic=False) as editor:
            module.overwrite_freed_pages(apps, editor)

    @pytest.mark.django_db(transaction=True)
    def test_nobody_is_signed_out_and_the_cookie_is_gone(self, old, member):
        browser = with_cookie(old)
        assert not is_signed_in(browser)  # before it
        self.migrate()
        browser = with_cookie(old)
        assert is_signed_in(browser)
        assert UserSession.objects.get().session_key == key_of(old)
        assert Session.objects.get().session_key == key_of(old)
        assert browser.get("/accounts/sessions/").status_code == 200
        assert UserSession.objects.count() == 1
        members.end_sessions(member)
        assert not is_signed_in(browser)

    @pytest.mark.django_db(transaction=True)
    def test_done_twice_it_does_nothing_more(self, old):
        self.migrate()
        self.migrate()
        assert is_signed_in(with_cookie(old))

    @pytest.mark.sqlite_only
    @pytest.mark.django_db(transaction=True)
    def test_the_database_file_has_no_cookie_left(self, old):
        path = Path(str(connection.settings_dict["NAME"]))
        files = [path, Path(f"{path}-wal")]
        if not path.exists():
            pytest.skip("the database of this run is in memory")

        def found():
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return any(old.encode() in file.read_bytes() for file in files if file.exists())

        assert found()
        self.migrate()
        assert not found()

    @pytest.mark.django_db(transaction=True)
    def test_many_are_converted(self, old):
        expires = timezone.now() + timedelta(days=1)
        cookies = [f"{number:032d}" for number in range(1203)]
        Session.objects.bulk_create(
            Session(session_key=cookie, session_data="", expire_date=expires) for cookie in cookies
        )
        self.migrate()
        keys = set(Session.objects.values_list("pk", flat=True))
        assert {key_of(cookie) for cookie in cookies} | {key_of(old)} == keys
