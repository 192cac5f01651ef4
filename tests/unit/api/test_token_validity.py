"""Which tokens the API accepts, and what ends them."""

import time

import pytest
from django.conf import settings
from django.test import Client
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey
from tests.unit.api.conftest import Program, ask, claims_of

from elonara.api import tokens
from elonara.members import actions as members
from elonara.members.models import Member


def forged(token, *, key=None, header=None, **changes):
    """The token with other claims, signed like ours unless `key` says otherwise."""
    algorithm = {"alg": "HS256", "typ": "at+jwt"} | (header or {})
    key = key or tokens._key(settings.SECRET_KEY)
    return jwt.encode(algorithm, claims_of(token) | changes, key, algorithms=[algorithm["alg"]])


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
        response = Client().get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
        assert response.status_code == 401, what
        problem(response, 401, "unauthorized")


def test_other_algorithms_are_refused(alice, problem):
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


def test_other_schemes_are_refused(alice, problem):
    good = tokens.issue(alice).access_token
    for value in (good, f"DPoP {good}", f"Basic {good}", f"Bearer  {good}"):
        problem(Client().get("/api/v1/me", headers={"Authorization": value}), 401, "unauthorized")


@pytest.mark.promise("password-ends-tokens")
def test_a_new_password_ends_every_token(alice, program, problem):
    assert program.get("/me").status_code == 200
    alice.set_password("another long password")
    alice.save()
    problem(program.get("/me"), 401, "unauthorized")


def test_signing_out_everywhere_ends_every_token(alice, program, problem):
    members.end_sessions(alice)
    problem(program.get("/me"), 401, "unauthorized")


@pytest.mark.promise("suspended-out")
def test_a_suspended_member_has_no_token_and_gets_none(alice, program, nobody, make_member, problem):
    members.suspend(alice, make_member("olga", is_superuser=True))
    problem(program.get("/me"), 401, "unauthorized")
    problem(ask(nobody), 403, "suspended")


def test_an_account_that_was_switched_off_has_no_token_and_gets_none(alice, program, nobody, problem):
    Member.objects.filter(pk=alice.pk).update(is_active=False)
    problem(program.get("/me"), 401, "unauthorized")
    problem(ask(nobody), 401, "wrong_credentials")


def test_a_pending_member_may_read_and_not_write(make_member, friends, nobody, problem):
    make_member("walter", standing=Member.Standing.PENDING)
    program = Program(ask(nobody, "walter").json()["access_token"])
    assert program.get("/me").json()["username"] == "walter"
    event = {"title": "Picnic", "starts_at": "2030-05-01T16:00", "timezone": "UTC"}
    problem(program.post("/events", event), 403, "pending")
    problem(program.post("/communities", {"name": "Chess"}), 403, "pending")
