"""Signs XRPC requests with a DPoP-bound token, and knows what to do when the PDS refuses one."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from elonara.atproto.errors import MalformedResponse
from elonara.atproto.oauth.dpop import DpopKey, nonce_of, origin
from elonara.atproto.oauth.secret import Secret, reveal

if TYPE_CHECKING:
    from elonara.atproto.http import Response
    from elonara.atproto.oauth.stores import NonceStore

TOKEN_RETRIES = 2
_CHALLENGE = re.compile(r'error="([A-Za-z0-9_]{1,64})"')


class _Attempts(threading.local):
    """What was already tried for the request that this thread is making."""

    nonce = False
    tokens = 0
    retrying = False
    token: Secret | None = None  # what this attempt was signed for; another thread may have renewed since


class DpopAuth:
    """An `xrpc.Authorizer` for one OAuth session at its own PDS (RFC 9449, section 7).

    `on_invalid_token` is called when the PDS answers 401 `invalid_token`: it re-reads the stored session, and only
    if the token there is the refused one refreshes it once under the session's lock; it returns the token to try
    next, or None to stop. It is called at most twice for one request (a token that another process had stored may be
    refused too). If the PDS still refuses, `on_still_refused` is called once, to resolve the DID again (the account
    may have moved); the request then fails with the PDS's answer. May be shared by threads.
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
        """The `Authorization` and `DPoP` headers of one attempt; never used for two."""
        attempts = self._attempts
        if not attempts.retrying:
            attempts.nonce, attempts.tokens = False, 0
        attempts.retrying = False
        token = attempts.token = self._token
        nonce = self._nonces.get(self._key.thumbprint, origin(url))
        return {
            "authorization": f"DPoP {token.reveal()}",
            "dpop": self._key.proof(method, url, nonce=nonce, access_token=token),
        }

    def observe(self, url: str, answer: Response) -> None:
        """Keep the nonce that came with any answer, success or not."""
        nonce = nonce_of(answer)
        if nonce and nonce != self._nonces.get(self._key.thumbprint, origin(url)):
            self._nonces.put(self._key.thumbprint, origin(url), nonce)

    def retry(self, method: str, url: str, answer: Response) -> bool:  # noqa: ARG002
        """Whether the refused request may be sent once more: with a new nonce (once), or with another token."""
        self.observe(url, answer)
        attempts, fault = self._attempts, error_of(answer)
        if fault == "use_dpop_nonce" and nonce_of(answer) and not attempts.nonce:
            attempts.nonce = attempts.retrying = True
        elif fault == "invalid_token" and answer.status == 401:
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


def error_of(answer: Response) -> str:
    """The OAuth error code of a refusal: from its body, else from `WWW-Authenticate: DPoP … error="…"`."""
    try:
        code = answer.json().get("error")
    except MalformedResponse:
        code = None
    if isinstance(code, str) and code:
        return code
    found = _CHALLENGE.search(answer.headers.get("www-authenticate", ""))
    return found[1] if found else ""
