"""`POST /tokens`: who gets a token, and what it contains."""

import logging

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from tests.unit.api.conftest import PASSWORD, Program, ask, claims_of

from elonara.api import tokens


def test_a_password_gives_a_token_that_is_valid_for_me(alice, nobody):
    response = ask(nobody)
    assert response.status_code == 201
    given = response.json()
    assert given["token_type"] == "Bearer"
    assert given["expires_in"] == 3600
    assert response["Cache-Control"] == "no-store"
    assert Program(given["access_token"]).get("/me").json()["username"] == "alice"


def test_an_email_address_names_the_member_too(alice, nobody):
    from allauth.account.models import EmailAddress

    EmailAddress.objects.create(user=alice, email="alice@example.org", verified=True, primary=True)
    assert ask(nobody, "alice@example.org").status_code == 201


@pytest.mark.promise("no-token-to-programs")
def test_the_token_names_the_member_and_her_did_and_nothing_of_blueskys(alice):
    alice.bluesky.bsky_access_token_enc = "sealed"
    claims = claims_of(tokens.issue(alice).access_token)
    assert claims["sub"] == str(alice.pk)
    assert claims["bsky_did"] == alice.bluesky.bsky_did
    assert claims["permissions"] == ["act"]
    assert claims["iss"] == "https://events.example"
    assert not any(alice.password in str(value) for value in claims.values())


def test_a_token_does_not_print_itself(alice):
    issued = tokens.issue(alice)
    assert issued.access_token not in repr(issued)


@pytest.mark.parametrize(("username", "password"), [("alice", "wrong"), ("nobody-here", PASSWORD), ("alice", "")])
def test_wrong_credentials_are_refused_alike(alice, nobody, problem, username, password):
    document = problem(ask(nobody, username, password), 401, "wrong_credentials")
    assert document["detail"] == "The username or the password is wrong."


def test_a_401_names_the_bearer_scheme(nobody, problem):
    response = nobody.get("/me")
    problem(response, 401, "unauthorized")
    assert response["WWW-Authenticate"] == "Bearer"


@pytest.mark.promise("nothing-shown")
@pytest.mark.parametrize(
    "body",
    [
        {"username": "alice", "password": ["correct horse battery staple"]},
        {"username": "alice", "password": {"it": "correct horse battery staple"}},
        {"username": ["correct horse battery staple"], "password": "x"},
        {"username": "alice" * 100, "password": "correct horse battery staple"},
        "correct horse battery staple",
        ["correct horse battery staple"],
        {"user": "alice", "password": "correct horse battery staple"},
    ],
)
def test_a_malformed_request_is_never_echoed(nobody, problem, caplog, body):
    caplog.set_level(logging.DEBUG)
    response = nobody.post("/tokens", body)
    document = problem(response, 422, "invalid_input")
    assert document["errors"]
    assert "horse" not in response.content.decode()
    assert "horse" not in caplog.text


def test_what_is_not_json_is_never_echoed(nobody, problem, caplog):
    caplog.set_level(logging.DEBUG)
    response = Client().generic("POST", "/api/v1/tokens", b'{"password": "correct horse', "application/json")
    problem(response, 400, "bad_request")
    assert "horse" not in response.content.decode() + caplog.text


def test_a_username_with_nul_is_invalid_input(nobody, problem):
    problem(ask(nobody, "al\x00ice"), 422, "invalid_input")


@pytest.mark.promise("guessing-limited")
def test_wrong_passwords_are_limited(alice, nobody, problem):
    for _ in range(5):
        problem(ask(nobody, password="wrong"), 401, "wrong_credentials")
    problem(ask(nobody, password="wrong"), 429, "too_many_attempts")
    # The right password is refused as well; otherwise guessing could continue.
    problem(ask(nobody), 429, "too_many_attempts")


def test_right_passwords_are_not_limited(alice, nobody):
    for _ in range(12):
        assert ask(nobody).status_code == 201


@pytest.mark.promise("second-factor")
def test_a_second_factor_cannot_be_bypassed(alice, nobody, problem):
    Authenticator.objects.create(user=alice, type=Authenticator.Type.TOTP, data={"secret": "sealed"})
    problem(ask(nobody), 403, "mfa_required")


def signed_in(member):
    client = Client(enforce_csrf_checks=True)
    client.force_login(member, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_a_signed_in_session_gives_a_token_with_its_csrf_token(alice):
    client = signed_in(alice)
    client.get("/profile/edit?tab=about")
    secret = client.cookies["elonara_csrf"].value
    response = client.post("/api/v1/tokens", headers={"X-CSRFToken": secret})
    assert response.status_code == 201
    assert Program(response.json()["access_token"]).get("/me").json()["member_id"] == alice.pk


def test_a_form_encoded_request_gets_a_token_too(alice):
    client = signed_in(alice)
    client.get("/profile/edit?tab=about")
    key = {"csrfmiddlewaretoken": client.cookies["elonara_csrf"].value}
    for form in ("application/x-www-form-urlencoded", None):
        more = {"content_type": form} if form else {}
        data = f"csrfmiddlewaretoken={key['csrfmiddlewaretoken']}" if form else key
        assert client.post("/api/v1/tokens", data, **more).status_code == 201


def test_a_second_factor_that_was_given_on_the_site_is_enough(alice):
    Authenticator.objects.create(user=alice, type=Authenticator.Type.TOTP, data={"secret": "sealed"})
    client = signed_in(alice)
    client.get("/profile/edit?tab=about")
    response = client.post("/api/v1/tokens", headers={"X-CSRFToken": client.cookies["elonara_csrf"].value})
    assert response.status_code == 201


@pytest.mark.promise("forms-are-ours")
def test_a_session_without_its_csrf_token_gives_nothing(alice, problem):
    client = signed_in(alice)
    problem(client.post("/api/v1/tokens"), 403, "csrf_failed")
    problem(client.post("/api/v1/tokens", headers={"X-CSRFToken": "a" * 64}), 403, "csrf_failed")


def test_without_session_and_password_it_is_401(nobody, problem):
    problem(nobody.post("/tokens"), 401, "unauthorized")


def test_a_session_cookie_is_no_token(alice, problem):
    problem(signed_in(alice).get("/api/v1/me"), 401, "unauthorized")


def test_an_operators_token_says_so(make_member, friends):
    olga = make_member("olga", is_superuser=True, is_staff=True)
    assert claims_of(tokens.issue(olga).access_token)["permissions"] == ["operate", "act"]
