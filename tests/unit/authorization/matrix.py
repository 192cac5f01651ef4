"""Who gets what at every address about an event, a community, an invitation or a letter, as one table.

A cell is the status of the response; `sign in` is the way to the sign-in page, and `no` a redirect with a refusal. Of
what somebody may not know there is, the status, the page and the number of queries are those of what is not there.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.db import connection, transaction
from django.test import Client
from tests.unit.authorization.world import MISSING, PUBLIC, ROLES, World
from tests.urlconf import patterns

from elonara.api import tokens
from elonara.api.urls import api

# What each part of a path is called in `World.parts`, by how the path begins.
NAMES = {
    "events": {"slug": "event", "pk": "answer", "guest": "answer"},
    "communities": {"slug": "community", "pk": "membership", "join_request": "join_request", "event": "event"},
    "i": {"ref": "ref"},
    "rsvp": {"token": "token"},
    "invitations": {"pk": "invitation", "ref": "ref", "invitation_id": "invitation"},
    "letters": {"pk": "letter"},
}
NOT_THERE = {
    "event": "zqxjk", "community": "zqxjk", "ref": "zqxjk", "token": "zqxjk", "answer": 987654,
    "membership": 987654, "join_request": 987654,
}  # fmt: skip
# Behind a random id that its own people alone are shown: no query more or less tells a stranger anything.
UNGUESSABLE = ("i/", "rsvp/", "invitations/", "letters/", "api/v1/invitations/")
OTHER_WORDS = {"what": "cancel"}
# What a form or a program sends: enough to come past the check of what is written.
FORM = {
    "answer": "maybe", "title": "Other", "name": "Other", "choice": "maybe", "word": "Hello", "username": "stranger",
    "audience": "going", "text": "Hello",
}  # fmt: skip
_SECRET = re.compile(r'name="csrfmiddlewaretoken" value="[^"]*"|req-[0-9a-f]+')


@dataclass(frozen=True)
class Cell:
    """A response, as far as it is compared."""

    outcome: str
    body: str
    queries: int


def addresses() -> list[tuple[str, str]]:
    """Method and path of all that names something, the path as Django writes it."""
    found = []
    for path, _ in patterns():
        folder = path.removeprefix("^").removeprefix("api/v1/").partition("/")[0]
        if folder in NAMES and ("<" in path):
            found += [(method, path) for method in _methods(path)]
    return sorted(set(found), key=lambda each: (each[1].startswith("api/"), each[1], each[0]))


def _methods(path: str) -> list[str]:
    described = _schema()["paths"].get(shown(path))
    return ["GET", "POST"] if described is None else sorted(method.upper() for method in described)


def filled(path: str, parts: dict[str, Any]) -> str:
    """The address with these parts."""
    folder = path.removeprefix("^").removeprefix("api/v1/").partition("/")[0]
    names = NAMES[folder]

    def part(found: re.Match[str]) -> str:
        name = found[1]
        return str(parts.get(names.get(name, ""), OTHER_WORDS.get(name, "x")))

    path = re.sub(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)", part, path)
    path = re.sub(r"<(?:\w+:)?(\w+)>", part, path)
    return "/" + re.sub(r"\\(?=\.)|[$^?]|\\Z", "", path)


def is_taken(world: World, method: str, path: str) -> bool:
    """Whether the address takes this method at all."""
    return _cell(world, "host", method, path, world.parts[PUBLIC]).outcome != "405"


def row(world: World, method: str, path: str, which: str, roles: Iterable[str] = ROLES) -> dict[str, Cell]:
    """The responses to these roles."""
    parts = (
        world.parts[PUBLIC] | NOT_THERE | {"invitation": uuid4(), "letter": uuid4()}
        if which == MISSING
        else world.parts[which]
    )
    return {role: _cell(world, role, method, path, parts) for role in roles}


def differences(path: str, private: Cell, missing: Cell) -> str:
    """How what is private differs from what is not there, for somebody who may see neither; "" where it does not."""
    found = []
    if private.outcome != missing.outcome:
        found.append(f"{private.outcome} and not {missing.outcome}")
    if private.body != missing.body:
        found.append("another page")
    if private.queries != missing.queries and not path.startswith(UNGUESSABLE):
        found.append(f"{private.queries} queries and not {missing.queries}")
    return ", ".join(found)


def _cell(world: World, role: str, method: str, path: str, parts: dict[str, Any]) -> Cell:
    address = filled(path, parts)
    # A number may stand in a page for something else.
    known = [address, *(str(value) for value in parts.values() if not isinstance(value, int))]
    browser, headers = world.browsers[role], {}
    if address.startswith("/api/"):
        browser = Client(raise_request_exception=False)
        if role in world.people and role != "suspended":
            headers["Authorization"] = f"Bearer {tokens.issue(world.people[role]).access_token}"
    queries = []

    def counted(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        queries.append(sql)
        return execute(sql, params, many, context)

    cookies = browser.cookies.copy()  # a message of one response stands in the next page
    with transaction.atomic(), connection.execute_wrapper(counted):
        if address.startswith("/api/"):
            body = "" if method == "GET" else json.dumps(body_of(method, path))
            response = browser.generic(method, address, body, content_type="application/json", headers=headers)
        elif method == "GET":
            response = browser.get(address)
        else:
            response = browser.post(address, FORM)
        transaction.set_rollback(True)
    browser.cookies = cookies
    text = _SECRET.sub("", response.content.decode(errors="replace")) if not response.streaming else ""
    for value in known:
        text = text.replace(value, "·")
    return Cell(_outcome(response), text, len(queries))


@functools.cache
def _schema() -> dict[str, Any]:
    return json.loads(json.dumps(api.get_openapi_schema(), default=str))


def body_of(method: str, path: str) -> Any:
    """The least that a program has to send to this address of the API, by its own description."""
    shown_path = shown(path)
    operation = _schema()["paths"].get(shown_path, {})
    body = operation.get(method.lower(), {}).get("requestBody", {"content": {}})["content"]
    return _least(body.get("application/json", {}).get("schema", {}))


def _least(schema: dict[str, Any]) -> Any:
    if "$ref" in schema:
        return _least(_schema()["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    for many in ("anyOf", "oneOf", "allOf"):
        if many in schema:
            return _least(schema[many][0])
    if "enum" in schema or "const" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    match schema.get("type"):
        case "object" | None:
            return {name: _least(schema["properties"][name]) for name in schema.get("required", ())}
        case "array":
            return [_least(schema["items"])] * schema.get("minItems", 0)
        case "integer" | "number":
            return min(987654, schema.get("maximum", 987654))  # as an id, that of nothing
        case "boolean":
            return True
    return "stranger"


def _outcome(response: Any) -> str:
    if response.status_code in (302, 303):
        if response["Location"].startswith("/accounts/login/"):
            return "sign in"
        queued = getattr(getattr(response.wsgi_request, "_messages", None), "_queued_messages", ())
        if any(message.level >= messages.ERROR for message in queued):
            return "no"
    return str(response.status_code)


def shown(path: str) -> str:
    """The path as people write it."""
    path = re.sub(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)", r"{\1}", path)
    return "/" + re.sub(r"\\(?=\.)|[$^?]|\\Z", "", re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path))
