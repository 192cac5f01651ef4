""" "I want to invite people" at a first sign-in: one consent, which is kept for the new account alone, or revoked."""

import dataclasses
import logging
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from tests.fakes.oauth import ALICE, BOB
from tests.pages import page_text

from elonara.bluesky.connections import first_session
from elonara.bluesky.models import AuthorizationRequest, MemberIdentity
from elonara.bluesky.oauth import scopes
from elonara.bluesky.oauth.outcomes import AuthorizationFailed
from elonara.housekeeping import cleanup
from elonara.members.models import Member
from elonara.web import proofs

PASSWORD = "correct horse battery staple"
START, NEW = "/auth/bluesky/start", "/auth/bluesky/new"
HOSTING = {"handle": "bob.example.com", "to": "invite"}
CONNECT = {"did": BOB, "act": "connect"}


@pytest.fixture
def begin(client, server):
    """Asks for the consent, from the front page."""
    return lambda **more: client.get(START, {**HOSTING, **more})


@pytest.fixture
def came_back(client, authorize, begin):
    """Bob, whom no member has, has consented and is offered an account."""
    assert authorize(client, begin(), BOB)["location"] == NEW


@pytest.fixture
def registration(settings):
    def change(mode):
        options = settings.ELONARA
        settings.ELONARA = dataclasses.replace(options, site=dataclasses.replace(options.site, registration=mode))

    return change


@pytest.fixture
def bob(make_member):
    """A member who has signed in by Bluesky before, and never connected."""
    member = make_member("bob")
    MemberIdentity.objects.create(member=member, bsky_did=BOB, bsky_handle="bob.example.com")
    return member


@pytest.fixture
def log():
    """Everything that is logged, in words."""
    lines, handler = [], logging.Handler(logging.DEBUG)
    handler.emit = lambda record: lines.append(record.getMessage())
    logging.getLogger("elonara").addHandler(handler)
    yield lines
    logging.getLogger("elonara").removeHandler(handler)


def alive(server):
    return [session.alive for session in server.sessions]


def password_in(client, name):
    client.post("/accounts/login/", {"login": name, "password": PASSWORD})


def waiting_id(client):
    return client.session[proofs.NEWCOMER]["request"]


class TestANewAccount:
    @pytest.mark.promise("first-consent")
    def test_is_connected_by_one_consent_once_she_confirms(self, client, server, came_back):
        assert server.asked == [scopes.connect()]
        assert not Member.objects.exists()
        assert alive(server) == [True]
        page = page_text(client.get(NEW))
        assert "See who you follow and who follows you" in page
        assert "See your lists on Bluesky" in page
        assert "Write and delete posts for you" in page

        assert client.post(NEW, CONNECT)["location"] == "/events/create"
        identity = MemberIdentity.objects.get(bsky_did=BOB)
        assert (identity.state, identity.bsky_scope) == ("active", scopes.connect())
        assert client.session["_auth_user_id"] == str(identity.member_id)
        assert alive(server) == [True]
        assert not AuthorizationRequest.objects.exists()

    def test_goes_where_she_was_going(self, client, authorize, begin):
        authorize(client, begin(next="/events/create?community=walkers"), BOB)
        assert client.post(NEW, CONNECT)["location"] == "/events/create?community=walkers"

    @pytest.mark.promise("first-consent")
    def test_without_the_button_that_says_so_is_not_connected(self, client, server, came_back):
        client.post(NEW, {"did": BOB, "act": "sign_in"})
        assert MemberIdentity.objects.get().state == "revoked"
        assert alive(server) == [False]
        assert not AuthorizationRequest.objects.exists()

    def test_is_told_what_was_not_allowed(self, client, server, authorize, begin):
        server.grants = {"scope": "atproto"}
        authorize(client, begin(), BOB)
        page = page_text(client.get(NEW))
        assert "Know your Bluesky address" in page
        assert "See who you follow" not in page

    def test_a_server_without_permissions_is_asked_in_its_own_words(self, client, server, authorize, begin):
        server.knows, server.refuses_in = "transition", "page"
        again = authorize(client, begin(), BOB)
        assert authorize(client, again, BOB)["location"] == NEW
        client.post(NEW, CONNECT)
        assert MemberIdentity.objects.get().bsky_scope == "atproto transition:generic"

    def test_a_slow_server_changes_nothing(self, client, server, authorize, begin, monkeypatch):
        from elonara.bluesky import outward
        from elonara.web import callback

        def slow(key, work, late):
            late(work(), None)
            raise outward.StillRunning("slow")

        redirect = begin()
        with monkeypatch.context() as patch:
            patch.setattr(callback.outward, "to_the_end", slow)
            params = server.approve(redirect["location"], BOB)
            assert client.get("/auth/bluesky/callback", params)["location"] == "/auth/bluesky/finishing"
        assert client.get("/auth/bluesky/finishing")["location"] == NEW
        client.post(NEW, CONNECT)
        assert MemberIdentity.objects.get().state == "active"


class TestSecrets:
    @pytest.mark.promise("first-consent")
    def test_tokens_wait_sealed_and_not_in_the_browsers_session(self, client, server, authorize, begin, log):
        authorize(client, begin(), BOB)
        session = server.sessions[-1]
        page = page_text(client.get(NEW))
        stored = str(list(AuthorizationRequest.objects.values())) + str(dict(client.session)) + page
        client.post(NEW, CONNECT)
        assert log
        for secret in (session.access_token, session.refresh_token):
            assert secret
            assert secret not in stored + str(log)
            assert secret not in str(list(MemberIdentity.objects.values())) + str(dict(client.session))

    def test_the_sealed_tokens_are_worth_nothing_in_another_row(self, client, server, came_back):
        row = AuthorizationRequest.objects.get()
        AuthorizationRequest.objects.create(
            state_hash="x" * 64, browser_hash=row.browser_hash, purpose=row.purpose, issuer=row.issuer,
            expected_did=row.expected_did, redirect_uri="", client_id="", scope="", verifier_enc="",
            dpop_key_enc=row.dpop_key_enc, payload=row.payload, consumed_at=row.consumed_at, expires_at=row.expires_at,
        )  # fmt: skip
        session = client.session
        session[proofs.NEWCOMER] |= {"request": str(AuthorizationRequest.objects.exclude(pk=row.pk).get().pk)}
        session.save()
        client.post(NEW, CONNECT)
        assert MemberIdentity.objects.filter(state="active").count() == 0


class TestADeniedConsent:
    def test_says_so_and_goes_on_as_a_guest(self, client, server, begin, authorize):
        response = client.get("/auth/bluesky/callback", server.deny(begin()["location"]))
        page = page_text(response)
        assert response.status_code == 400
        assert "nothing was connected" in page
        assert "sign in without that permission" in page
        assert 'value="bob.example.com"' in page
        assert not AuthorizationRequest.objects.exists()
        assert not Member.objects.exists()
        assert authorize(client, client.get(START, {"handle": "bob.example.com"}), BOB)["location"] == NEW
        assert server.asked[-1] == "atproto"


class TestRegistration:
    @pytest.mark.promise("first-consent")
    @pytest.mark.parametrize("mode", ["closed", "approval"])
    def test_no_more_is_asked_for_than_could_be_kept(self, client, server, registration, begin, mode):
        registration(mode)
        begin()
        assert server.asked == ["atproto"]
        for address in ("/", "/accounts/login/", START):
            assert "I want to invite people" not in page_text(client.get(address))

    @pytest.mark.promise("first-consent")
    @pytest.mark.parametrize("mode", ["closed", "approval"])
    def test_that_changes_before_she_is_back_revokes_at_once(
        self, client, server, registration, authorize, begin, mode
    ):
        redirect = begin()
        registration(mode)
        authorize(client, redirect, BOB)
        assert alive(server) == [False]
        assert not AuthorizationRequest.objects.exists()

    @pytest.mark.parametrize(("mode", "is_ready"), [("open", True), ("approval", False)])
    def test_only_an_account_that_can_act_is_called_ready(self, client, registration, authorize, begin, mode, is_ready):
        registration(mode)
        authorize(client, begin(), BOB)
        page = page_text(client.post("/auth/bluesky/new", {"did": BOB, "act": "create"}, follow=True))
        assert ("Your account is ready." in page) == is_ready

    def test_one_message_says_that_it_is_ready_and_connected(self, client, authorize, begin):
        authorize(client, begin(), BOB)
        page = page_text(client.post("/auth/bluesky/new", {"did": BOB, "act": "connect"}, follow=True))
        assert page.count("Your account is ready, and connected to Bluesky.") == 1
        assert "Connected as" not in page

    @pytest.mark.promise("first-consent")
    @pytest.mark.parametrize("mode", ["closed", "approval"])
    def test_that_changes_before_she_confirms_revokes(self, client, server, registration, came_back, mode):
        registration(mode)
        client.post(NEW, CONNECT)
        assert alive(server) == [False]
        assert not AuthorizationRequest.objects.exists()
        assert not MemberIdentity.objects.filter(state="active").exists()
        standings = [] if mode == "closed" else ["pending"]
        assert list(Member.objects.values_list("standing", flat=True)) == standings

    def test_the_way_without_bluesky_is_shown_where_it_is_open(self, client, site, registration):
        for mode, shown in (("open", True), ("approval", True), ("closed", False)):
            registration(mode)
            for address in ("/", "/accounts/login/"):
                assert ("No Bluesky? Create an account" in page_text(client.get(address))) is shown
        registration("open")
        assert 'href="/accounts/signup/?next=%2Fevents"' in page_text(client.get("/accounts/login/?next=/events"))


class TestAnAccountThatExists:
    @pytest.mark.promise("first-consent")
    def test_is_asked_on_a_page_of_its_own(self, client, server, authorize, begin, bob):
        back = authorize(client, begin(), BOB)
        assert client.session["_auth_user_id"] == str(bob.pk)
        assert back["location"].startswith("/auth/bluesky/confirm/")
        assert MemberIdentity.objects.get().state == "revoked"
        assert "You asked to invite people" in page_text(client.get(back["location"]))
        assert client.post(back["location"], {"act": "link"})["location"] == "/events/create"
        assert MemberIdentity.objects.get().state == "active"
        assert alive(server) == [True]

    def test_that_declines_is_not_connected(self, client, server, authorize, begin, bob):
        back = authorize(client, begin(), BOB)
        assert client.post(back["location"], {"act": "no"})["location"] == "/events/create"
        assert MemberIdentity.objects.get().state == "revoked"
        assert alive(server) == [False]

    @pytest.mark.promise("first-consent")
    def test_and_is_connected_keeps_its_session(self, client, server, authorize, begin, bob):
        MemberIdentity.objects.update(state="active")
        assert authorize(client, begin(), BOB)["location"] == "/events/create"
        assert alive(server) == [False]
        assert not AuthorizationRequest.objects.exists()

    @pytest.mark.promise("first-consent")
    @pytest.mark.parametrize("standing", ["suspended", "pending"])
    def test_and_may_not_act_keeps_nothing(self, client, server, authorize, begin, bob, standing):
        Member.objects.update(standing=standing)
        authorize(client, begin(), BOB)
        assert alive(server) == [False]
        assert not AuthorizationRequest.objects.exists()
        assert ("_auth_user_id" in client.session) is (standing == "pending")

    def test_and_has_a_second_factor_is_asked_for_it_first(self, client, server, authorize, begin, bob):
        from allauth.mfa.models import Authenticator

        Authenticator.objects.create(user=bob, type=Authenticator.Type.TOTP, data={"secret": "x"})
        assert authorize(client, begin(), BOB)["location"] == "/accounts/2fa/authenticate/"
        waiting = AuthorizationRequest.objects.get().pk
        client.post(f"/auth/bluesky/confirm/{waiting}", {"act": "link"})
        assert MemberIdentity.objects.get().state == "revoked"

    def test_of_another_member_than_the_one_signed_in_keeps_nothing(
        self, client, server, authorize, begin, bob, make_member
    ):
        redirect = begin()
        make_member("mallory")
        password_in(client, "mallory")
        authorize(client, redirect, BOB)
        assert alive(server) == [False]
        assert not AuthorizationRequest.objects.exists()


class TestSomebodyElse:
    @pytest.mark.promise("first-consent")
    def test_another_browser_cannot_finish_it(self, client, server, authorize, begin):
        redirect, other = begin(), Client()
        assert authorize(other, redirect, BOB).status_code == 400
        assert other.get(NEW)["location"] == "/accounts/login/"
        assert not server.sessions

    @pytest.mark.promise("first-consent")
    def test_another_browser_that_knows_the_request_gets_nothing(self, client, server, authorize, came_back):
        other = Client()
        authorize(other, other.get(START, {"handle": "alice.example.com"}), ALICE)
        session = other.session
        session[proofs.NEWCOMER] |= {"request": waiting_id(client), "did": BOB}
        session.save()
        assert "You allowed" not in page_text(other.get(NEW))
        other.post(NEW, CONNECT)
        assert not MemberIdentity.objects.filter(state="active").exists()
        assert alive(server)[0], "and it still waits for her"

    @pytest.mark.promise("first-consent")
    def test_the_session_of_one_account_is_not_kept_for_another(self, client, server, came_back, make_member):
        browser = client.session[proofs.BROWSER_ID]
        with pytest.raises(AuthorizationFailed) as failed:
            first_session.confirm(waiting_id(client), browser, make_member("mallory"), ALICE)
        assert failed.value.reason == "expired"

    @pytest.mark.promise("left-browser")
    def test_who_signs_in_by_password_next_gets_no_permission(self, client, server, came_back, make_member):
        make_member("mallory")
        password_in(client, "mallory")
        assert alive(server) == [False]
        client.post(NEW, CONNECT)
        assert MemberIdentity.objects.get().state == "revoked", "a way to sign in, which the page names, and no more"

    def test_nor_who_has_signed_in_before_the_server_answers(self, client, server, authorize, begin, make_member):
        redirect = begin()
        make_member("mallory")
        password_in(client, "mallory")
        assert authorize(client, redirect, BOB)["location"] == NEW
        assert alive(server) == [False]
        assert "I want to invite people" not in page_text(client.get(START))
        client.post(NEW, CONNECT)
        assert MemberIdentity.objects.get().state == "revoked"

    @pytest.mark.promise("left-browser")
    def test_not_you_revokes_it(self, client, server, came_back):
        client.post("/invitations/forget")
        assert alive(server) == [False]
        assert not AuthorizationRequest.objects.exists()

    def test_another_site_cannot_begin_it(self, client, server):
        response = client.get(START, HOSTING, headers={"sec-fetch-site": "cross-site"})
        assert response.status_code == 200
        assert not server.asked

    def test_without_our_form_nothing_is_kept(self, server, authorize):
        strict = Client(enforce_csrf_checks=True)
        authorize(strict, strict.get(START, HOSTING), BOB)
        assert strict.post(NEW, CONNECT).status_code == 403
        assert not Member.objects.exists()


class TestTwice:
    @pytest.mark.promise("first-consent")
    def test_the_callback_works_once(self, client, server, begin):
        params = server.approve(begin()["location"], BOB)
        assert client.get("/auth/bluesky/callback", params)["location"] == NEW
        assert client.get("/auth/bluesky/callback", params).status_code == 400
        assert client.post(NEW, CONNECT)["location"] == "/events/create"

    @pytest.mark.promise("first-consent")
    def test_a_session_is_kept_once(self, client, server, came_back, make_member):
        waiting, browser = waiting_id(client), client.session[proofs.BROWSER_ID]
        client.post(NEW, CONNECT)
        with pytest.raises(AuthorizationFailed):
            first_session.confirm(waiting, browser, make_member("mallory"), BOB)
        assert client.post(NEW, CONNECT)["location"] == "/accounts/login/"
        assert MemberIdentity.objects.count() == 1

    @pytest.mark.promise("first-consent")
    def test_what_was_refused_meanwhile_is_not_kept(self, client, server, came_back, make_member, monkeypatch):
        """Both have read the row; the refusal comes first."""
        waiting, browser = waiting_id(client), client.session[proofs.BROWSER_ID]
        found = first_session._tokens

        def refused_meanwhile(row):
            monkeypatch.setattr(first_session, "_tokens", found)
            monkeypatch.setattr(first_session, "revoke_tokens", lambda *_: False)  # its server is down
            first_session.drop(waiting, browser)
            return found(row)

        monkeypatch.setattr(first_session, "_tokens", refused_meanwhile)
        with pytest.raises(AuthorizationFailed):
            first_session.confirm(waiting, browser, make_member("bob"), BOB)
        assert AuthorizationRequest.objects.exists(), "the clean-up revokes it"

    def test_a_second_tab_with_another_account_ends_the_first(self, client, server, authorize, came_back):
        authorize(client, client.get(START, {"handle": "alice.example.com", "to": "invite"}), ALICE)
        assert alive(server) == [False, True]
        assert client.post(NEW, CONNECT)["location"] == NEW, "the page of the first tab says who it is about"
        assert not Member.objects.exists()
        client.post(NEW, {"did": ALICE, "act": "connect"})
        assert MemberIdentity.objects.get().bsky_did == ALICE

    def test_a_second_tab_of_the_same_account_keeps_the_last(self, client, server, authorize, came_back):
        authorize(client, client.get(START, HOSTING), BOB)
        client.post(NEW, CONNECT)
        assert alive(server) == [False, True]
        assert MemberIdentity.objects.get().state == "active"


class TestTime:
    def test_too_late_from_her_server_she_is_asked_for_the_same_once_more(self, client, server, begin):
        url = begin()["location"]
        AuthorizationRequest.objects.update(expires_at=timezone.now() - timedelta(minutes=20))
        cleanup.clear()
        page = client.get("/auth/bluesky/callback", server.approve(url, BOB)).content.decode()
        form = page.partition('action="/auth/bluesky/start"')[2]
        assert "I want to invite people" in form.partition("</button>")[0]
        assert 'value="bob.example.com"' in form

    @pytest.mark.promise("first-consent")
    def test_what_nobody_confirms_is_revoked_and_deleted(self, client, server, came_back):
        assert cleanup.clear() == 0
        AuthorizationRequest.objects.update(expires_at=timezone.now() - timedelta(minutes=2))
        assert "You allowed" not in page_text(client.get(NEW))
        cleanup.clear()
        assert alive(server) == [False]
        assert not AuthorizationRequest.objects.exists()

    def test_too_late_the_account_is_made_and_not_connected(self, client, server, came_back):
        AuthorizationRequest.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        back = client.post(NEW, CONNECT)
        assert "permission has expired" in page_text(client.get(back["location"]))
        assert MemberIdentity.objects.get().state == "revoked"

    def test_a_member_suspended_at_the_last_moment_keeps_nothing(self, client, server, came_back, make_member):
        member = make_member("bob", standing="suspended")
        with pytest.raises(AuthorizationFailed) as failed:
            first_session.confirm(waiting_id(client), client.session[proofs.BROWSER_ID], member, BOB)
        assert failed.value.reason == "not_allowed"
        assert alive(server) == [False]


def test_a_guest_still_gives_nothing_but_his_identity(client, server):
    client.post("/invitations/prove", {"handle": "bob.example.com", "to": "invite"})
    client.get(START, {"handle": "bob.example.com"})
    assert server.asked == ["atproto", "atproto"]


class TestTheAppPassword:
    """Where this site posts with app passwords, a host reads before and after her consent that one is left to add."""

    BEFORE = "You add an app password later"
    AFTER = "Before your first post, you also add an app password"
    UNUSED = "The permission to post is kept for later"

    @pytest.fixture
    def pages(self, client, settings, authorize, begin):
        def read(mode, relay=""):
            options, bluesky = settings.ELONARA, settings.ELONARA.bluesky
            bluesky = dataclasses.replace(
                bluesky,
                writes=dataclasses.replace(bluesky.writes, mode=mode),
                relay=dataclasses.replace(bluesky.relay, identifier=relay),
            )
            settings.ELONARA = dataclasses.replace(options, bluesky=bluesky)
            before = page_text(client.get("/"))
            authorize(client, begin(), BOB)
            return before, page_text(client.get(NEW))

        return read

    def test_is_named_beforehand(self, pages):
        before, after = pages("legacy")
        assert self.BEFORE in before
        assert self.AFTER in after
        assert self.UNUSED in after

    def test_of_a_permission_that_was_not_given_nothing_is_said(self, pages, server):
        server.grants = {"scope": " ".join(one for one in scopes.connect().split() if not one.startswith("repo"))}
        _, after = pages("legacy")
        assert self.AFTER in after
        assert self.UNUSED not in after

    def test_or_the_operators_approval_where_the_site_has_an_account_of_its_own(self, pages):
        before, after = pages("legacy", "site.example.com")
        words = "the people who run this site may let you post from its own account, or you add an app password"
        assert f"Later {words}" in before
        assert "The people who run this site may let you use its own account" in after

    def test_is_not_named_where_none_is_needed(self, pages):
        before, after = pages("oauth")
        assert "I want to invite people" in before
        assert "You allowed this site to" in after
        assert "app password" not in before + after
