"""The page of a community's members: who sees it, search, roles, and removing somebody."""

from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils import timezone
from tests.pages import page_text
from tests.unit.web.conftest import BOB, sign_in

from elonara.bluesky.models import MemberIdentity
from elonara.communities import actions as communities
from elonara.communities.models import Membership, Removal


@pytest.fixture
def bob(make_member):
    return make_member("bob", display_name="Bob Baker")


@pytest.fixture
def hidden_circle(alice):
    return communities.create(alice, name="Secret circle", visibility="private")


def joined(circle, member, role="member"):
    return Membership.objects.create(community=circle, member=member, role=role)


def test_everybody_sees_the_people_of_a_public_community(client, circle, bob):
    joined(circle, bob)
    page = page_text(client.get(f"/communities/{circle.slug}/members"))
    assert "Alice Moreira" in page
    assert "Bob Baker" in page
    assert "Admin" in page
    assert "Remove" not in page


@pytest.mark.promise("private-is-absent")
def test_the_people_of_a_private_one_are_seen_by_its_members_alone(hidden_circle, bob, invited):
    address = f"/communities/{hidden_circle.slug}/members"
    assert Client().get(address).status_code == 404
    assert sign_in(Client(), bob).get(address).status_code == 404
    invited(hidden_circle)
    MemberIdentity.objects.create(member=bob, bsky_did=BOB, bsky_handle="bob.example.com", state="active")
    browser = sign_in(Client(), bob)
    assert browser.get(f"/communities/{hidden_circle.slug}").status_code == 200
    assert browser.get(address).status_code == 404
    joined(hidden_circle, bob)
    assert "Alice Moreira" in page_text(sign_in(Client(), bob).get(address))


@pytest.mark.promise("community-decides")
@pytest.mark.parametrize("by_account", [True, False])
def test_an_invitation_that_is_newer_than_a_removal_opens_it_again(hidden_circle, alice, bob, invited, by_account):
    invitation = invited(hidden_circle)
    address = f"/communities/{hidden_circle.slug}"
    MemberIdentity.objects.create(member=bob, bsky_did=BOB, bsky_handle="bob.example.com", state="active")
    row = joined(hidden_circle, bob)
    if by_account:
        communities.remove_member(hidden_circle, by=alice, membership=row)
    else:
        row.delete()
        Removal.objects.create(community=hidden_circle, did=BOB, by=alice)
    assert sign_in(Client(), bob).get(address).status_code == 404
    type(invitation).objects.filter(pk=invitation.pk).update(queued_at=timezone.now())
    assert sign_in(Client(), bob).get(address).status_code == 200


def test_a_search_finds_and_says_what_it_looked_for(client, circle, bob):
    joined(circle, bob)
    page = page_text(client.get(f"/communities/{circle.slug}/members?q=baker"))
    assert "1 person matches “baker”" in page
    assert "Alice Moreira" not in page
    assert "Nobody matches “zzz”" in page_text(client.get(f"/communities/{circle.slug}/members?q=zzz"))


def test_an_admin_sets_a_role_and_comes_back_to_where_she_was(signed_in, alice, circle, bob):
    row = joined(circle, bob)
    browser, back = signed_in(alice), f"/communities/{circle.slug}/members?q=bob"
    page = browser.get(back).content.decode()
    assert f"/communities/{circle.slug}/members/{row.pk}?{urlencode({'next': back})}" in page
    response = browser.post(f"/communities/{circle.slug}/members/{row.pk}?next={back}", {"role": "moderator"})
    assert response["Location"] == back
    row.refresh_from_db()
    assert row.role == "moderator"


def test_removing_asks_first(signed_in, alice, circle, bob):
    row = joined(circle, bob)
    browser, address = signed_in(alice), f"/communities/{circle.slug}/members/{row.pk}/remove"
    page = page_text(browser.get(address))
    assert "Remove Bob Baker from “Bread Circle”?" in page
    assert circle.memberships.count() == 2
    assert browser.post(address)["Location"] == f"/communities/{circle.slug}/members"
    assert circle.memberships.count() == 1
    assert browser.get(address).status_code == 404


def test_a_moderator_removes_plain_members_and_sets_no_role(signed_in, alice, circle, bob, make_member):
    joined(circle, bob, "moderator")
    carol = joined(circle, make_member("carol"))
    admin = circle.memberships.get(member=alice)
    browser = signed_in(bob)
    page = browser.get(f"/communities/{circle.slug}/members").content.decode()
    assert f"/members/{carol.pk}/remove" in page
    assert f"/members/{admin.pk}/remove" not in page
    assert "Role of" not in page
    browser.post(f"/communities/{circle.slug}/members/{admin.pk}/remove")
    assert browser.post(f"/communities/{circle.slug}/members/{carol.pk}", {"role": "admin"}).status_code == 403
    browser.post(f"/communities/{circle.slug}/members/{carol.pk}/remove")
    assert set(circle.memberships.values_list("member__username", flat=True)) == {"alice", "bob"}


def test_a_plain_member_removes_nobody(signed_in, circle, bob, make_member):
    joined(circle, bob)
    carol = joined(circle, make_member("carol"))
    browser = signed_in(bob)
    assert browser.get(f"/communities/{circle.slug}/members/{carol.pk}/remove").status_code == 403
    assert browser.post(f"/communities/{circle.slug}/members/{carol.pk}/remove").status_code == 403
    assert circle.memberships.count() == 3
