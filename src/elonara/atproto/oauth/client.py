"""The authorization code flow of the AT Protocol: begin, finish, refresh, revoke.

Spec: https://atproto.com/specs/oauth, over RFC 6749, 7636 (PKCE), 9126 (PAR), 9207 (`iss`) and 9449 (DPoP).
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from elonara.atproto.errors import AtprotoError, BadState, OAuthError, WrongAccount, WrongIssuer
from elonara.atproto.identity import Identity
from elonara.atproto.oauth.authorization import AuthorizationStarted, TokenSet
from elonara.atproto.oauth.dpop import DpopKey, origin
from elonara.atproto.oauth.metadata import AuthorizationServer, BadServer, Discovery, UrlGuard
from elonara.atproto.oauth.par import authorization_url, login_hint_for, request_parameters
from elonara.atproto.oauth.secret import Secret, reveal
from elonara.atproto.oauth.server_exchange import ServerExchange, TimeBudget, does_not_know_scope, scrubbed_error
from elonara.atproto.oauth.token_response import Granted, read_grant

if TYPE_CHECKING:
    from elonara.atproto.oauth.client_auth import OAuthClientIdentity
    from elonara.atproto.oauth.stores import NonceStore

__all__ = ["AuthorizationStarted", "OAuthClient", "TokenSet"]

# What to ask a server for: a scope, or what chooses by the server's metadata one or two, in this order.
type ScopeChoice = str | Callable[[AuthorizationServer], Sequence[str]]

FLOW_DEADLINE_SECONDS = 20.0  # for all requests of one step together; must stay below the lease around a refresh (60 s)
REVOKE_DEADLINE_SECONDS = 5.0


class Resolver(Protocol):
    """Resolves a handle or DID to its account; `identity.IdentityResolver` is the real one."""

    def resolve(self, identifier: str, *, fresh: bool = False) -> Identity:
        """The account, with its handle verified in both directions. Raises IdentityError."""
        ...


class OAuthClient:
    """The site's OAuth client. Thread-safe; make one for each site configuration and keep it."""

    def __init__(
        self,
        http: UrlGuard,
        resolver: Resolver,
        client: OAuthClientIdentity,
        nonces: NonceStore,
        *,
        discovery: Discovery | None = None,
    ) -> None:
        self._http, self._resolver, self._client, self._nonces = http, resolver, client, nonces
        self._discovery = discovery or Discovery(http)

    def begin(
        self, identifier: str = "", *, scope: ScopeChoice, server: str = "", login_hint: bool = True, prompt: str = ""
    ) -> AuthorizationStarted:
        """Push an authorization request (RFC 9126) for a handle or DID, or for a `server` address.

        An `identifier` that begins with `https://` counts as a server too. `scope` is what is asked for, or chooses
        that by the server: where it refuses the first scope as one that it does not know, the second is asked for, and
        never a third. `prompt` may be `login`, `consent` or `select_account`. Raises ValueError for a scope that the
        client did not declare, IdentityError, BadServer, OAuthError (the server refused the request), NetworkError.
        """
        if isinstance(scope, str):
            self._asking(scope)
        budget = TimeBudget(FLOW_DEADLINE_SECONDS)
        if not server and "://" in identifier:
            server = identifier
        # Never from the cache: a handle may have another owner by now, and an account another server.
        identity = None if server else self._resolver.resolve(identifier, fresh=True)
        if identity is not None:
            pds_url, authority = identity.pds_url, self._discovery.of_pds(identity.pds_url, deadline=budget.left())
        else:
            pds_url, authority = self._discover_named_server(server, budget)
        if self._client.auth_method not in authority.auth_methods:
            raise BadServer(f"{authority.issuer} does not take clients that use {self._client.auth_method}.")
        more = {"prompt": prompt} if prompt else {}
        if identity is not None and login_hint:
            more["login_hint"] = login_hint_for(identity)
        first, *instead = ([scope] if isinstance(scope, str) else scope(authority))[:2]
        try:
            return self._push(authority, first, pds_url=pds_url, identity=identity, more=more, budget=budget)
        except OAuthError as fault:
            if not instead or not does_not_know_scope(fault):
                raise
        return self._push(authority, instead[0], pds_url=pds_url, identity=identity, more=more, budget=budget)

    def _push(
        self,
        authority: AuthorizationServer,
        scope: str,
        *,
        pds_url: str,
        identity: Identity | None,
        more: Mapping[str, str],
        budget: TimeBudget,
    ) -> AuthorizationStarted:
        client, key = self._asking(scope), DpopKey.generate()
        state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        form = request_parameters(redirect_uri=client.redirect_uri, scope=scope, state=state, verifier=verifier)
        exchange = self._exchange_with(authority.issuer, key, client.kid, client)
        response = exchange.post(authority.par_endpoint, {**form, **more}, budget)
        return AuthorizationStarted(
            state=Secret(state),
            verifier=Secret(verifier),
            dpop_key=key,
            issuer=authority.issuer,
            pds_url=pds_url,
            did=identity.did if identity else None,
            handle=identity.handle if identity else "",
            client_id=client.client_id,
            kid=client.kid,
            redirect_uri=client.redirect_uri,
            scope=scope,
            authorize_url=authorization_url(authority, client.client_id, response),
        )

    def finish(self, started: AuthorizationStarted, params: Mapping[str, str]) -> TokenSet:
        """Exchange the callback's `code` for tokens.

        The caller must have consumed the stored `state` atomically before. `iss` is compared first, before any other
        parameter is trusted. A grant that cannot be accepted is revoked at the server, if it can be reached.

        Raises WrongIssuer, BadState, AccessDenied or OAuthError for an error that the server sent, InvalidGrant,
        WrongAccount, MissingScope, IdentityError, BadServer, NetworkError.
        """
        if params.get("iss") != started.issuer:
            raise WrongIssuer(started.issuer, params.get("iss", "")[:200])
        if not started.state or Secret(params.get("state", "")) != started.state:
            raise BadState("This answer belongs to another attempt; begin again.")
        if "error" in params:
            raise scrubbed_error(params, [started.state.reveal(), started.verifier.reveal()])
        code = params.get("code", "")
        if not code:
            raise OAuthError("invalid_request", "The server's answer holds no code.")
        client = self._client.known_as(started.client_id)
        if client is None:
            raise BadState("The site's address has changed since this attempt began; begin again.")
        budget = TimeBudget(FLOW_DEADLINE_SECONDS)
        authority = self._discovery.of_issuer(started.issuer, deadline=budget.left())
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": started.verifier.reveal(),
            "redirect_uri": started.redirect_uri,
        }
        exchange = self._exchange_with(started.issuer, started.dpop_key, started.kid, client)
        grant = read_grant(exchange.post(authority.token_endpoint, form, budget))
        with self._revoked_on_error(authority, exchange, grant):
            grant.require_atproto()
            identity = self._account_of(started, grant)
        return grant.tokens(identity, started.issuer)

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
        client_id: str = "",
    ) -> TokenSet:
        """Exchange a refresh token, which works once, for new tokens; at most one attempt, within 20 s in all.

        Raises InvalidGrant: the session has ended. NetworkError with `ambiguous` False: nothing was sent, and a later
        attempt is safe; with `ambiguous` True: the token may be used up, and using it again could revoke the session.
        OAuthError with another code (`rate_limited`, `invalid_client`, …): the server refused, the token is unused.
        WrongAccount: `sub` is another DID. `handle` and `pds_url` are passed through to the result. `client_id` is the
        one that the session began with, where the client has several.
        """
        budget = TimeBudget(FLOW_DEADLINE_SECONDS)
        authority = self._discovery.of_issuer(issuer, deadline=budget.left())
        form = {"grant_type": "refresh_token", "refresh_token": reveal(refresh_token)}
        exchange = self._exchange_with(issuer, dpop_key, kid, self._client.known_as(client_id))
        response = exchange.post(authority.token_endpoint, form, budget)
        grant = read_grant(response, refresh_token=Secret.of(refresh_token))
        with self._revoked_on_error(authority, exchange, grant):
            if grant.did != expected_did:
                raise WrongAccount(expected_did, grant.did)
            grant.require_atproto()
        return grant.tokens(Identity(expected_did, handle, pds_url), issuer)

    def revoke(self, issuer: str, token: Secret | str, dpop_key: DpopKey, kid: str, client_id: str = "") -> bool:
        """Revoke the session of `token`, an access or refresh token (RFC 7009), within 20 s.

        False where the server has no revocation endpoint. A token that the server does not know counts as revoked.
        Raises OAuthError, BadServer, NetworkError.
        """
        authority = self._discovery.of_issuer(issuer)
        exchange = self._exchange_with(issuer, dpop_key, kid, self._client.known_as(client_id))
        return self._revoke(authority, exchange, Secret.of(token), FLOW_DEADLINE_SECONDS)

    def _revoke(
        self,
        authority: AuthorizationServer,
        exchange: ServerExchange,
        token: Secret,
        seconds: float = REVOKE_DEADLINE_SECONDS,
    ) -> bool:
        if not authority.revocation_endpoint:
            return False
        exchange.post(authority.revocation_endpoint, {"token": token.reveal()}, TimeBudget(seconds))
        return True

    @contextlib.contextmanager
    def _revoked_on_error(
        self, authority: AuthorizationServer, exchange: ServerExchange, grant: Granted
    ) -> Iterator[None]:
        """Revoke the grant where the block raises: a session that we refuse must not stay valid at the server."""
        try:
            yield
        except AtprotoError:
            with contextlib.suppress(AtprotoError):
                self._revoke(authority, exchange, grant.refresh_token or grant.access_token)
            raise

    def _account_of(self, started: AuthorizationStarted, grant: Granted) -> Identity:
        """The account that the token is for: the requested one, or one whose own DID document leads to this issuer."""
        if started.did:
            if grant.did != started.did:
                raise WrongAccount(started.did, grant.did)
            return Identity(started.did, started.handle, started.pds_url)
        # Any server can claim any `sub`. Only the DID document states which server may issue tokens for the account.
        identity = self._resolver.resolve(grant.did, fresh=True)
        issuer = self._discovery.of_pds(identity.pds_url, fresh=True).issuer
        if issuer != started.issuer:
            raise WrongIssuer(issuer, started.issuer)
        return identity

    def _discover_named_server(self, server: str, budget: TimeBudget) -> tuple[str, AuthorizationServer]:
        """PDS URL and metadata for a server that the user named: a PDS, or an authorization server.

        The PDS URL is "" for an authorization server, such as `https://bsky.social`.
        """
        url = server.strip() if "://" in server else f"https://{server.strip()}"
        try:
            parts, server_origin = urlsplit(url), origin(url)
        except ValueError as fault:
            raise BadServer("That is not the address of a server.") from fault
        if parts.path not in {"", "/"} or parts.query or parts.fragment or parts.username is not None:
            raise BadServer("The address of a server is like https://bsky.social, without a path.")
        try:
            return server_origin, self._discovery.of_pds(server_origin, deadline=budget.left())
        except BadServer as not_a_pds:
            try:
                return "", self._discovery.of_issuer(server_origin, deadline=budget.left())
            except BadServer as fault:
                raise not_a_pds from fault

    def _asking(self, scope: str) -> OAuthClientIdentity:
        if "atproto" not in scope.split():
            raise ValueError("every request asks for the scope atproto")
        client = self._client.asking(scope)
        if client is None:
            raise ValueError(f"the client metadata does not declare all of {scope}")
        return client

    def _exchange_with(
        self, issuer: str, key: DpopKey, kid: str, client: OAuthClientIdentity | None = None
    ) -> ServerExchange:
        return ServerExchange(self._http, client or self._client, self._nonces, issuer=issuer, key=key, kid=kid)
