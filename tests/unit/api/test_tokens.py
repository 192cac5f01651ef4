"""Elonara tokens: who gets one, what it opens, and when it ends."""

import logging
import time

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.test import Client
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey
from tests.unit.api.conftest import PASSWORD, Program

from elonara.api import tokens
from elonara.members import actions as members
from elonara.members.models import Member


def ask(nobody, username="alice", password=PASSWORD):
    return nobody.post("/tokens", {"username": username, "password": password})


def claims_of(token):
    return jwt.decode(token, tokens._key(settings.SECRET_KEY), algorithms=["HS256"]).claims


def forged(token, *, key=None, header=None, **changes):
    """The token with other claims, signed like ours unless `key` says otherwise."""
    algorithm = {"alg": "HS256", "typ": "at+jwt"} | (header or {})
    key = key or tokens._key(settings.SECRET_KEY)
    return jwt.encode(algorithm, claims_of(token) | changes, key, algorithms=[algorithm["alg"]])


def test_a_password_gives_a_token_that_opens_me(alice, nobody):
    answer = ask(nobody)
    assert answer.status_code == 201
    given = answer.json()
    assert given["token_type"] == "Bearer"
    assert given["expires_in"] == 3600
    assert answer["Cache-Control"] == "no-store"
    assert Program(given["access_token"]).get("/me").json()["username"] == "alice"


def test_an_email_address_names_the_member_too(alice, nobody):
    from allauth.account.models import EmailAddress

    EmailAddress.objects.create(user=alice, email="alice@example.org", verified=True, primary=True)
    assert ask(nobody, "alice@example.org").status_code == 201


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
    told = problem(ask(nobody, username, password), 401, "wrong_credentials")
    assert told["detail"] == "The username or the password is wrong."


def test_the_answer_says_which_scheme_is_wanted(nobody, problem):
    answer = nobody.get("/me")
    problem(answer, 401, "unauthorized")
    assert answer["WWW-Authenticate"] == "Bearer"


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
    answer = nobody.post("/tokens", body)
    told = problem(answer, 422, "invalid_input")
    assert told["errors"]
    assert "horse" not in answer.content.decode()
    assert "horse" not in caplog.text


def test_what_is_not_json_is_never_echoed(nobody, problem, caplog):
    caplog.set_level(logging.DEBUG)
    answer = Client().generic("POST", "/api/v1/tokens", b'{"password": "correct horse', "application/json")
    problem(answer, 400, "bad_request")
    assert "horse" not in answer.content.decode() + caplog.text


def test_a_name_with_a_nul_is_told(nobody, problem):
    problem(ask(nobody, "al\x00ice"), 422, "invalid_input")


def test_many_wrong_passwords_are_too_many(alice, nobody, problem):
    for _ in range(5):
        problem(ask(nobody, password="wrong"), 401, "wrong_credentials")
    problem(ask(nobody, password="wrong"), 429, "too_many_attempts")
    # Also for who knows the right one by now: that is the point.
    problem(ask(nobody), 429, "too_many_attempts")


def test_right_passwords_are_never_too_many(alice, nobody):
    for _ in range(12):
        assert ask(nobody).status_code == 201


def test_a_second_factor_is_not_gone_around(alice, nobody, problem):
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
    answer = client.post("/api/v1/tokens", headers={"X-CSRFToken": secret})
    assert answer.status_code == 201
    assert Program(answer.json()["access_token"]).get("/me").json()["member_id"] == alice.pk


def test_a_form_of_a_page_may_ask_as_well(alice):
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
    answer = client.post("/api/v1/tokens", headers={"X-CSRFToken": client.cookies["elonara_csrf"].value})
    assert answer.status_code == 201


def test_a_session_without_its_csrf_token_gives_nothing(alice, problem):
    client = signed_in(alice)
    problem(client.post("/api/v1/tokens"), 403, "csrf_failed")
    problem(client.post("/api/v1/tokens", headers={"X-CSRFToken": "a" * 64}), 403, "csrf_failed")


def test_no_session_and_no_password_is_nobody(nobody, problem):
    problem(nobody.post("/tokens"), 401, "unauthorized")


def test_a_session_alone_opens_nothing_else(alice, problem):
    problem(signed_in(alice).get("/api/v1/me"), 401, "unauthorized")


def test_every_broken_token_is_refused(alice, nobody, problem):
    good = tokens.issue(alice).access_token
    assert Program(good).get("/me").status_code == 200
    now = int(time.time())
    head, body, signature = good.split(".")
    other_key = OctKey.import_key(b"another site's key, of 32 bytes!")
    broken = {
        "expired": forged(good, exp=now - 10),
        "without an end": forged(good, exp=None),
        "for another audience": forged(good, aud="something-else"),
        "of another site": forged(good, iss="https://other.example"),
        "of another key": forged(good, key=other_key),
        "of another kind": forged(good, header={"typ": "JWT"}),
        "of another epoch": forged(good, epoch=alice.token_epoch + 1),
        "of an older password": forged(good, auth="0" * 16),
        "of nobody": forged(good, sub="999999"),
        "of somebody without a number": forged(good, sub="alice"),
        "unsigned": f"{head}.{body}.",
        "signed by somebody": f"{head}.{body}.{signature[::-1]}",
        "no token at all": "nonsense",
        "empty": "",
        "not a text": "é\u2028",
    }
    for what, token in broken.items():
        answer = Client().get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401, what
        problem(answer, 401, "unauthorized")


def test_other_algorithms_than_ours_are_refused(alice, problem):
    good = tokens.issue(alice).access_token
    import base64
    import json

    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    claims = claims_of(good)
    unsigned = f"{part({'alg': 'none', 'typ': 'at+jwt'})}.{part(claims)}."
    key = ECKey.generate_key("P-256")
    by_curve = jwt.encode({"alg": "ES256", "typ": "at+jwt"}, claims, key, algorithms=["ES256"])
    longer = jwt.encode(
        {"alg": "HS512", "typ": "at+jwt"}, claims, tokens._key(settings.SECRET_KEY), algorithms=["HS512"]
    )
    for token in (unsigned, by_curve, longer):
        problem(Program(token).get("/me"), 401, "unauthorized")


def test_another_scheme_than_bearer_is_refused(alice, problem):
    good = tokens.issue(alice).access_token
    for value in (good, f"DPoP {good}", f"Basic {good}", f"Bearer  {good}"):
        problem(Client().get("/api/v1/me", headers={"Authorization": value}), 401, "unauthorized")


def test_a_new_password_ends_every_token(alice, program, problem):
    assert program.get("/me").status_code == 200
    alice.set_password("another long password")
    alice.save()
    problem(program.get("/me"), 401, "unauthorized")


def test_signing_out_everywhere_ends_every_token(alice, program, problem):
    members.end_sessions(alice)
    problem(program.get("/me"), 401, "unauthorized")


def test_a_suspended_member_has_no_token_and_gets_none(alice, program, nobody, make_member, problem):
    members.suspend(alice, make_member("olga", is_superuser=True))
    problem(program.get("/me"), 401, "unauthorized")
    problem(ask(nobody), 403, "suspended")


def test_an_account_that_was_switched_off_has_no_token_and_gets_none(alice, program, nobody, problem):
    Member.objects.filter(pk=alice.pk).update(is_active=False)
    problem(program.get("/me"), 401, "unauthorized")
    problem(ask(nobody), 401, "wrong_credentials")


def test_a_waiting_member_may_look_around_and_not_act(make_member, friends, nobody, problem):
    make_member("walter", standing=Member.Standing.PENDING)
    program = Program(ask(nobody, "walter").json()["access_token"])
    assert program.get("/me").json()["username"] == "walter"
    event = {"title": "Picnic", "starts_at": "2030-05-01T16:00", "timezone": "UTC"}
    problem(program.post("/events", event), 403, "pending")
    problem(program.post("/communities", {"name": "Chess"}), 403, "pending")


def test_an_operators_token_says_so(make_member, friends):
    olga = make_member("olga", is_superuser=True, is_staff=True)
    assert claims_of(tokens.issue(olga).access_token)["permissions"] == ["operate", "act"]
