"""Log formatters: one line per record, with the id of its request or job, and secrets removed.

Our own code must never log a token; the formatters remove what libraries and tracebacks may contain.
"""

from __future__ import annotations

import json
import logging
import re
from typing import Any, override

from elonara import trace

HIDDEN = "<hidden>"
_json = json.JSONEncoder(ensure_ascii=False).encode  # made once: `json.dumps` would make one for each line
# Secrets where they could appear: JWTs, authorization headers, app passwords, query and form fields.
SECRETS = (
    # Paths with a token: first operator, e-mail invitation, daily digest, address confirmation, password reset.
    re.compile(r"(?P<keep>/(?:first-run|rsvp|digest|confirm-email|reset/key)/)[^\s/?\"']+"),
    re.compile(r"(?P<keep>)eyJ[\w-]+\.[\w-]+\.[\w-]*"),
    re.compile(r"(?P<keep>(?i:\b(?:bearer|dpop|basic)\s+))[\w.~+/=-]{8,}"),
    re.compile(r"(?P<keep>)\b[a-z2-7]{4}(?:-[a-z2-7]{4}){3}\b"),
    re.compile(
        r"""(?P<keep>(?ix: \b(?:password|app_password|passwd|secret|access_token|refresh_token|access_?jwt|refresh_?jwt
        |client_assertion|code_verifier|code|state|token)["']?\s*[=:]\s*["']?))[^\s"'&,;)}]+"""
    ),
)


def redact(text: str) -> str:
    """The text, with everything that looks like a secret replaced by HIDDEN."""
    for pattern in SECRETS:
        text = pattern.sub(rf"\g<keep>{HIDDEN}", text)
    return text


class OneLine(logging.Formatter):
    """`2026-11-23T15:04:05+0000 INFO elonara.x req-1a2b message`; a traceback follows on the same line."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(trace)s %(message)s", "%Y-%m-%dT%H:%M:%S%z")

    @override
    def format(self, record: logging.LogRecord) -> str:
        record.trace = trace.current()
        # Joined, so that a visitor's input with line breaks cannot forge a log line.
        if "access" in record.__dict__:
            # Made of patterns and numbers alone (`config.access`): nothing to join, nothing to hide.
            return super().format(record)
        lines = [line.strip() for line in super().format(record).splitlines()]
        return redact(" | ".join(line for line in lines if line))


class Json(logging.Formatter):
    """One JSON object a line: `at`, `level`, `logger`, `trace` (the request or job), `message`, `fault`.

    An access line has `method`, `route`, `status` and `ms` too.
    """

    def __init__(self) -> None:
        super().__init__(datefmt="%Y-%m-%dT%H:%M:%S%z")

    @override
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": self.formatTime(record, self.datefmt),
            "level": record.levelname,
            "logger": record.name,
            "trace": trace.current(),
        }
        if access := record.__dict__.get("access"):
            return _json(line | {"message": record.getMessage()} | access)
        line["message"] = redact(record.getMessage())
        if record.exc_info:
            line["fault"] = redact(self.formatException(record.exc_info))
        return _json(line)


def logging_settings(level: str = "INFO", style: str = "text") -> dict[str, Any]:
    """Django's LOGGING: everything to stderr, where the service manager collects it. `style`: text or json."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": Json if style == "json" else OneLine}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Without handlers of their own: Django's print only when DEBUG is on, and e-mail tracebacks otherwise.
            "django": {"handlers": [], "level": level, "propagate": True},
            # Faults alone. Its lines about 4xx hold the path, and no request id; the access line has both route and id.
            "django.request": {"level": "ERROR"},
            "django.server": {"handlers": [], "level": level, "propagate": True},
            "httpx2": {"level": "WARNING"},
            "httpcore2": {"level": "WARNING"},
            "procrastinate": {"level": "WARNING"},
            "psycopg.pool": {"level": "ERROR"},
            "waitress.queue": {"level": "ERROR"},
        },
    }
