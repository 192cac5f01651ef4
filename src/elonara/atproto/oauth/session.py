"""Authorizes XRPC requests with a DPoP-bound access token, and retries when the PDS refuses nonce or token."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from elonara.atproto.error_responses import challenge_error, xrpc_error
from elonara.atproto.errors import ErrorKind, MalformedResponse
from elonara.atproto.oauth.clocks import NOTICEABLE_SECONDS, server_clocks
from elonara.atproto.oauth.dpop import DpopKey, nonce_of, origin
from elonara.atproto.oauth.secret import Secret, reveal

if TYPE_CHECKING:
    from elonara.atproto.http import Response
    from elonara.atproto.oauth.stores import NonceStore

TOKEN_RETRIES = 2
_REFUSED_TOKEN = frozenset({ErrorKind.TOKEN_EXPIRED, ErrorKind.TOKEN_INVALID})


class _Attempts(threading.local):
    """What was already tried for the request that the current thread is making."""

    nonce = False  # whether it was retried with a new nonce
    date = False  # whether it was retried with a new date
    began = 0.0  # when this attempt began, by this machine's clock
    ahead = 0.0  # by how much that clock was thought to be ahead of the server's
    tokens = 0  # how often it was retried with another token
    retrying = False  # whether the next call of `headers` belongs to the same request
    token: Secret | None = None  # sent with this attempt; another thread may have replaced it in `DpopAuth` since


class DpopAuth:
    """An `xrpc.Authorizer` for one OAuth session at its own PDS (RFC 9449, section 7).

    `on_invalid_token` is called when the PDS refuses the token. It must read the stored session again,
    refresh it (once, under the session's lease) only where the stored token is the refused one, and return the token to
    try next, or None to give up. It is called at most twice for one request, because a token that another process had
    stored may be refused too. If the PDS still refuses, `on_still_refused` is called once, to resolve the DID again
    (the account may have moved to another PDS); the request then fails with the PDS's response. Thread-safe.
    """

    def __init__(
        self,
        dpop_key: DpopKey,
        access_token: Secret | str,
        nonces: NonceStore,
        *,
        on_invalid_token: Callable[[], Secret | str | None] | None = None,
        on_still_refused: Callable[[], None] | None = None,
    ) -> None:
        self._key, self._nonces = dpop_key, nonces
        self._token = Secret.of(access_token)
        self._on_invalid_token, self._on_still_refused = on_invalid_token, on_still_refused
        self._attempts = _Attempts()

    def headers(self, method: str, url: str) -> Mapping[str, str]:
        """The `Authorization` and `DPoP` headers for one attempt; call it again for the next."""
        attempts = self._attempts
        if not attempts.retrying:
            attempts.nonce, attempts.date, attempts.tokens = False, False, 0
        attempts.retrying = False
        token = attempts.token = self._token
        nonce = self._nonces.get(self._key.thumbprint, origin(url))
        attempts.began, attempts.ahead = server_clocks.wall(), server_clocks.ahead(url)
        proof = self._key.proof(method, url, nonce=nonce, access_token=token, now=server_clocks.now(url))
        return {"authorization": f"DPoP {token.reveal()}", "dpop": proof}

    def observe(self, url: str, response: Response) -> None:
        """Store the nonce of any response, success or not, and what its date says of the server's clock."""
        if self._attempts.began:
            server_clocks.observe(url, response.headers, self._attempts.began)
        nonce = nonce_of(response)
        if nonce and nonce != self._nonces.get(self._key.thumbprint, origin(url)):
            self._nonces.put(self._key.thumbprint, origin(url), nonce)

    def retry(self, method: str, url: str, response: Response) -> bool:  # noqa: ARG002
        """Whether to send the refused request again: with a new nonce or date (once each), or with another token."""
        self.observe(url, response)
        attempts, code = self._attempts, error_of(response)
        if code == "use_dpop_nonce" and nonce_of(response) and not attempts.nonce:
            attempts.nonce = attempts.retrying = True
        elif not attempts.date and abs(server_clocks.ahead(url) - attempts.ahead) > NOTICEABLE_SECONDS:
            # Before the token is blamed: some servers do not say that it is the proof which they refuse.
            attempts.date = attempts.retrying = True
        elif _is_about_the_token(response):
            attempts.retrying = self._another_token()
        return attempts.retrying

    def _another_token(self) -> bool:
        if self._on_invalid_token and self._attempts.tokens < TOKEN_RETRIES:
            self._attempts.tokens += 1
            token = self._on_invalid_token()
            if token is None:
                return False
            if not self._attempts.token or reveal(token) != self._attempts.token.reveal():
                self._token = Secret.of(token)
                return True
        if self._on_still_refused:
            self._on_still_refused()
        return False


def error_of(response: Response) -> str:
    """The OAuth error code of an error response: from `WWW-Authenticate: DPoP … error="…"`, else from its body."""
    if challenge := challenge_error(response.headers):
        return challenge
    try:
        code = response.json().get("error")
    except MalformedResponse:
        return ""
    return code if isinstance(code, str) else ""


def _is_about_the_token(response: Response) -> bool:
    """Whether the PDS refuses the token, as opposed to the proof, the scope, the account or the request.

    Servers say so in the challenge, in the body or by the status alone (docs/servers.md).
    """
    challenge = challenge_error(response.headers)
    if challenge:
        return challenge.lower() == "invalid_token"
    fault = xrpc_error(response.status, response.headers, response.body)
    return fault.kind in _REFUSED_TOKEN and (response.status == 401 or fault.kind is ErrorKind.TOKEN_EXPIRED)
