"""Asking to join on a community's page, and what its admins and moderators do about it."""

import pytest
from django.test import Client
from tests.pages import page_text
from tests.unit.web.conftest import BOB, sign_in

from elonara.bluesky.models import MemberIdentity
from elonara.communities import actions as communities
from elonara.communities.models import Community, JoinRequest, Membership, Removal


@pytest.fixture
def choosy(alice):
    return communities.create(alice, name="Brew Circle", joining="request")


@pytest.fixture
def bob(make_member):
    return make_member("bob", display_name="Bob Baker")


@pytest.fixture
def of_bob(bob):
    return sign_in(Client(), bob)


@pytest.fixture
def of_alice(alice):
    return sign_in(Client(), alice)


def test_she_asks_reads_that_she_did_and_takes_it_back(choosy, of_bob, client):
    address = f"/communities/{choosy.slug}"
    assert "Sign in to ask" in page_text(client.get(address))
    page = page_text(of_bob.get(address))
    assert "Ask to join" in page
    assert f'action="{address}/join"' not in of_bob.get(address).content.decode()
    of_bob.post(f"{address}/ask", {"word": "I brew."})
    page = page_text(of_bob.get(address))
    assert "You asked to join" in page
    assert "I brew." in page
    of_bob.post(f"{address}/ask/withdraw")
    assert "Ask to join" in page_text(of_bob.get(address))
    assert JoinRequest.objects.get().outcome == "withdrawn"


@pytest.mark.parametrize("page", ["members", "manage?tab=members"])
def test_an_admin_accepts_or_declines_where_people_are_listed(choosy, of_bob, of_alice, make_member, page):
    address = f"/communities/{choosy.slug}"
    of_bob.post(f"{address}/ask", {"word": "I brew."})
    cleo = sign_in(Client(), make_member("cleo"))
    cleo.post(f"{address}/ask")
    first, second = JoinRequest.objects.order_by("pk")
    shown = page_text(of_alice.get(f"{address}/{page}"))
    assert "2 people ask to join" in shown
    assert "I brew." in shown
    response = of_alice.post(f"{address}/requests/accept", {"request": first.pk, "word": "Hello"})
    assert response["Location"] == f"{address}/manage?tab=members"
    of_alice.post(f"{address}/requests/decline?next={address}/{page}", {"request": second.pk, "word": "Full"})
    assert "2 members" in page_text(of_bob.get(address))
    shown = page_text(cleo.get(address))
    assert "declined your request" in shown
    assert "Full" in shown
    assert "Ask to join" not in shown
    shown = page_text(of_alice.get(f"{address}/{page}"))
    assert "asks to join" not in shown
    assert "Declined or removed" in shown
    of_alice.post(f"{address}/requests/accept", {"request": second.pk})
    assert choosy.memberships.count() == 3


def test_who_asks_is_shown_to_those_who_decide_alone(choosy, of_bob, client, make_member):
    address = f"/communities/{choosy.slug}"
    of_bob.post(f"{address}/ask", {"word": "I brew."})
    plain = make_member("pia")
    Membership.objects.create(community=choosy, member=plain)
    for browser in (client, of_bob, sign_in(Client(), plain)):
        assert "I brew." not in page_text(browser.get(f"{address}/members"))
    for browser in (of_bob, sign_in(Client(), plain)):
        for what in ("accept", "decline"):
            response = browser.post(f"{address}/requests/{what}", {"request": JoinRequest.objects.get().pk})
            assert response.status_code == 403
        assert browser.post(f"{address}/members/add-again", {"removal": "1"}).status_code == 403


@pytest.mark.parametrize("number", ["", "x", "9" * 30, "-1", "7"])
def test_a_number_that_is_none_decides_nothing(choosy, of_bob, of_alice, number):
    of_bob.post(f"/communities/{choosy.slug}/ask")
    for what, name in (
        ("requests/accept", "request"),
        ("requests/decline", "request"),
        ("members/add-again", "removal"),
    ):
        assert of_alice.post(f"/communities/{choosy.slug}/{what}", {name: number}).status_code == 302
    assert JoinRequest.objects.get().outcome == ""


def test_who_is_invited_joins_without_asking(choosy, bob, of_bob, invited):
    invited(choosy)
    MemberIdentity.objects.create(member=bob, bsky_did=BOB, bsky_handle="bob.example.com", state="active")
    address = f"/communities/{choosy.slug}"
    assert "Ask to join" not in page_text(of_bob.get(address))
    of_bob.post(f"{address}/join")
    assert choosy.memberships.count() == 2


@pytest.mark.promise("community-decides")
def test_the_invitation_by_which_she_came_does_not_bring_back_who_was_removed(circle, bob, of_bob, of_alice, invited):
    row = invited(circle)
    MemberIdentity.objects.create(member=bob, bsky_did=BOB, bsky_handle="bob.example.com", state="active")
    address = f"/communities/{circle.slug}"
    of_bob.post(f"{address}/join")
    membership = circle.memberships.get(member=bob)
    of_alice.post(f"{address}/members/{membership.pk}/remove")
    of_bob.post(f"{address}/join")
    of_bob.post(f"/i/{row.ref}", {"answer": "going"})
    assert circle.memberships.count() == 1
    page = page_text(of_bob.get(address))
    assert "You were removed from this community" in page
    of_bob.post(f"{address}/ask", {"word": "Please"})
    assert "You asked to join" in page_text(of_bob.get(address))
    page = page_text(of_alice.get(f"{address}/members"))
    assert "Add again" in page
    of_alice.post(f"{address}/members/add-again", {"removal": Removal.objects.get().pk})
    assert circle.memberships.count() == 2


def test_the_way_to_join_is_set_in_the_form_and_kept_by_an_edit_without_it(of_alice, alice):
    of_alice.post("/communities/create", {"name": "Choosy", "visibility": "public", "joining": "request"})
    community = Community.objects.get(name="Choosy")
    assert community.joining == "request"
    of_alice.post(f"/communities/{community.slug}/edit", {"name": "Choosier", "visibility": "public"})
    community.refresh_from_db()
    assert (community.name, community.joining) == ("Choosier", "request")
    assert "Anyone, after asking an admin or moderator" in page_text(
        of_alice.get(f"/communities/{community.slug}/manage")
    )
    of_alice.post(f"/communities/{community.slug}/edit", {"name": "C", "visibility": "public", "joining": "open"})
    community.refresh_from_db()
    assert community.joining == "open"
