"""The pages and e-mails of django-allauth, with the templates and texts of the site."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.template import engines
from tests.pages import page_text

from elonara.web.parts import times
from elonara.web.parts.template_tags import browser_name

PASSWORD = "correct horse battery staple"
FOREIGN = ("uccessfully", "Two-Factor", "Authenticator App", "Recovery Codes", "Email Address", "Confirm Access")


def sign_in(client):
    """Sign in and reauthenticate: allauth asks for it before changes to sign-in methods."""
    client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})


def words(response):
    return page_text(response)


def test_signing_in_and_out_uses_our_texts(client, make_member):
    make_member("alice")
    home = client.post("/accounts/login/", {"login": "alice", "password": PASSWORD}, follow=True)
    assert home.redirect_chain[-1][0] == "/"
    assert "uccessfully" not in words(home)
    assert 'data-is="ok"' not in words(home), "being on the home page says enough"
    assert "You are signed out." in words(client.post("/accounts/logout/", follow=True))


def test_a_changed_password_is_confirmed_in_our_words(signed_in, make_member):
    client = signed_in(make_member("alice"))
    fields = {"oldpassword": PASSWORD, "password1": "another long password", "password2": "another long password"}
    page = words(client.post("/accounts/password/change/", fields, follow=True))
    assert "Your password is changed." in page
    assert "uccessfully" not in page


def test_a_wrong_password_gets_a_sentence_that_helps(client, make_member):
    make_member("alice")
    page = words(client.post("/accounts/login/", {"login": "alice", "password": "wrong"}))
    assert "do not match" in page


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/email/",
        "/accounts/2fa/",
        "/accounts/2fa/totp/activate/",
        "/accounts/sessions/",
        "/accounts/password/change/",
        "/accounts/reauthenticate/",
    ],
)
def test_no_page_of_allauth_is_shown_unstyled(client, make_member, path):
    make_member("alice")
    sign_in(client)
    page = words(client.get(path))
    assert "<h1>" in page
    assert not [word for word in FOREIGN if word in page]


def test_a_second_factor_from_activation_to_sign_in(client, make_member):
    from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time

    alice = make_member("alice")
    sign_in(client)
    page = client.get("/accounts/2fa/totp/activate/")
    secret = page.context["form"].secret
    code = format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))
    done = client.post("/accounts/2fa/totp/activate/", {"code": code}, follow=True)
    assert "signing in asks for a code" in words(done)
    assert "Spare codes" in words(client.get("/accounts/2fa/"))
    assert "Make new codes" in words(client.get("/accounts/2fa/recovery-codes/generate/"))
    assert "Keep them somewhere you can reach" in words(client.get("/accounts/2fa/recovery-codes/"))
    assert "Switch it off" in words(client.get("/accounts/2fa/totp/deactivate/"))

    client.post("/accounts/logout/")
    asked = client.post("/accounts/login/", {"login": "alice", "password": PASSWORD}, follow=True)
    assert "<h1>Your code</h1>" in words(asked)
    spare = alice.authenticator_set.get(type="recovery_codes").wrap().get_unused_codes()[0]
    client.post("/accounts/2fa/authenticate/", {"code": spare})
    assert client.session["_auth_user_id"] == str(alice.pk)


def test_emails_are_plain_text_in_our_words():
    template = engines["django"].get_template("account/email/password_reset_key_message.txt")
    context = {"password_reset_url": "https://e.example/?a=1&b=2", "username": "o'neil", "current_site": {"name": "E"}}
    text = template.render(context)
    assert "https://e.example/?a=1&b=2" in text
    assert "o'neil" in text
    assert "Thank you for using" not in text


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18 Safari/604", "Safari on iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140 Safari/537.36 Edg/140", "Edge on Windows"),
        ("", "A program"),
    ],
)  # fmt: skip
def test_a_session_names_the_browser(agent, name):
    assert browser_name(agent) == name


def test_a_viewer_in_the_events_time_zone_sees_one_time():
    start = datetime(2030, 12, 5, 15, tzinfo=UTC)
    assert times.when(start, None, "UTC", ZoneInfo("UTC")).beside == "UTC time."
    seen_from_london = times.when(start, None, "Europe/Lisbon", ZoneInfo("Europe/London"))
    assert seen_from_london.beside == "Lisbon time, the same as yours."
