"""An invitee's preferences: they need a proof of the Bluesky account, and no account on this site."""

import dataclasses

import pytest
from tests.fakes.oauth import BOB
from tests.pages import page_text

from elonara.invitations.opt_out_models import OptOut, RelayConsent


@pytest.fixture
def bobs_browser(client, authorize, server):
    """A browser that is not signed in, in which bob has proved his account."""
    authorize(client, client.post("/invitations/prove", {"handle": "bob.example.com"}), BOB)
    return client


@pytest.fixture
def set_relay(settings):
    def change(**values):
        bluesky = settings.ELONARA.bluesky
        relay = dataclasses.replace(bluesky.relay, identifier="relay.example", app_password="x", **values)
        settings.ELONARA = dataclasses.replace(settings.ELONARA, bluesky=dataclasses.replace(bluesky, relay=relay))

    return change


def test_an_opt_out_is_taken_back_without_an_account(bobs_browser, alice):
    row = OptOut.objects.create(did=BOB, host=alice)
    assert "Alice Moreira" in page_text(bobs_browser.get("/invitations"))

    bobs_browser.post("/invitations/again", {"opt_out": row.pk, "next": "/invitations"})

    assert not OptOut.objects.exists()


@pytest.mark.promise("own-opt-out")
def test_nobody_takes_back_the_opt_out_of_somebody_else(bobs_browser, alice):
    row = OptOut.objects.create(did="did:plc:carol", host=alice)
    bobs_browser.post("/invitations/again", {"opt_out": row.pk})
    assert OptOut.objects.get() == row


def test_the_sites_own_account_is_allowed_and_refused_again(bobs_browser, set_relay):
    set_relay(audience="opted_in")
    assert 'value="1">Allow it' in page_text(bobs_browser.get("/invitations"))

    bobs_browser.post("/invitations/relay", {"did": BOB, "allow": "1"})
    assert RelayConsent.objects.get().did == BOB
    assert 'value="0">Stop allowing it' in page_text(bobs_browser.get("/invitations"))

    bobs_browser.post("/invitations/relay", {"did": BOB, "allow": "0"})
    assert not RelayConsent.objects.exists()


def test_nobody_allows_it_for_somebody_else(bobs_browser, set_relay):
    set_relay(audience="opted_in")
    bobs_browser.post("/invitations/relay", {"did": "did:plc:carol", "allow": "1"})
    assert not RelayConsent.objects.exists()


def test_without_such_an_account_nobody_is_asked(bobs_browser):
    assert "own account</h2>" not in page_text(bobs_browser.get("/invitations"))


def test_a_member_finds_both_in_the_settings_and_comes_back_there(signed_in, alice, set_relay):
    set_relay(audience="opted_in")
    browser = signed_in(alice)
    page = page_text(browser.get("/profile/edit?tab=invitations"))
    assert "own account</h2>" in page
    response = browser.post("/invitations/relay", {"did": "did:plc:host", "allow": "1", "next": "/profile/edit"})
    assert response["location"] == "/profile/edit?tab=invitations"
    assert RelayConsent.objects.get().did == "did:plc:host"
