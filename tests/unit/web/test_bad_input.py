"""What goes wrong at the door or at Send gets a sentence on the page, and what was typed or chosen is still there."""

import dataclasses
import re

import pytest
from tests.fakes.oauth import BOB
from tests.pages import page_text

from elonara.atproto.errors import NameNotFound
from elonara.invitations.models import Invitation

SLIPS = {
    "unknown": ("nobody.example.com", "No Bluesky account answers to @nobody.example.com."),
    "not pointing back": ("mallory.example.com", "does not name this handle back"),
    "server down": ("bob.example.com", "does not answer"),
}


def nowhere(request):
    raise NameNotFound("no such name")


@pytest.fixture(params=SLIPS)
def slip(request, server):
    """A handle that leads nowhere, and a part of the sentence that says so."""
    handle, sentence = SLIPS[request.param]
    if request.param == "unknown":
        server.network.origins[f"https://{handle}"] = nowhere
    if request.param == "not pointing back":
        server.network.txt[f"_atproto.{handle}"] = [f"did={BOB}"]
    if request.param == "server down":
        del server.network.origins[server.pds]
    return handle, sentence


def text_of(answer):
    return page_text(answer).replace("&#x27;", "'").replace("’", "'")


def sentences(page):
    """What the page says, for whoever reads a failure."""
    return " / ".join(re.findall(r">([^<>]*[a-z][^<>]*)<", page))


def test_signing_in_says_what_is_wrong_and_keeps_the_handle_and_the_way(client, slip):
    handle, sentence = slip
    answer = client.get("/auth/bluesky/start", {"handle": handle, "next": "/communities"})
    page = text_of(answer)
    assert answer.status_code == 400
    assert sentence in page, sentences(page)
    assert f'value="{handle}"' in page
    assert 'name="next" value="/communities"' in page


def test_connecting_says_so_on_the_status_card(signed_in, make_member, slip):
    handle, sentence = slip
    client = signed_in(make_member("zoe"))
    answer = client.post("/auth/bluesky/connect", {"handle": handle, "next": "/profile/edit"}, follow=True)
    page = text_of(answer)
    assert sentence in page, sentences(page)
    assert f'value="{handle}"' in page


def test_an_invitee_whose_server_is_down_keeps_the_invitation(client, server, invited, picnic):
    del server.network.origins[server.pds]
    sent = invited(picnic)
    answer = client.post(f"/i/{sent.ref}", {"answer": "going", "note": "With bread."}, follow=True)
    page = text_of(answer)
    assert "does not answer" in page, sentences(page)
    assert "With bread." in page
    sent.refresh_from_db()
    assert sent.answer == ""


def test_a_loopback_site_about_to_mention_real_people_stops_and_keeps_the_draft(
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
