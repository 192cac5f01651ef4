"""One conversation with an authorization server: a form, a proof, and the nonce it may ask for."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from elonara.atproto.error_responses import oauth_error
from elonara.atproto.errors import BodyTooLarge, MalformedResponse, NetworkError, OAuthError, SlowBody
from elonara.atproto.oauth.dpop import DpopKey, nonce_of, origin
from elonara.atproto.oauth.session import error_of

if TYPE_CHECKING:
    from elonara.atproto.http import HttpClient, Response
    from elonara.atproto.oauth.client_auth import OAuthClientIdentity
    from elonara.atproto.oauth.stores import NonceStore

MAX_RESPONSE_BYTES = 64 * 1024
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
# Nothing that a person reads in an error is this long without a space; tokens, codes and assertions are.
_LONG = re.compile(r"[A-Za-z0-9_~+/=%.:-]{32,}")
_SECRET_FIELDS = ("code", "code_verifier", "refresh_token", "token", "state", "client_assertion")


class TimeBudget:
    """How long a whole conversation may still take, in seconds from now."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds left. Raises NetworkError, not ambiguous: it is asked before something is sent."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise NetworkError("the authorization server took too long", ambiguous=False)
        return left


class ServerExchange:
    """Posts forms to the endpoints of one issuer for one DPoP key."""

    def __init__(
        self, http: HttpClient, client: OAuthClientIdentity, nonces: NonceStore, *, issuer: str, key: DpopKey, kid: str
    ) -> None:
        self._http, self._client, self._nonces = http, client, nonces
        self._issuer, self._key, self._kid = issuer, key, kid

    def post(self, url: str, form: Mapping[str, str], budget: TimeBudget) -> Response:
        """The server's success (2xx) to `form` at `url`.

        Sent a second time only where the server asked for a new nonce: it has done nothing then (RFC 9449, section 8).
        Every attempt has its own proof and its own client assertion. Raises OAuthError where the server refused (4xx),
        NetworkError otherwise; any other status is one that is ambiguous.
        """
        answer = self._once(url, form, budget)
        if answer.status in {400, 401} and error_of(answer) == "use_dpop_nonce" and nonce_of(answer):
            answer = self._once(url, form, budget)
        if 200 <= answer.status < 300:
            return answer
        if 400 <= answer.status < 500:
            raise refusal(answer, form)
        raise NetworkError(f"{self._issuer} answered {answer.status}", ambiguous=True)

    def _once(self, url: str, form: Mapping[str, str], budget: TimeBudget) -> Response:
        thumbprint, where = self._key.thumbprint, origin(url)
        known = self._nonces.get(thumbprint, where)
        body = {**form, **self._client.auth_params(self._issuer, self._kid)}
        headers = {"accept": "application/json", "dpop": self._key.proof("POST", url, nonce=known)}
        try:
            answer = self._http.request(
                "POST", url, headers=headers, form=body, max_bytes=MAX_RESPONSE_BYTES, deadline=budget.left()
            )
        except (BodyTooLarge, SlowBody) as fault:
            raise NetworkError(str(fault), ambiguous=True) from fault
        nonce = nonce_of(answer)
        if nonce and nonce != known:
            self._nonces.put(thumbprint, where, nonce)
        return answer


def refusal(answer: Response, form: Mapping[str, str]) -> OAuthError:
    """The typed error of a refusal, in words that hold nothing secret of `form`, even if the server echoed it."""
    try:
        said: dict[str, Any] = answer.json()
    except MalformedResponse:
        said = {}
    secrets = [form[name] for name in _SECRET_FIELDS if form.get(name)]
    return spoken_error(said, secrets, status=answer.status, headers=answer.headers)


def spoken_error(
    said: Mapping[str, Any], secrets: Collection[str], *, status: int = 0, headers: Mapping[str, str] | None = None
) -> OAuthError:
    """The typed error of what a server said in a body or in the callback, without `secrets` in any spelling."""
    code, description = said.get("error"), said.get("error_description")
    safe = {
        "error": code if isinstance(code, str) and _CODE.fullmatch(code) and code not in secrets else "",
        "error_description": _scrub(description, secrets) if isinstance(description, str) else "",
    }
    return oauth_error(status, headers or {}, json.dumps(safe).encode())


def _scrub(text: str, secrets: Collection[str]) -> str:
    for secret in secrets:
        raw = secret.encode()
        spellings = [secret, quote(secret, safe=""), quote_plus(secret), raw.hex()]
        spellings += [encode(raw).decode().rstrip("=") for encode in (base64.b64encode, base64.urlsafe_b64encode)]
        for spelling in spellings:
            text = text.replace(spelling, "…")
    return _LONG.sub("…", text)[:300]
