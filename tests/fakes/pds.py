"""A PDS with its PLC directory, in memory behind real HTTP. Its responses are those measured at the real PDS.

    with FakePds() as pds:
        alice = pds.create_account("alice.test")
        pds.faults = [{"match": "createRecord", "kind": "drop-after", "times": 1}]

`tests/contract/test_fake_pds.py` holds it and the real PDS to the same assertions. It is its own PLC directory and
handle resolver; `oauth_token()` stands in for an authorization server (tests/fakes/oauth.py is one;
tests/fakes/bluesky.py joins the two).
"""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey
from tests.fakes.faulty_server import Call, FaultyServer, Reply
from tests.fakes.profiles import BLUESKY

from elonara.atproto.text_limits import UNITS, TextLimit

MAIN, APP, REFRESH = "com.atproto.access", "com.atproto.appPass", "com.atproto.refresh"
INVALID_TOKEN = {"www-authenticate": 'DPoP error="invalid_token"'}
NEEDED_SCOPE = {"createRecord": "create", "putRecord": "update", "deleteRecord": "delete"}


class Refused(Exception):
    """Becomes an error response with `status` and {"error", "message"}, or what the profile says in its `situation`."""

    def __init__(self, status: int, error: str, message: str = "", situation: str = "", **headers: str) -> None:
        super().__init__(message)
        self.reply = Reply(status, {"error": error, "message": message or error}, headers)
        self.situation = situation


def taken_down() -> Refused:
    """What every call of an account that is taken down is answered."""
    return Refused(401, "AccountTakedown", "Account has been taken down", "takendown")


@dataclass
class FakeAccount:
    """An account. `state` is active, deactivated or takendown; with `email_code` the main password needs it.

    `home` is the PDS that its DID document names, "" for this one.
    """

    handle: str
    did: str
    password: str
    app_password: str
    state: str = "active"
    email_code: str = ""
    home: str = ""
    blobs: set[str] = field(default_factory=set)


class FakePds(FaultyServer):
    """`records` holds what was written: (did, collection, rkey) → {"uri", "cid", "value"}."""

    def __init__(self) -> None:
        super().__init__()
        self.accounts: dict[str, FakeAccount] = {}
        self.records: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.nonce = secrets.token_urlsafe(8)
        self.profile = BLUESKY  # whose words it speaks
        # scoped: as it should be; full: it opens the whole account with one; none: it has none, only main passwords.
        self.app_passwords = "scoped"
        self.text_limit: TextLimit | None = TextLimit("graphemes", 300)
        self.text_words = "Invalid app.bsky.feed.post record: grapheme too big (maximum {most}, got {got}) at $.text"
        self.always_scoped: set[str] = set()  # DIDs of which that does not hold
        self.now: Callable[[], float] = time.time
        self.wall: Callable[[], float] = time.time  # for the `iat` of proofs, which Django's clock does not date
        self.expired_before = 0.0  # access tokens issued before this moment are expired
        self._refreshed: dict[str, str] = {}  # a used refresh token's id → the id of its successor
        self.forgotten: set[str] = set()  # DIDs whose access tokens are refused though they have not expired
        self._ended: set[str] = set()
        self._revoked: dict[str, float] = {}  # DID → when its app password was revoked
        self._revoked_sessions: dict[str, float] = {}  # DID → when a takedown ended its sessions
        self._dpop: dict[str, dict[str, str]] = {}

    def create_account(self, handle: str, password: str = "", **more: Any) -> FakeAccount:
        did = "did:plc:" + base64.b32encode(secrets.token_bytes(15)).decode().lower()
        words = "-".join(secrets.token_hex(2) for _ in range(4))
        account = FakeAccount(handle, did, password or f"{handle.partition('.')[0]}-pass", words, **more)
        self.accounts[did] = account
        return account

    def oauth_token(self, did: str, thumbprint: str, scope: str = "atproto repo:app.bsky.feed.post") -> str:
        """A DPoP-bound access token, as an authorization server would have issued it."""
        now = self.now()
        token = _jwt({"sub": did, "scope": scope, "iat": now, "exp": now + 3600, "cnf": {"jkt": thumbprint}})
        self._dpop[token] = {"did": did, "jkt": thumbprint, "scope": scope}
        return token

    def end_oauth_token(self, token: str) -> None:
        """Invalidate a token, as if the authorization server had issued another one or ended the session."""
        self._dpop.pop(token, None)

    def expire_tokens(self) -> None:
        """Expire every access token issued until now."""
        self.expired_before = self.now()

    def revoke_app_password(self, did: str) -> None:
        """Revoke the app password and make another. Its sessions can't be refreshed; access tokens last to expiry."""
        self._revoked[did] = self.now()
        self.accounts[did].app_password = secrets.token_hex(8)

    def take_down(self, did: str, *, applied: bool = True) -> None:
        """Take an account down, or lift that again. It ends all sessions; access tokens last to expiry."""
        self.accounts[did].state = "takendown" if applied else "active"
        self._revoked_sessions[did] = self.now()

    def answer(self, call: Call) -> Reply:
        try:
            if call.path.startswith("/did:plc:"):
                return Reply(200, self._did_document(call.path[1:]))
            _, _, name = call.path.rpartition("com.atproto.")
            act = getattr(self, "_" + name.replace(".", "_"), None)
            if act is None or not call.path.startswith("/xrpc/"):
                return Reply(501, {"error": "MethodNotImplemented", "message": "Method Not Implemented"})
            return Reply(200, act(call), {"dpop-nonce": self.nonce})
        except Refused as refused:
            said = self.profile.answers.get(refused.situation)
            return Reply(said.status, said.body, refused.reply.headers | dict(said.headers)) if said else refused.reply

    # -- identity ---------------------------------------------------------------------------------------------------

    def _did_document(self, did: str) -> dict[str, Any]:
        if did not in self.accounts:
            raise Refused(404, "NotFound", f"DID not registered: {did}")
        home = self.accounts[did].home or self.url
        service = {"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": home}
        return {"id": did, "alsoKnownAs": [f"at://{self.accounts[did].handle}"], "service": [service]}

    def _account(self, name: str) -> FakeAccount | None:
        return next((one for one in self.accounts.values() if name in {one.did, one.handle}), None)

    def _identity_resolveHandle(self, call: Call) -> dict[str, Any]:  # noqa: N802
        account = self._account(call.params["handle"])
        if account is None:
            raise Refused(400, "HandleNotFound", "Unable to resolve handle")
        return {"did": account.did}

    # -- sessions ---------------------------------------------------------------------------------------------------

    def _session(self, account: FakeAccount, scope: str, refresh_id: str) -> dict[str, Any]:
        now = self.now()
        access = {"scope": scope, "sub": account.did, "iat": now, "exp": int(now) + 7200}
        refresh = {**access, "scope": REFRESH, "of": scope, "jti": refresh_id, "exp": now + 7776000}
        names = {"did": account.did, "handle": account.handle, **self._status(account)}
        return {**names, "accessJwt": _jwt(access), "refreshJwt": _jwt(refresh)}

    def _status(self, account: FakeAccount) -> dict[str, Any]:
        rest = self._rest_of(account)
        named = self.profile.takedown_status if rest == "takendown" else rest
        return {"active": False, "status": named} if rest else {"active": True}

    def _rest_of(self, account: FakeAccount) -> str:
        """The state in which the account rests; "" where it is active, or the server knows no such state."""
        return account.state if account.state in self.profile.rests else ""

    def _app_passwords_of(self, did: str) -> str:
        return "scoped" if did in self.always_scoped else self.app_passwords

    def _server_createSession(self, call: Call) -> dict[str, Any]:  # noqa: N802
        body = call.json()
        account = self._account(body["identifier"])
        kind = self._app_passwords_of(account.did if account else "")
        known = {account.password} | ({account.app_password} if kind != "none" else set()) if account else set()
        if account is None or body["password"] not in known:
            raise Refused(401, "AuthenticationRequired", "Invalid identifier or password", "wrong password")
        main = body["password"] == account.password
        if self._rest_of(account) == "takendown":
            if not main and "takendown" not in self.profile.answers:  # there it is called wrong until that is lifted
                raise Refused(401, "AuthenticationRequired", "Invalid identifier or password")
            raise taken_down()
        if main and account.email_code and body.get("authFactorToken") != account.email_code:
            sentence = "A sign in code has been sent to your email address"
            raise Refused(401, "AuthFactorTokenRequired", sentence)
        scope = APP if not main and kind == "scoped" else MAIN
        return self._session(account, scope, secrets.token_hex(8))

    def _refresh_claims(self, call: Call) -> dict[str, Any]:
        claims = _claims(call.headers.get("authorization", "").removeprefix("Bearer "))
        if claims.get("scope") != REFRESH:
            raise Refused(400, "InvalidToken", "Token could not be verified")
        if self._rest_of(self.accounts[claims["sub"]]) == "takendown":
            raise taken_down()
        revoked = claims["of"] == APP and claims["iat"] <= self._revoked.get(claims["sub"], 0.0)
        revoked = revoked or claims["iat"] <= self._revoked_sessions.get(claims["sub"], 0.0)
        if claims["jti"] in self._ended or revoked:
            raise Refused(400, "ExpiredToken", "Token has been revoked", "refresh ended")
        return claims

    def _server_refreshSession(self, call: Call) -> dict[str, Any]:  # noqa: N802
        claims = self._refresh_claims(call)
        # The real PDS accepts a used refresh token for two more hours, and always returns the same successor.
        successor = self._refreshed.setdefault(claims["jti"], secrets.token_hex(8))
        scope = claims["of"] if self._app_passwords_of(claims["sub"]) == "scoped" else MAIN
        return self._session(self.accounts[claims["sub"]], scope, successor)

    def _server_deleteSession(self, call: Call) -> dict[str, Any]:  # noqa: N802
        self._ended.add(self._refresh_claims(call)["jti"])
        return {}

    def _server_createAppPassword(self, call: Call) -> dict[str, Any]:  # noqa: N802
        if self.app_passwords != "scoped":
            raise Refused(401, "AuthMissing", "Authentication Required")  # as for any method that it does not have
        if call.method != "POST":
            raise Refused(400, "InvalidRequest", f"Incorrect HTTP method ({call.method}) expected POST")
        if self._authorized(call)[1] != MAIN:
            raise Refused(400, "InvalidToken", "Bad token scope")
        return {"name": call.json()["name"], "password": "aaaa-bbbb-cccc-dddd"}

    def _server_getSession(self, call: Call) -> dict[str, Any]:  # noqa: N802
        account = self.accounts[self._authorized(call, inactive=True)[0]]
        if self._rest_of(account) == "takendown":
            raise Refused(400, "InvalidRequest", f"Could not find user info for account: {account.did}")
        return {"did": account.did, "handle": account.handle, **self._status(account)}

    def _sync_getRepoStatus(self, call: Call) -> dict[str, Any]:  # noqa: N802
        account = self.accounts.get(call.params["did"])
        if account is None:
            raise Refused(400, "RepoNotFound", f"Could not find repo for DID: {call.params['did']}")
        return {"did": account.did, **self._status(account)}

    # -- authorization ----------------------------------------------------------------------------------------------

    def _authorized(self, call: Call, *, inactive: bool = False) -> tuple[str, str]:
        """The DID and the scope of a request. `inactive`: also of an account that is not active."""
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        if not token:
            raise Refused(401, "AuthMissing", "Authentication Required")
        if scheme == "DPoP":
            did, scope = self._proved(call, token)
        else:
            claims = _claims(token)
            if token in self._dpop:
                raise Refused(400, "InvalidToken", "Malformed token")
            if claims.get("scope") not in {MAIN, APP}:
                raise Refused(400, "InvalidToken", "Token could not be verified", "bearer invalid")
            if self._expired(claims):
                raise Refused(400, "ExpiredToken", "Token has expired", "bearer expired")
            if claims.get("sub") in self.forgotten:
                raise Refused(400, "InvalidToken", "Token could not be verified", "bearer invalid")
            did, scope = claims["sub"], claims["scope"]
        if inactive:
            return did, scope
        match self._rest_of(self.accounts[did]):
            case "deactivated":
                raise Refused(401, "AccountDeactivated", "Account is deactivated", "deactivated")
            case "takendown":
                raise taken_down()
        return did, scope

    def _proved(self, call: Call, token: str) -> tuple[str, str]:
        known = self._dpop.get(token)
        if known is None:
            raise Refused(401, "invalid_token", "Invalid token", "oauth invalid", **INVALID_TOKEN)
        proof = call.headers.get("dpop", "..")
        header = json.loads(_unbase64(proof.split(".")[0]) or b"{}")
        if header.get("typ") != "dpop+jwt":
            raise Refused(401, "invalid_dpop_proof", "DPoP proof required")
        key = ECKey.import_key(header["jwk"])
        claims = json.loads(jws.deserialize_compact(proof, key, algorithms=["ES256"]).payload)
        if not self.profile.proofs.accept(self.wall() - claims["iat"]):
            raise Refused(401, "invalid_dpop_proof", '"iat" claim timestamp check failed', "proof")
        if self.profile.nonces and claims.get("nonce") != self.nonce:
            headers = {"dpop-nonce": self.nonce, "www-authenticate": 'DPoP error="use_dpop_nonce"'}
            sentence = "Authorization server requires nonce in DPoP proof"
            raise Refused(401, "use_dpop_nonce", sentence, "nonce", **headers)
        ath = base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).decode().rstrip("=")
        wanted = {"htm": call.method, "htu": call.url.partition("?")[0], "ath": ath}
        if key.thumbprint() != known["jkt"] or any(claims.get(name) != value for name, value in wanted.items()):
            raise Refused(401, "invalid_dpop_proof", "DPoP mismatch")
        if self._expired(_claims(token)):
            said = '"exp" claim timestamp check failed'
            raise Refused(401, "invalid_token", said, "oauth expired", **INVALID_TOKEN)
        return known["did"], known["scope"]

    def _expired(self, claims: dict[str, Any]) -> bool:
        return bool(claims["iat"] < self.expired_before or claims["exp"] < self.now())

    def _writer(self, call: Call) -> tuple[str, dict[str, Any]]:
        did, scope = self._authorized(call)
        body = call.json()
        if body["repo"] != did and self._account(body["repo"]) is None:
            raise Refused(403, "AccountNotFound", "Account not found")
        if body["repo"] not in {did, self.accounts[did].handle}:
            raise Refused(401, "AuthenticationRequired", "Authentication Required")
        wanted = f"repo:{body['collection']}?action={NEEDED_SCOPE[call.path.rpartition('.')[2]]}"
        granted = scope.replace("&action=", f" repo:{body['collection']}?action=").split()
        if scope not in {MAIN, APP} and not {wanted, wanted.partition("?")[0], "transition:generic"} & set(granted):
            raise Refused(403, "ScopeMissingError", f'Missing required scope "{wanted}"')
        return did, body

    # -- records ----------------------------------------------------------------------------------------------------

    def _put(self, did: str, body: dict[str, Any], rkey: str) -> dict[str, Any]:
        for cid in _links(body["record"]):
            if cid not in self.accounts[did].blobs:
                raise Refused(400, "BlobNotFound", f"Could not find blob: {cid}")
        text = str(body["record"].get("text", ""))
        if self.text_limit is not None and not self.text_limit.allows(text):
            got = UNITS[self.text_limit.unit](text)
            raise Refused(400, "InvalidRecord", self.text_words.format(most=self.text_limit.most, got=got))
        kept = {
            "uri": f"at://{did}/{body['collection']}/{rkey}",
            "cid": _cid(json.dumps(body["record"], sort_keys=True).encode()),
            "value": body["record"],
        }
        self.records[did, body["collection"], rkey] = kept
        return {"uri": kept["uri"], "cid": kept["cid"], "validationStatus": "valid"}

    def _repo_createRecord(self, call: Call) -> dict[str, Any]:  # noqa: N802
        did, body = self._writer(call)
        rkey = body.get("rkey") or "3k" + secrets.token_hex(6)[:11].translate(str.maketrans("0189", "abcd"))
        if (did, body["collection"], rkey) in self.records:
            raise Refused(500, "InternalServerError", "Internal Server Error")
        return self._put(did, body, rkey)

    def _repo_putRecord(self, call: Call) -> dict[str, Any]:  # noqa: N802
        did, body = self._writer(call)
        return self._put(did, body, body["rkey"])

    def _repo_getRecord(self, call: Call) -> dict[str, Any]:  # noqa: N802
        account = self._account(call.params["repo"])
        where = (account.did if account else "", call.params["collection"], call.params["rkey"])
        if account is not None and self._rest_of(account):  # it is asked of the AppView, as of an account elsewhere
            raise Refused(400, "InvalidRequest", f"Could not find repo: {account.did}")
        if where not in self.records:
            raise Refused(400, "RecordNotFound", f"Could not locate record: at://{'/'.join(where)}")
        return self.records[where]

    def _repo_deleteRecord(self, call: Call) -> dict[str, Any]:  # noqa: N802
        did, body = self._writer(call)
        self.records.pop((did, body["collection"], body["rkey"]), None)
        return {}

    def _repo_uploadBlob(self, call: Call) -> dict[str, Any]:  # noqa: N802
        did, _ = self._authorized(call)
        cid = _cid(call.content, raw=True)
        self.accounts[did].blobs.add(cid)
        kind = call.headers["content-type"]
        return {"blob": {"$type": "blob", "ref": {"$link": cid}, "mimeType": kind, "size": len(call.content)}}


def _links(value: Any) -> set[str]:
    """The CIDs of the blobs in a record."""
    if isinstance(value, dict):
        if value.get("$type") == "blob":
            return {value["ref"]["$link"]}
        value = list(value.values())
    return set().union(*map(_links, value)) if isinstance(value, list) else set()


def _cid(content: bytes, *, raw: bool = False) -> str:
    head = b"\x01\x55\x12\x20" if raw else b"\x01\x71\x12\x20"
    return "b" + base64.b32encode(head + hashlib.sha256(content).digest()).decode().lower().rstrip("=")


def _jwt(claims: dict[str, Any]) -> str:
    """A token in the form of a JWT. The fake does not verify signatures."""
    parts = {"typ": "at+jwt", "alg": "HS256"}, {**claims, "salt": secrets.token_hex(4)}
    return (
        ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + ".c2ln"
    )


def _unbase64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _claims(token: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(_unbase64(token.split(".")[1]))
    except (IndexError, ValueError):
        return {}
    return found
