"""What a trip to an authorization server begins with, and what it brings back."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from elonara.atproto.oauth.dpop import DpopKey
from elonara.atproto.oauth.secret import Secret


@dataclass(frozen=True, kw_only=True)
class AuthorizationStarted:
    """A trip to an authorization server that has begun. Everything `finish` needs; keep it until the callback.

    `did` is None where the trip began with a server's name. `state`, `verifier` and `dpop_key` are secrets.
    To rebuild one for `finish`, `state` is the value that the callback brought and found this trip by its digest;
    `authorize_url` may stay empty.
    """

    state: Secret
    verifier: Secret
    dpop_key: DpopKey
    issuer: str
    pds_url: str = ""  # "" where the trip began with the name of an authorization server
    did: str | None = None
    handle: str = ""
    client_id: str
    kid: str = ""
    redirect_uri: str
    scope: str
    authorize_url: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class TokenSet:
    """What an authorization server granted. `scope` is as granted, not as asked; `expires_at` is in UTC."""

    did: str
    handle: str  # "" after a refresh that was not told
    pds_url: str  # likewise
    issuer: str
    access_token: Secret
    refresh_token: Secret  # false where the server gave none
    scope: str
    expires_at: datetime
