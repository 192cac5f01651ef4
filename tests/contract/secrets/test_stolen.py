"""What a thief gets of the database, a backup, the logs, a browser: no way in, or none that stays."""

import json
import logging
import os
import re
import sqlite3
import subprocess
import tarfile
from contextlib import closing
from datetime import timedelta
from http.cookies import SimpleCookie

import pytest
from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.utils import timezone
from tests.contract.secrets import listening

from elonara.bluesky.models import MemberIdentity
from elonara.cli import archives
from elonara.config.sessions import LONGEST_SESSION, SessionStore, key_of
from elonara.members import actions as members
from elonara.members.models import Member

PASSWORD = "correct horse battery staple"
CANDIDATE = re.compile(rb"[A-Za-z0-9_\-]{32,64}")  # what could be a cookie of ours, or of 0.1.0


@pytest.fixture(autouse=True)
def plain_http(settings):
    settings.SECURE_SSL_REDIRECT = False


@pytest.fixture
def alice(hunt):
    return Member.objects.create_user("alice", password=PASSWORD)


@pytest.fixture
def at_home(alice, browser):
    """Alice's own browser, in which she has signed in."""
    page = browser("alice")
    page.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    assert page.get("/profile/edit").status_code == 200
    return page


def cookie_of(page):
    return page.cookies[settings.SESSION_COOKIE_NAME].value


def with_cookie(value):
    thief = Client(raise_request_exception=False)
    thief.cookies = SimpleCookie({settings.SESSION_COOKIE_NAME: value})
    return thief


def opens(value):
    return with_cookie(value).get("/profile/edit").status_code == 200


def try_all(content):
    """Every word that a thief could take for a cookie, as it stands and hashed. Returns what opened a session."""
    words = {word.decode() for word in CANDIDATE.findall(content)}
    # Long runs hide shorter ones: keys stand in SQLite's pages without anything between them.
    words |= {word[start : start + 40] for word in words for start in range(len(word) - 39)}
    tried = words | {key_of(word) for word in words}
    living = set(Session.objects.filter(pk__in=[key_of(word) for word in tried]).values_list("pk", flat=True))
    return {word for word in tried if key_of(word) in living}


def backup_of_the_site(folder):
    """What `elonara backup` puts into its archive of data: name → content, the dump of PostgreSQL as SQL too."""
    path = archives.dump_database(folder)
    archives.pack(folder / "backup.tar.gz", {path.name: path}, compressed=True)
    with tarfile.open(folder / "backup.tar.gz") as archive:
        found = {name: archive.extractfile(name).read() for name in archive.getnames()}
    if connection.vendor == "postgresql":
        words = [archives.find("pg_restore"), "--file=-", str(path)]
        found["SQL"] = subprocess.run(words, capture_output=True, check=True, env=dict(os.environ)).stdout
    return found


class TestStolenDatabase:
    def test_no_row_opens_a_session(self, at_home, hunt, look):
        look()
        assert "session cookie" in hunt.names()
        assert hunt.leaks() == set()
        rows = [*Session.objects.values_list("pk", "session_data"), *UserSession.objects.values_list("session_key")]
        assert try_all(json.dumps(rows).encode()) == set()
        assert opens(cookie_of(at_home))  # the way of trying is right


class TestStolenBackup:
    def test_it_opens_nothing_and_says_nobodys_sessions(self, at_home, hunt, tmp_path):
        ended = Client()
        ended.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
        gone = cookie_of(ended)
        ended.post("/accounts/logout/")
        for name, content in backup_of_the_site(tmp_path).items():
            hunt.hear(f"backup:{name}", content)
            assert try_all(content) == set(), name
            for cookie in (cookie_of(at_home), gone):
                assert cookie.encode() not in content
                assert key_of(cookie).encode() not in content
        assert hunt.leaks() == set()
        assert opens(cookie_of(at_home))

    @pytest.mark.sqlite_only
    def test_what_it_holds_is_whole_but_for_them(self, at_home, tmp_path):
        folder = tmp_path / "backup"
        folder.mkdir()
        path = archives.dump_database(folder)
        assert [left.name for left in folder.iterdir()] == [path.name]
        with closing(sqlite3.connect(path)) as copy:
            assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert copy.execute("SELECT username FROM elonara_member").fetchall() == [("alice",)]
            tables = {name for (name,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            for model in archives.WITHOUT_ROWS:
                assert model._meta.db_table in tables
                assert copy.execute(f"SELECT count(*) FROM {model._meta.db_table}").fetchone() == (0,)
            assert copy.execute("PRAGMA freelist_count").fetchone() == (0,)


class TestStolenLog:
    def test_no_line_opens_a_session(self, at_home, hunt, look):
        """Every logger at DEBUG: pages, a fault, a form that is refused, a corrupted session, a new password."""
        cookie = cookie_of(at_home)
        for path in ("/", "/accounts/sessions/", "/profile/edit?tab=signin", "/nowhere", "/accounts/email/"):
            at_home.get(path)
        at_home.get("/about", headers={"x-forwarded-for": cookie, "referer": f"http://testserver/?{cookie[:8]}"})
        at_home.post("/accounts/email/", {"email": "no address", "action_add": ""})
        Session.objects.filter(pk=key_of(cookie)).update(session_data="not signed")
        at_home.get("/profile/edit")
        again = Client()
        again.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
        new = {"oldpassword": PASSWORD, "password1": "another long password", "password2": "another long password"}
        again.post("/accounts/password/change/", new)
        logging.getLogger("elonara.tests").error("a session: %r %s", again.session, Session.objects.first())
        look()
        said = b"\n".join(text for channel, text in hunt.said if channel in {"log", "traceback", "stdout", "stderr"})
        assert said
        assert try_all(said) == set()
        assert cookie.encode() not in said
        assert cookie_of(again).encode() not in said
        assert opens(cookie_of(again))


class TestStolenBrowser:
    """The cookie opens the session, as it must; but the thief cannot stay, and is put out."""

    @pytest.fixture
    def thief(self, at_home):
        """An hour after the sign-in somebody has copied the whole storage of the browser."""
        session = SessionStore.of_cookie(cookie_of(at_home))
        name = "account_authentication_methods"
        session[name] = [record | {"at": record["at"] - 3600} for record in session[name]]
        session.save()
        thief = with_cookie(cookie_of(at_home))
        assert thief.get("/profile/edit").status_code == 200
        return thief

    def test_scripts_and_other_sites_do_not_get_the_cookie(self, at_home):
        morsel = at_home.cookies[settings.SESSION_COOKIE_NAME]
        assert (morsel["httponly"], morsel["samesite"], morsel["path"]) == (True, "Lax", "/")
        assert not morsel["domain"]

    def test_nothing_else_in_it_is_a_secret(self, at_home, hunt):
        listening.keep_keys_of_the_site(hunt)
        at_home.get("/profile/edit?tab=signin")
        others = {name: morsel.value for name, morsel in at_home.cookies.items()}
        del others[settings.SESSION_COOKIE_NAME]
        hunt.hear("browser storage", json.dumps(others))
        assert not [leak for leak in hunt.leaks() if leak.channel == "browser storage"]

    def test_no_way_to_sign_in_is_made_changed_or_removed(self, thief, alice):
        MemberIdentity.objects.create(member=alice, bsky_did="did:plc:alice", bsky_handle="alice.example")
        EmailAddress.objects.create(user=alice, email="alice@example.org", primary=True, verified=True)
        before = (alice.password, sorted(EmailAddress.objects.values_list("email", "primary")))
        tried = {
            "/accounts/email/": {"email": "thief@example.org", "action_add": ""},
            "/accounts/password/set/": {"password1": "a thief's password", "password2": "a thief's password"},
            "/accounts/password/change/": {"oldpassword": "?", "password1": "a thief's pass"},
            "/accounts/2fa/totp/activate/": {"code": "123456"},
            "/accounts/2fa/recovery-codes/generate/": {},
            "/auth/bluesky/remove": {},
        }  # fmt: skip
        for path, form in tried.items():
            thief.post(path, form)
        thief.post("/accounts/email/", {"email": "alice@example.org", "action_remove": ""})
        alice.refresh_from_db()
        assert (alice.password, sorted(EmailAddress.objects.values_list("email", "primary"))) == before
        assert MemberIdentity.objects.filter(member=alice).exists()
        assert not alice.authenticator_set.exists()

    @pytest.mark.parametrize("how", ["signing out", "another browser", "a new password", "the operator"])
    def test_the_member_or_the_operator_puts_the_thief_out(self, thief, at_home, alice, how):
        other = Client()
        other.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
        if how == "signing out":
            at_home.post("/accounts/logout/")
        elif how == "another browser":
            other.post("/accounts/sessions/")
        elif how == "a new password":
            words = {"oldpassword": PASSWORD, "password1": "another long password"}
            other.post("/accounts/password/change/", words | {"password2": words["password1"]})
        else:
            members.end_sessions(alice)
        assert thief.get("/profile/edit").status_code == 302

    def test_it_ends_by_itself_however_much_it_is_used(self, thief, clock):
        began = timezone.now()
        while thief.get("/profile/edit").status_code == 200:
            thief.get("/theme")
            session = SessionStore.of_cookie(cookie_of(thief))
            session["seen"] = timezone.now().timestamp()
            session.save()
            clock.pass_(days=5)
            assert timezone.now() - began < LONGEST_SESSION + timedelta(days=6)
        assert timezone.now() - began >= LONGEST_SESSION - timedelta(days=1)
