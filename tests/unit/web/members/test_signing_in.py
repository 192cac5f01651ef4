"""Sign-in with Bluesky, linking accounts, and the first operator."""

import re

import pytest
from tests.fakes.oauth import ALICE, BOB
from tests.pages import page_text

from elonara.bluesky import outward
from elonara.bluesky.models import MemberIdentity
from elonara.bluesky.oauth import client_refusals
from elonara.members.actions import first_run_link
from elonara.members.models import Member


@pytest.fixture
def bob(make_member):
    member = make_member("bob")
    MemberIdentity.objects.create(member=member, bsky_did=BOB, bsky_handle="bob.example.com")
    return member


@pytest.mark.promise("new-session")
def test_a_known_account_signs_in_and_gets_a_new_session_key(client, authorize, server, bob):
    redirect = client.get("/auth/bluesky/start", {"handle": "bob.example.com", "next": "/communities"})
    before = client.session.session_key
    back = authorize(client, redirect, BOB)
    assert back["location"] == "/communities"
    assert client.session["_auth_user_id"] == str(bob.pk)
    assert client.session.session_key != before


@pytest.mark.promise("second-factor")
def test_a_second_factor_is_asked_for(client, authorize, server, bob):
    from allauth.mfa.models import Authenticator

    Authenticator.objects.create(user=bob, type=Authenticator.Type.TOTP, data={"secret": "x"})
    back = authorize(client, client.get("/auth/bluesky/start", {"handle": "bob.example.com"}), BOB)
    assert back["location"] == "/accounts/2fa/authenticate/"
    assert "_auth_user_id" not in client.session


@pytest.mark.promise("suspended-out")
def test_a_suspended_member_cannot_sign_in(client, authorize, server, bob):
    Member.objects.filter(pk=bob.pk).update(standing=Member.Standing.SUSPENDED)
    authorize(client, client.get("/auth/bluesky/start", {"handle": "bob.example.com"}), BOB)
    assert "_auth_user_id" not in client.session


def test_an_unknown_account_is_asked_whether_to_create_a_member(client, authorize, server):
    back = authorize(client, client.get("/auth/bluesky/start", {"handle": "bob.example.com"}), BOB)
    assert back["location"] == "/auth/bluesky/new"
    assert "Create an account?" in page_text(client.get("/auth/bluesky/new"))
    assert not Member.objects.exists()

    client.post("/auth/bluesky/new", {"did": BOB})
    assert MemberIdentity.objects.get(bsky_did=BOB).member_id == int(client.session["_auth_user_id"])


def test_a_newcomer_with_an_account_links_it_after_signing_in(client, authorize, server, make_member):
    member = make_member("robert")
    authorize(client, client.get("/auth/bluesky/start", {"handle": "bob.example.com"}), BOB)
    client.post("/accounts/login/", {"login": "robert", "password": "correct horse battery staple"})
    assert "from now on?" in page_text(client.get("/auth/bluesky/new"))
    assert not MemberIdentity.objects.exists()
    client.post("/auth/bluesky/new", {"did": BOB})
    assert MemberIdentity.objects.get().member == member


@pytest.mark.promise("no-forced-link")
def test_a_connect_that_another_site_may_have_started_is_confirmed_by_did(signed_in, authorize, server, make_member):
    client = signed_in(make_member("alice"))
    back = authorize(client, client.get("/auth/bluesky/start", {"handle": "bob.example.com"}), BOB)
    assert back["location"].startswith("/auth/bluesky/confirm/")
    assert not MemberIdentity.objects.exists()
    assert BOB in page_text(client.get(back["location"]))

    client.post(back["location"], {"act": "no"})
    assert not MemberIdentity.objects.exists()


def test_a_connect_by_our_own_form_needs_no_confirmation(signed_in, authorize, server, make_member):
    member = make_member("alice")
    client = signed_in(member)
    back = authorize(client, client.post("/auth/bluesky/connect", {"handle": "alice.example.com"}), ALICE)
    assert back["location"] == "/profile/edit"
    card = page_text(client.get("/profile/edit"))
    assert ALICE in card
    assert "Show who you follow" in card


@pytest.mark.promise("one-did-one-member")
def test_an_account_of_another_member_is_refused_with_a_sentence(signed_in, authorize, server, bob, make_member):
    client = signed_in(make_member("alice"))
    back = authorize(client, client.post("/auth/bluesky/connect", {"handle": "bob.example.com"}), BOB)
    assert "belongs to another member" in page_text(client.get(back["location"]))
    assert MemberIdentity.objects.get().member == bob


def test_an_unknown_handle_is_kept_in_the_form(client, server):
    response = client.get("/auth/bluesky/start", {"handle": "no.such.example", "next": "/communities"})
    page = page_text(response)
    assert response.status_code == 400
    assert 'value="no.such.example"' in page
    assert 'name="next" value="/communities"' in page


@pytest.mark.parametrize(
    ("trouble", "says"), [("metadata", "could not check who this site is"), ("clock", "clock of this site is wrong")]
)
def test_our_own_clock_and_metadata_are_not_blamed_on_the_server(client, server, trouble, says):
    client_refusals.forget()
    server.metadata_is_away = trouble == "metadata"
    server.network.clocks = {server.issuer: 7200} if trouble == "clock" else {}
    page = page_text(client.get("/auth/bluesky/start", {"handle": "bob.example.com"}, follow=True))
    outward.wait_for_background(10)
    assert says in page
    assert "refused" not in page
    assert "Try again in a few minutes" in page


def test_another_browser_cannot_finish_the_authorization_request(client, authorize, server, bob):
    from django.test import Client

    redirect = client.get("/auth/bluesky/start", {"handle": "bob.example.com"})
    other = Client()
    response = authorize(other, redirect, BOB)
    assert response.status_code == 400
    assert "_auth_user_id" not in other.session


def test_the_first_operator_is_created_once(client, site):
    path = "/" + first_run_link().split("/", 3)[3]
    wrong = client.post(path, {"username": "olga", "password": "short"})
    assert "olga" in page_text(wrong)
    client.post(path, {"username": "olga", "password": "correct horse battery staple"})
    operator = Member.objects.get()
    assert operator.is_superuser
    assert client.session["_auth_user_id"] == str(operator.pk)
    assert client.get(path).status_code == 404


def test_the_only_way_to_sign_in_cannot_be_removed(signed_in, server, bob):
    bob.set_unusable_password()
    bob.save()
    client = signed_in(bob)
    client.post("/auth/bluesky/remove")
    assert MemberIdentity.objects.filter(member=bob).exists()


@pytest.mark.parametrize(
    ("after", "way"),
    [
        ("/events/secret-supper", "/events/secret-supper"), ("/communities/circle", "/communities/circle"),
        ("/events/create", "/invitations"), ("/", "/invitations"), ("/profile/edit", "/invitations"),
        ("/events/secret-supper/manage", "/invitations"), ("/events/created-here", "/events/created-here"),
    ],
)  # fmt: skip
def test_who_came_for_a_page_goes_on_to_it_without_an_account(client, authorize, server, after, way):
    authorize(client, client.get("/auth/bluesky/start", {"handle": "bob.example.com", "next": after}), BOB)
    page = client.get("/auth/bluesky/new").content.decode()
    assert re.search(r'<p class="small">\s*<a class="textlink" href="([^"]+)"', page)[1] == way
