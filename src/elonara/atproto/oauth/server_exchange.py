"""POST requests to an authorization server, with client authentication, a DPoP proof and its nonce."""

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
# In error descriptions, only tokens, codes and assertions are this long without a space.
_LONG_WORD = re.compile(r"[A-Za-z0-9_~+/=%.:-]{32,}")
_SECRET_FIELDS = ("code", "code_verifier", "refresh_token", "token", "state", "client_assertion")


class TimeBudget:
    """A deadline, `seconds` from now, that several requests share."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds left. Raises NetworkError where none are; not ambiguous, since callers ask before they send."""
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
        """POST `form` to `url`; returns the response where its status is 2xx.

        Sent a second time only where the server asks for another nonce, since it has not processed the request then
        (RFC 9449, section 8). Every attempt has its own proof and client assertion. Raises OAuthError where the server
        refused (4xx), NetworkError otherwise; for any other status it is ambiguous.
        """
        response = self._send(url, form, budget)
        if response.status in {400, 401} and error_of(response) == "use_dpop_nonce" and nonce_of(response):
            response = self._send(url, form, budget)
        if 200 <= response.status < 300:
            return response
        if 400 <= response.status < 500:
            raise refusal(response, form)
        raise NetworkError(f"{self._issuer} answered {response.status}", ambiguous=True)

    def _send(self, url: str, form: Mapping[str, str], budget: TimeBudget) -> Response:
        thumbprint, server_origin = self._key.thumbprint, origin(url)
        stored_nonce = self._nonces.get(thumbprint, server_origin)
        body = {**form, **self._client.auth_params(self._issuer, self._kid)}
        headers = {"accept": "application/json", "dpop": self._key.proof("POST", url, nonce=stored_nonce)}
        try:
            response = self._http.request(
                "POST", url, headers=headers, form=body, max_bytes=MAX_RESPONSE_BYTES, deadline=budget.left()
            )
        except (BodyTooLarge, SlowBody) as fault:
            raise NetworkError(str(fault), ambiguous=True) from fault
        nonce = nonce_of(response)
        if nonce and nonce != stored_nonce:
            self._nonces.put(thumbprint, server_origin, nonce)
        return response


def refusal(response: Response, form: Mapping[str, str]) -> OAuthError:
    """The typed error for an error response, without the secrets of `form`, which a server may have echoed."""
    try:
        payload: dict[str, Any] = response.json()
    except MalformedResponse:
        payload = {}
    secrets = [form[name] for name in _SECRET_FIELDS if form.get(name)]
    return scrubbed_error(payload, secrets, status=response.status, headers=response.headers)


def scrubbed_error(
    payload: Mapping[str, Any], secrets: Collection[str], *, status: int = 0, headers: Mapping[str, str] | None = None
) -> OAuthError:
    """The typed error for the `error` parameters of a response body or a callback.

    `secrets` are removed from the description in plain, URL-encoded, hexadecimal and base64 form.
    """
    code, description = payload.get("error"), payload.get("error_description") or payload.get("message")
    is_code = isinstance(code, str) and bool(_CODE.fullmatch(code)) and code not in secrets
    if not is_code and not description:
        description = code  # cocoon has whole sentences there
    safe = {
        "error": code if is_code else "",
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
    return _LONG_WORD.sub("…", text)[:300]
