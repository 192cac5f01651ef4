"""Sessions of app passwords, the sign-in from before OAuth. Their tokens can write but cannot manage the account.

Lexicons: com.atproto.server.createSession, refreshSession, deleteSession. Only app passwords are accepted: a session
that was opened with the account's main password has rights that Elonara must not hold, so it is deleted at the server
at once and refused.
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from elonara.atproto.error_responses import xrpc_error
from elonara.atproto.errors import AtprotoError, ErrorKind, MalformedResponse, XrpcError
from elonara.atproto.http import Response
from elonara.atproto.syntax import is_did, is_handle
from elonara.atproto.xrpc import Xrpc

FULL_ACCESS_SCOPE = "com.atproto.access"
APP_PASSWORD_KINDS: Mapping[str, str] = {
    "com.atproto.appPass": "appPass",
    "com.atproto.appPassPrivileged": "appPassPrivileged",
}

MAX_TOKEN_SECONDS = 366 * 86_400  # what claims to be valid for longer says nothing

_SESSION_ENDED_KINDS = {
    ErrorKind.TOKEN_EXPIRED,
    ErrorKind.TOKEN_INVALID,
    ErrorKind.ACCOUNT_NOT_FOUND,
    ErrorKind.ACCOUNT_TAKENDOWN,
}


class AppPasswordError(AtprotoError):
    """This password or session cannot be used."""


class MainPasswordRefused(AppPasswordError):
    """The password is the account's main password. Nothing of it is kept and its session is deleted."""


class AuthFactorRequired(AppPasswordError):
    """The server asks for a code sent by e-mail. It does so for main passwords only: this is no app password."""


class AppSessionExpired(AppPasswordError):
    """The session cannot be refreshed: the app password was revoked, or the account is gone."""


@dataclass(frozen=True)
class AppSession:
    """A session of an app password. `expires_at` (UTC) is the access token's; `kind` is from APP_PASSWORD_KINDS.

    Servers open sessions for accounts that are not active, too: `status` then says why (`deactivated`, `takendown`, …).
    """

    did: str
    handle: str
    access_jwt: str = field(repr=False)
    refresh_jwt: str = field(repr=False)
    expires_at: datetime
    kind: str
    active: bool = True
    status: str = ""


def create_session(xrpc: Xrpc, pds_url: str, identifier: str, password: str) -> AppSession:
    """Open a session at `pds_url` with an app password. `identifier` is a DID or a handle.

    Raises MainPasswordRefused, AuthFactorRequired, XrpcError (`wrong_password`, `rate_limited`, …), NetworkError.
    A PDS allows 30 calls in 5 minutes and 300 a day per account: keep the session and refresh it.
    """
    try:
        found = xrpc.procedure(
            pds_url, "com.atproto.server.createSession", {"identifier": identifier, "password": password}
        )
    except XrpcError as fault:
        if fault.kind is ErrorKind.AUTH_FACTOR_REQUIRED:
            raise AuthFactorRequired("the account asks for a code by e-mail; an app password needs none") from fault
        raise
    return _session(xrpc, pds_url, found)


def refresh_session(xrpc: Xrpc, pds_url: str, refresh_jwt: str) -> AppSession:
    """New tokens for a session; the old refresh token is used up. Raises AppSessionExpired, XrpcError, NetworkError."""
    try:
        found = xrpc.procedure(pds_url, "com.atproto.server.refreshSession", auth=BearerAuth(refresh_jwt))
    except XrpcError as fault:
        if fault.kind in _SESSION_ENDED_KINDS:
            raise AppSessionExpired("the app password was revoked, or its session has ended") from fault
        raise
    return _session(xrpc, pds_url, found)


def are_known_at(xrpc: Xrpc, pds_url: str) -> bool:
    """Whether the server says that it has app passwords (com.atproto.server.createAppPassword).

    It is asked by GET and without a credential, so that nothing is made: a server that has the method answers that it
    wants another one. False where it does not say so. Raises NetworkError, XrpcError (`rate_limited`, `server_error`).
    """
    try:
        xrpc.query(pds_url, "com.atproto.server.createAppPassword")
    except XrpcError as fault:
        if fault.kind in {ErrorKind.RATE_LIMITED, ErrorKind.SERVER_ERROR}:
            raise
        return fault.status == 405 or (fault.status == 400 and "method" in fault.message.lower())
    return False


def delete_session(xrpc: Xrpc, pds_url: str, refresh_jwt: str) -> None:
    """Delete a session at its server. One that has ended already is no error."""
    try:
        xrpc.procedure(pds_url, "com.atproto.server.deleteSession", auth=BearerAuth(refresh_jwt))
    except XrpcError as fault:
        if fault.kind not in _SESSION_ENDED_KINDS:
            raise


class BearerAuth:
    """An `xrpc.Authorizer` with the token of an app-password session. Make a new one for each unit of work.

    `on_expired` is called once, when the server refuses the token: it returns a new one, or None to give up.
    """

    def __init__(self, token: str, on_expired: Callable[[], str | None] | None = None) -> None:
        self._token = token
        self._on_expired = on_expired

    def __repr__(self) -> str:
        return "<BearerAuth>"

    def headers(self, method: str, url: str) -> Mapping[str, str]:  # noqa: ARG002 - a bearer token fits any call
        """The `Authorization` header."""
        return {"authorization": f"Bearer {self._token}"}

    def retry(self, method: str, url: str, response: Response) -> bool:  # noqa: ARG002
        """Whether the token was refused and `on_expired` gave a new one."""
        error = xrpc_error(response.status, response.headers, response.body)
        if error.kind not in {ErrorKind.TOKEN_EXPIRED, ErrorKind.TOKEN_INVALID} or self._on_expired is None:
            return False
        on_expired, self._on_expired = self._on_expired, None
        token = on_expired()
        if not token:
            return False
        self._token = token
        return True

    def observe(self, url: str, response: Response) -> None:
        """Nothing to record: bearer tokens have no nonces."""


def _session(xrpc: Xrpc, pds_url: str, found: Mapping[str, Any]) -> AppSession:
    did, access, refresh = found.get("did"), found.get("accessJwt"), found.get("refreshJwt")
    if not (isinstance(did, str) and is_did(did) and isinstance(access, str) and isinstance(refresh, str)):
        raise MalformedResponse(200, "the answer to a sign-in lacks the account or its tokens")
    claims = _claims(access)
    scope = claims.get("scope")
    kind = APP_PASSWORD_KINDS.get(scope) if isinstance(scope, str) else None
    if kind is None:
        _end(xrpc, pds_url, refresh)
        if scope == FULL_ACCESS_SCOPE:
            raise MainPasswordRefused("this is the account's main password; make an app password instead")
        raise AppPasswordError("the server does not say that this is an app password")
    try:
        expires_at = _expiry(claims)
    except (KeyError, TypeError, ValueError, OverflowError, OSError) as fault:
        _end(xrpc, pds_url, refresh)
        raise MalformedResponse(200, "the access token has no time of expiry") from fault
    handle, status = found.get("handle"), found.get("status")
    return AppSession(
        did=did,
        handle=handle.lower() if isinstance(handle, str) and is_handle(handle) else "handle.invalid",
        access_jwt=access,
        refresh_jwt=refresh,
        expires_at=expires_at,
        kind=kind,
        active=found.get("active") is not False,
        status=status if isinstance(status, str) else "",
    )


def _end(xrpc: Xrpc, pds_url: str, refresh_jwt: str) -> None:
    """Delete a session that is not kept. Where the server cannot be reached, it expires there by itself."""
    with contextlib.suppress(AtprotoError):
        delete_session(xrpc, pds_url, refresh_jwt)


def _expiry(claims: Mapping[str, Any]) -> datetime:
    """When the token expires by this machine's clock. Its dates are by the server's, which may be another time."""
    expires, issued = claims["exp"], claims.get("iat")
    at = datetime.fromtimestamp(expires, UTC)
    if isinstance(issued, bool) or not isinstance(issued, int | float) or not 0 < expires - issued < MAX_TOKEN_SECONDS:
        return at
    return datetime.now(UTC) + timedelta(seconds=expires - issued)


def _claims(jwt: str) -> dict[str, Any]:
    """The claims of a token. Not verified: it came over TLS from the server that issued it.

    None of a token that is no JWT: to clients it is opaque (https://atproto.com/specs/xrpc), and only Bluesky's own
    server and those like it make it one.
    """
    try:
        payload = jwt.split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, IndexError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
