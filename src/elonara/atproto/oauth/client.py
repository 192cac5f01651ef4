"""The authorization code flow of the AT Protocol: begin, finish, refresh, revoke.

Spec: https://atproto.com/specs/oauth, over RFC 6749, 7636 (PKCE), 9126 (PAR), 9207 (`iss`) and 9449 (DPoP).
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import secrets
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote, urlencode, urlsplit

from elonara.atproto.errors import AtprotoError, BadState, MalformedResponse, OAuthError, WrongAccount, WrongIssuer
from elonara.atproto.identity import HANDLE_INVALID, Identity
from elonara.atproto.oauth.authorization import AuthorizationStarted, TokenSet
from elonara.atproto.oauth.dpop import DpopKey, origin
from elonara.atproto.oauth.metadata import AuthorizationServer, BadServer, Discovery, UrlGuard
from elonara.atproto.oauth.secret import Secret, reveal
from elonara.atproto.oauth.server_exchange import ServerExchange, TimeBudget, spoken_error
from elonara.atproto.oauth.token_response import Granted, read_grant

if TYPE_CHECKING:
    from elonara.atproto.http import Response
    from elonara.atproto.oauth.client_auth import OAuthClientIdentity
    from elonara.atproto.oauth.stores import NonceStore

__all__ = ["AuthorizationStarted", "OAuthClient", "TokenSet"]

FLOW_DEADLINE_SECONDS = 20.0  # seconds for one whole conversation; the lease around a refresh is 60
REVOKE_DEADLINE_SECONDS = 5.0


class Resolver(Protocol):
    """Finds the account behind a handle or DID; `identity.IdentityResolver` is the real one."""

    def resolve(self, identifier: str, *, fresh: bool = False) -> Identity:
        """The account, with its handle checked both ways. Raises IdentityError."""
        ...


class OAuthClient:
    """Speaks to authorization servers for the site. Thread-safe; make one per site configuration and keep it."""

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
        self, identifier: str = "", *, scope: str, server: str = "", login_hint: bool = True, prompt: str = ""
    ) -> AuthorizationStarted:
        """Push an authorization request (RFC 9126) for a handle or DID, or for a `server` address.

        An `identifier` that begins with `https://` counts as a server too. `prompt` may be `login`, `consent` or
        `select_account`. Raises ValueError for a scope that the client did not declare, IdentityError, BadServer,
        OAuthError (the server refused the request), NetworkError.
        """
        self._check_scope(scope)
        budget = TimeBudget(FLOW_DEADLINE_SECONDS)
        if not server and "://" in identifier:
            server = identifier
        identity = None if server else self._resolver.resolve(identifier)
        if identity is not None:
            pds_url, authority = identity.pds_url, self._discovery.of_pds(identity.pds_url, deadline=budget.left())
        else:
            pds_url, authority = self._server(server, budget)
        if self._client.auth_method not in authority.auth_methods:
            raise BadServer(f"{authority.issuer} does not take clients that use {self._client.auth_method}.")
        key, kid = DpopKey.generate(), self._client.kid
        state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        form = {
            "response_type": "code",
            "redirect_uri": self._client.redirect_uri,
            "scope": scope,
            "state": state,
            "code_challenge": _challenge(verifier),
            "code_challenge_method": "S256",
        }
        if identity is not None and login_hint:
            form["login_hint"] = identity.did if identity.handle == HANDLE_INVALID else identity.handle
        if prompt:
            form["prompt"] = prompt
        answer = self._talk(authority.issuer, key, kid).post(authority.par_endpoint, form, budget)
        return AuthorizationStarted(
            state=Secret(state),
            verifier=Secret(verifier),
            dpop_key=key,
            issuer=authority.issuer,
            pds_url=pds_url,
            did=identity.did if identity else None,
            handle=identity.handle if identity else "",
            client_id=self._client.client_id,
            kid=kid,
            redirect_uri=self._client.redirect_uri,
            scope=scope,
            authorize_url=self._authorize_url(authority, answer),
        )

    def finish(self, started: AuthorizationStarted, params: Mapping[str, str]) -> TokenSet:
        """Exchange the callback's `code` for tokens.

        The caller has consumed the stored `state` atomically before. `iss` is compared before anything else is
        looked at. A grant that cannot be accepted is revoked at the server, as far as it can be reached.

        Raises WrongIssuer, BadState, AccessDenied or OAuthError for an error that the server sent, InvalidGrant,
        WrongAccount, MissingScope, IdentityError, BadServer, NetworkError.
        """
        if params.get("iss") != started.issuer:
            raise WrongIssuer(started.issuer, params.get("iss", "")[:200])
        if not started.state or Secret(params.get("state", "")) != started.state:
            raise BadState("This answer belongs to another attempt; begin again.")
        if "error" in params:
            raise spoken_error(params, [started.state.reveal(), started.verifier.reveal()])
        code = params.get("code", "")
        if not code:
            raise OAuthError("invalid_request", "The server's answer holds no code.")
        if started.client_id != self._client.client_id:
            raise BadState("The site's address has changed since this attempt began; begin again.")
        budget = TimeBudget(FLOW_DEADLINE_SECONDS)
        authority = self._discovery.of_issuer(started.issuer, deadline=budget.left())
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": started.verifier.reveal(),
            "redirect_uri": started.redirect_uri,
        }
        talk = self._talk(started.issuer, started.dpop_key, started.kid)
        grant = read_grant(talk.post(authority.token_endpoint, form, budget))
        with self._or_revoked(authority, talk, grant):
            grant.require_atproto()
            identity = self._whose(started, grant)
        return _tokens(grant, identity, started.issuer)

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
    ) -> TokenSet:
        """Use the single-use refresh token, at most once, within 20 s in all.

        Raises InvalidGrant: the session is over. NetworkError with `ambiguous` False: nothing was sent, later is
        fine; with `ambiguous` True: the token may be used up, and using it again could revoke the session. OAuthError
        of another code (`rate_limited`, `invalid_client`, …): the server refused, the token is as it was.
        WrongAccount: `sub` is another DID. `handle` and `pds_url` are passed through to the result.
        """
        budget = TimeBudget(FLOW_DEADLINE_SECONDS)
        authority = self._discovery.of_issuer(issuer, deadline=budget.left())
        form = {"grant_type": "refresh_token", "refresh_token": reveal(refresh_token)}
        talk = self._talk(issuer, dpop_key, kid)
        grant = read_grant(talk.post(authority.token_endpoint, form, budget), refresh_token=Secret.of(refresh_token))
        with self._or_revoked(authority, talk, grant):
            if grant.did != expected_did:
                raise WrongAccount(expected_did, grant.did)
            grant.require_atproto()
        return _tokens(grant, Identity(expected_did, handle, pds_url), issuer)

    def revoke(self, issuer: str, token: Secret | str, dpop_key: DpopKey, kid: str) -> bool:
        """End the session that `token` (either kind) belongs to (RFC 7009), within 20 s.

        False where the server has no endpoint for it. A token that the server does not know counts as revoked.
        Raises OAuthError, BadServer, NetworkError.
        """
        authority = self._discovery.of_issuer(issuer)
        return self._revoke(authority, self._talk(issuer, dpop_key, kid), Secret.of(token), FLOW_DEADLINE_SECONDS)

    def _revoke(
        self,
        authority: AuthorizationServer,
        talk: ServerExchange,
        token: Secret,
        seconds: float = REVOKE_DEADLINE_SECONDS,
    ) -> bool:
        if not authority.revocation_endpoint:
            return False
        talk.post(authority.revocation_endpoint, {"token": token.reveal()}, TimeBudget(seconds))
        return True

    @contextlib.contextmanager
    def _or_revoked(self, authority: AuthorizationServer, talk: ServerExchange, grant: Granted) -> Iterator[None]:
        """If a grant turns out to be unacceptable, nobody will use its session: it must not live on at the server."""
        try:
            yield
        except AtprotoError:
            with contextlib.suppress(AtprotoError):
                self._revoke(authority, talk, grant.refresh_token or grant.access_token)
            raise

    def _whose(self, started: AuthorizationStarted, grant: Granted) -> Identity:
        """The account the token is for, which must be the one we began with, or lead back to the issuer."""
        if started.did:
            if grant.did != started.did:
                raise WrongAccount(started.did, grant.did)
            return Identity(started.did, started.handle, started.pds_url)
        # Any server can claim any `sub`: only the DID itself says which server speaks for it.
        identity = self._resolver.resolve(grant.did, fresh=True)
        speaks = self._discovery.of_pds(identity.pds_url, fresh=True).issuer
        if speaks != started.issuer:
            raise WrongIssuer(speaks, started.issuer)
        return identity

    def _server(self, server: str, budget: TimeBudget) -> tuple[str, AuthorizationServer]:
        """A server given by its address: a PDS, or an authorization server such as `https://bsky.social`."""
        url = server.strip() if "://" in server else f"https://{server.strip()}"
        try:
            parts, where = urlsplit(url), origin(url)
        except ValueError as fault:
            raise BadServer("That is not the address of a server.") from fault
        if parts.path not in {"", "/"} or parts.query or parts.fragment or parts.username is not None:
            raise BadServer("The address of a server is like https://bsky.social, without a path.")
        try:
            return where, self._discovery.of_pds(where, deadline=budget.left())
        except BadServer as not_a_pds:
            try:
                return "", self._discovery.of_issuer(where, deadline=budget.left())
            except BadServer as fault:
                raise not_a_pds from fault

    def _check_scope(self, scope: str) -> None:
        asked = scope.split()
        if "atproto" not in asked:
            raise ValueError("every request asks for the scope atproto")
        if undeclared := set(asked) - set(self._client.scope.split()):
            raise ValueError(f"the client metadata does not declare {' '.join(sorted(undeclared))}")

    def _authorize_url(self, authority: AuthorizationServer, answer: Response) -> str:
        try:
            request_uri = answer.json().get("request_uri")
        except MalformedResponse:
            request_uri = None
        if not isinstance(request_uri, str) or not 0 < len(request_uri) <= 2000:
            raise BadServer(f"{authority.issuer} took the request but gave no request_uri.")
        query = urlencode({"client_id": self._client.client_id, "request_uri": request_uri}, quote_via=quote)
        separator = "&" if "?" in authority.authorization_endpoint else "?"
        return f"{authority.authorization_endpoint}{separator}{query}"

    def _talk(self, issuer: str, key: DpopKey, kid: str) -> ServerExchange:
        return ServerExchange(self._http, self._client, self._nonces, issuer=issuer, key=key, kid=kid)


def _challenge(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636, section 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode("ascii")


def _tokens(grant: Granted, identity: Identity, issuer: str) -> TokenSet:
    return TokenSet(
        did=identity.did,
        handle=identity.handle,
        pds_url=identity.pds_url,
        issuer=issuer,
        access_token=grant.access_token,
        refresh_token=grant.refresh_token,
        scope=grant.scope,
        expires_at=grant.expires_at,
    )
