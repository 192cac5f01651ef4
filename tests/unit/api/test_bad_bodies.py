"""Bodies that are JSON and yet nothing that a call takes: a problem document, never a 500 and never a change."""

import json

import pytest
from django.test import Client

from elonara.atproto.http import Response
from elonara.events.models import Event

HALVES = ["\\ud800", "\\uDFFF", "a\\uD83Cb", "\\udc00\\ud800"]


@pytest.fixture
def send(alice, program):
    """`send("PATCH", path, raw)`: a raw body with alice's token."""

    def go(method, path, raw):
        return Client(raise_request_exception=False).generic(
            method, f"/api/v1{path}", raw, content_type="application/json", headers=program._headers
        )

    return go


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize(
    ("method", "path", "field"),
    [
        ("POST", "/events", "title"),
        ("POST", "/events", "description"),
        ("POST", "/events", "location"),
        ("POST", "/events", "timezone"),
        ("POST", "/events", "community"),
        ("POST", "/events", "starts_at"),
        ("PATCH", "/events/{event}", "description"),
        ("PATCH", "/events/{event}", "title"),
        ("POST", "/communities", "name"),
        ("POST", "/communities", "description"),
        ("PATCH", "/communities/{community}", "description"),
        ("POST", "/events/{event}/invitations", "note"),
        ("POST", "/events/{event}/invitations", "idempotency_key"),
        ("POST", "/events/{event}/invitations/preview", "note"),
        ("POST", "/tokens", "username"),
        ("POST", "/tokens", "password"),
    ],
)
def test_half_a_character_is_a_400(half, method, path, field, send, picnic, chess, problem):
    body = {"title": "x", "name": "x", "starts_at": "2030-05-01T16:00", "people": ["did:plc:bob"], "username": "alice",
            "password": "x"}  # fmt: skip
    raw = json.dumps(body | {field: "HALF"}).replace("HALF", half)
    problem(send(method, path.format(event=picnic.slug, community=chess.slug), raw), 400, "bad_request")


def test_half_a_character_as_a_name_or_deep_inside_is_a_400(send, picnic, problem):
    for raw in ('{"\\ud800": 1}', '{"people": ["\\ud800"]}', '{"people": [], "notes": {"did:plc:bob": "\\ud800"}}'):
        problem(send("POST", f"/events/{picnic.slug}/invitations", raw), 400, "bad_request")


def test_whole_characters_stay(send, picnic):
    raw = '{"title": "Party \\ud83c\\udf89 \\u00e9 \\\\ud800"}'
    assert send("PATCH", f"/events/{picnic.slug}", raw).json()["title"] == "Party 🎉 é \\ud800"


@pytest.mark.parametrize("raw", ['"x"', "1", "true", "[]", '["x"]', '[{"title": "x"}]', "NaN", "[" * 100_000, ""])
@pytest.mark.parametrize("path", ["/events/{event}", "/communities/{community}"])
def test_a_body_that_is_no_object_changes_nothing(raw, path, send, picnic, chess):
    response = send("PATCH", path.format(event=picnic.slug, community=chess.slug), raw)
    assert response.status_code in {400, 422}, response.content
    assert Event.objects.get().title == "Picnic"


@pytest.mark.parametrize("raw", ['"x"', '["did:plc:bob"]', "[]"])
def test_nobody_is_invited_by_a_body_that_is_no_object(raw, send, picnic):
    assert send("POST", f"/events/{picnic.slug}/invitations", raw).status_code in {400, 422}
    assert not picnic.invitations.exists()


class TestTokensOfASession:
    def ask(self, member, raw, content_type="application/json"):
        client = Client(enforce_csrf_checks=True)
        client.force_login(member, backend="django.contrib.auth.backends.ModelBackend")
        client.get("/profile/edit?tab=about")
        secret = client.cookies["elonara_csrf"].value
        return client.generic("POST", "/api/v1/tokens", raw, content_type=content_type, headers={"X-CSRFToken": secret})

    @pytest.mark.parametrize("raw", ["{}", " { } ", "null", ""])
    def test_nothing_said_is_nothing_said(self, alice, raw):
        assert self.ask(alice, raw).status_code == 201

    @pytest.mark.parametrize("raw", ['{"username": "alice"}', '{"password": "x"}', '{"username": null}'])
    def test_half_of_the_credentials_are_no_session(self, alice, raw, problem):
        problem(self.ask(alice, raw), 422, "invalid_input")

    @pytest.mark.parametrize("raw", ["[]", "0", "false", '""'])
    def test_what_is_no_object_is_no_session(self, alice, raw, problem):
        problem(self.ask(alice, raw), 422, "invalid_input")

    def test_without_a_session_it_is_401(self, nobody, problem):
        problem(nobody.post("/tokens", {}), 401, "unauthorized")


def test_half_a_character_from_another_server_is_dropped():
    response = Response(200, {}, b'{"name": "\\ud800 \\uDFFF ok", "party": "\\ud83c\\udf89", "back": "\\\\ud800"}', "")
    assert response.json() == {"name": "  ok", "party": "🎉", "back": "\\ud800"}


@pytest.mark.every_value_on_postgres
@pytest.mark.parametrize(
    ("method", "path", "schema", "field"),
    [
        ("POST", "/events", "NewEvent", "title"),
        ("POST", "/events", "NewEvent", "description"),
        ("POST", "/events", "NewEvent", "location"),
        ("PATCH", "/events/{event}", "EventChange", "title"),
        ("PATCH", "/events/{event}", "EventChange", "description"),
        ("PATCH", "/events/{event}", "EventChange", "location"),
        ("POST", "/communities", "NewCommunity", "name"),
        ("POST", "/communities", "NewCommunity", "description"),
        ("PATCH", "/communities/{community}", "CommunityChange", "name"),
        ("PATCH", "/communities/{community}", "CommunityChange", "description"),
    ],
)
def test_the_schema_says_the_bounds_that_hold(method, path, schema, field, send, picnic, chess, problem):
    said = Client().get("/api/v1/openapi.json").json()["components"]["schemas"][schema]["properties"][field]
    body = {"title": "x", "name": "x", "starts_at": "2030-05-01T16:00"} if method == "POST" else {}
    path = path.format(event=picnic.slug, community=chess.slug)
    assert send(method, path, json.dumps(body | {field: "x" * said["maxLength"]})).status_code in {200, 201}
    over = send(method, path, json.dumps(body | {field: "x" * (said["maxLength"] + 1)}))
    assert problem(over, 422, "invalid_input")["errors"][0]["field"] == field
    empty = send(method, path, json.dumps(body | {field: ""}))
    assert (empty.status_code == 422) is ("minLength" in said)


def test_the_schema_says_that_a_start_is_never_null(send, picnic, problem):
    said = Client().get("/api/v1/openapi.json").json()["components"]["schemas"]["EventChange"]["properties"]
    assert said["starts_at"]["type"] == "string"
    problem(send("PATCH", f"/events/{picnic.slug}", '{"starts_at": null}'), 422, "invalid_input")
    assert {"type": "null"} in said["ends_at"]["anyOf"]
    assert send("PATCH", f"/events/{picnic.slug}", '{"ends_at": null}').status_code == 200
