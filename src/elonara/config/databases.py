"""Django's DATABASES, CACHES and MAILERS from a URL each."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit
from weakref import WeakSet

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from elonara.config.options import Database, Email

SQLITE_BUSY_SECONDS = 10
# Compiled statements that each thread keeps, of about 20 kB each. Few pages have more. With 128, which is Python's own
# choice, a site that sends 40 invitations takes 4 MB more, and `bench/pages.py` measures the same.
SQLITE_STATEMENTS = 24
# Threads of one process that may use the database at once: 12 of the web server, 6 that finish what a page gave up on,
# 5 of the jobs, and a reserve.
POOL = {"min_size": 1, "max_size": 25, "timeout": 10}
_without_jit: Final[WeakSet[Any]] = WeakSet()  # connections of the pool


def database(options: Database, data_dir: Path) -> dict[str, Any]:
    """The default database: SQLite in the data folder, or PostgreSQL by its URL, whose query holds libpq options."""
    if not options.is_postgres:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": options.url.removeprefix("sqlite:///") or data_dir / "elonara.sqlite3",
            "CONN_MAX_AGE": None,  # the server's threads live long, and so do their connections
            "OPTIONS": {
                # A deferred transaction that reads and then writes can fail with "database is locked" at once, whatever
                # the timeout.
                "transaction_mode": "IMMEDIATE",
                "timeout": SQLITE_BUSY_SECONDS,
                "cached_statements": SQLITE_STATEMENTS,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
            },
        }
    url = urlsplit(options.url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(url.path.lstrip("/")),
        "USER": unquote(url.username or ""),
        "PASSWORD": unquote(url.password or ""),
        "HOST": unquote(url.hostname or ""),
        "PORT": str(url.port or ""),
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {**dict(parse_qsl(url.query)), "pool": POOL},
    }


def install() -> None:
    """Connect the listener of new connections."""
    connection_created.connect(_turn_jit_off)


def _turn_jit_off(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Let PostgreSQL compile no query of this connection (its setting `jit`).

    It compiles what it estimates to be costly, anew for each query: a filter of the list of events took 1.8 s to
    compile and 5 ms to run. Not as a startup parameter, which PgBouncer refuses.
    """
    raw = connection.connection
    if connection.vendor == "postgresql" and raw not in _without_jit:
        raw.execute("SET jit = off")
        _without_jit.add(raw)


def cache(options: Database) -> dict[str, Any]:
    """Where rate limits are counted: by one process in its memory, by several in their database."""
    kind = "DatabaseCache" if options.is_postgres else "InProcessCache"
    # In memory counts must not push each other out; the table is cleared of old ones every hour.
    return {"BACKEND": f"elonara.shared_cache.{kind}", "OPTIONS": {"MAX_ENTRIES": 20_000}}


def mailer(options: Email) -> dict[str, Any]:
    """The mailer for `email.url`. Without it e-mail is dropped, not logged: it may hold password reset links."""
    if not options.url:
        return {"BACKEND": "django.core.mail.backends.dummy.EmailBackend"}
    url = urlsplit(options.url)
    # The two ports have one meaning each (RFC 8314), whatever the scheme: people write smtp://…:465, and smtps://…:587.
    port = url.port or (465 if url.scheme == "smtps" else 587)
    implicit_tls = port == 465 or (url.scheme == "smtps" and port != 587)
    user = options.user or unquote(url.username or "")
    return {
        "BACKEND": "elonara.mail.smtp.SmtpBackend",
        "OPTIONS": {
            "host": url.hostname,
            "port": port,
            "username": user,
            "password": options.password or unquote(url.password or ""),
            "use_ssl": implicit_tls,
            # Never send credentials without TLS. A relay on this machine, at port 25, has neither.
            "use_tls": not implicit_tls and (bool(user) or port == 587),
            "timeout": 15,
        },
    }


def mailers(options: Email) -> dict[str, dict[str, Any]]:
    """Django's MAILERS: `default` stores e-mail for a background job to send, and that job sends it through `smtp`."""
    if not options.url:
        return {"default": mailer(options)}
    return {"default": {"BACKEND": "elonara.housekeeping.outgoing_email.OutgoingEmailBackend"}, "smtp": mailer(options)}
