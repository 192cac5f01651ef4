import logging
import sys

import pytest

from elonara import trace
from elonara.config.logs import OneLine, redact


def line(message, *args, exc_info=None):
    return OneLine().format(logging.LogRecord("elonara.x", logging.INFO, __file__, 1, message, args, exc_info))


def test_a_line_has_the_request_id():
    with trace.tracing("req-1234"):
        assert line("hello %s", "bob").endswith("INFO elonara.x req-1234 hello bob")
    assert line("hello").endswith("INFO elonara.x - hello")


@pytest.mark.promise("files-sound")
def test_input_of_a_visitor_cannot_begin_a_line():
    assert line("path %s", "/x\n2026-11-23 ERROR forged") == line("path %s", "/x | 2026-11-23 ERROR forged")


def test_a_traceback_stays_on_the_line():
    try:
        int("app_password=abcd-efgh-2345-mnop")
    except ValueError:
        text = line("it failed", exc_info=sys.exc_info())
    assert "\n" not in text
    assert "ValueError" in text
    assert "abcd-efgh" not in text


@pytest.mark.promise("nothing-shown")
@pytest.mark.parametrize(
    "secret",
    [
        "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJkaWQifQ.c2lnbmF0dXJl",
        "Authorization: DPoP ory_at_0123456789",
        "authorization: bearer 0123456789abcdef",
        "the app password abcd-efgh-2345-mnop was refused",
        "GET /auth/bluesky/callback?state=abc123&code=cod-456789",
        "{'refresh_token': 'ref-0123456'}",
        '"code_verifier": "ver-0123456"',
        "password=hunter2hunter2",
    ],
)
def test_what_looks_like_a_secret_is_hidden(secret):
    shown = redact(secret)
    for part in ("c2lnbmF0dXJl", "0123456", "abcd-efgh", "abc123", "cod-456", "hunter2"):
        assert part not in shown
    assert "<hidden>" in shown


@pytest.mark.parametrize(
    "text",
    [
        "did:plc:ewvi7nxzyoun6zhxrhs64oiz posted at://did:plc:x/app.bsky.feed.post/3lbtzdh4xz22f",
        "GET /events/picnic-in-the-park 200",
        "state sent -> undone, status code 500",
    ],
)
def test_what_is_not_a_secret_stays(text):
    assert redact(text) == text


def test_json_lines_have_the_request_id_and_no_secret():
    import json

    from elonara.config.logs import Json

    fault = ValueError("password=hunter2hunter2")
    said = ("token=%s\nforged line", ("abc123",), (ValueError, fault, None))
    record = logging.LogRecord("x", logging.WARNING, __file__, 1, *said)
    with trace.tracing("req-1"):
        text = Json().format(record)
    line = json.loads(text)
    assert "\n" not in text
    assert (line["level"], line["logger"], line["trace"]) == ("WARNING", "x", "req-1")
    assert line["message"] == "token=<hidden>\nforged line"
    assert "ValueError" in line["fault"]
    assert "hunter2" not in text
