"""Pages of events and communities, the admin, and rules for every page."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import RequestFactory
from django.utils import timezone
from tests.pages import page_text

import elonara.web
from elonara.bluesky.models import AppPasswordSession, MemberIdentity
from elonara.events.models import Event
from elonara.web.parts import times
from elonara.web.shortcuts import safe_next

TEMPLATES = sorted((Path(elonara.web.__file__).parent / "templates").rglob("*.html"))


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "",
        None,
        "\\\\evil",
        "/x" * 400,
    ],
)
def test_next_is_always_a_path_of_this_site(wanted):
    assert safe_next(RequestFactory().get("/"), wanted) == "/"


def test_next_keeps_a_path_of_this_site():
    assert safe_next(RequestFactory().get("/"), "/events/x/manage?tab=invite") == "/events/x/manage?tab=invite"
    assert safe_next(RequestFactory().get("/"), "http://testserver/events?q=a") == "/events?q=a"


@pytest.mark.promise("own-scripts")
def test_no_template_has_inline_script_or_style():
    # A block of JSON-LD is data: browsers do not run it, and the CSP does not concern it.
    data = r'[^>]*\stype="application/ld\+json">'
    inline = re.compile(rf"<script(?![^>]*\bsrc=|{data})|\sstyle=|\son[a-z]+=|<style|javascript:", re.IGNORECASE)
    assert TEMPLATES
    assert [path.name for path in TEMPLATES if inline.search(path.read_text())] == []


def test_an_invalid_time_zone_cookie_is_ignored(client, picnic):
    client.cookies["tz"] = "../../etc/passwd"
    assert client.get(f"/events/{picnic.slug}").status_code == 200


def test_a_refused_form_keeps_everything_that_was_typed(signed_in, alice):
    client = signed_in(alice)
    sent = {
        "title": "Soup evening",
        "starts_at": "2020-01-01T18:00",
        "timezone": "Europe/Berlin",
        "visibility": "private",
        "location": "My kitchen",
        "description": "Bring a bowl.",
        "plus_ones_allowed": "1",
    }
    page = page_text(client.post("/events/create", sent))
    assert not Event.objects.exists()
    for value in ("Soup evening", "2020-01-01T18:00", "My kitchen", "Bring a bowl."):
        assert value in page
    assert 'aria-invalid="true"' in page
    assert "past" in page


def test_an_event_is_created_in_its_own_time_zone(signed_in, alice):
    client = signed_in(alice)
    starts = (timezone.now() + timedelta(days=30)).strftime("%Y-%m-%dT18:00")
    sent = {"title": "Soup", "starts_at": starts, "timezone": "America/New_York", "visibility": "public"}
    response = client.post("/events/create", sent)
    event = Event.objects.get()
    assert response["location"] == f"/events/{event.slug}/manage?tab=invite"
    assert event.starts_at.astimezone(times.zone_named("America/New_York")).hour == 18


def test_a_member_answers_and_changes_her_mind(signed_in, make_member, picnic):
    client = signed_in(make_member("bob"))
    client.post(f"/events/{picnic.slug}/answer", {"answer": "going"})
    client.post(f"/events/{picnic.slug}/answer", {"answer": "maybe", "note": "If the train runs."})
    assert [row.choice for row in picnic.answers.all()] == ["maybe"]


@pytest.mark.promise("private-is-absent")
def test_a_private_event_does_not_exist_for_others(client, signed_in, make_member, supper):
    missing = client.get("/events/no-such-event")
    assert client.get(f"/events/{supper.slug}").status_code == missing.status_code == 404
    assert client.get(f"/events/{supper.slug}.ics").status_code == 404
    signed_in(make_member("mallory"))
    assert client.get(f"/events/{supper.slug}").status_code == 404
    assert client.get(f"/events/{supper.slug}/manage").status_code == 404
    assert client.get(f"/events/{supper.slug}/picture").status_code == 404


def test_cancelling_asks_first_and_names_what_is_lost(signed_in, alice, picnic):
    client = signed_in(alice)
    page = page_text(client.get(f"/events/{picnic.slug}/cancel"))
    assert "0 people are going." in page
    assert "not sent yet" not in page
    picnic.refresh_from_db()
    assert picnic.status == Event.Status.SCHEDULED
    client.post(f"/events/{picnic.slug}/cancel")
    assert "This event is cancelled" in page_text(client.get(f"/events/{picnic.slug}"))


def test_only_hosts_change_an_event(signed_in, make_member, picnic):
    client = signed_in(make_member("mallory"))
    for page in ("edit", "cancel", "manage"):
        assert client.get(f"/events/{picnic.slug}/{page}").status_code == 403


def test_joining_and_leaving_a_community(signed_in, make_member, circle):
    client = signed_in(make_member("bob"))
    client.post(f"/communities/{circle.slug}/join")
    assert circle.memberships.count() == 2
    client.post(f"/communities/{circle.slug}/leave")
    assert circle.memberships.count() == 1


def test_roles_are_set_on_the_members_tab(signed_in, make_member, alice, circle, client):
    bob = make_member("bob")
    signed_in(bob).post(f"/communities/{circle.slug}/join")
    row = circle.memberships.get(member=bob)
    signed_in(alice).post(f"/communities/{circle.slug}/members/{row.pk}", {"role": "moderator"})
    row.refresh_from_db()
    assert row.role == "moderator"
    own = circle.memberships.get(member=alice)
    client.post(f"/communities/{circle.slug}/members/{own.pk}", {"role": "member"})
    assert "have no admin" in page_text(client.get(f"/communities/{circle.slug}/manage?tab=members"))


@pytest.mark.promise("operators-see-no-secret")
def test_the_operators_pages_show_no_sealed_value(signed_in, make_member, alice):
    MemberIdentity.objects.update(bsky_access_token_enc="sealed-access", dpop_key_enc="sealed-key")
    client = signed_in(make_member("olga", is_staff=True, is_superuser=True))
    identity = MemberIdentity.objects.get()
    page = client.get(f"/admin/elonara/memberidentity/{identity.pk}/change/")
    assert page.status_code == 200
    assert "alice.example" in page_text(page)
    assert "sealed-" not in page_text(page)
    from django.contrib import admin

    assert AppPasswordSession not in admin.site._registry


def test_the_operator_approves_and_suspends(signed_in, make_member):
    client = signed_in(make_member("olga", is_staff=True, is_superuser=True))
    new = make_member("newcomer", standing="pending")
    client.post("/admin/elonara/member/", {"action": "approve", "_selected_action": [new.pk]})
    new.refresh_from_db()
    assert new.standing == "active"
    client.post("/admin/elonara/member/", {"action": "suspend", "_selected_action": [new.pk]})
    new.refresh_from_db()
    assert new.standing == "suspended"


def test_invitations_can_only_be_read_by_the_operator(signed_in, make_member, invited, picnic):
    row = invited(picnic)
    client = signed_in(make_member("olga", is_staff=True, is_superuser=True))
    assert client.get("/admin/elonara/invitation/").status_code == 200
    assert client.post(f"/admin/elonara/invitation/{row.pk}/change/", {"state": "queued"}).status_code == 403


@pytest.mark.promise("forms-are-ours")
def test_a_form_without_csrf_token_is_explained(site):
    from django.test import Client

    response = Client(enforce_csrf_checks=True).post("/theme", {"theme": "dark"})
    assert response.status_code == 403
    assert "Please send it again" in page_text(response)


def test_disconnecting_keeps_the_way_to_sign_in(signed_in, alice, server):
    client = signed_in(alice)
    client.post("/disconnect/bluesky")
    assert MemberIdentity.objects.get(member=alice).state == "revoked"


def test_an_app_password_form_never_gives_the_password_back(signed_in, alice, server):
    client = signed_in(alice)
    response = client.post(
        "/connect/bluesky", {"identifier": "nobody.example", "app_password": "wxyz-hidden-ijkl-mnop"}
    )
    page = page_text(response)
    assert response.status_code == 400
    assert "nobody.example" in page
    assert "wxyz-hidden" not in page


@pytest.mark.parametrize(
    ("contact", "shown"),
    [
        ("", None),
        ("Ana, hello@example.org", '<a href="mailto:hello@example.org">'),
        ("https://example.org/us", '<a href="https://example.org/us"'),
        ("<script>alert(1)</script>", "&lt;script&gt;"),
    ],
)
def test_about_says_who_runs_the_site(client, set_options, contact, shown):
    set_options(site={"contact": contact})
    page = client.get("/about").content.decode()
    assert ("Who runs it" in page) == bool(contact)
    assert "<script>alert" not in page
    assert shown is None or shown in page
