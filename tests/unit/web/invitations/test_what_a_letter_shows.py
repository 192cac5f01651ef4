"""E-mail invitations: Send and Send again send the letter that their page showed, to those who were shown."""

import dataclasses

import pytest
from tests.pages import page_text, shown

from elonara.events import actions as events
from elonara.invitations.email import inviting
from elonara.invitations.email_addresses import hash_of
from elonara.invitations.models import EmailInvitation
from elonara.invitations.opt_out_models import EmailOptOut

ANA, BEN = "Ana <ana@example.org>", "ben@example.org"
REFUSED = "This has changed since you saw it."


@pytest.fixture
def page(signed_in, alice, friends, picnic, settings):
    """`page(data)`: POST to the page of e-mail invitations; without data GET it."""
    options = settings.ELONARA
    settings.ELONARA = dataclasses.replace(
        options,
        site=dataclasses.replace(options.site, url="https://events.example"),
        email=dataclasses.replace(options.email, url="smtp://mail.example"),
    )
    settings.ALLOWED_HOSTS = ["*"]
    client = signed_in(alice)
    address = f"/events/{picnic.slug}/manage?tab=invite&step=email"
    return lambda data=None, where=address: client.post(where, data, follow=True) if data else client.get(where)


@pytest.fixture
def checked(page):
    return shown(page({"addresses": f"{ANA}, {BEN}", "note": "Bring bread."}))


@pytest.mark.parametrize(
    "other",
    [
        {"addresses": f"{ANA}, {BEN}, dan@example.org"},
        {"addresses": ANA},
        {"addresses": f"Anna <ana@example.org>, {BEN}"},
        {"note": "Bring nothing."},
        {"shown": ""},
        {"shown": "x"},
    ],
)
def test_send_sends_what_was_shown_or_nothing(page, checked, other):
    typed = {"addresses": f"{ANA}, {BEN}", "note": "Bring bread.", "go": "send"} | checked | other
    response = page(typed)
    assert response.status_code == 400
    assert REFUSED in page_text(response)
    assert not EmailInvitation.objects.exists()
    page(typed | shown(response))
    assert EmailInvitation.objects.exists(), "the new preview was shown, and can be sent"


@pytest.mark.parametrize("change", ["title", "location", "host"])
def test_event_or_host_change_after_the_preview(page, checked, picnic, alice, change):
    if change == "host":
        alice.display_name = "Somebody Else"
        alice.save()
    else:
        events.change(picnic, by=alice, **{change: "Elsewhere"})
    response = page({"addresses": f"{ANA}, {BEN}", "note": "Bring bread.", "go": "send"} | checked)
    assert REFUSED in page_text(response)
    assert not EmailInvitation.objects.exists()


def test_who_opted_out_meanwhile_is_left_out_and_named(page, checked, alice):
    EmailOptOut.objects.create(address_hash=hash_of(BEN), host=alice)
    response = page({"addresses": f"{ANA}, {BEN}", "note": "Bring bread.", "go": "send"} | checked)
    text = page_text(response)
    assert "1 e-mail is on the way" in text
    assert "ben@example.org: This person asked not to be invited by you." in text


def test_send_again_shows_the_letter_of_now_and_sends_that(page, picnic, alice):
    inviting.invite(alice, picnic, ANA, "Bring bread.")
    EmailInvitation.objects.update(state="failed")
    row = EmailInvitation.objects.get()
    action = f"/letters/{row.pk}/retry"
    first = page()
    assert "Bring bread." in page_text(first)
    events.change(picnic, by=alice, title="Summer picnic")
    for sent in (shown(first, action), {"shown": ""}, {"x": "y"}):
        response = page(sent, action)
        assert REFUSED in page_text(response)
        assert "Alice Moreira invites you: Summer picnic" in page_text(response)
        assert EmailInvitation.objects.get().state == "failed"
    page(shown(response, action), action)
    assert EmailInvitation.objects.get().state == "queued"
