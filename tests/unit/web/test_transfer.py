"""Giving an event or a community to somebody else, on pages and in the API."""

import json

import pytest
from django.core.cache import cache
from tests.fakes.oauth import BOB
from tests.pages import page_text

from elonara.bluesky.models import MemberIdentity
from elonara.communities import actions as communities
from elonara.communities import queries as community_queries
from elonara.communities import transfer as community_transfer
from elonara.communities import transfer_rows
from elonara.communities.models import Community, Membership
from elonara.events import actions, queries, transfer
from elonara.events.models import Event


@pytest.fixture
def bob(make_member, server):
    cache.clear()
    member = make_member("robert", display_name="Bob")
    MemberIdentity.objects.create(
        member=member, bsky_did=BOB, bsky_handle="bob.example.com", pds_url="https://pds.example",
        state="active", state_reason="",
    )  # fmt: skip
    return member


@pytest.fixture
def mallory(make_member):
    return make_member("mallory")


@pytest.fixture(params=["event", "community"])
def target(request):
    return request.getfixturevalue({"event": "picnic", "community": "circle"}[request.param])


def folder(target):
    return f"/{'events' if isinstance(target, Event) else 'communities'}/{target.slug}"


def tab(target):
    return f"{folder(target)}/manage?tab={'hosts' if isinstance(target, Event) else 'members'}"


def runs(target, member):
    return (queries if isinstance(target, Event) else community_queries).may_manage(target, member)


def ask(target, by, member):
    (transfer if isinstance(target, Event) else community_transfer).ask(target, by=by, member=member)


def test_the_whole_way(signed_in, alice, target, bob):
    client = signed_in(alice)
    assert f"{folder(target)}/transfer" in client.get(tab(target)).content.decode()
    words = page_text(client.get(f"{folder(target)}/transfer"))
    assert "Nothing changes until they accept" in words
    stays = "You stay as a co-host" if isinstance(target, Event) else "You stay as a moderator"
    assert stays in words
    said = page_text(client.post(f"{folder(target)}/transfer", {"username": "@bob.example.com"}, follow=True))
    assert "Bob is asked. Nothing changes until they accept." in said
    assert f"Bob</bdi>has been asked to take over this {'event' if isinstance(target, Event) else 'community'}" in said
    client = signed_in(bob)
    assert "Alice Moreira asks you to take" in page_text(client.get("/"))
    assert "Alice Moreira</bdi>asks you to take over this" in page_text(client.get(folder(target)))
    assert client.get(f"{folder(target)}/manage").status_code == 403
    done = page_text(client.post(f"{folder(target)}/transfer/answer", {"answer": "accept"}, follow=True))
    assert "is yours now." in done
    assert "asks you to take" not in done
    assert runs(target, bob)
    assert client.get(f"{folder(target)}/manage").status_code == 200


def test_declining_and_taking_back(signed_in, alice, target, bob):
    ask(target, alice, bob)
    said = page_text(signed_in(bob).post(f"{folder(target)}/transfer/answer", {"answer": "decline"}, follow=True))
    assert "Declined. Nothing has changed." in said
    client = signed_in(alice)
    refused = client.post(f"{folder(target)}/transfer", {"username": "robert"})
    assert refused.status_code == 400
    assert "Bob said no." in page_text(refused)
    assert 'value="robert"' in refused.content.decode()
    transfer_rows.Transfer.objects.all().delete()
    client.post(f"{folder(target)}/transfer", {"username": "robert"})
    assert client.get(f"{folder(target)}/transfer").status_code == 302  # one is asked: nothing to ask
    said = page_text(client.post(f"{folder(target)}/transfer/take-back", follow=True))
    assert "Withdrawn." in said
    assert "asks you to take" not in page_text(signed_in(bob).get(folder(target)))
    late = page_text(signed_in(bob).post(f"{folder(target)}/transfer/answer", {"answer": "accept"}, follow=True))
    assert "Nobody is asking you to take this over at the moment." in late


def test_a_name_that_nobody_has_and_one_that_is_missing(signed_in, alice, target, bob):
    client = signed_in(alice)
    for typed in ("", "nobody-here"):
        refused = client.post(f"{folder(target)}/transfer", {"username": typed})
        assert refused.status_code == 400
        assert "No member of this site" in page_text(refused)


def test_a_made_up_answer_is_none(signed_in, alice, target, bob, mallory):
    ask(target, alice, bob)
    for member, answer in ((bob, ""), (bob, "take"), (mallory, "accept"), (mallory, "decline")):
        signed_in(member).post(f"{folder(target)}/transfer/answer", {"answer": answer})
    assert transfer_rows.waiting(target).to == bob
    assert signed_in(bob).get(f"{folder(target)}/transfer/answer").status_code == 405


@pytest.mark.promise("transfer-accepted")
def test_nobody_else_asks_takes_back_or_reads_who_is_asked(signed_in, alice, target, bob, mallory, client):
    ask(target, alice, bob)
    for member in (bob, mallory):
        client = signed_in(member)
        assert client.get(f"{folder(target)}/transfer").status_code == 403
        assert client.post(f"{folder(target)}/transfer", {"username": "mallory"}).status_code == 403
        assert client.post(f"{folder(target)}/transfer/take-back").status_code == 403
    assert "asks you" not in page_text(signed_in(mallory).get(folder(target)))
    client.logout()
    for path in ("transfer", "transfer/answer", "transfer/take-back"):
        assert "/accounts/login/" in client.post(f"{folder(target)}/{path}", {"answer": "accept"}).url
    assert transfer_rows.waiting(target).to == bob


@pytest.mark.promise("transfer-accepted")
@pytest.mark.parametrize("path", ["transfer", "transfer/answer", "transfer/take-back"])
def test_a_private_one_looks_like_none(signed_in, supper, alice, bob, mallory, path):
    secret = communities.create(alice, name="Secret", visibility="private")
    ask(supper, alice, bob)
    client = signed_in(mallory)
    for at in (folder(supper), folder(secret), "/events/nothing", "/communities/nothing"):
        assert client.post(f"{at}/{path}", {"answer": "accept", "username": "mallory"}).status_code == 404


def test_what_has_ended_offers_nothing(signed_in, alice, picnic, circle):
    actions.cancel(picnic, alice)
    communities.close(circle, alice)
    client = signed_in(alice)
    for target in (picnic, circle):
        assert "/transfer" not in client.get(tab(target)).content.decode()
        assert client.get(f"{folder(target)}/transfer").status_code == 403


def test_an_event_that_is_over_asks_nobody_any_more(signed_in, alice, picnic, bob, clock):
    ask(picnic, alice, bob)
    clock.pass_(days=13)
    assert "asks you to take over this" not in page_text(signed_in(bob).get(f"/events/{picnic.slug}"))
    assert "Withdraw the request" in page_text(signed_in(alice).get(tab(picnic)))


def test_moderators_see_nothing_of_it(signed_in, alice, circle, bob, mallory):
    Membership.objects.create(community=circle, member=mallory, role="moderator")
    ask(circle, alice, bob)
    assert "is asked to take" not in page_text(signed_in(mallory).get(tab(circle)))


@pytest.fixture
def program(client):
    def call(member, method, path, body=None):
        from elonara.api import tokens

        return client.generic(
            method, f"/api/v1{path}", json.dumps(body) if body is not None else b"", "application/json",
            headers={"Authorization": f"Bearer {tokens.issue(member).access_token}"},
        )  # fmt: skip

    return call


def test_the_api_does_the_same(alice, target, bob, mallory, program):
    path = f"{folder(target)}/transfer"
    assert program(alice, "GET", path).json() == {"transfer": None}
    assert program(mallory, "POST", path, {"member": "mallory"}).status_code == 403
    asked = program(alice, "POST", path, {"member": "@bob.example.com"})
    assert asked.status_code == 201
    names = {who: asked.json()["transfer"][who]["username"] for who in ("by", "to")}
    assert names == {"by": "alice", "to": "robert"}
    assert program(bob, "GET", path).json()["transfer"]["by"]["name"] == "Alice Moreira"
    assert program(mallory, "GET", path).json() == {"transfer": None}
    assert program(mallory, "POST", f"{path}/answer", {"accept": True}).status_code == 403
    assert program(bob, "POST", f"{path}/take-back").status_code == 403
    assert program(alice, "POST", f"{path}/take-back").status_code == 200
    assert program(bob, "POST", f"{path}/answer", {"accept": True}).json()["code"] == "not_asked"
    program(alice, "POST", path, {"member": "robert"})
    assert program(bob, "POST", f"{path}/answer", {"accept": True}).json() == {"transfer": None}
    assert runs(target, bob)
    if isinstance(target, Community):
        assert not runs(target, alice)
    refused = program(alice, "POST", path, {"member": "robert"})
    assert (refused.status_code, refused.json()["code"]) == (
        403, "not_host" if isinstance(target, Event) else "not_admin"
    )  # fmt: skip
    assert program(bob, "POST", path, {"member": "nobody.example.org"}).status_code == 422


def test_who_declines_by_the_api(alice, target, bob, program):
    ask(target, alice, bob)
    assert program(bob, "POST", f"{folder(target)}/transfer/answer", {"accept": False}).status_code == 200
    assert runs(target, alice)
    assert transfer_rows.waiting(target) is None


def test_who_is_asked_opens_a_private_one_until_she_declines(signed_in, supper, alice, bob, program):
    secret = communities.create(alice, name="Secret", visibility="private")
    for target in (supper, secret):
        assert signed_in(bob).get(folder(target)).status_code == 404
        ask(target, alice, bob)
        page = signed_in(bob).get(folder(target))
        assert page.status_code == 200
        assert "Take it over" in page_text(page)
        assert program(bob, "GET", f"{folder(target)}/transfer").status_code == 200
        signed_in(bob).post(f"{folder(target)}/transfer/answer", {"answer": "decline"})
        assert signed_in(bob).get(folder(target)).status_code == 404
