"""The calls of docs/api.md, made one after the other: the responses are those that the page shows."""

import datetime as dt
import json
import re
import shlex
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from elonara import jobs
from elonara.api.urls import api

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(sh|json)(?: (\d+))?\n(.*?)^```|^<!-- (the workers deliver) -->", re.MULTILINE | re.DOTALL)
HOLE = re.compile(r"…|\$([A-Z]+)")  # anything; or a value that has a name


class Walker:
    """Makes the calls of a page, and keeps the values that it names."""

    def __init__(self):
        self.values = {"SITE": ""}
        self.client = Client(enforce_csrf_checks=True, raise_request_exception=False)

    def call(self, command):
        """What curl would send. Options that the page does not use are refused."""
        words = shlex.split(command.replace("\\\n", " "))
        method, body, headers, url = "", None, {}, ""
        assert words.pop(0) == "curl"
        while words:
            match words.pop(0):
                case "--json":
                    body = self.filled(words.pop(0))  # values stand outside the single quotes: '"$NAME"'
                case "-X":
                    method = words.pop(0)
                case "-H":
                    name, _, value = words.pop(0).partition(": ")
                    headers[name] = self.filled(value)
                case word:
                    assert not url, f"unknown: {word}"
                    url = self.filled(word)
        sent = {} if body is None else {"data": body, "content_type": "application/json"}
        return self.client.generic(method or ("GET" if body is None else "POST"), url, headers=headers, **sent)

    def filled(self, text):
        return re.sub(r"\$([A-Z]+)", lambda found: self.values[found[1]], text)

    def compare(self, shown, real, where="the response"):
        """AssertionError with the place where the page and the response differ."""
        match shown:
            case "…":
                pass
            case ["…"]:
                assert isinstance(real, list), where
            case dict():
                assert isinstance(real, dict), where
                assert list(shown) == list(real), where
                for name, value in shown.items():
                    self.compare(value, real[name], f"{where}.{name}")
            case list():
                assert isinstance(real, list), where
                assert len(shown) == len(real), where
                for number, value in enumerate(shown):
                    self.compare(value, real[number], f"{where}[{number}]")
            case str() if HOLE.search(shown):
                self._match(shown, real, where)
            case _:
                assert (shown, type(shown)) == (real, type(real)), where

    def _match(self, shown, real, where):
        names, pattern, end = [], "", 0
        for hole in HOLE.finditer(shown):
            pattern += re.escape(shown[end : hole.start()])
            end = hole.end()
            if hole[1] is None:
                pattern += ".*"
            elif hole[1] in self.values:
                pattern += re.escape(self.values[hole[1]])
            else:
                names.append(hole[1])
                # The same name twice in one value is the same text.
                pattern += f"(?P<{hole[1]}>.+)" if names.count(hole[1]) == 1 else f"(?P={hole[1]})"
        found = re.fullmatch(pattern + re.escape(shown[end:]), str(real), re.DOTALL)
        assert found, (where, shown, real)
        self.values |= found.groupdict()


@pytest.fixture
def april(monkeypatch):
    """The event of the page is still to come, whenever this runs."""
    now = dt.datetime(2030, 4, 1, 12, tzinfo=dt.UTC)
    monkeypatch.setattr(timezone, "now", lambda: now)


def walk(page, walker):
    """How many calls were made."""
    made, response = 0, None
    for language, status, text, marker in BLOCK.findall(page):
        if marker:
            jobs.drain()
        elif language == "sh":
            assert response is None, "a call without a response"
            made, response = made + 1, walker.call(text)
        else:
            where = f"call {made}"
            assert response is not None, "a response without a call"
            assert int(status) == response.status_code, (where, response.content)
            walker.compare(json.loads(text), response.json(), where)
            response = None
    assert response is None
    return made


@pytest.fixture
def bert(make_member):
    """Whom the page asks to take the community over."""
    return make_member("bert")


def test_the_page_shows_what_happens(graph, april, bert):
    assert walk(PAGE, Walker()) >= 12


@pytest.mark.parametrize(
    ("shown", "other"), [('"username": "alice",', '"username": "alina",'), ("<!-- the workers deliver -->", "")]
)
def test_a_page_that_shows_something_else_is_found(graph, april, bert, shown, other):
    assert shown in PAGE
    with pytest.raises(AssertionError):
        walk(PAGE.replace(shown, other, 1), Walker())


@pytest.mark.parametrize(
    ("shown", "real"),
    [
        ({"queued": 2}, {"queued": 3}),
        ({"queued": 2}, {"queued": 2, "waiting": 0}),
        ({"queued": 2, "waiting": 0}, {"queued": 2}),
        ({"can": ["undo"]}, {"can": []}),
        ({"can": []}, {"can": ["undo"]}),
        ({"attempts": 1}, {"attempts": True}),
        ({"reason": None}, {"reason": ""}),
        ({"people": ["…"]}, {"people": None}),
        ("https://events.example/i/…", "https://events.example/events/picnic"),
        (["$ID", "$ID"], ["one", "other"]),
        ({"id": "$SEEN"}, {"id": "another"}),
    ],
)
def test_a_response_that_differs_is_found(shown, real):
    walker = Walker()
    walker.values["SEEN"] = "this one"
    with pytest.raises(AssertionError):
        walker.compare(shown, real)


def test_a_value_that_is_named_can_be_used():
    walker = Walker()
    walker.compare({"url": "https://events.example/events/$EVENT", "note": "…"}, {
        "url": "https://events.example/events/picnic", "note": None,
    })  # fmt: skip
    assert walker.filled("/api/v1/events/$EVENT") == "/api/v1/events/picnic"


def test_the_page_lists_every_call():
    calls = {
        f"{method.upper()} {path}" for path, methods in api.get_openapi_schema()["paths"].items() for method in methods
    }
    assert calls
    assert set(re.findall(r"^\| `([A-Z]+ /\S+)` \|", PAGE, re.MULTILINE)) == calls
