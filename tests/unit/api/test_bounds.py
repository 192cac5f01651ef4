"""The schema names a bound for everything that a client sends, and validation refuses just what is beyond it."""

import re

import pytest

from elonara.api.urls import api

BOUNDED = {"maxLength", "enum", "const", "format"}
PEOPLE = {"dids": ["did:plc:bob"]}
WHEN = {"starts_at": "2031-05-01T16:00:00+02:00", "timezone": "UTC"}
# A body that each call takes; one field at a time is then made too long.
BODIES = {
    "/api/v1/events": {"title": "Picnic", **WHEN},
    "/api/v1/events/{slug}": {},
    "/api/v1/events/{slug}/answer": {"answer": "going"},
    "/api/v1/events/{slug}/questions": {"questions": [{"text": "Diet?"}]},
    "/api/v1/events/{slug}/guests": {"name": "Cora", "answer": "going"},
    "/api/v1/events/{slug}/guests/{guest}/accept": {},
    "/api/v1/events/{slug}/guests/{guest}/decline": {},
    "/api/v1/communities": {"name": "Club"},
    "/api/v1/communities/{slug}": {},
    "/api/v1/events/{slug}/invitations/preview": PEOPLE,
    "/api/v1/events/{slug}/invitations": PEOPLE,
    "/api/v1/communities/{slug}/invitations/preview": PEOPLE,
    "/api/v1/communities/{slug}/invitations": PEOPLE,
}


def parts(part, components, path=()):
    """Every string, list and map that a client may send: (where, its schema)."""
    if "$ref" in part:
        part = components[part["$ref"].rsplit("/", 1)[-1]]
    for one in (*part.get("anyOf", ()), *part.get("allOf", ())):
        yield from parts(one, components, path)
    if part.get("type") in {"string", "array", "integer"} or isinstance(part.get("additionalProperties"), dict):
        yield path, part
    for name, one in part.get("properties", {}).items():
        yield from parts(one, components, (*path, name))
    for one in (part.get("items"), part.get("additionalProperties")):
        if isinstance(one, dict):
            yield from parts(one, components, (*path, "*"))


def sent():
    """(method, path, where, schema) of all that requests have, but for names in paths: an unknown one is a 404."""
    described = api.get_openapi_schema()
    components = described["components"]["schemas"]
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            for one in operation.get("parameters", ()):
                if one["in"] != "path":
                    found = parts(one["schema"], components, (one["name"],))
                    yield from ((method, path, where, part) for where, part in found)
            for content in operation.get("requestBody", {}).get("content", {}).values():
                found = parts(content["schema"], components)
                yield from ((method, path, where, part) for where, part in found)


def test_everything_has_a_bound():
    without = []
    for method, path, where, part in sent():
        wanted = {
            "string": BOUNDED, "array": {"maxItems"}, "integer": {"maximum"}, "object": {"maxProperties"},
        }[part["type"]]  # fmt: skip
        if not wanted & part.keys():
            without.append(f"{method} {path}: {'.'.join(where)}")
    assert not without


def of_length(where, part, length):
    """A value that is valid but for its length, in a body: what stands at `where`."""
    kind = part["type"]
    value = {
        "string": "x" * length,
        "array": [f"did:plc:{number}" for number in range(length)],
        "object": {f"did:plc:{number}": "x" for number in range(length)},
    }[kind]  # fmt: skip
    if where[-1] == "*":
        value = {"did:plc:bob": value} if where[0] == "notes" else [value]
    return value


def limited():
    """By call: where its texts, lists and maps have a bound, and that bound."""
    found = {}
    for method, path, where, part in sent():
        bound = next((part[name] for name in ("maxLength", "maxItems", "maxProperties") if name in part), None)
        if bound is not None and path in BODIES and method != "get":
            found.setdefault((method, path), []).append((where, part, bound))
    return found


@pytest.mark.promise("api-as-described")
@pytest.mark.parametrize("named", limited(), ids=" ".join)
def test_one_more_than_the_schema_allows_is_refused(named, program, picnic, chess):
    method, path = named
    address = path.removeprefix("/api/v1").format(slug=picnic.slug if "/events" in path else chess.slug, guest=1)
    for where, part, most in limited()[named]:
        body = {} if where[0] == "handles" else BODIES[path]
        at, beyond = (
            getattr(program, method)(address, body | {where[0]: of_length(where, part, length)})
            for length in (most, most + 1)
        )
        assert beyond.status_code == 422, where
        assert {one["field"].split(".")[0] for one in beyond.json()["errors"]} == {where[0]}
        # At the bound it may be refused for what it says, such as an unknown time zone, and never for its length.
        assert not re.search(r"\d fit|the most in one send is", at.content.decode()), where
