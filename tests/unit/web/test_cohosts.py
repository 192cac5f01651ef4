"""The Hosts tab, and being asked to host an event, on pages and in the API."""

import json

import pytest
from django.core.cache import cache
from tests.fakes.oauth import ALICE, BOB
from tests.pages import page_text

from elonara.bluesky.models import MemberIdentity
from elonara.events import actions, queries
from elonara.events.models import EventHost


@pytest.fixture
def bob(make_member, server):
    """He proved the handle that a stranger has taken as a username."""
    cache.clear()
    member = make_member("robert", display_name="Bob")
    MemberIdentity.objects.create(
        member=member, bsky_did=BOB, bsky_handle="bob.example.com", pds_url="https://pds.example",
        state="active", state_reason="",
    )  # fmt: skip
    return member


@pytest.fixture
def stranger(make_member):
    return make_member("bob.example.com", display_name="Not Bob")


def ask(client, event, name):
    return client.post(f"/events/{event.slug}/hosts", {"username": name}, follow=True)


def test_a_handle_chooses_who_proved_it_and_not_a_username(signed_in, alice, picnic, bob, stranger):
    ask(signed_in(alice), picnic, "@bob.example.com")
    assert list(EventHost.objects.filter(role="cohost").values_list("member", flat=True)) == [bob.pk]


def test_a_handle_that_moved_asks_nobody_who_had_it(signed_in, alice, picnic, bob, stranger, server):
    server.network.person(ALICE, "bob.example.com", server.pds)
    page = ask(signed_in(alice), picnic, "bob.example.com")
    assert not EventHost.objects.filter(role="cohost").exists()
    assert "No member of this site" in page_text(page)


def test_who_is_asked_finds_it_at_home_and_on_the_event_and_accepts(signed_in, alice, picnic, bob):
    ask(signed_in(alice), picnic, "robert")
    page = page_text(signed_in(alice).get(f"/events/{picnic.slug}/manage?tab=hosts"))
    assert "Asked" in page
    client = signed_in(bob)
    assert "asks you to host Winter picnic" in page_text(client.get("/"))
    shown = client.get(f"/events/{picnic.slug}").content.decode()
    assert "<strong><bdi>Bob</bdi></strong>" not in shown
    assert "Accept" in shown
    assert "Decline" in shown
    assert client.get(f"/events/{picnic.slug}/manage").status_code == 403
    client.post(f"/events/{picnic.slug}/hosts/answer", {"answer": "accept"})
    assert queries.may_manage(picnic, bob)
    shown = client.get(f"/events/{picnic.slug}").content.decode()
    assert '<a href="/@robert"><strong><bdi>Bob</bdi></strong></a>' in shown
    assert "hosts/answer" not in shown


def test_who_is_asked_to_host_a_private_event_can_decline_there(signed_in, alice, supper, bob):
    actions.add_cohost(supper, by=alice, member=bob)
    client = signed_in(bob)
    assert client.get(f"/events/{supper.slug}").status_code == 200
    client.post(f"/events/{supper.slug}/hosts/answer", {"answer": "decline"})
    assert client.get(f"/events/{supper.slug}").status_code == 404
    assert "said no" in page_text(ask(signed_in(alice), supper, "robert"))


def test_a_made_up_answer_is_none(signed_in, picnic, alice, bob, make_member):
    actions.add_cohost(picnic, by=alice, member=bob)
    for member, answer in ((bob, ""), (bob, "remove"), (make_member("mallory"), "accept")):
        signed_in(member).post(f"/events/{picnic.slug}/hosts/answer", {"answer": answer})
        assert not queries.may_manage(picnic, member)
    assert queries.is_asked_to_host(picnic, bob)


def test_a_cohost_edits_without_the_fields_of_the_host(signed_in, alice, picnic, circle, bob):
    actions.change(picnic, by=alice, community=circle)
    actions.add_cohost(picnic, by=alice, member=bob)
    actions.accept_cohost(picnic, by=bob)
    client = signed_in(bob)
    form = client.get(f"/events/{picnic.slug}/edit")
    assert 'name="visibility"' not in form.content.decode()
    values = {key: value for key, value in form.context["form"].initial.items() if value is not None}
    values |= {
        "title": "Swim", "starts_at": values["starts_at"].strftime("%Y-%m-%dT%H:%M"), "visibility": "private",
        "community": "",
    }  # fmt: skip
    client.post(f"/events/{picnic.slug}/edit", values)
    picnic.refresh_from_db()
    assert (picnic.title, picnic.visibility, picnic.community) == ("Swim", "public", circle)


@pytest.fixture
def program(client):
    def call(member, method, path, body=None):
        from elonara.api import tokens

        return client.generic(
            method, f"/api/v1{path}", json.dumps(body) if body is not None else b"", "application/json",
            headers={"Authorization": f"Bearer {tokens.issue(member).access_token}"},
        )  # fmt: skip

    return call


def test_the_api_does_the_same(alice, supper, bob, stranger, make_member, program):
    path = f"/events/{supper.slug}/hosts"
    mallory = make_member("mallory")
    assert program(mallory, "GET", path).status_code == 404
    asked = program(alice, "POST", path, {"member": "@bob.example.com"})
    assert (asked.status_code, asked.json()["username"], asked.json()["state"]) == (201, "robert", "asked")
    assert [host["username"] for host in program(bob, "GET", path).json()["hosts"]] == ["alice"]
    assert program(bob, "PATCH", f"/events/{supper.slug}", {"title": "Mine"}).status_code == 403
    assert program(bob, "POST", path, {"member": "mallory"}).status_code == 403
    assert program(bob, "POST", f"{path}/answer", {"accept": True}).status_code == 200
    assert [host["state"] for host in program(bob, "GET", path).json()["hosts"]] == ["host", "cohost"]
    refused = program(bob, "PATCH", f"/events/{supper.slug}", {"visibility": "public"})
    assert (refused.status_code, refused.json()["code"]) == (403, "not_host")
    assert program(bob, "POST", f"{path}/remove", {"member": "alice"}).status_code == 403
    assert program(alice, "POST", f"{path}/remove", {"member": "robert"}).status_code == 200
    assert not queries.may_manage(supper, bob)
    assert program(bob, "POST", f"{path}/answer", {"accept": True}).status_code == 404
    assert program(alice, "POST", path, {"member": "nobody.example.org"}).status_code == 422
