"""Who holds an old session, such as a thief of the cookie, cannot make a way to sign in of their own."""

import time

import pytest
from allauth.account.models import EmailAddress
from django.contrib.sessions.models import Session
from tests.fakes.oauth import ALICE, BOB
from tests.pages import page_text

from elonara.bluesky.models import MemberIdentity
from elonara.members.models import Member

PASSWORD = "correct horse battery staple"
RECORDS = "account_authentication_methods"
NEW = {"password1": "a thief's long password", "password2": "a thief's long password"}
ASK_PASSWORD, ASK_BLUESKY = "/accounts/reauthenticate/?next=", "/auth/bluesky/verify?next="


@pytest.fixture
def carol(make_member):
    """Signs in by password, and has a Bluesky account as well."""
    member = make_member("carol")
    MemberIdentity.objects.create(member=member, bsky_did=ALICE, bsky_handle="alice.example.com")
    return member


@pytest.fixture
def bob(site):
    """Signs in by Bluesky alone."""
    member = Member.objects.create_user("bob")
    MemberIdentity.objects.create(member=member, bsky_did=BOB, bsky_handle="bob.example.com")
    return member


@pytest.fixture
def old(signed_in):
    """The browser of a member who signed in some time ago."""

    def go(member, minutes=11):
        client = signed_in(member)
        grow_old(client, minutes)
        return client

    return go


def grow_old(client, minutes=11):
    session = client.session
    session[RECORDS] = [record | {"at": time.time() - minutes * 60} for record in session[RECORDS]]
    session.save()


def verify(client, authorize, did, address):
    """Through Bluesky, from the page where the member was sent."""
    assert address.startswith(ASK_BLUESKY)
    assert client.get(address).status_code == 200
    return authorize(client, client.post(address), did)


class TestWithoutAPassword:
    @pytest.mark.promise("fresh-proof")
    def test_a_first_password_is_not_set(self, old, bob):
        client = old(bob)
        for answer in (client.get("/accounts/password/set/"), client.post("/accounts/password/set/", NEW)):
            assert answer["location"].startswith(ASK_BLUESKY)
        bob.refresh_from_db()
        assert not bob.has_usable_password()

    def test_it_is_after_a_new_sign_in_at_bluesky(self, old, bob, authorize, server):
        client = old(bob)
        asked = client.get("/accounts/password/set/")
        back = verify(client, authorize, BOB, asked["location"])
        assert back["location"] == "/accounts/password/set/"
        assert client.get("/accounts/password/set/").status_code == 200
        client.post("/accounts/password/set/", NEW)
        bob.refresh_from_db()
        assert bob.check_password(NEW["password1"])

    def test_the_server_is_told_to_ask_for_the_password(self, old, bob, server):
        client = old(bob)
        client.post("/auth/bluesky/verify")
        assert [asked["prompt"] for asked in server.pushed.values()] == ["login"]

    def test_no_address_is_added_and_the_form_is_not_kept(self, old, bob):
        client = old(bob)
        answer = client.post("/accounts/email/", {"email": "thief@example.org", "action_add": ""})
        assert answer["location"].startswith(ASK_BLUESKY)
        assert not EmailAddress.objects.exists()

    def test_no_second_factor_is_put_before_it(self, old, bob):
        assert old(bob).get("/accounts/2fa/totp/activate/")["location"].startswith(ASK_BLUESKY)

    def test_another_account_shows_nothing(self, old, bob, authorize, server):
        client = old(bob)
        answer = authorize(client, client.post("/auth/bluesky/verify?next=/accounts/password/set/"), ALICE)
        assert answer["location"].startswith(ASK_BLUESKY)
        assert client.get("/accounts/password/set/")["location"].startswith(ASK_BLUESKY)

    def test_nor_does_one_that_was_unlinked_meanwhile(self, old, bob, authorize, server):
        client = old(bob)
        begun = client.post("/auth/bluesky/verify")
        MemberIdentity.objects.all().delete()
        authorize(client, begun, BOB)
        assert client.post("/accounts/password/set/", NEW).status_code == 403
        bob.refresh_from_db()
        assert not bob.has_usable_password()

    def test_nor_does_a_browser_that_has_signed_out(self, old, bob, authorize, server):
        client = old(bob)
        begun = client.post("/auth/bluesky/verify")
        client.post("/accounts/logout/")
        answer = authorize(client, begun, BOB)
        assert "_auth_user_id" not in client.session
        assert answer.status_code in {302, 400}

    def test_a_denial_leads_back_to_the_question(self, old, bob, server):
        client = old(bob)
        begun = client.post("/auth/bluesky/verify")
        answer = client.get("/auth/bluesky/callback", server.deny(begun["location"]), follow=True)
        assert "Confirm that it’s you" in page_text(answer)


def test_who_has_nothing_to_show_is_told_to_sign_in_again(old, site):
    answer = old(Member.objects.create_user("nobody")).get("/accounts/password/set/")
    assert answer.status_code == 403
    assert "Sign out and in again" in page_text(answer)


class TestWithAPassword:
    CHANGES = [
        ("/accounts/email/", {"email": "thief@example.org", "action_add": ""}),
        ("/accounts/2fa/totp/activate/", {"code": "123456"}),
        ("/auth/bluesky/remove", {}),
    ]

    @pytest.mark.promise("fresh-proof")
    @pytest.mark.parametrize(("path", "form"), CHANGES)
    def test_nothing_changes_without_it(self, old, carol, path, form):
        answer = old(carol).post(path, form)
        assert answer["location"].startswith(ASK_PASSWORD)
        assert not EmailAddress.objects.exists()
        assert MemberIdentity.objects.filter(member=carol).exists()

    @pytest.mark.parametrize(("action", "left"), [("action_remove", 2), ("action_primary", 2)])
    def test_addresses_stay_as_they_are(self, old, carol, action, left):
        for number, primary in enumerate((True, False)):
            EmailAddress.objects.create(user=carol, email=f"c{number}@example.org", primary=primary, verified=True)
        answer = old(carol).post("/accounts/email/", {"email": "c1@example.org", action: ""})
        assert answer["location"].startswith(ASK_PASSWORD)
        assert EmailAddress.objects.filter(user=carol).count() == left
        assert EmailAddress.objects.get(primary=True).email == "c0@example.org"

    def test_with_it_the_member_goes_on(self, old, carol):
        client = old(carol)
        asked = client.post("/auth/bluesky/remove", headers={"referer": "http://testserver/profile/edit?tab=signin"})
        assert client.post(asked["location"], {"password": "wrong"}).status_code == 200
        assert client.post("/auth/bluesky/remove")["location"].startswith(ASK_PASSWORD)
        back = client.post(asked["location"], {"password": PASSWORD})
        assert back["location"] == "/profile/edit?tab=signin"
        client.post("/auth/bluesky/remove")
        assert not MemberIdentity.objects.exists()

    def test_bluesky_will_do_as_well(self, old, carol, authorize, server):
        client = old(carol)
        page = client.get("/accounts/reauthenticate/?next=/accounts/email/")
        assert "Use Bluesky" in page_text(page)
        back = verify(client, authorize, ALICE, "/auth/bluesky/verify?next=/accounts/email/")
        assert back["location"] == "/accounts/email/"
        client.post("/auth/bluesky/remove")
        assert not MemberIdentity.objects.exists()

    def test_what_was_typed_and_the_cookie_are_not_kept_in_the_database(self, old, carol):
        client = old(carol)
        client.post("/accounts/email/", {"email": "typed@example.org", "action_add": ""})
        kept = str([session.get_decoded() for session in Session.objects.all()])
        assert "typed@example.org" not in kept
        assert client.cookies["elonara_session"].value not in kept


class TestAFirstBlueskyAccount:
    """It becomes a way to sign in."""

    @pytest.fixture
    def dave(self, make_member):
        return make_member("dave")

    @pytest.mark.promise("fresh-proof")
    def test_is_not_connected_from_an_old_session(self, old, dave, server):
        answer = old(dave).post("/auth/bluesky/connect", {"handle": "bob.example.com"})
        assert answer["location"].startswith(ASK_PASSWORD)
        assert not server.pushed

    def test_nor_by_way_of_the_page_that_asks(self, old, dave, authorize, server):
        client = old(dave)
        asked = authorize(client, client.get("/auth/bluesky/start", {"handle": "bob.example.com"}), BOB)
        answer = client.post(asked["location"], {"act": "link"})
        assert answer["location"].startswith(ASK_PASSWORD)
        assert not MemberIdentity.objects.exists()
        # The question is still there after the password.
        client.post(answer["location"], {"password": PASSWORD})
        client.post(asked["location"], {"act": "link"})
        assert MemberIdentity.objects.get().member == dave

    def test_nor_by_an_offer_from_before_the_sign_in(self, client, dave, authorize, server):
        authorize(client, client.get("/auth/bluesky/start", {"handle": "bob.example.com"}), BOB)
        client.post("/accounts/login/", {"login": "dave", "password": PASSWORD})
        grow_old(client)
        assert client.post("/auth/bluesky/new", {"did": BOB})["location"].startswith(ASK_PASSWORD)
        assert not MemberIdentity.objects.exists()

    def test_is_right_after_signing_in_or_up(self, client, dave, server, site):
        client.post("/accounts/login/", {"login": "dave", "password": PASSWORD})
        assert "request_uri" in client.post("/auth/bluesky/connect", {"handle": "bob.example.com"})["location"]
        client.post("/accounts/logout/")
        client.post("/accounts/signup/", {"username": "erin", "password1": PASSWORD, "email": ""})
        assert "request_uri" in client.post("/auth/bluesky/connect", {"handle": "bob.example.com"})["location"]

    def test_the_same_account_again_needs_nothing(self, old, carol, server):
        assert "request_uri" in old(carol).post("/auth/bluesky/connect", {"handle": "alice.example.com"})["location"]


@pytest.mark.promise("fresh-proof")
@pytest.mark.parametrize("minutes", [11, -5, 60 * 24 * 30])
def test_a_proof_counts_for_ten_minutes_and_not_from_the_future(old, carol, minutes):
    assert old(carol, minutes).post("/auth/bluesky/remove")["location"].startswith(ASK_PASSWORD)


def test_a_proof_of_somebody_else_in_this_browser_counts_nothing(old, carol, make_member):
    client = old(carol)
    session = client.session
    session[RECORDS] = [{"method": "password", "at": time.time()}]
    session["account_authentication_methods_user"] = str(make_member("mallory").pk)
    session.save()
    assert client.post("/auth/bluesky/remove")["location"].startswith(ASK_PASSWORD)


def test_proofs_do_not_fill_the_session(signed_in, carol):
    client = signed_in(carol)
    for _ in range(9):
        client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert len(client.session[RECORDS]) == 4
    assert all(record.get("reauthenticated") for record in client.session[RECORDS])
