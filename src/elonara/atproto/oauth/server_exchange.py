"""POST requests to an authorization server, with client authentication, a DPoP proof and its nonce."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from elonara.atproto.error_responses import NOT_THE_GRANT, oauth_error
from elonara.atproto.errors import (
    BodyTooLarge,
    ClientRefused,
    InvalidGrant,
    MalformedResponse,
    NetworkError,
    OAuthError,
    SlowBody,
)
from elonara.atproto.oauth.clocks import MAX_CORRECTION_SECONDS, NOTICEABLE_SECONDS, server_clocks
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
_CLIENT_CODES = frozenset({
    "invalid_client", "unauthorized_client", "invalid_client_metadata", "invalid_redirect_uri", "invalid_dpop_proof",
})  # fmt: skip
_CLIENT_WORDS = re.compile(r"client_assertion|client metadata|get client|jwks|\bkid\b", re.IGNORECASE)  # cocoon
# How servers word that a scope is not in our metadata (of which they may have an old copy), not that they know none.
_UNDECLARED = re.compile(r"client metadata|registered for this client", re.IGNORECASE)
# How servers word that a date is too old or in the future.
_DATE_WORDS = re.compile(r"\biat\b|\bexp\b|timestamp|too old|expired|future|before issued", re.IGNORECASE)
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

        Sent again only where the server has not processed the request: once for another nonce (RFC 9449, section 8),
        and once where its `Date` shows that what we signed was dated wrongly. Every attempt has its own proof and
        client assertion. Raises OAuthError where the server refused (4xx), of the type ClientRefused where it refused
        us as a client; NetworkError otherwise, which is ambiguous for any other status.
        """
        another_nonce = another_date = False
        while True:
            ahead = server_clocks.ahead(url)
            response = self._send(url, form, budget)
            if response.status not in {400, 401}:
                break
            wants_nonce = error_of(response) == "use_dpop_nonce" and nonce_of(response)
            was_misdated = abs(server_clocks.ahead(url) - ahead) > NOTICEABLE_SECONDS
            if wants_nonce and not another_nonce:
                another_nonce = True
            elif was_misdated and not another_date and not isinstance(refusal(response, form), InvalidGrant):
                another_date = True
            else:
                break
        if 200 <= response.status < 300:
            return response
        if 400 <= response.status < 500:
            raise refusal(response, form, server_clocks.ahead(url))
        raise NetworkError(f"{self._issuer} answered {response.status}", ambiguous=True)

    def _send(self, url: str, form: Mapping[str, str], budget: TimeBudget) -> Response:
        thumbprint, server_origin = self._key.thumbprint, origin(url)
        stored_nonce, now = self._nonces.get(thumbprint, server_origin), server_clocks.now(url)
        body = {**form, **self._client.auth_params(self._issuer, self._kid, now)}
        headers = {"accept": "application/json", "dpop": self._key.proof("POST", url, nonce=stored_nonce, now=now)}
        began = server_clocks.wall()
        try:
            response = self._http.request(
                "POST", url, headers=headers, form=body, max_bytes=MAX_RESPONSE_BYTES, deadline=budget.left()
            )
        except (BodyTooLarge, SlowBody) as fault:
            raise NetworkError(str(fault), ambiguous=True) from fault
        server_clocks.observe(url, response.headers, began)
        nonce = nonce_of(response)
        if nonce and nonce != stored_nonce:
            self._nonces.put(thumbprint, server_origin, nonce)
        return response


def refusal(response: Response, form: Mapping[str, str], ahead: float = 0.0) -> OAuthError:
    """The typed error for an error response, without the secrets of `form`, which a server may have echoed.

    `ahead` is by how many seconds our clock is ahead of the server's.
    """
    try:
        payload: dict[str, Any] = response.json()
    except MalformedResponse:
        payload = {}
    secrets = [form[name] for name in _SECRET_FIELDS if form.get(name)]
    fault = scrubbed_error(payload, secrets, status=response.status, headers=response.headers)
    if isinstance(fault, InvalidGrant) or not _is_about_the_client(fault, ahead):
        return fault
    is_clock = (
        abs(ahead) > MAX_CORRECTION_SECONDS
        or fault.code == "invalid_dpop_proof"
        or bool(_DATE_WORDS.search(fault.description))
    )
    return ClientRefused(
        fault.code,
        fault.description,
        status=fault.status,
        retry_after=fault.retry_after,
        ahead=ahead,
        is_clock=is_clock,
    )


def _is_about_the_client(fault: OAuthError, ahead: float) -> bool:
    if fault.code in _CLIENT_CODES or (fault.code == "invalid_grant" and NOT_THE_GRANT.search(fault.description)):
        return True
    if fault.code == "invalid_scope":
        return bool(_UNDECLARED.search(fault.description))
    if fault.code == "bad_answer":
        return bool(_CLIENT_WORDS.search(fault.description))
    # cocoon says no more than this of a proof whose date it does not accept.
    return fault.code == "InvalidRequest" and not fault.description and abs(ahead) > NOTICEABLE_SECONDS


def does_not_know_scope(fault: OAuthError) -> bool:
    """Whether an authorization server refuses a request for its scope, and may take it with another one."""
    if isinstance(fault, ClientRefused):
        return False
    return fault.code == "invalid_scope" or (
        fault.code in {"invalid_request", "bad_answer"} and "scope" in fault.description.lower()
    )


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
