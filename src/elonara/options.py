"""The operator's settings as types. `django.conf.settings.ELONARA` holds the site's `Options`.

Every layer may use them; only `elonara.config` knows where the values come from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class Site:
    """`site.*`: the site's URL and name, and who may register."""

    url: str = "http://127.0.0.1:8000"
    name: str = "Elonara"
    registration: Literal["", "open", "approval", "closed"] = ""  # "": open on loopback, else approval
    contact: str = ""  # who runs it and how to reach them, on "About this site"; addresses in it become links

    @property
    def is_loopback(self) -> bool:
        """Whether the site is for browsers on this machine only."""
        return (urlsplit(self.url).hostname or "") in LOOPBACK

    @property
    def is_https(self) -> bool:
        """Whether the site's URL is https."""
        return self.url.startswith("https://")

    @property
    def registration_mode(self) -> str:
        """`open`, `approval` or `closed`."""
        return self.registration or ("open" if self.is_loopback else "approval")


@dataclass(frozen=True)
class Http:
    """`http.*`: the address the server listens on, and the proxies in front of it (IP addresses or networks)."""

    host: str = "127.0.0.1"
    port: int = 8000
    trusted_proxies: tuple[str, ...] = ()


@dataclass(frozen=True)
class Email:
    """`email.*`: SMTP as a URL, `smtp://host:587` or `smtps://host:465`.

    `user` and `password` are in the URL, percent-encoded, or apart as they are; apart wins.
    """

    url: str = field(default="", repr=False)
    sender: str = ""
    user: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class Database:
    """`database.*`: `` (SQLite in the data folder) or `postgresql://…`."""

    url: str = field(default="", repr=False)

    @property
    def is_postgres(self) -> bool:
        """Whether the database is PostgreSQL."""
        return self.url.startswith(("postgres://", "postgresql://"))


@dataclass(frozen=True)
class Writes:
    """`bluesky.writes.*`. Only `bluesky/writing/factory.py` reads `mode`."""

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
    cdn_url: str = "https://cdn.bsky.app"
    allow_private_hosts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Invitations:
    """`invitations.*`: limits on how many invitations are sent, and when a host is paused for opt-outs."""

    spacing_seconds: float = 20
    per_day: int = 50
    per_week: int = 300
    first_week_per_day: int = 30
    per_person_per_week: int = 3
    per_send: int = 100
    emails_per_day: int = 500  # e-mail invitations of the whole site
    messages_per_event_per_day: int = 3  # of its hosts to the guests
    opt_outs_to_pause: int = 3  # 0: never pause
    opt_out_percent_to_pause: float = 5


@dataclass(frozen=True)
class Events:
    """`events.*`: how long what is known of guests is kept."""

    guest_data_days: int = 400  # after the end of an event; 0: kept


@dataclass(frozen=True)
class Log:
    """`log.*`: the format of log lines: text, or one JSON object a line for a log collector."""

    format: Literal["text", "json"] = "text"


@dataclass(frozen=True)
class Metrics:
    """`metrics.*`: metrics for Prometheus at `/metrics`, for holders of the token. Without a token they are off."""

    token: str = field(default="", repr=False)


@dataclass(frozen=True)
class Traces:
    """`traces.*`: where spans go: a collector's OTLP address, such as `http://127.0.0.1:4318/v1/traces`; "" is off."""

    endpoint: str = ""


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
    events: Events = field(default_factory=Events)
    metrics: Metrics = field(default_factory=Metrics)
    log: Log = field(default_factory=Log)
    traces: Traces = field(default_factory=Traces)
