"""Listening where secrets pass, and to everything that could show one. What is listened to works as always."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import json
import logging
import sys
import traceback
from pathlib import Path

from django.conf import settings
from django.contrib.sessions.models import Session
from django.core import mail
from django.db import connection
from django.test import Client

from elonara.atproto.http import GuardedHttp
from elonara.bluesky.graph import search_index
from elonara.sealing import ensure_keys

HEADERS = {"DPoP": "OAuth access token", "Bearer": "app-password session JWT"}
FORM = {
    "state": "OAuth state",
    "code": "OAuth code",
    "code_verifier": "PKCE verifier",
    "client_assertion": "client assertion",
    "refresh_token": "OAuth refresh token",
    "token": "OAuth token to revoke",
}
ANSWERS = {
    "access_token": "OAuth access token",
    "refresh_token": "OAuth refresh token",
    "accessJwt": "app-password session JWT",
    "refreshJwt": "app-password session JWT",
}


class ListeningHttp(GuardedHttp):
    """The site's own HTTP. Notes the secrets of every request and answer; `break_at` names a call that fails oddly."""

    def __init__(self, hunt, *args, **options):
        super().__init__(*args, **options)
        self._hunt, self.break_at = hunt, ""

    def request(self, method, url, *, headers=None, json=None, form=None, **rest):
        self._hunt.hear("addresses asked", f"{method} {url} {rest.get('params')}")
        scheme, _, token = (headers or {}).get("authorization", (headers or {}).get("Authorization", "")).partition(" ")
        self._hunt.keep(HEADERS.get(scheme, "authorization"), token)
        for name, value in (form or {}).items():
            if name in FORM:
                self._hunt.keep(FORM[name], value)
        if isinstance(json, dict) and "password" in json:
            self._hunt.keep("app password", json["password"])
        look_at_objects(self._hunt)
        if self.break_at and self.break_at in url:
            # As a fault of ours would: nobody expects it, so that its whole traceback is logged.
            raise RuntimeError(f"something odd at {method} {url}")
        answer = super().request(method, url, headers=headers, json=json, form=form, **rest)
        for name, value in _fields(answer.body).items():
            if name in ANSWERS:
                self._hunt.keep(ANSWERS[name], value)
        self._hunt.hear("what answers print", repr(answer))
        return answer


def listening_seal(hunt, seal):
    """`seal`, which notes what it is given: the one way into the database for a secret."""

    def sealing(plaintext, **place):
        key = _fields(plaintext.encode())
        # Of a private JWK the other members are public.
        hunt.keep(f"sealed {place['column']}", key.get("d", plaintext))
        return seal(plaintext, **place)

    return sealing


def keep_keys_of_the_site(hunt):
    """The keys in the data folder, which sign sessions and tokens and seal everything else."""
    hunt.keep("key of the site", settings.SECRET_KEY)
    ring = _fields(ensure_keys(settings.ELONARA.data_dir).read_bytes())
    for entry in ring["keys"].values():
        hunt.keep("sealing key", entry["key"])


class ListeningBrowser(Client):
    """A browser or a program; every answer is noted: status line, headers, cookies, body."""

    def __init__(self, hunt, who, **options):
        super().__init__(**options, raise_request_exception=False)
        self._hunt, self._who = hunt, who

    def request(self, **request):
        answer = super().request(**request)
        path, body = request["PATH_INFO"], b"".join(answer) if answer.streaming else answer.content
        channel = f"answers:{request['REQUEST_METHOD']} {path}"
        self._hunt.hear(channel, f"{answer.status_code} {dict(answer.items())} {answer.cookies.output()}")
        if cookie := answer.cookies.get(settings.SESSION_COOKIE_NAME):
            self._hunt.keep("session cookie", cookie.value, meant_for=channel)
        self._hunt.hear(channel, body)
        return answer


class _Everything(logging.Handler):
    def __init__(self, hunt):
        super().__init__(logging.DEBUG)
        self._hunt = hunt

    def emit(self, record):
        self._hunt.hear("log", f"{record.name} {record.getMessage()} {record.args!r} {record.stack_info or ''}")
        if record.exc_info and record.exc_info[1]:
            self._hunt.hear("traceback", "".join(traceback.format_exception(record.exc_info[1])))


@contextlib.contextmanager
def logs(hunt):
    """Every logger at DEBUG, before anything is hidden by a formatter; those of the libraries, too."""
    names = [None, *logging.root.manager.loggerDict]
    levels = {name: logging.getLogger(name).level for name in names}
    handler = _Everything(hunt)
    for name in names:
        logging.getLogger(name).setLevel(logging.DEBUG if name is None else logging.NOTSET)
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


@contextlib.contextmanager
def exceptions(hunt):
    """Every exception that is raised in or goes through code of ours, as it prints itself (PEP 669)."""
    monitor, events = sys.monitoring, sys.monitoring.events
    tool = monitor.DEBUGGER_ID
    wanted = events.RAISE | events.RERAISE | events.PY_UNWIND

    def heard(code, _offset, fault):
        if "/elonara/" not in code.co_filename:
            return
        # One that is not initialised yet has no text that could be printed.
        with contextlib.suppress(Exception):
            hunt.hear("exceptions", f"{type(fault).__name__} {fault} {fault!r} {fault.args!r}")

    monitor.use_tool_id(tool, "secrets")
    for event in (events.RAISE, events.RERAISE, events.PY_UNWIND):
        monitor.register_callback(tool, event, heard)
    monitor.set_events(tool, wanted)
    try:
        yield
    finally:
        monitor.set_events(tool, 0)
        monitor.free_tool_id(tool)


def look_at_objects(hunt):
    """How everything of ours that is alive now would print itself."""
    for thing in gc.get_objects():
        kind = type(thing)
        if not str(kind.__module__).startswith("elonara."):
            continue
        if dataclasses.is_dataclass(kind) or issubclass(kind, BaseException):
            with contextlib.suppress(Exception):
                hunt.hear(f"what objects print:{kind.__name__}", repr(thing))


def look_at_database(hunt):
    """The database as a thief would have it: its files, every row, and what its sessions hold when opened."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if connection.vendor == "sqlite" and table == search_index.FTS:
                continue  # it has no rows of its own; those of its shadow tables are read like all others
            name = connection.ops.quote_name(table)
            if connection.vendor == "postgresql":
                cursor.execute(f"SELECT t::text FROM {name} t")
            else:
                cursor.execute(f"SELECT * FROM {name}")
            for row in cursor.fetchall():
                hunt.hear(f"rows:{table}", " ".join(str(value) for value in row))
    for session in Session.objects.all():
        hunt.hear("sessions", json.dumps(session.get_decoded(), default=str))
    if connection.vendor == "sqlite":
        for ending in ("", "-wal", "-shm"):
            path = Path(str(connection.settings_dict["NAME"]) + ending)
            if path.exists():
                hunt.hear(f"database file{ending}", path.read_bytes())


def look_at_files(hunt):
    """What the site has written into its data folder, but for its keys; and the letters it has sent."""
    folder = Path(settings.ELONARA.data_dir)
    for path in folder.rglob("*"):
        if path.is_file() and "keys" not in path.relative_to(folder).parts:
            hunt.hear(f"files:{path.name}", path.read_bytes())
    for letter in getattr(mail, "outbox", []):
        hunt.hear("letters", letter.message().as_bytes())


def _fields(body):
    try:
        found = json.loads(body)
    except (ValueError, UnicodeDecodeError):
        return {}
    return found if isinstance(found, dict) else {}
