"""What can go wrong on the AT Protocol network, as types that a caller can act on.

Three families: the network (`NetworkError`), names and identities (`IdentityError`), and servers that
answered something other than success (`XrpcError` for XRPC, `OAuthError` for the authorization server).
No message here ever holds a token, a password or a request body.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Literal

IdentityReason = Literal[
    "bad_handle", "handle_not_found", "handle_mismatch", "did_not_found", "did_malformed", "no_pds", "unreachable"
]


class AtprotoError(Exception):
    """The base of everything this package raises on purpose."""


class NetworkError(AtprotoError):
    """No usable answer came back.

    `ambiguous` is true when bytes of the request had already left: the server may have done the work. It is
    false when nothing was sent (the name did not resolve, the address was refused, the connection failed).
    """

    def __init__(self, message: str, *, ambiguous: bool) -> None:
        super().__init__(message)
        self.ambiguous = ambiguous


class AddressRefused(NetworkError):
    """The address may not be asked: not public, an odd port, not https, or written in a refused form."""

    def __init__(self, message: str, *, ambiguous: bool = False) -> None:
        super().__init__(message, ambiguous=ambiguous)


class NameNotFound(NetworkError):
    """The host name leads to no address."""

    def __init__(self, message: str, *, ambiguous: bool = False) -> None:
        super().__init__(message, ambiguous=ambiguous)


class BodyTooLarge(NetworkError):
    """The answer is larger than the caller allows. The server did answer, so the request may have been done."""

    def __init__(self, message: str, *, ambiguous: bool = True) -> None:
        super().__init__(message, ambiguous=ambiguous)


class SlowBody(NetworkError):
    """The request was sent, but the answer was not complete at the deadline."""

    def __init__(self, message: str, *, ambiguous: bool = True) -> None:
        super().__init__(message, ambiguous=ambiguous)


class IdentityError(AtprotoError):
    """A handle or DID does not lead to an account. `reason` is a stable code, see `IdentityReason`."""

    def __init__(self, message: str, *, reason: IdentityReason) -> None:
        super().__init__(message)
        self.reason: IdentityReason = reason


class ErrorKind(StrEnum):
    """What an XRPC failure means to us, independent of how a server words it."""

    USE_DPOP_NONCE = "use_dpop_nonce"  # take the nonce of the answer and try again
    INVALID_DPOP_PROOF = "invalid_dpop_proof"  # the proof is wrong: ours to fix (or the clock)
    TOKEN_EXPIRED = "token_expired"  # noqa: S105 - refresh and try again
    TOKEN_INVALID = "token_invalid"  # noqa: S105 - revoked, rotated away, of another PDS, account taken down or deleted
    WRONG_SCHEME_OR_HOST = "wrong_scheme_or_host"  # ours to fix, never a reason to ask the member to reauthorize
    SCOPE_MISSING = "scope_missing"  # the member has not allowed this
    RECORD_EXISTS_OR_SERVER = "record_exists_or_server"  # 500 on create: look at the record key before a retry
    RECORD_NOT_FOUND = "record_not_found"
    BLOB_NOT_FOUND = "blob_not_found"
    AUTH_FACTOR_REQUIRED = "auth_factor_required"  # the account has e-mail codes; app passwords never need one
    WRONG_PASSWORD = "wrong_password"  # noqa: S105
    ACCOUNT_DEACTIVATED = "account_deactivated"
    ACCOUNT_TAKENDOWN = "account_takendown"
    ACCOUNT_NOT_FOUND = "account_not_found"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"  # 5xx: the work may have been done
    BAD_REQUEST = "bad_request"  # any other 4xx: the same request will fail again
    MALFORMED_ANSWER = "malformed_answer"  # not JSON, or without the fields that the call promises

    @property
    def ambiguous(self) -> bool:
        """Whether the work may have been done in spite of the failure: look before a retry."""
        return self in {ErrorKind.RECORD_EXISTS_OR_SERVER, ErrorKind.SERVER_ERROR, ErrorKind.MALFORMED_ANSWER}


class XrpcError(AtprotoError):
    """A server answered an XRPC call with a failure. `error` and `message` are the server's own words.

    `retry_after` is in seconds, `resets_at` an aware UTC time; both only when the server said so.
    """

    def __init__(
        self,
        status: int,
        error: str,
        message: str,
        *,
        kind: ErrorKind,
        retry_after: float | None = None,
        resets_at: datetime | None = None,
    ) -> None:
        super().__init__(f"{status} {error}: {message}" if message else f"{status} {error}")
        self.status = status
        self.error = error
        self.message = message
        self.kind = kind
        self.retry_after = retry_after
        self.resets_at = resets_at

    @property
    def ambiguous(self) -> bool:
        """Whether the work may have been done in spite of this answer."""
        return self.kind.ambiguous


class MalformedResponse(XrpcError):
    """The status says success, the body is not what was promised."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, "MalformedAnswer", message, kind=ErrorKind.MALFORMED_ANSWER)


class OAuthError(AtprotoError):
    """The authorization server refused, or what came back from it cannot be trusted.

    `code` is the OAuth error code (RFC 6749 section 5.2 and friends) or one of ours.
    """

    def __init__(self, code: str, description: str = "", *, status: int = 0, retry_after: float | None = None) -> None:
        super().__init__(f"{code}: {description}" if description else code)
        self.code = code
        self.description = description
        self.status = status
        self.retry_after = retry_after


class InvalidGrant(OAuthError):
    """The code or refresh token is used, revoked or unknown: this session is over."""

    def __init__(self, description: str = "", *, status: int = 400) -> None:
        super().__init__("invalid_grant", description, status=status)

    @property
    def replayed(self) -> bool:
        """Whether a refresh token was used twice, which ends the whole session at the server."""
        return "replay" in self.description.lower()


class AccessDenied(OAuthError):
    """The person pressed "deny" on the server's consent page."""

    def __init__(self, description: str = "") -> None:
        super().__init__("access_denied", description)


class BadState(OAuthError):
    """The callback's `state` is not one we can continue: missing, unknown, used or expired."""

    def __init__(self, description: str) -> None:
        super().__init__("bad_state", description)


class WrongIssuer(OAuthError):
    """The callback, the metadata or the account names another authorization server (mix-up, RFC 9207)."""

    def __init__(self, expected: str, got: str) -> None:
        super().__init__("wrong_issuer", f"expected {expected}, got {got or 'none'}")
        self.expected = expected
        self.got = got


class WrongAccount(OAuthError):
    """The token is for another account than the one we began with."""

    def __init__(self, expected: str, got: str) -> None:
        super().__init__("wrong_account", f"expected {expected}, got {got}")
        self.expected = expected
        self.got = got


class MissingScope(OAuthError):
    """The server granted less than what cannot be done without."""

    def __init__(self, wanted: Collection[str], granted: Collection[str]) -> None:
        super().__init__("missing_scope", f"wanted {' '.join(sorted(wanted))}")
        self.wanted = frozenset(wanted)
        self.granted = frozenset(granted)
