"""The settings of a site: typed, from the environment and `elonara.toml`, refused with one clear line when wrong.

A name such as `bluesky.writes.mode` is `[bluesky.writes] mode = "legacy"` in the file and
`ELONARA_BLUESKY__WRITES__MODE` in the environment; the environment wins.
"""

from __future__ import annotations

import dataclasses
import os
import tomllib
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

PREFIX = "ELONARA_"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class BadSetting(Exception):
    """A setting that the site cannot start with. The message is one line for the operator."""


@dataclass(frozen=True)
class Site:
    """`site.*`: where the site is and who may join."""

    url: str = "http://127.0.0.1:8000"
    name: str = "Elonara"
    registration: Literal["", "open", "approval", "closed"] = ""  # "": open on loopback, else approval

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can open the site."""
        return (urlsplit(self.url).hostname or "") in LOOPBACK

    @property
    def is_https(self) -> bool:
        """Whether the public address is https."""
        return self.url.startswith("https://")

    @property
    def registration_mode(self) -> str:
        """`open`, `approval` or `closed`."""
        return self.registration or ("open" if self.is_loopback else "approval")


@dataclass(frozen=True)
class Http:
    """`http.*`: where the server listens."""

    host: str = "127.0.0.1"
    port: int = 8000
    trusted_proxies: tuple[str, ...] = ()


@dataclass(frozen=True)
class Email:
    """`email.*`: SMTP as a URL, `smtp://user:password@host:587` (`smtps://` for TLS from the start)."""

    url: str = field(default="", repr=False)
    sender: str = ""


@dataclass(frozen=True)
class Database:
    """`database.*`: `` (SQLite in the data folder) or `postgresql://…`."""

    url: str = field(default="", repr=False)

    @property
    def is_postgres(self) -> bool:
        """Whether the rows live in PostgreSQL."""
        return self.url.startswith(("postgres://", "postgresql://"))


@dataclass(frozen=True)
class Writes:
    """`bluesky.writes.*`. Only `bluesky/factory.py` reads `mode`."""

    mode: Literal["legacy", "oauth"] = "legacy"


@dataclass(frozen=True)
class Relay:
    """`bluesky.relay.*`: the operator's own account, for hosts without an app password."""

    identifier: str = ""
    app_password: str = field(default="", repr=False)
    audience: Literal["opted_in", "followers_of_host", "all"] = "followers_of_host"
    per_day: int = 50


@dataclass(frozen=True)
class Bluesky:
    """`bluesky.*`: the network, Bluesky's own by default."""

    writes: Writes = field(default_factory=Writes)
    relay: Relay = field(default_factory=Relay)
    scopes: Literal["granular", "transition"] = "granular"
    plc_url: str = "https://plc.directory"
    handle_resolver_url: str = ""
    appview_did: str = "did:web:api.bsky.app"
    appview_url: str = "https://public.api.bsky.app"
    allow_private_hosts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Invitations:
    """`invitations.*`: the caps."""

    spacing_seconds: float = 20
    per_day: int = 50
    per_week: int = 300
    first_week_per_day: int = 30
    per_person_per_week: int = 3
    per_send: int = 100


@dataclass(frozen=True)
class Options:
    """Everything an operator can set."""

    data_dir: Path = Path("data")
    site: Site = field(default_factory=Site)
    http: Http = field(default_factory=Http)
    email: Email = field(default_factory=Email)
    database: Database = field(default_factory=Database)
    bluesky: Bluesky = field(default_factory=Bluesky)
    invitations: Invitations = field(default_factory=Invitations)


# Names whose word in the contract cannot be a Python attribute, or reads badly as one.
RENAMED = {"email.from": "email.sender"}


def load(environ: Mapping[str, str] = os.environ, file: Path | None = None) -> Options:
    """Read the options. `file` defaults to `ELONARA_CONFIG`, else `elonara.toml` beside the working folder.

    Raises BadSetting for an unknown name, a value of the wrong type or outside its choices, and a broken file.
    """
    values: dict[str, Any] = {}
    path = file or Path(environ.get("ELONARA_CONFIG") or "elonara.toml")
    if path.exists():
        try:
            tree = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
            raise BadSetting(f"{path.name} cannot be read: {fault}") from fault
        values.update(_flatten(tree))
    for name, value in environ.items():
        if name.startswith(PREFIX) and name != "ELONARA_CONFIG":
            values[name.removeprefix(PREFIX).lower().replace("__", ".")] = value
    values = {RENAMED.get(name, name): value for name, value in values.items()}
    options = _build(Options, values, "")
    if values:
        raise BadSetting(f"there is no setting {sorted(values)[0]!r}; see docs/settings.md")
    _check(options)
    return options


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


def _convert(name: str, value: Any, hint: Any) -> Any:
    if typing.get_origin(hint) is Literal:
        choices = [choice for choice in typing.get_args(hint) if choice]
        if value not in choices:
            raise BadSetting(f"{name} is {value!r}; it can be {' or '.join(map(repr, choices))}")
        return value
    if typing.get_origin(hint) is tuple:
        items = value.split(",") if isinstance(value, str) else value
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise BadSetting(f"{name} is {value!r}; it is a comma separated list")
        return tuple(item.strip() for item in items if item.strip())
    if hint in (int, float):
        try:
            if isinstance(value, bool):
                raise ValueError
            number = hint(value)
        except (TypeError, ValueError) as fault:
            raise BadSetting(f"{name} is {value!r}; it is a number") from fault
        if number < 0:
            raise BadSetting(f"{name} is {value!r}; it cannot be negative")
        return number
    if not isinstance(value, str):
        raise BadSetting(f"{name} is {value!r}; it is a text")
    return hint(value.strip())


def _check(options: Options) -> None:
    for name, url in (
        ("site.url", options.site.url),
        ("bluesky.plc_url", options.bluesky.plc_url),
        ("bluesky.appview_url", options.bluesky.appview_url),
        ("bluesky.handle_resolver_url", options.bluesky.handle_resolver_url),
    ):
        parts = urlsplit(url)
        if url and (parts.scheme not in {"http", "https"} or not parts.hostname):
            raise BadSetting(f"{name} is {url!r}; it is an address such as https://events.example.org")
    if urlsplit(options.site.url).path not in {"", "/"}:
        raise BadSetting(f"site.url is {options.site.url!r}; it has no path")
    if not options.site.is_loopback and not options.site.is_https:
        raise BadSetting(f"site.url is {options.site.url!r}; a public address begins with https://")
    if not 0 < options.http.port < 65536:
        raise BadSetting(f"http.port is {options.http.port}; it is between 1 and 65535")
    if options.database.url and not (options.database.is_postgres or options.database.url.startswith("sqlite:///")):
        raise BadSetting("database.url begins with postgresql:// or sqlite:///")
    if not options.bluesky.appview_did.startswith("did:"):
        raise BadSetting(f"bluesky.appview_did is {options.bluesky.appview_did!r}; it begins with did:")
    if bool(options.bluesky.relay.identifier) != bool(options.bluesky.relay.app_password):
        raise BadSetting("bluesky.relay needs both an identifier and an app_password, or neither")
