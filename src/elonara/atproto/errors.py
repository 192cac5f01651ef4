"""The errors of the AT Protocol package, as types that a caller can act on.

Three families: the network (`NetworkError`), handles and DIDs (`IdentityError`), and error responses of servers
(`XrpcError` for XRPC, `OAuthError` for authorization servers). No message here may hold a token, a password or a
request body.
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
    """No usable response came back.

    `ambiguous` is true when bytes of the request had already been sent, so the server may have carried it out. It is
    false when nothing was sent (the name did not resolve, the address was refused, the connection failed).
    """

    def __init__(self, message: str, *, ambiguous: bool) -> None:
        super().__init__(message)
        self.ambiguous = ambiguous


class AddressRefused(NetworkError):
    """The address is not allowed: not public, another port, not https, or written in a refused form."""

    def __init__(self, message: str, *, ambiguous: bool = False) -> None:
        super().__init__(message, ambiguous=ambiguous)


class NameNotFound(NetworkError):
    """The host name has no address."""

    def __init__(self, message: str, *, ambiguous: bool = False) -> None:
        super().__init__(message, ambiguous=ambiguous)


class BodyTooLarge(NetworkError):
    """The response is larger than the caller allows. Ambiguous: the server has handled the request."""

    def __init__(self, message: str, *, ambiguous: bool = True) -> None:
        super().__init__(message, ambiguous=ambiguous)


class SlowBody(NetworkError):
    """The request was sent, but the response was not complete at the deadline."""

    def __init__(self, message: str, *, ambiguous: bool = True) -> None:
        super().__init__(message, ambiguous=ambiguous)


class IdentityError(AtprotoError):
    """A handle or DID could not be resolved to an account. `reason` is a stable code, see `IdentityReason`."""

    def __init__(self, message: str, *, reason: IdentityReason) -> None:
        super().__init__(message)
        self.reason: IdentityReason = reason


class ErrorKind(StrEnum):
    """What an XRPC failure means, independent of how a server words it."""

    USE_DPOP_NONCE = "use_dpop_nonce"  # retry with the nonce of the response
    INVALID_DPOP_PROOF = "invalid_dpop_proof"  # our proof is wrong: a bug here, or this machine's clock is off
    TOKEN_EXPIRED = "token_expired"  # noqa: S105 - refresh and retry
    TOKEN_INVALID = "token_invalid"  # noqa: S105 - revoked, rotated away, of another PDS, account taken down or deleted
    WRONG_SCHEME_OR_HOST = "wrong_scheme_or_host"  # a bug here, never a reason to ask the member to reauthorize
    SCOPE_MISSING = "scope_missing"  # the member has not granted the scope that this needs
    RECORD_EXISTS_OR_SERVER = "record_exists_or_server"  # 500 on create: read the record key before a retry
    RECORD_NOT_FOUND = "record_not_found"
    TEXT_TOO_LONG = "text_too_long"  # a create: the server counts the text of the post longer than it takes
    BLOB_NOT_FOUND = "blob_not_found"
    AUTH_FACTOR_REQUIRED = "auth_factor_required"  # the account has e-mail codes; app passwords never need one
    WRONG_PASSWORD = "wrong_password"  # noqa: S105
    ACCOUNT_DEACTIVATED = "account_deactivated"
    ACCOUNT_TAKENDOWN = "account_takendown"
    ACCOUNT_NOT_FOUND = "account_not_found"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"  # 5xx: the request may have been carried out
    BAD_REQUEST = "bad_request"  # any other 4xx: the same request will fail again
    MALFORMED_RESPONSE = "malformed_answer"  # not JSON, or without the fields that the lexicon requires

    @property
    def ambiguous(self) -> bool:
        """Whether the request may have been carried out in spite of the failure: read the state before a retry."""
        return self in {ErrorKind.RECORD_EXISTS_OR_SERVER, ErrorKind.SERVER_ERROR, ErrorKind.MALFORMED_RESPONSE}


class XrpcError(AtprotoError):
    """An XRPC error response. `error` and `message` are the server's own words.

    `retry_after` is in seconds, `resets_at` an aware UTC time; both are None unless the server sent them.
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
        """Whether the request may have been carried out in spite of this response."""
        return self.kind.ambiguous


class MalformedResponse(XrpcError):
    """A response with a success status whose body is not what the lexicon or specification requires."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, "MalformedAnswer", message, kind=ErrorKind.MALFORMED_RESPONSE)


class OAuthError(AtprotoError):
    """The authorization server refused, or its response cannot be trusted.

    `code` is an OAuth error code (RFC 6749 section 5.2 and the RFCs that extend it) or one of ours.
    """

    def __init__(self, code: str, description: str = "", *, status: int = 0, retry_after: float | None = None) -> None:
        super().__init__(f"{code}: {description}" if description else code)
        self.code = code
        self.description = description
        self.status = status
        self.retry_after = retry_after


class InvalidGrant(OAuthError):
    """The code or refresh token is used, revoked or unknown: the session has ended."""

    def __init__(self, description: str = "", *, status: int = 400) -> None:
        super().__init__("invalid_grant", description, status=status)

    @property
    def replayed(self) -> bool:
        """Whether a refresh token was used twice, for which the server revokes the whole session."""
        return "replay" in self.description.lower()


class ClientRefused(OAuthError):
    """The server did not accept this site as a client: its signature, its key or its metadata. The grant stands.

    `ahead` is in seconds: by how much this machine's clock is ahead of the server's (negative: behind), 0 if unknown.
    `is_clock` says that the server refused a date.
    """

    def __init__(
        self,
        code: str,
        description: str = "",
        *,
        status: int = 0,
        retry_after: float | None = None,
        ahead: float = 0.0,
        is_clock: bool = False,
    ) -> None:
        super().__init__(code, description, status=status, retry_after=retry_after)
        self.ahead = ahead
        self.is_clock = is_clock


class AccessDenied(OAuthError):
    """The user denied access on the server's consent page."""

    def __init__(self, description: str = "") -> None:
        super().__init__("access_denied", description)


class BadState(OAuthError):
    """The callback's `state` belongs to no open authorization request: missing, unknown, used or expired."""

    def __init__(self, description: str) -> None:
        super().__init__("bad_state", description)


class WrongIssuer(OAuthError):
    """The callback, the metadata or the account names another authorization server (mix-up attack, RFC 9207)."""

    def __init__(self, expected: str, got: str) -> None:
        super().__init__("wrong_issuer", f"expected {expected}, got {got or 'none'}")
        self.expected = expected
        self.got = got


class WrongAccount(OAuthError):
    """The token is for another account than the authorization request was."""

    def __init__(self, expected: str, got: str) -> None:
        super().__init__("wrong_account", f"expected {expected}, got {got}")
        self.expected = expected
        self.got = got


class MissingScope(OAuthError):
    """The server did not grant a scope that is required."""

    def __init__(self, wanted: Collection[str], granted: Collection[str]) -> None:
        super().__init__("missing_scope", f"wanted {' '.join(sorted(wanted))}")
        self.wanted = frozenset(wanted)
        self.granted = frozenset(granted)
