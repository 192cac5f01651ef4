"""A text is as long as it was sent: what the OpenAPI schema calls too long is refused, also where some is removed."""

import pytest
from django.test import Client

TEXTS = {
    "/events": {"title": 120, "description": 5000, "location": 300},
    "/communities": {"name": 120, "description": 5000},
}
REMOVED = ["\x07", "\x99", " ", "\n", "\u202e", "\u2066"]


@pytest.mark.every_value_on_postgres
@pytest.mark.parametrize("path", TEXTS)
def test_what_is_removed_counts(path, program, soon, problem):
    body = {"title": "x", "name": "x", "starts_at": soon.isoformat(), "timezone": "UTC"}
    for field, most in TEXTS[path].items():
        for char in REMOVED:
            document = problem(program.post(path, body | {field: "é" * most + char}), 422, "invalid_input")
            wanted = {"field": field, "problem": f"This has {most + 1} characters; {most} fit."}
            assert document["errors"] == [wanted], (field, char)
        assert program.post(path, body | {field: "\x07" + "é" * (most - 1)}).status_code == 201


def test_in_a_change_too(program, picnic, chess, problem):
    for path, target in (("/events", picnic), ("/communities", chess)):
        for field, most in TEXTS[path].items():
            address = f"{path}/{target.slug}"
            problem(program.patch(address, {field: "é" * most + "\x07"}), 422, "invalid_input")
            assert program.patch(address, {field: "\U0001f389" * most}).status_code == 200


def test_the_description_says_the_same(site):
    schemas = Client().get("/api/v1/openapi.json").json()["components"]["schemas"]
    for path, names in {
        "/events": ("NewEvent", "EventChange"),
        "/communities": ("NewCommunity", "CommunityChange"),
    }.items():
        for name in names:
            described = {field: schemas[name]["properties"][field]["maxLength"] for field in TEXTS[path]}
            assert described == TEXTS[path]
