"""Error responses as measured at real servers, and the kind that each is mapped to."""

import json
from datetime import UTC, datetime

import pytest

from elonara.atproto.error_responses import challenge_error, oauth_error, rate_limit, xrpc_error
from elonara.atproto.errors import AccessDenied, ErrorKind, InvalidGrant, OAuthError

CREATE = "com.atproto.repo.createRecord"
LOGIN = "com.atproto.server.createSession"
GET = "com.atproto.repo.getRecord"

# (status, error, message, nsid) -> kind
ROWS = [
    (401, "use_dpop_nonce", "Resource server requires nonce in DPoP proof", CREATE, ErrorKind.USE_DPOP_NONCE),
    (400, "use_dpop_nonce", "Authorization server requires nonce", "", ErrorKind.USE_DPOP_NONCE),
    (401, "invalid_dpop_proof", 'DPoP "htu" mismatch', CREATE, ErrorKind.INVALID_DPOP_PROOF),
    (401, "invalid_dpop_proof", 'DPoP "htm" mismatch', CREATE, ErrorKind.INVALID_DPOP_PROOF),
    (401, "invalid_dpop_proof", 'DPoP "ath" mismatch', CREATE, ErrorKind.INVALID_DPOP_PROOF),
    (401, "invalid_dpop_proof", "DPoP proof replayed", CREATE, ErrorKind.INVALID_DPOP_PROOF),
    (401, "invalid_token", '"exp" claim timestamp check failed', CREATE, ErrorKind.TOKEN_EXPIRED),
    (400, "ExpiredToken", "Token has expired", CREATE, ErrorKind.TOKEN_EXPIRED),
    (401, "invalid_token", "Invalid token", CREATE, ErrorKind.TOKEN_INVALID),
    (400, "InvalidToken", "Token could not be verified", CREATE, ErrorKind.TOKEN_INVALID),
    (
        403,
        "ScopeMissingError",
        'Missing required scope "repo:app.bsky.feed.post?action=create"',
        CREATE,
        ErrorKind.SCOPE_MISSING,
    ),
    (400, "InvalidToken", "Malformed token", CREATE, ErrorKind.WRONG_SCHEME_OR_HOST),
    (400, "InvalidToken", "Bad token scope", CREATE, ErrorKind.WRONG_SCHEME_OR_HOST),
    (401, "InvalidToken", "Bad token scope", CREATE, ErrorKind.WRONG_SCHEME_OR_HOST),
    (400, "InvalidToken", "Unexpected authorization type", CREATE, ErrorKind.WRONG_SCHEME_OR_HOST),
    (400, "InvalidToken", "Malformed authorization header", CREATE, ErrorKind.WRONG_SCHEME_OR_HOST),
    (401, "AuthMissing", "Authentication Required", CREATE, ErrorKind.WRONG_SCHEME_OR_HOST),
    (400, "InvalidRequest", "BadJwt: `Malformed token`", CREATE, ErrorKind.TOKEN_INVALID),
    (401, "AuthenticationFailed", "Authentication failed", CREATE, ErrorKind.TOKEN_INVALID),
    (403, "InsufficientScope", "Missing required scope: repo:x", CREATE, ErrorKind.SCOPE_MISSING),
    (400, "InvalidLogin", "Invalid identifier or password", LOGIN, ErrorKind.WRONG_PASSWORD),
    # arroba; the names of a 401 with another status, and messages without a name
    (400, "AuthenticationRequired", "Invalid identifier or password", LOGIN, ErrorKind.WRONG_PASSWORD),
    (403, "AuthenticationRequired", "", LOGIN, ErrorKind.WRONG_PASSWORD),
    (400, "InvalidRequest", "Invalid identifier or password", LOGIN, ErrorKind.WRONG_PASSWORD),
    (400, "InvalidRequest", "Invalid bearer token in Authorization header", CREATE, ErrorKind.TOKEN_INVALID),
    (400, "InvalidRequest", "Invalid access token", CREATE, ErrorKind.TOKEN_INVALID),
    (400, "InvalidRequest", "Token has expired", CREATE, ErrorKind.TOKEN_EXPIRED),
    (403, "", "Token is expired", CREATE, ErrorKind.TOKEN_EXPIRED),
    (400, "AuthRequired", "Not authenticated as did:plc:x", CREATE, ErrorKind.TOKEN_INVALID),
    (400, "AuthenticationFailed", "", CREATE, ErrorKind.TOKEN_INVALID),
    (500, "AuthenticationRequired", "", GET, ErrorKind.SERVER_ERROR),
    (400, "InvalidRequest", "Missing required property: invalid bearer token", CREATE, ErrorKind.BAD_REQUEST),
    (500, "InternalServerError", "Internal Server Error", CREATE, ErrorKind.RECORD_EXISTS_OR_SERVER),
    (500, "InternalServerError", "Internal Server Error", GET, ErrorKind.SERVER_ERROR),
    (502, "UpstreamFailure", "", CREATE, ErrorKind.SERVER_ERROR),
    (503, "", "", CREATE, ErrorKind.SERVER_ERROR),
    (504, "", "", GET, ErrorKind.SERVER_ERROR),
    (501, "MethodNotImplemented", "Method Not Implemented", CREATE, ErrorKind.BAD_REQUEST),
    (400, "RecordNotFound", "Could not locate record: at://x", GET, ErrorKind.RECORD_NOT_FOUND),
    (400, "InvalidRequest", "Could not locate record", GET, ErrorKind.RECORD_NOT_FOUND),
    (400, "BlobNotFound", "Could not find blob: x", CREATE, ErrorKind.BLOB_NOT_FOUND),
    (401, "AuthFactorTokenRequired", "A sign in code has been sent", LOGIN, ErrorKind.AUTH_FACTOR_REQUIRED),
    (401, "AuthenticationRequired", "Invalid identifier or password", LOGIN, ErrorKind.WRONG_PASSWORD),
    (401, "AuthenticationRequired", "Authentication Required", CREATE, ErrorKind.TOKEN_INVALID),
    (401, "AccountDeactivated", "Account is deactivated", CREATE, ErrorKind.ACCOUNT_DEACTIVATED),
    (400, "RepoDeactivated", "Repo has been deactivated", GET, ErrorKind.ACCOUNT_DEACTIVATED),
    (403, "AccountDeactivated", "Account is deactivated. Call activateAccount…", CREATE, ErrorKind.ACCOUNT_DEACTIVATED),
    (403, "AccountMigrated", "Account has been migrated to another PDS.", CREATE, ErrorKind.ACCOUNT_DEACTIVATED),
    (400, "InvalidRequest", "AccountDeactivated: `Account is deactivated`", CREATE, ErrorKind.ACCOUNT_DEACTIVATED),
    (400, "InvalidRequest", "AccountTakedown: `Account has been taken down`", CREATE, ErrorKind.ACCOUNT_TAKENDOWN),
    (400, "InvalidRequest", "AccountNotFound: `Account not found`", CREATE, ErrorKind.ACCOUNT_NOT_FOUND),
    (401, "AccountTakedown", "Account has been taken down", LOGIN, ErrorKind.ACCOUNT_TAKENDOWN),
    (400, "RepoTakendown", "Repo has been takendown", GET, ErrorKind.ACCOUNT_TAKENDOWN),
    (403, "AccountNotFound", "Account not found", CREATE, ErrorKind.ACCOUNT_NOT_FOUND),
    (400, "RepoNotFound", "Could not find repo for DID", GET, ErrorKind.ACCOUNT_NOT_FOUND),
    (400, "InvalidRequest", "Could not find repo: did:plc:x", GET, ErrorKind.ACCOUNT_NOT_FOUND),
    (429, "RateLimitExceeded", "Rate Limit Exceeded", CREATE, ErrorKind.RATE_LIMITED),
    (429, "", "", CREATE, ErrorKind.RATE_LIMITED),
    (429, "InternalServerError", "", CREATE, ErrorKind.RATE_LIMITED),
    (400, "InvalidRequest", "Input/record must not be longer than 300 graphemes", CREATE, ErrorKind.TEXT_TOO_LONG),
    (400, "invalid_scope", "", "", ErrorKind.BAD_REQUEST),
    (403, "", "", GET, ErrorKind.BAD_REQUEST),
    (404, "", "", GET, ErrorKind.BAD_REQUEST),
    (413, "PayloadTooLarge", "request entity too large", CREATE, ErrorKind.BAD_REQUEST),
]


def body(error, message):
    return json.dumps({"error": error, "message": message}).encode()


@pytest.mark.parametrize(("status", "error", "message", "nsid", "kind"), ROWS)
def test_each_measured_response_has_its_kind(status, error, message, nsid, kind):
    fault = xrpc_error(status, {}, body(error, message), nsid)
    assert fault.kind is kind
    assert fault.status == status
    assert fault.error == (error or f"HTTP {status}")
    assert fault.message == message


def test_every_kind_is_in_the_table():
    assert {row[-1] for row in ROWS} | {ErrorKind.MALFORMED_RESPONSE} == set(ErrorKind)


@pytest.mark.parametrize("kind", ErrorKind)
def test_only_server_errors_are_ambiguous(kind):
    in_doubt = {ErrorKind.RECORD_EXISTS_OR_SERVER, ErrorKind.SERVER_ERROR, ErrorKind.MALFORMED_RESPONSE}
    assert kind.ambiguous == (kind in in_doubt)


def test_the_error_description_is_read_where_there_is_no_message():
    raw = b'{"error":"invalid_token","error_description":"\\"exp\\" claim timestamp check failed"}'
    assert xrpc_error(401, {}, raw).kind is ErrorKind.TOKEN_EXPIRED


INVALID, NONCE = 'DPoP error="invalid_token"', 'DPoP error="use_dpop_nonce"'
# (status, challenge, error in the body) -> kind
CHALLENGED = [
    (401, INVALID, "ExpiredToken", ErrorKind.TOKEN_EXPIRED),
    (401, INVALID, "AuthenticationRequired", ErrorKind.TOKEN_INVALID),
    (401, INVALID, "InvalidToken", ErrorKind.TOKEN_INVALID),
    (401, INVALID, "AuthMissing", ErrorKind.TOKEN_INVALID),
    (400, INVALID, "InvalidRequest", ErrorKind.TOKEN_INVALID),
    (500, INVALID, "InternalServerError", ErrorKind.TOKEN_INVALID),
    (401, INVALID, "AccountDeactivated", ErrorKind.ACCOUNT_DEACTIVATED),
    (400, INVALID, "AccountTakedown", ErrorKind.ACCOUNT_TAKENDOWN),
    (429, INVALID, "RateLimitExceeded", ErrorKind.RATE_LIMITED),
    (401, NONCE, "AuthenticationRequired", ErrorKind.USE_DPOP_NONCE),
    (401, 'DPoP error="invalid_dpop_proof"', "AuthRequiredError", ErrorKind.INVALID_DPOP_PROOF),
    (403, 'DPoP error="insufficient_scope"', "Forbidden", ErrorKind.SCOPE_MISSING),
    (401, 'Bearer realm="x"', "AccountDeactivated", ErrorKind.ACCOUNT_DEACTIVATED),
]


@pytest.mark.parametrize(("status", "challenge", "error", "kind"), CHALLENGED)
def test_the_challenge_decides_and_the_body_says_more(status, challenge, error, kind):
    fault = xrpc_error(status, {"www-authenticate": challenge}, body(error, "m"), CREATE)
    assert (fault.kind, fault.error) == (kind, error)


@pytest.mark.parametrize(
    ("challenge", "error"),
    [
        (INVALID, "invalid_token"),
        ('dpop algs="ES256 ES384", error = "invalid_token", error_description="no"', "invalid_token"),
        ("DPoP error=invalid_token", "invalid_token"),
        ('Bearer realm="x", error="other", DPoP error="use_dpop_nonce"', "use_dpop_nonce"),
        ('Bearer error="invalid_token"', "invalid_token"),
        ('DPoP error_description="error=\\"x\\"", algs="ES256"', ""),
        ('Basic realm="error=x"', ""),
        ('DPoP error="' + "x" * 9999, ""),
        ("", ""),
    ],
)
def test_the_error_of_a_challenge(challenge, error):
    assert challenge_error({"www-authenticate": challenge}) == error


def test_a_page_of_a_proxy_is_no_word_about_a_password():
    headers = {"www-authenticate": 'Basic realm="staging"'}
    assert xrpc_error(401, headers, b"<html>401</html>", LOGIN).kind is ErrorKind.SERVER_ERROR
    assert xrpc_error(401, {}, b"incorrect identifier or password", LOGIN).kind is ErrorKind.WRONG_PASSWORD


@pytest.mark.parametrize(
    ("payload", "ended"),
    [
        ({"error": "invalid_grant", "error_description": "Refresh token replayed"}, True),
        ({"error": "invalid_grant", "error_description": "private_key_jwt jti reused"}, False),
        ({"error": "invalid_grant", "error_description": 'The "refresh_token" grant type is not allowed'}, False),
        ({"error_description": '"client_id" mismatch'}, True),
        ({"error_description": "Session expired"}, True),
        ({"error": "server_error", "error_description": "Session expired"}, False),
    ],
)
def test_only_a_grant_that_is_over_is_an_invalid_grant(payload, ended):
    assert isinstance(oauth_error(400, {}, json.dumps(payload).encode()), InvalidGrant) == ended


def test_the_challenge_is_read_where_the_body_has_no_error():
    headers = {"www-authenticate": 'DPoP error="use_dpop_nonce", error_description="x"'}
    assert xrpc_error(401, headers, b"").kind is ErrorKind.USE_DPOP_NONCE


@pytest.mark.parametrize(
    "raw", [b"", b"<html>502</html>", b"[]", b"null", b'{"error": 5, "message": []}', b"\xff", b"[" * 99999]
)
def test_any_body_is_accepted(raw):
    assert xrpc_error(502, {}, raw).kind is ErrorKind.SERVER_ERROR
    assert xrpc_error(400, {}, raw).kind is ErrorKind.BAD_REQUEST


def test_server_messages_are_cut_and_stripped_of_control_characters():
    fault = xrpc_error(400, {}, body("Bad", "line\nbreak\x1b[31m" + "x" * 10_000))
    assert "\n" not in fault.message
    assert "\x1b" not in str(fault)
    assert len(fault.message) <= 500


def test_a_rate_limit_has_its_reset_time_and_retry_after():
    headers = {
        "ratelimit-limit": "5000",
        "ratelimit-remaining": "0",
        "ratelimit-reset": "1796054400",
        "ratelimit-policy": "5000;w=3600",
        "retry-after": "120",
    }
    fault = xrpc_error(429, headers, body("RateLimitExceeded", "Rate Limit Exceeded"), CREATE)
    assert fault.retry_after == 120
    assert fault.resets_at == datetime.fromtimestamp(1796054400, UTC)
    budget = rate_limit(headers)
    assert (budget.limit, budget.remaining, budget.window) == (5000, 0, 3600)


def test_retry_after_may_be_a_date():
    assert rate_limit({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, now=1792567660).retry_after == 20
    assert rate_limit({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}).retry_after == 0


@pytest.mark.parametrize("said", ["999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_retry_after_is_a_day_at_most(said):
    assert rate_limit({"retry-after": said}).retry_after == 86_400


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"retry-after": "soon"},
        {"ratelimit-reset": "never"},
        {"ratelimit-limit": "-5"},
        {"retry-after": "9" * 400},
        {"ratelimit-reset": "999999999999"},
        {"retry-after": "²"},
    ],
)
def test_empty_or_malformed_rate_limit_headers_are_ignored(headers):
    assert rate_limit(headers) is None


def test_a_replayed_refresh_token_is_distinguished_from_a_revoked_session():
    replayed = oauth_error(400, {}, b'{"error":"invalid_grant","error_description":"Refresh token replayed"}')
    revoked = oauth_error(400, {}, b'{"error":"invalid_grant","error_description":"Invalid refresh token"}')
    assert isinstance(replayed, InvalidGrant)
    assert isinstance(revoked, InvalidGrant)
    assert replayed.replayed
    assert not revoked.replayed


def test_oauth_errors_have_their_code():
    assert isinstance(oauth_error(400, {}, b'{"error":"access_denied"}'), AccessDenied)
    for status, raw, code in [
        (400, b'{"error":"use_dpop_nonce","error_description":"nonce"}', "use_dpop_nonce"),
        (400, b'{"error":"invalid_scope"}', "invalid_scope"),
        (429, b"", "rate_limited"),
        (500, b"oops", "server_error"),
        (404, b"<html>", "bad_answer"),
    ]:
        fault = oauth_error(status, {"retry-after": "7"}, raw)
        assert type(fault) is OAuthError
        assert (fault.code, fault.status, fault.retry_after) == (code, status, 7)
