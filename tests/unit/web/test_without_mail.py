"""A site without a mail server: no page offers, promises or asks to confirm e-mail."""

import re

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa import app_settings
from allauth.mfa.internal.flows.add import validate_can_add_authenticator
from django.core.exceptions import ValidationError
from django.test import Client
from tests.pages import page_text

MAIL = {"url": "smtp://mail.example:587", "sender": "site@example.org"}
PROMISES = re.compile(
    "Confirm|confirmation|Add an address|we can’t send you|by e-mail|and in the e-mail|E-mails about|E-mails to guests|"
    "Reminders a day|We send a link"
)
PAGES = (
    "/accounts/email/",
    "/accounts/password/reset/",
    "/accounts/signup/",
    "/profile/edit?tab=invitations",
    "/profile/edit?tab=signin",
    "/accounts/2fa/",
    "/events/create",
    "/events/{slug}",
    "/events/{slug}/edit",
    "/events/{slug}/cancel",
    "/events/{slug}/transfer",
    "/events/{slug}/manage?tab=invite",
    "/events/{slug}/manage?tab=messages",
)


@pytest.fixture
def visit(signed_in, alice, picnic):
    EmailAddress.objects.create(user=alice, email="alice@example.org", verified=False, primary=True)

    def go(path):
        client = Client() if "signup" in path or "reset" in path else signed_in(alice)
        response = client.get(path.format(slug=picnic.slug))
        assert response.status_code == 200, path
        return page_text(response)

    return go


@pytest.mark.parametrize("path", PAGES)
def test_without_a_mail_server_no_page_promises_e_mail(visit, path):
    page = visit(path).replace("Confirm that it’s you", "")

    assert PROMISES.findall(page) == []


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/accounts/email/", "Not confirmed"),
        ("/accounts/password/reset/", "We send a link"),
        ("/accounts/signup/", "E-mail address"),
        ("/profile/edit?tab=invitations", "E-mails about events you answered"),
        ("/events/create", "E-mails to guests"),
    ],
)
def test_with_one_they_do(set_options, visit, path, words):
    set_options(email=MAIL)

    assert words in visit(path)


def test_the_way_on_without_it_is_named(visit):
    assert "Sign in with Bluesky, or ask the operator." in visit("/accounts/password/reset/")
    assert "This site sends no e-mail" in visit("/accounts/email/")


def test_an_address_that_nobody_can_confirm_keeps_nobody_from_a_second_factor(alice, settings):
    EmailAddress.objects.create(user=alice, email="alice@example.org", verified=False, primary=True)

    assert app_settings.ALLOW_UNVERIFIED_EMAIL
    validate_can_add_authenticator(alice)

    settings.MFA_ALLOW_UNVERIFIED_EMAIL = False  # as with a mail server
    with pytest.raises(ValidationError):
        validate_can_add_authenticator(alice)
