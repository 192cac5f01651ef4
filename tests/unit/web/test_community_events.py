"""The community of an event, chosen in its form by plain members, and taken away by those who run the community."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from tests.pages import page_text
from tests.unit.web.conftest import sign_in

from elonara.communities import actions as communities
from elonara.communities.models import Membership
from elonara.events import actions as events
from elonara.events.models import Event


@pytest.fixture
def bob(make_member, circle):
    member = make_member("bob", display_name="Bob Baker")
    Membership.objects.create(community=circle, member=member)
    return member


@pytest.fixture
def of_bob(bob):
    return sign_in(Client(), bob)


def form(circle):
    when = timezone.now() + timedelta(days=4)
    return {
        "title": "Walk", "starts_at": f"{when:%Y-%m-%dT%H:%M}", "timezone": "UTC", "visibility": "public",
        "community": circle.pk,
    }  # fmt: skip


def test_the_form_offers_the_community_where_admins_allow_it(circle, alice, of_bob):
    assert "Bread Circle" not in page_text(of_bob.get("/events/create"))
    assert "Create an event" not in page_text(of_bob.get(f"/communities/{circle.slug}"))
    assert of_bob.post("/events/create", form(circle)).status_code == 200
    assert not Event.objects.exists()
    sign_in(Client(), alice).post(
        f"/communities/{circle.slug}/edit", {"name": "Bread Circle", "visibility": "public", "members_add_events": "on"}
    )
    assert "Bread Circle" in page_text(of_bob.get(f"/events/create?community={circle.slug}"))
    assert "Create an event" in page_text(of_bob.get(f"/communities/{circle.slug}"))
    of_bob.post("/events/create", form(circle))
    assert Event.objects.get().community == circle


def test_an_edit_without_the_right_keeps_the_community(circle, bob, of_bob):
    communities.change(circle, by=circle.created_by, members_add_events=True)
    walk = events.create(
        bob, title="Walk", starts_at=timezone.now() + timedelta(days=4), timezone="UTC", community=circle
    )
    communities.change(circle, by=circle.created_by, members_add_events=False)
    assert "Bread Circle" in page_text(of_bob.get(f"/events/{walk.slug}/edit"))
    of_bob.post(f"/events/{walk.slug}/edit", form(circle) | {"title": "Long walk"})
    walk.refresh_from_db()
    assert (walk.title, walk.community) == ("Long walk", circle)


def test_an_admin_takes_an_event_out_after_being_asked(circle, alice, bob, of_bob):
    communities.change(circle, by=alice, members_add_events=True)
    walk = events.create(
        bob, title="Walk", starts_at=timezone.now() + timedelta(days=4), timezone="UTC", community=circle
    )
    address, of_alice = f"/communities/{circle.slug}/events/{walk.slug}/remove", sign_in(Client(), alice)
    assert address in of_alice.get(f"/communities/{circle.slug}").content.decode()
    assert address not in of_bob.get(f"/communities/{circle.slug}").content.decode()
    assert of_bob.post(address).status_code == 403
    assert "Take “Walk” out of “Bread Circle”?" in page_text(of_alice.get(address))
    walk.refresh_from_db()
    assert walk.community == circle
    of_alice.post(address)
    walk.refresh_from_db()
    assert walk.community is None
    assert of_alice.get(address).status_code == 404
    assert "took Walk out of Bread Circle" in page_text(of_bob.get("/"))
