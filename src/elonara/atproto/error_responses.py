"""Turns error responses of servers into the types of `errors`.

The mapping is from responses measured at real servers; `tests/unit/atproto/test_error_responses.py` lists each of them.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from elonara.atproto.errors import AccessDenied, ErrorKind, InvalidGrant, OAuthError, XrpcError
from elonara.atproto.text_limits import says_too_long

MAX_RETRY_AFTER_SECONDS = 86_400.0  # no known rate limit has a longer window; protects from absurd values

CREATE_RECORD = "com.atproto.repo.createRecord"
CREATE_SESSION = "com.atproto.server.createSession"

# Error names whose meaning depends neither on the status nor on the method called.
KIND_BY_ERROR_NAME: Mapping[str, ErrorKind] = {
    "use_dpop_nonce": ErrorKind.USE_DPOP_NONCE,
    "invalid_dpop_proof": ErrorKind.INVALID_DPOP_PROOF,
    "ExpiredToken": ErrorKind.TOKEN_EXPIRED,
    "ScopeMissingError": ErrorKind.SCOPE_MISSING,
    "insufficient_scope": ErrorKind.SCOPE_MISSING,
    "InsufficientScope": ErrorKind.SCOPE_MISSING,  # rsky, tranquil, cirrus
    "InvalidLogin": ErrorKind.WRONG_PASSWORD,  # rsky
    "RecordNotFound": ErrorKind.RECORD_NOT_FOUND,
    "BlobNotFound": ErrorKind.BLOB_NOT_FOUND,
    "AuthFactorTokenRequired": ErrorKind.AUTH_FACTOR_REQUIRED,
    "AccountDeactivated": ErrorKind.ACCOUNT_DEACTIVATED,
    "RepoDeactivated": ErrorKind.ACCOUNT_DEACTIVATED,
    "AccountMigrated": ErrorKind.ACCOUNT_DEACTIVATED,  # tranquil; where it went is in the DID document
    "AccountTakedown": ErrorKind.ACCOUNT_TAKENDOWN,
    "RepoTakendown": ErrorKind.ACCOUNT_TAKENDOWN,
    "RepoSuspended": ErrorKind.ACCOUNT_TAKENDOWN,
    "AccountNotFound": ErrorKind.ACCOUNT_NOT_FOUND,
    "RepoNotFound": ErrorKind.ACCOUNT_NOT_FOUND,
    "RateLimitExceeded": ErrorKind.RATE_LIMITED,
    "AuthMissing": ErrorKind.WRONG_SCHEME_OR_HOST,
    "MethodNotImplemented": ErrorKind.BAD_REQUEST,  # a 501, but unlike other 5xx it proves that nothing was done
}

KIND_BY_MESSAGE: Mapping[str, ErrorKind] = {
    "could not find repo": ErrorKind.ACCOUNT_NOT_FOUND,
    "could not locate record": ErrorKind.RECORD_NOT_FOUND,
    # rsky names these errors in the message alone.
    "accountdeactivated: ": ErrorKind.ACCOUNT_DEACTIVATED,
    "accounttakedown: ": ErrorKind.ACCOUNT_TAKENDOWN,
    "accountnotfound: ": ErrorKind.ACCOUNT_NOT_FOUND,
    "badjwt": ErrorKind.TOKEN_INVALID,  # rsky
    "invalid bearer token": ErrorKind.TOKEN_INVALID,  # arroba
    "invalid access token": ErrorKind.TOKEN_INVALID,
    "token has expired": ErrorKind.TOKEN_EXPIRED,
    "token is expired": ErrorKind.TOKEN_EXPIRED,
    "invalid identifier or password": ErrorKind.WRONG_PASSWORD,
}

# As names these mean what a 401 means. arroba sends them with a 400.
UNAUTHORIZED = frozenset({
    "AuthenticationRequired", "AuthRequired", "AuthRequiredError", "AuthenticationFailed", "Unauthorized",
})  # fmt: skip

# What a `WWW-Authenticate` challenge says about the proof or the grant holds, whatever the body says.
KIND_BY_CHALLENGE: Mapping[str, ErrorKind] = {
    "use_dpop_nonce": ErrorKind.USE_DPOP_NONCE,
    "invalid_dpop_proof": ErrorKind.INVALID_DPOP_PROOF,
    "insufficient_scope": ErrorKind.SCOPE_MISSING,
}
# Why the token is refused: more than a challenge `invalid_token` can say.
MORE_THAN_INVALID = frozenset({
    ErrorKind.ACCOUNT_DEACTIVATED, ErrorKind.ACCOUNT_TAKENDOWN, ErrorKind.ACCOUNT_NOT_FOUND, ErrorKind.TOKEN_EXPIRED,
})  # fmt: skip
_MAX_CHALLENGE = 4000
# A scheme, or a parameter with its value in quotes or without (RFC 9110, section 11.2).
_CHALLENGE_PART = re.compile(r"""([A-Za-z0-9!#$%&'*+.^_`|~-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+)))?""")
_CODE = re.compile(r"[A-Za-z0-9_]{1,64}")

# cocoon names no code at its token endpoint; a token that it does not know counts as another client's there.
GRANT_ENDED_SENTENCES = ("session expired", "refresh token expired", '"client_id" mismatch')
# `invalid_grant` of oauth-provider 0.22.9 about the client's assertion or metadata, before it looks at the grant.
NOT_THE_GRANT = re.compile(r"\bjti reused|grant type .*(not allowed|not supported)", re.IGNORECASE)

# How a PDS words the refusal of a token that was sent with the wrong scheme or to the wrong server.
WRONG_SCHEME_MESSAGES = (
    "bad token scope",
    "malformed token",
    "malformed authorization header",
    "unsupported authorization type",
    "unexpected authorization type",
)


def classify(status: int, error: str, message: str, nsid: str = "") -> ErrorKind:
    """The meaning of a failed XRPC call, from its HTTP status, error name, message and the method called."""
    if status == 429:
        return ErrorKind.RATE_LIMITED
    if kind := KIND_BY_ERROR_NAME.get(error):
        return kind
    words = message.lower()
    if error in {"invalid_token", "InvalidToken"}:
        return _token_error(words)
    if status >= 500:
        return ErrorKind.RECORD_EXISTS_OR_SERVER if nsid == CREATE_RECORD and status == 500 else ErrorKind.SERVER_ERROR
    if status == 401 or (400 <= status < 500 and error in UNAUTHORIZED):
        return ErrorKind.WRONG_PASSWORD if nsid == CREATE_SESSION else ErrorKind.TOKEN_INVALID
    return _by_message(status, words, nsid) if 400 <= status < 500 else ErrorKind.MALFORMED_RESPONSE


def _by_message(status: int, words: str, nsid: str) -> ErrorKind:
    """The meaning of a 4xx that several methods report with a message alone, without an error name of their own."""
    known = next((kind for start, kind in KIND_BY_MESSAGE.items() if words.startswith(start)), ErrorKind.BAD_REQUEST)
    refused_create = known is ErrorKind.BAD_REQUEST and nsid == CREATE_RECORD and status in {400, 422}
    return ErrorKind.TEXT_TOO_LONG if refused_create and says_too_long(words) else known


def _token_error(words: str) -> ErrorKind:
    if words.startswith(WRONG_SCHEME_MESSAGES):
        return ErrorKind.WRONG_SCHEME_OR_HOST
    return ErrorKind.TOKEN_EXPIRED if '"exp" claim' in words or "expired" in words else ErrorKind.TOKEN_INVALID


@dataclass(frozen=True)
class RateLimit:
    """A rate limit as the server states it: `limit` points in `window` seconds, `remaining` until `resets_at` (UTC)."""

    limit: int | None
    remaining: int | None
    resets_at: datetime | None
    window: int | None
    retry_after: float | None


def rate_limit(headers: Mapping[str, str], now: float | None = None) -> RateLimit | None:
    """The rate limit headers of a response (`ratelimit-*`, `retry-after`), None where the server sent none."""
    now = time.time() if now is None else now
    reset = _unsigned_int(headers.get("ratelimit-reset"))
    policy = headers.get("ratelimit-policy", "")
    found = RateLimit(
        limit=_unsigned_int(headers.get("ratelimit-limit")),
        remaining=_unsigned_int(headers.get("ratelimit-remaining")),
        resets_at=_utc_datetime(reset),
        window=_unsigned_int(policy.partition(";w=")[2].partition(";")[0]),
        retry_after=_retry_after(headers.get("retry-after", ""), now),
    )
    stated = (found.limit, found.remaining, found.resets_at, found.retry_after)
    return None if stated == (None, None, None, None) else found


def xrpc_error(status: int, headers: Mapping[str, str], body: bytes, nsid: str = "") -> XrpcError:
    """The typed error for an XRPC error response. Accepts any body, including one that is not JSON."""
    payload = _json_object(body)
    error, message = (
        _printable(payload.get("error")),
        _printable(payload.get("message") or payload.get("error_description")),
    )
    challenge = challenge_error(headers)
    kind = classify(status, error or challenge, message, nsid)
    if nsid == CREATE_SESSION:
        if status == 401 and not error and body.lstrip().startswith(b"<"):
            kind = ErrorKind.SERVER_ERROR  # a proxy's page is no word of the PDS about the password
    elif kind is not ErrorKind.RATE_LIMITED:
        kind = _as_challenged(kind, challenge, error)
    budget = rate_limit(headers)
    return XrpcError(
        status,
        error or challenge or f"HTTP {status}",
        message,
        kind=kind,
        retry_after=budget.retry_after if budget else None,
        resets_at=budget.resets_at if budget else None,
    )


def challenge_error(headers: Mapping[str, str]) -> str:
    """The `error` of a `WWW-Authenticate` challenge (RFC 9449, section 7.1), "" where there is none.

    Of several challenges the one for DPoP counts, else the first that names an error.
    """
    found: dict[str, str] = {}
    scheme = ""
    for name, quoted, bare in _CHALLENGE_PART.findall(headers.get("www-authenticate", "")[:_MAX_CHALLENGE]):
        value = quoted or bare
        if not value:
            scheme = name.lower()
        elif name.lower() == "error" and _CODE.fullmatch(value):
            found.setdefault(scheme, value)
    return found.get("dpop") or next(iter(found.values()), "")


def _as_challenged(kind: ErrorKind, challenge: str, error: str) -> ErrorKind:
    """What the challenge makes of `kind`, which body and status alone suggest: the header decides what to do.

    PDSs differ in their bodies (docs/servers.md): `ExpiredToken`, `AuthenticationRequired`, a page of a proxy.
    """
    if challenge in KIND_BY_CHALLENGE:
        return KIND_BY_CHALLENGE[challenge]
    if challenge.lower() != "invalid_token" or kind in MORE_THAN_INVALID:
        return kind
    ours = kind is ErrorKind.WRONG_SCHEME_OR_HOST and error in {"invalid_token", "InvalidToken"}
    return kind if ours else ErrorKind.TOKEN_INVALID


def oauth_error(status: int, headers: Mapping[str, str], body: bytes) -> OAuthError:
    """The typed error for an error response of an authorization server (RFC 6749 section 5.2)."""
    payload = _json_object(body)
    code = _printable(payload.get("error"))
    description = _printable(payload.get("error_description") or payload.get("message"))
    ended = not code and description.lower().startswith(GRANT_ENDED_SENTENCES)
    if (code == "invalid_grant" and not NOT_THE_GRANT.search(description)) or ended:
        return InvalidGrant(description, status=status)
    if code == "access_denied":
        return AccessDenied(description)
    budget = rate_limit(headers)
    fallback = "rate_limited" if status == 429 else "server_error" if status >= 500 else "bad_answer"
    return OAuthError(code or fallback, description, status=status, retry_after=budget.retry_after if budget else None)


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _printable(value: Any, limit: int = 500) -> str:
    """A server's text made safe for logs and pages: no control characters, bounded length."""
    if not isinstance(value, str):
        return ""
    return "".join(char if char.isprintable() else " " for char in value[:limit]).strip()


def _unsigned_int(value: str | None) -> int | None:
    return int(value) if value and value.isascii() and value.isdigit() and len(value) <= 12 else None


def _utc_datetime(seconds: int | None) -> datetime | None:
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _retry_after(value: str, now: float) -> float | None:
    """Seconds to wait: `retry-after` is a number of seconds or an HTTP date (RFC 9110 section 10.2.3)."""
    if (seconds := _unsigned_int(value)) is not None:
        return min(float(seconds), MAX_RETRY_AFTER_SECONDS)
    try:
        return min(max(0.0, parsedate_to_datetime(value).timestamp() - now), MAX_RETRY_AFTER_SECONDS) if value else None
    except (ValueError, TypeError, OverflowError):
        return None
