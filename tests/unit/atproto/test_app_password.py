"""Sessions of app passwords; those of main passwords are refused and deleted at the server."""

import base64
import json
import time
import traceback

import pytest
from tests.fakes.http import FakeHttp, reply

from elonara.atproto.app_password import (
    AppPasswordError,
    AppSessionExpired,
    AuthFactorRequired,
    BearerAuth,
    MainPasswordRefused,
    create_session,
    delete_session,
    refresh_session,
)
from elonara.atproto.errors import ErrorKind, MalformedResponse, NetworkError, XrpcError
from elonara.atproto.xrpc import Xrpc

PDS = "https://pds.example.com"
DID = "did:plc:alice2de2dwap2sbkpav7c6c"
EXPIRES = int(time.time()) + 7200
CREATE, REFRESH, DELETE = (f"{PDS}/xrpc/com.atproto.server.{name}Session" for name in ("create", "refresh", "delete"))


def jwt(**claims):
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'HS256'})}.{part(claims)}.c2lnbmF0dXJl"


def session(scope="com.atproto.appPass", **more):
    tokens = {"accessJwt": jwt(scope=scope, exp=EXPIRES, sub=DID), "refreshJwt": jwt(scope="com.atproto.refresh")}
    return {"did": DID, "handle": "Alice.Example.com", **tokens, **more}


@pytest.fixture
def http():
    fake = FakeHttp()
    fake.put("POST", DELETE, reply(body=b""))
    return fake


@pytest.fixture
def xrpc(http):
    return Xrpc(http)


@pytest.mark.parametrize(
    ("scope", "kind"),
    [("com.atproto.appPass", "appPass"), ("com.atproto.appPassPrivileged", "appPassPrivileged")],
)
def test_a_session_of_an_app_password_is_kept(http, xrpc, scope, kind):
    http.put("POST", CREATE, reply(body=session(scope)))
    made = create_session(xrpc, PDS, DID, "abcd-efgh-ijkl-mnop")
    assert (made.did, made.handle, made.kind, made.active) == (DID, "alice.example.com", kind, True)
    assert made.expires_at.timestamp() == EXPIRES
    assert http.asked[0].json == {"identifier": DID, "password": "abcd-efgh-ijkl-mnop"}
    assert len(http.asked) == 1


@pytest.mark.parametrize("off", [-600, -60, 60, 600])
def test_a_token_expires_by_our_clock_however_far_the_server_s_is_off(http, xrpc, off):
    now = time.time()
    token = jwt(scope="com.atproto.appPass", sub=DID, iat=now + off, exp=now + off + 300)
    http.put("POST", CREATE, reply(body=session(accessJwt=token)))
    made = create_session(xrpc, PDS, DID, "abcd-efgh-ijkl-mnop")
    assert made.expires_at.timestamp() == pytest.approx(now + 300, abs=5)


@pytest.mark.parametrize("issued", [None, "yesterday", True, 10**12, -(10**15)])
def test_a_token_without_a_sensible_date_of_issue_expires_as_it_says(http, xrpc, issued):
    token = jwt(scope="com.atproto.appPass", sub=DID, iat=issued, exp=EXPIRES)
    http.put("POST", CREATE, reply(body=session(accessJwt=token)))
    assert create_session(xrpc, PDS, DID, "abcd-efgh-ijkl-mnop").expires_at.timestamp() == EXPIRES


@pytest.mark.promise("no-main-password")
def test_the_main_password_is_refused_and_its_session_closed(http, xrpc):
    found = session("com.atproto.access")
    http.put("POST", CREATE, reply(body=found))
    with pytest.raises(MainPasswordRefused):
        create_session(xrpc, PDS, DID, "hunter2")
    assert http.paths()[-1] == "POST /xrpc/com.atproto.server.deleteSession"
    assert http.asked[-1].headers["authorization"] == f"Bearer {found['refreshJwt']}"


@pytest.mark.parametrize(
    "response", [reply(500), reply(401, {"error": "ExpiredToken"}), NetworkError("x", ambiguous=True)]
)
def test_the_main_password_is_refused_even_when_its_session_cannot_be_closed(http, xrpc, response):
    http.put("POST", CREATE, reply(body=session("com.atproto.access")))
    http.put("POST", DELETE, response)
    with pytest.raises(MainPasswordRefused):
        create_session(xrpc, PDS, DID, "hunter2")


@pytest.mark.parametrize(
    "scope", [None, "", "com.atproto.signupQueued", "com.atproto.takendown", ["com.atproto.appPass"], "atproto"]
)
def test_only_a_session_with_an_app_password_scope_is_kept(http, xrpc, scope):
    http.put("POST", CREATE, reply(body=session(scope)))
    with pytest.raises(AppPasswordError) as caught:
        create_session(xrpc, PDS, DID, "hunter2")
    assert not isinstance(caught.value, MainPasswordRefused)
    assert http.paths()[-1] == "POST /xrpc/com.atproto.server.deleteSession"


def test_an_account_with_email_codes_needs_an_app_password(http, xrpc):
    http.put("POST", CREATE, reply(401, {"error": "AuthFactorTokenRequired", "message": "A sign in code was sent"}))
    with pytest.raises(AuthFactorRequired):
        create_session(xrpc, PDS, DID, "hunter2")


def test_a_wrong_password_is_reported(http, xrpc):
    http.put(
        "POST", CREATE, reply(401, {"error": "AuthenticationRequired", "message": "Invalid identifier or password"})
    )
    with pytest.raises(XrpcError) as caught:
        create_session(xrpc, PDS, DID, "hunter2")
    assert caught.value.kind is ErrorKind.WRONG_PASSWORD


def test_a_deactivated_account_is_marked(http, xrpc):
    http.put("POST", CREATE, reply(body=session(active=False, status="deactivated")))
    assert create_session(xrpc, PDS, DID, "x").active is False


def test_a_malformed_handle_becomes_handle_invalid(http, xrpc):
    http.put("POST", CREATE, reply(body=session(handle="nonsense")))
    assert create_session(xrpc, PDS, DID, "x").handle == "handle.invalid"


@pytest.mark.parametrize(
    "broken",
    [
        {"did": "x"},
        {"did": None},
        {"accessJwt": None},
        {"refreshJwt": 5},
        {"accessJwt": jwt(scope="com.atproto.appPass")},
        {"accessJwt": jwt(scope="com.atproto.appPass", exp="soon")},
        {"accessJwt": jwt(scope="com.atproto.appPass", exp=1e300)},
    ],
)
def test_a_response_without_required_fields_is_malformed_and_quotes_no_token(http, xrpc, broken):
    http.put("POST", CREATE, reply(body=session() | broken))
    with pytest.raises(MalformedResponse) as caught:
        create_session(xrpc, PDS, DID, "hunter2")
    printed = "".join(traceback.format_exception(caught.value))
    assert "t0ken" not in printed
    assert "hunter2" not in str(caught.value)


@pytest.mark.promise("no-main-password")
@pytest.mark.parametrize("opaque", ["t0ken", "a.t0ken!.b", "a.b.c", "", "[1].[1].[1]", "a." + "W" * 40 + ".c"])
def test_a_token_that_does_not_say_what_it_opens_is_refused_and_its_session_closed(http, xrpc, opaque):
    found = session(accessJwt=opaque)
    http.put("POST", CREATE, reply(body=found))
    with pytest.raises(AppPasswordError) as caught:
        create_session(xrpc, PDS, DID, "hunter2")
    assert "t0ken" not in "".join(traceback.format_exception(caught.value))
    assert http.asked[-1].headers["authorization"] == f"Bearer {found['refreshJwt']}"


@pytest.mark.parametrize("exp", [None, "soon"])
def test_a_session_without_an_end_is_closed(http, xrpc, exp):
    http.put("POST", CREATE, reply(body=session(accessJwt=jwt(scope="com.atproto.appPass", exp=exp))))
    with pytest.raises(MalformedResponse):
        create_session(xrpc, PDS, DID, "x")
    assert http.paths()[-1] == "POST /xrpc/com.atproto.server.deleteSession"


def test_refreshing_uses_the_refresh_token_and_gives_a_new_session(http, xrpc):
    http.put("POST", REFRESH, reply(body=session()))
    assert refresh_session(xrpc, PDS, "refresh-token").kind == "appPass"
    assert http.asked[0].headers["authorization"] == "Bearer refresh-token"
    assert http.asked[0].body == b""


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, "ExpiredToken"),
        (400, "InvalidToken"),
        (401, "AccountTakedown"),
        (403, "AccountNotFound"),
        (401, "AuthenticationRequired"),
    ],
)
def test_a_session_that_has_ended_is_reported(http, xrpc, status, error):
    http.put("POST", REFRESH, reply(status, {"error": error, "message": ""}))
    with pytest.raises(AppSessionExpired):
        refresh_session(xrpc, PDS, "refresh-token")
    assert len(http.asked) == 1


@pytest.mark.parametrize(("status", "kind"), [(500, ErrorKind.SERVER_ERROR), (429, ErrorKind.RATE_LIMITED)])
def test_a_refresh_that_fails_otherwise_does_not_end_the_session(http, xrpc, status, kind):
    http.put("POST", REFRESH, reply(status, {}))
    with pytest.raises(XrpcError) as caught:
        refresh_session(xrpc, PDS, "refresh-token")
    assert caught.value.kind is kind


def test_a_refresh_that_returns_a_full_access_token_is_refused(http, xrpc):
    http.put("POST", REFRESH, reply(body=session("com.atproto.access")))
    with pytest.raises(MainPasswordRefused):
        refresh_session(xrpc, PDS, "refresh-token")


def test_deleting_a_session_twice_is_no_error(http, xrpc):
    http.put("POST", DELETE, reply(body=b""), reply(400, {"error": "ExpiredToken"}), reply(500))
    delete_session(xrpc, PDS, "refresh-token")
    delete_session(xrpc, PDS, "refresh-token")
    with pytest.raises(XrpcError):
        delete_session(xrpc, PDS, "refresh-token")


@pytest.mark.parametrize("response", [reply(400, {"error": "ExpiredToken"}), reply(401, {"error": "InvalidToken"})])
def test_an_expired_token_is_renewed_once(http, xrpc, response):
    renewed = []
    http.put("POST", f"{PDS}/xrpc/a.b.c", response)
    auth = BearerAuth("old", on_expired=lambda: renewed.append(1) or "new")
    with pytest.raises(XrpcError):
        xrpc.procedure(PDS, "a.b.c", auth=auth)
    assert [asked.headers["authorization"] for asked in http.asked] == ["Bearer old", "Bearer new"]
    assert renewed == [1]


@pytest.mark.parametrize(
    "response",
    [reply(400, {"error": "InvalidRequest"}), reply(400, {"error": "InvalidToken", "message": "Bad token scope"})],
)
def test_other_errors_renew_no_token(http, xrpc, response):
    http.put("POST", f"{PDS}/xrpc/a.b.c", response)
    with pytest.raises(XrpcError):
        xrpc.procedure(PDS, "a.b.c", auth=BearerAuth("old", on_expired=lambda: pytest.fail("asked for a new token")))
    assert len(http.asked) == 1


@pytest.mark.parametrize("renew", [None, lambda: None, lambda: ""])
def test_without_a_new_token_the_request_is_not_retried(http, xrpc, renew):
    http.put("POST", f"{PDS}/xrpc/a.b.c", reply(400, {"error": "ExpiredToken"}))
    with pytest.raises(XrpcError):
        xrpc.procedure(PDS, "a.b.c", auth=BearerAuth("old", on_expired=renew))
    assert len(http.asked) == 1


def test_sessions_and_credentials_do_not_print_their_secrets(http, xrpc):
    http.put("POST", CREATE, reply(body=session()))
    made = create_session(xrpc, PDS, DID, "hunter2")
    for shown in (repr(made), str(made), repr(BearerAuth("s3cret")), str(BearerAuth("s3cret"))):
        assert made.access_jwt not in shown
        assert made.refresh_jwt not in shown
        assert "s3cret" not in shown
