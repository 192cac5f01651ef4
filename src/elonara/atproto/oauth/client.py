"""The authorization code flow of the AT Protocol: begin, finish, refresh, revoke."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from elonara.atproto.oauth.dpop import DpopKey
from elonara.atproto.oauth.metadata import Discovery
from elonara.atproto.oauth.secret import Secret

if TYPE_CHECKING:
    from elonara.atproto.identity import IdentityResolver
    from elonara.atproto.network import GuardedHttp
    from elonara.atproto.oauth.client_auth import OAuthClientIdentity
    from elonara.atproto.oauth.stores import NonceStore


@dataclass(frozen=True, kw_only=True)
class Started:
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
class Tokens:
    """What an authorization server granted. `scope` is as granted, not as asked; `expires_at` is in UTC."""

    did: str
    handle: str
    pds_url: str
    issuer: str
    access_token: Secret
    refresh_token: Secret  # false where the server gave none
    scope: str
    expires_at: datetime


class OAuthClient:
    """Speaks to authorization servers for the site. Thread-safe; make one per site configuration and keep it."""

    def __init__(
        self,
        http: GuardedHttp,
        resolver: IdentityResolver,
        client: OAuthClientIdentity,
        nonces: NonceStore,
        *,
        discovery: Discovery | None = None,
    ) -> None:
        self._http, self._resolver, self._client, self._nonces = http, resolver, client, nonces
        self._discovery = discovery or Discovery(http)

    def begin(
        self, identifier: str = "", *, scope: str, server: str = "", login_hint: bool = True, prompt: str = ""
    ) -> Started:
        """Push an authorization request (RFC 9126) for a handle or DID, or for a `server` address.

        `identifier` beginning with `https://` counts as a server too. Raises IdentityError, BadServer, OAuthError
        (the server refused the request), NetworkError.
        """
        raise NotImplementedError

    def finish(self, started: Started, params: Mapping[str, str]) -> Tokens:
        """Exchange the callback's `code` for tokens.

        The caller has consumed the stored `state` atomically before. Raises WrongIssuer before anything else is looked
        at; AccessDenied or OAuthError for an error the server sent; WrongAccount, MissingScope, NetworkError.
        """
        raise NotImplementedError

    def refresh(
        self,
        issuer: str,
        refresh_token: Secret | str,
        dpop_key: DpopKey,
        kid: str,
        expected_did: str,
        *,
        handle: str = "",
        pds_url: str = "",
    ) -> Tokens:
        """Use the single-use refresh token, at most once.

        Total deadline 20 s. Raises InvalidGrant: the session is over. NetworkError with `ambiguous` False: nothing was
        sent, later is fine; with `ambiguous` True: the token may be used up. WrongAccount: `sub` is another DID.
        """
        raise NotImplementedError

    def revoke(self, issuer: str, token: Secret | str, dpop_key: DpopKey, kid: str) -> bool:
        """End the session of `token` at the server (RFC 7009). False where the server has no such endpoint."""
        raise NotImplementedError
