"""Failures at sign-in, connect and Send: the page says what is wrong, and what was typed or chosen is kept."""

import dataclasses
import re

import pytest
from tests.fakes.oauth import BOB
from tests.pages import page_text

from elonara.atproto.errors import NameNotFound
from elonara.invitations.models import Invitation

FAILURES = {
    "unknown": ("nobody.example.com", "No Bluesky account has the handle @nobody.example.com."),
    "not pointing back": ("mallory.example.com", "does not confirm this handle"),
    "server down": ("bob.example.com", "does not answer"),
}


def no_such_name(request):
    raise NameNotFound("no such name")


@pytest.fixture(params=FAILURES)
def failure(request, server):
    """A handle that cannot be resolved, and a part of the sentence that is shown for it."""
    handle, sentence = FAILURES[request.param]
    if request.param == "unknown":
        server.network.origins[f"https://{handle}"] = no_such_name
    if request.param == "not pointing back":
        server.network.txt[f"_atproto.{handle}"] = [f"did={BOB}"]
    if request.param == "server down":
        del server.network.origins[server.pds]
    return handle, sentence


def text_of(response):
    return page_text(response).replace("&#x27;", "'").replace("’", "'")


def sentences(page):
    """The text of the page, for the message of a failing assertion."""
    return " / ".join(re.findall(r">([^<>]*[a-z][^<>]*)<", page))


def test_a_failed_sign_in_says_why_and_keeps_handle_and_next(client, failure):
    handle, sentence = failure
    response = client.get("/auth/bluesky/start", {"handle": handle, "next": "/communities"})
    page = text_of(response)
    assert response.status_code == 400
    assert sentence in page, sentences(page)
    assert f'value="{handle}"' in page
    assert 'name="next" value="/communities"' in page


def test_a_failed_connect_says_why_on_the_status_card(signed_in, make_member, failure):
    handle, sentence = failure
    client = signed_in(make_member("zoe"))
    response = client.post("/auth/bluesky/connect", {"handle": handle, "next": "/profile/edit"}, follow=True)
    page = text_of(response)
    assert sentence in page, sentences(page)
    assert f'value="{handle}"' in page


def test_an_invitee_whose_server_is_down_keeps_the_answer_in_the_form(client, server, invited, picnic):
    del server.network.origins[server.pds]
    sent = invited(picnic)
    response = client.post(f"/i/{sent.ref}", {"answer": "going", "note": "With bread."}, follow=True)
    page = text_of(response)
    assert "does not answer" in page, sentences(page)
    assert "With bread." in page
    sent.refresh_from_db()
    assert sent.answer == ""


def test_a_loopback_site_refuses_to_mention_real_people_and_keeps_the_draft(
    signed_in, alice, friends, picnic, settings
):
    options = settings.ELONARA
    settings.ELONARA = dataclasses.replace(
        options, site=dataclasses.replace(options.site, url="http://127.0.0.1:8000"),
        bluesky=dataclasses.replace(options.bluesky, allow_private_hosts=()),
    )  # fmt: skip
    client, address = signed_in(alice), f"/events/{picnic.slug}/manage?tab=invite"
    client.post(address, {"did": ["did:plc:carol"], "go": "next"})
    sent = client.post(f"{address}&step=check", {"note": "Bring bread.", "go": "send"}, follow=True)
    for page in (text_of(sent), text_of(client.get(f"{address}&step=check"))):
        assert "your friends would get a link to 127.0.0.1" in page
        assert "Bring bread." in page
        assert "@carol.example" in page
    assert not Invitation.objects.exists()
