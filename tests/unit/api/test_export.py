"""`GET /me/export`: the caller's own, with a token of somebody who has just signed in."""

import time

import pytest
from tests.unit.api.conftest import PASSWORD, Program

from elonara.api import tokens


def test_everything_about_the_caller(alice, mallory, picnic, supper):
    issued = Program().post("/tokens", {"username": "alice", "password": PASSWORD}).json()
    found = Program(issued["access_token"]).get("/me/export").json()
    assert found["account"]["username"] == "alice"
    assert {one["title"] for one in found["events_hosted"]} == {picnic.title, supper.title}
    of_mallory = Program(tokens.issue(mallory, time.time()).access_token).get("/me/export")
    assert picnic.title not in of_mallory.content.decode()


@pytest.mark.promise("export-own")
@pytest.mark.parametrize("ago", [601, 1_000_000_000])
def test_a_token_of_an_old_sign_in_is_not_enough(alice, ago):
    response = Program(tokens.issue(alice, time.time() - ago).access_token).get("/me/export")
    assert response.status_code == 403
    assert response.json()["code"] == "fresh_token_needed"


def test_a_token_from_a_browser_is_as_old_as_its_sign_in(alice, client):
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    token = client.post("/api/v1/tokens").json()["access_token"]
    assert Program(token).get("/me").status_code == 200
    assert Program(token).get("/me/export").json()["code"] == "fresh_token_needed"
