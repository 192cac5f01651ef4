"""Reads the site's options from the environment and `elonara.toml`, with one clear line about any wrong value.

A name such as `bluesky.writes.mode` is `[bluesky.writes] mode = "legacy"` in the file and
`ELONARA_BLUESKY__WRITES__MODE` in the environment; the environment wins.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import math
import os
import re
import tomllib
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import SplitResult, unquote, urlsplit

from elonara.options import (
    Bluesky,
    Database,
    Email,
    Events,
    Http,
    Invitations,
    Log,
    Metrics,
    Options,
    Relay,
    Site,
    Writes,
)

__all__ = [
    "BadSetting",
    "Bluesky",
    "Database",
    "Email",
    "Events",
    "Http",
    "Invitations",
    "Log",
    "Metrics",
    "Options",
    "Relay",
    "Site",
    "Writes",
    "load",
    "load_with_sources",
]

PREFIX = "ELONARA_"
LONGEST_DAYS = 36500  # a hundred years; a date cannot be much longer ago
ENCODE = "in its user and password write / as %2F, ? as %3F, # as %23, [ as %5B, ] as %5D, @ as %40, : as %3A, % as %25"


class BadSetting(Exception):
    """A setting that prevents the start. The message is one line for the operator."""


# Documented names that cannot be Python attributes.
RENAMED = {"email.from": "email.sender"}
# Variables with our prefix that are no settings: the path of the file, and those of the tests.
NOT_SETTINGS = ("ELONARA_CONFIG", "ELONARA_TEST_")


def load(environ: Mapping[str, str] = os.environ, file: Path | None = None) -> Options:
    """Read the options. `file` defaults to `ELONARA_CONFIG`, else `elonara.toml` in the working folder, if it is there.

    Raises BadSetting for an unknown name, a value of the wrong type or outside its choices, a broken file, and a named
    file that is not there.
    """
    return load_with_sources(environ, file)[0]


def load_with_sources(
    environ: Mapping[str, str] = os.environ, file: Path | None = None
) -> tuple[Options, dict[str, str]]:
    """The options, and the source of each name that was set: the name of the variable or of the file."""
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    named = environ.get("ELONARA_CONFIG", "").strip() if file is None else ""
    path = file or Path(named or "elonara.toml")
    for name, value in _flatten(_read(path, named=bool(named))).items():
        attribute = RENAMED.get(name, name)
        values[attribute], sources[attribute] = value, path.name
    for variable, value in environ.items():
        # An empty variable counts as not set: compose files and systemd units often pass one on empty.
        if variable.startswith(PREFIX) and not variable.startswith(NOT_SETTINGS) and value.strip():
            name = variable.removeprefix(PREFIX).lower().replace("__", ".")
            name = RENAMED.get(name, name)
            values[name], sources[name] = value, variable
    options: Options = _build(Options, values, "")
    if values:
        unknown = sorted(values)[0]
        raise BadSetting(f"{sources[unknown]} sets {unknown!r}, and there is no such setting; see docs/settings.md")
    options = dataclasses.replace(options, site=dataclasses.replace(options.site, url=_site_url(options, sources)))
    _check(options)
    return options, sources


def _read(path: Path, *, named: bool) -> dict[str, Any]:
    """The content of the file. Only the one that nobody named may be absent."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as fault:
        if not named:
            return {}
        raise BadSetting(f"ELONARA_CONFIG names {path}, and there is no such file; nothing was started") from fault
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as fault:
        raise BadSetting(f"{path} cannot be read: {fault}") from fault


def _site_url(options: Options, sources: Mapping[str, str]) -> str:
    if "site.url" not in sources:
        return f"http://127.0.0.1:{options.http.port}"
    # The OAuth callback goes to `127.0.0.1` (RFC 8252, section 7.3); for a browser `localhost` is another site, with
    # other cookies.
    return re.sub(r"^http://localhost(?=[:/]|$)", "http://127.0.0.1", options.site.url).rstrip("/")


def _flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat.update(_flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _build(kind: type[Any], values: dict[str, Any], prefix: str) -> Any:
    hints = typing.get_type_hints(kind)
    found: dict[str, Any] = {}
    for part in dataclasses.fields(kind):
        name, hint = f"{prefix}{part.name}", hints[part.name]
        if dataclasses.is_dataclass(hint):
            found[part.name] = _build(typing.cast("type[Any]", hint), values, f"{name}.")
        elif name in values:
            found[part.name] = _convert(name, values.pop(name), hint)
    return kind(**found)


SECRETS = frozenset({"email.url", "email.password", "database.url", "bluesky.relay.app_password", "metrics.token"})


def _convert(name: str, value: Any, hint: Any) -> Any:
    shown = "hidden" if name in SECRETS else repr(value)
    if typing.get_origin(hint) is Literal:
        choices = [choice for choice in typing.get_args(hint) if choice]
        if value not in choices:
            raise BadSetting(f"{name} is {shown}; it can be {' or '.join(map(repr, choices))}")
        return value
    if typing.get_origin(hint) is tuple:
        items = value.split(",") if isinstance(value, str) else value
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise BadSetting(f"{name} is {shown}; it is a comma separated list")
        return tuple(item.strip() for item in items if item.strip())
    if hint in (int, float):
        try:
            number = hint(str(value))  # by way of str, so that TOML's true is not taken for 1
        except ValueError as fault:
            raise BadSetting(f"{name} is {shown}; it is a number") from fault
        if not 0 <= number < math.inf:  # refuses "nan" too
            raise BadSetting(f"{name} is {shown}; it cannot be negative or endless")
        return number
    if not isinstance(value, str):
        raise BadSetting(f"{name} is {shown}; it is a text")
    return hint(value.strip())


def _check(options: Options) -> None:
    if not 0 < options.http.port < 65536:
        raise BadSetting(f"http.port is {options.http.port}; it is between 1 and 65535")
    for name, url in (
        ("site.url", options.site.url),
        ("bluesky.plc_url", options.bluesky.plc_url),
        ("bluesky.appview_url", options.bluesky.appview_url),
        ("bluesky.cdn_url", options.bluesky.cdn_url),
        ("bluesky.handle_resolver_url", options.bluesky.handle_resolver_url),
        ("traces.endpoint", options.traces.endpoint),
    ):
        _check_url(name, url)
    if urlsplit(options.site.url).path or urlsplit(options.site.url).query:
        raise BadSetting(f"site.url is {options.site.url!r}; it has no path")
    if not options.site.is_loopback and not options.site.is_https:
        raise BadSetting(f"site.url is {options.site.url!r}; a public address begins with https://")
    for proxy in options.http.trusted_proxies:
        try:
            ipaddress.ip_network(proxy, strict=False)
        except ValueError as fault:
            raise BadSetting(f"http.trusted_proxies has {proxy!r}; it lists addresses such as 10.0.0.0/8") from fault
    _check_database(options.database)
    _check_email(options.email)
    if options.events.guest_data_days > LONGEST_DAYS:
        raise BadSetting(f"events.guest_data_days is {options.events.guest_data_days}; it is 0 to {LONGEST_DAYS}")
    if options.metrics.token and len(options.metrics.token) < 16:
        raise BadSetting("metrics.token is too short; make one of 16 characters or more")
    if not options.bluesky.appview_did.startswith("did:"):
        raise BadSetting(f"bluesky.appview_did is {options.bluesky.appview_did!r}; it begins with did:")
    if bool(options.bluesky.relay.identifier) != bool(options.bluesky.relay.app_password):
        raise BadSetting("bluesky.relay needs both an identifier and an app_password, or neither")
    for host in options.bluesky.allow_private_hosts:
        if not re.fullmatch(r"(\[[0-9a-f:]+\]|[a-z0-9.-]+):\d{1,5}", host):
            raise BadSetting(
                f"bluesky.allow_private_hosts has {host!r}; it lists hosts with ports, such as pds.test:2583"
            )


def _check_url(name: str, url: str) -> None:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in {"http", "https"} and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        valid = False
    if url and not valid:
        raise BadSetting(f"{name} is {url!r}; it is an address such as https://events.example.org")


def _check_database(database: Database) -> None:
    if database.url and not (database.is_postgres or database.url.startswith("sqlite:///")):
        raise BadSetting("database.url begins with postgresql:// or sqlite:///")
    if database.is_postgres:
        # "postgresql://me:12/34@host/name" would be the host "me", port 12.
        parts = _split_secret_url("database.url", database.url, "")
        if parts.fragment or "@" in parts.path + parts.query:
            raise BadSetting(f"database.url cannot be read: {ENCODE}")


def _check_email(email: Email) -> None:
    if not email.url:
        if email.user or email.password:
            raise BadSetting("email.user and email.password need email.url, such as smtp://mail.example.org:587")
        return
    apart = "; or leave both out of the URL and set email.user and email.password, which are taken as they are"
    if not re.match(r"smtps?://.", email.url):
        raise BadSetting("email.url looks like smtp://user:password@host:587 or smtps://user:password@host:465")
    parts = _split_secret_url("email.url", email.url, apart)
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise BadSetting(f"email.url has something after the host: {ENCODE}{apart}")
    if not parts.hostname:
        raise BadSetting("email.url names no host: smtp://user:password@host:587")
    user, password = email.user or unquote(parts.username or ""), email.password or unquote(parts.password or "")
    if bool(user) != bool(password):
        raise BadSetting("a user without a password, or a password without a user: set email.user and email.password")
    if not (user + password).isascii():
        # RFC 4616 allows them; Python's smtplib does not send them.
        raise BadSetting("email.user and email.password can hold ASCII characters only; choose another password")
    if "@" not in email.sender:
        raise BadSetting("email.from is the address that e-mail comes from; email.url needs it")


def _split_secret_url(name: str, url: str, apart: str) -> SplitResult:
    """The parts of a URL that may hold a password, which no message repeats."""
    if re.search(r"[\s\x00-\x1f\\]", url):  # urlsplit drops some of these in silence
        raise BadSetting(f"{name} holds a space, a backslash or a control character: {ENCODE}{apart}")
    try:
        parts = urlsplit(url)
        valid = parts.port is None or parts.port > 0
    except ValueError:
        valid = False
    if not valid:
        raise BadSetting(f"{name} cannot be read after the user: {ENCODE}{apart}")
    return parts
