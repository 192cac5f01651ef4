"""How other PDS implementations word a refusal: facts read in their sources, which docs/servers.md lists with commits.

A profile replaces the answers of `FakePds` and `AuthorizationServer`, whose own words are those of Bluesky's PDS. What
is refused stays the same; only status, header and body differ. Situations: `nonce`, `proof`, `oauth expired`,
`oauth invalid`, `bearer expired`, `bearer invalid`, `refresh ended`, `wrong password`, and of an account that rests
`deactivated` and `takendown` at the PDS; `client refused`, `proof at issuer` and `grant ended` at the authorization
server.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

CHALLENGE = "www-authenticate"


@dataclass(frozen=True)
class Answer:
    """An error response; a body of bytes is sent as it is, with the content type of `headers`."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Window:
    """Seconds that a date (`iat`) may be before and after the server's time."""

    before: float
    after: float

    def accept(self, age: float) -> bool:
        return -self.after <= int(age) <= self.before


RESTS = frozenset({"deactivated", "takendown"})


@dataclass(frozen=True)
class Profile:
    """A server implementation. `oauth` is false where it has no working OAuth, `nonces` where it asks for none."""

    name: str
    answers: Mapping[str, Answer] = field(default_factory=dict)
    oauth: bool = True
    nonces: bool = True
    assertions: Window = Window(60, 0)
    proofs: Window = Window(190, 180)
    app_passwords: str = "scoped"  # what becomes of them there (`FakePds.app_passwords`)
    counts_text: bool = True  # refuses posts of more than 300 graphemes
    rests: frozenset[str] = RESTS  # the states of an account in which it refuses its writes; others it does not know
    takedown_status: str = "takendown"  # what getRepoStatus calls a takedown

    def __str__(self) -> str:
        return self.name


def _named(status: int, error: str, message: str = "", challenge: str = "") -> Answer:
    body = {"error": error, "message": message} if message else {"error": error}
    return Answer(status, body, {CHALLENGE: challenge} if challenge else {})


def _text(status: int, text: str) -> Answer:
    return Answer(status, text.encode(), {"content-type": "text/plain; charset=utf-8"})


INVALID, EXPIRED = 'error="invalid_token", error_description="Token is invalid"', 'error="invalid_token"'
CIRRUS_INVALID = _named(
    401,
    "AuthenticationRequired",
    "Invalid OAuth access token",
    'DPoP error="invalid_token", error_description="Invalid access token"',
)
COCOON_INVALID = Answer(401, {"error": "invalid_token", "error_description": "-"}, {CHALLENGE: f"DPoP {INVALID}"})
RSKY_BAD_JWT = _named(400, "InvalidRequest", "BadJwt: `token could not be verified`")
TRANQUIL_FAILED = _named(401, "AuthenticationFailed", "Authentication failed")

BLUESKY = Profile("bluesky")
COCOON = Profile(
    "cocoon",
    {
        "nonce": _named(401, "use_dpop_nonce", challenge='DPoP error="use_dpop_nonce"'),
        "proof": _named(400, "InvalidRequest"),
        "oauth expired": COCOON_INVALID,
        "oauth invalid": COCOON_INVALID,
        "bearer expired": _named(400, "ExpiredToken", "*"),
        "bearer invalid": _named(400, "InvalidToken"),
        "refresh ended": _named(400, "InvalidToken"),
        "wrong password": _named(400, "InvalidRequest"),
        "client refused": _named(400, "failed to get client: fetching client metadata returned response code 502"),
        "assertion": _named(400, 'unable to verify "client_assertion" jwt: Token used before issued'),
        "proof at issuer": _named(400, "InvalidRequest"),
        "grant ended": _named(400, '"client_id" mismatch'),
    },
    proofs=Window(185, 0),
    app_passwords="none",
    counts_text=False,
    rests=frozenset(),
)
RSKY = Profile(
    "rsky",
    {
        "nonce": _named(
            401, "AuthRequiredError", "AuthRequired: `nonce`",
            'DPoP error="use_dpop_nonce", error_description="Authorization server requires nonce in DPoP proof"',
        ),
        "proof": _named(401, "AuthRequiredError", "AuthRequired: `iat`", 'DPoP error="invalid_dpop_proof"'),
        "oauth expired": _named(401, "AuthRequiredError", "AuthRequired: `token has expired`", f"DPoP {EXPIRED}"),
        "oauth invalid": _named(401, "AuthRequiredError", "AuthRequired: `was revoked`", f"DPoP {INVALID}"),
        "bearer expired": _named(400, "ExpiredToken", "Token is expired"),
        "bearer invalid": RSKY_BAD_JWT,
        "refresh ended": RSKY_BAD_JWT,
        "wrong password": _named(400, "InvalidLogin", "Invalid identifier or password"),
        "client refused": Answer(401, {"error": "invalid_client", "error_description": "client metadata fetch failed"}),
        "deactivated": _named(400, "InvalidRequest", "AccountDeactivated: `Account is deactivated`"),
        "takendown": _named(400, "InvalidRequest", "AccountTakedown: `Account has been taken down`"),
    },
    counts_text=False,
    takedown_status="takedown",
)  # fmt: skip
TRANQUIL = Profile(
    "tranquil",
    {
        "nonce": _named(
            401, "use_dpop_nonce", "A DPoP nonce is required",
            'DPoP error="use_dpop_nonce", error_description="Resource server requires nonce in DPoP proof"',
        ),
        "proof": _named(401, "invalid_dpop_proof", "too old", 'DPoP error="invalid_dpop_proof"'),
        "oauth expired": _named(401, "ExpiredToken", "Token has expired", f"DPoP {EXPIRED}"),
        "oauth invalid": TRANQUIL_FAILED,
        "bearer expired": _named(400, "ExpiredToken", "Token has expired", f"Bearer {EXPIRED}"),
        "bearer invalid": TRANQUIL_FAILED,
        "refresh ended": _named(401, "AuthenticationFailed", "Invalid refresh token"),
        "wrong password": _named(401, "AuthenticationFailed", "Invalid identifier or password"),
        "client refused": Answer(401, {"error": "invalid_client", "error_description": "Failed to fetch metadata"}),
        "takendown": _named(401, "AccountTakedown"),
    },
    assertions=Window(75, 60),
    proofs=Window(300, 300),
)  # fmt: skip
CIRRUS = Profile(
    "cirrus",
    {
        "proof": CIRRUS_INVALID,
        "oauth expired": CIRRUS_INVALID,
        "oauth invalid": CIRRUS_INVALID,
        "bearer expired": _named(400, "ExpiredToken", "Token has expired"),
        "bearer invalid": _named(401, "AuthenticationRequired", "Invalid authentication token"),
        "refresh ended": _named(400, "InvalidToken", "Invalid refresh token"),
        "wrong password": _named(401, "AuthenticationRequired", "Invalid identifier or password"),
        "client refused": Answer(400, {"error": "invalid_client", "error_description": "Unknown client"}),
        "grant ended": Answer(400, {"error": "invalid_grant", "error_description": "Token has been revoked"}),
        "deactivated": _named(403, "AccountDeactivated", "Account is deactivated. Call activateAccount."),
    },
    nonces=False,
    assertions=Window(330, 30),
    proofs=Window(70, 10),
    app_passwords="full",
    rests=frozenset({"deactivated"}),
)
MILLIPDS = Profile(
    "millipds",
    {
        "bearer expired": _named(400, "ExpiredToken", "bad exp"),
        "bearer invalid": _text(401, "invalid jwt"),
        "refresh ended": _text(401, "revoked token"),
        "wrong password": _text(401, "incorrect identifier or password"),
    },
    oauth=False,
    app_passwords="none",
    counts_text=False,
    rests=frozenset(),
)
# Its words alone. It refreshes no session and answers a delete with an error besides: tests/contract/arroba runs it.
ARROBA_INVALID = _named(400, "InvalidRequest", "Invalid bearer token in Authorization header")
ARROBA = Profile(
    "arroba",
    {
        "bearer expired": ARROBA_INVALID,
        "bearer invalid": ARROBA_INVALID,
        "refresh ended": ARROBA_INVALID,
        "wrong password": _named(400, "AuthenticationRequired", "Invalid identifier or password"),
        "deactivated": _named(400, "RepoDeactivated", "Repo has been deactivated"),
    },
    oauth=False,
    rests=frozenset({"deactivated"}),
)


def _odd(name: str, body: Any, challenge: str, status: int = 401, kind: str = "application/json") -> Profile:
    """A server or a proxy that nobody has named yet: one answer to every refused OAuth token."""
    answer = Answer(status, body, {CHALLENGE: challenge, "content-type": kind} if challenge else {"content-type": kind})
    return Profile(name, {"oauth expired": answer, "oauth invalid": answer})


SERVERS = (BLUESKY, COCOON, RSKY, TRANQUIL, CIRRUS, MILLIPDS, ARROBA)
ODD = (
    _odd("empty-body", b"", 'DPoP error="invalid_token"'),
    _odd("html-body", b"<html>401</html>", 'DPoP algs="ES256", error="invalid_token"', kind="text/html"),
    _odd("no-challenge", b"", ""),
    _odd("html-alone", b"<html>401 Unauthorized</html>", "", kind="text/html"),
    _odd("status-400", {"error": "InvalidToken", "message": "-"}, 'DPoP error="invalid_token"', 400),
    _odd("auth-missing", {"error": "AuthMissing", "message": "-"}, 'DPoP error="invalid_token"'),
    _odd("unquoted", {"error": "Unauthorized"}, "dpop error=invalid_token"),
    _odd("two-schemes", {"error": "AuthMissing"}, 'Bearer realm="x, error=\\"no\\"", DPoP error="invalid_token"'),
    _odd("a-500", {"error": "InternalServerError"}, 'DPoP error="invalid_token"', 500),
)
OAUTH_SERVERS = tuple(profile for profile in SERVERS if profile.oauth)
