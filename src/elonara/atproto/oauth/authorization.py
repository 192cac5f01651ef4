"""The state of an authorization request between its start and the callback, and the tokens that come of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from elonara.atproto.oauth.dpop import DpopKey
from elonara.atproto.oauth.secret import Secret


@dataclass(frozen=True, kw_only=True)
class AuthorizationStarted:
    """An authorization request that was pushed to its server: everything `finish` needs. Store it until the callback.

    `did` is None where the user named a server instead of an account. `state`, `verifier` and `dpop_key` are secrets.
    A store need only keep a digest of `state`: to rebuild the request for `finish`, pass the `state` of the callback
    whose digest matched. `authorize_url` may then stay empty.
    """

    state: Secret
    verifier: Secret
    dpop_key: DpopKey
    issuer: str
    pds_url: str = ""  # "" where the user named an authorization server
    did: str | None = None
    handle: str = ""
    client_id: str
    kid: str = ""
    redirect_uri: str
    scope: str
    authorize_url: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class TokenSet:
    """What an authorization server granted. `scope` is the granted one, not the requested; `expires_at` is in UTC."""

    did: str
    handle: str  # "" after a refresh that was not given one
    pds_url: str  # likewise
    issuer: str
    access_token: Secret
    refresh_token: Secret  # empty (and false) where the server gave none
    scope: str
    expires_at: datetime
