"""An authorization server with its PDS and its users, in memory, with the checks of a real one.

`Network` routes requests by origin. `AuthorizationServer` implements the AT Protocol OAuth profile: it verifies every
proof and assertion, and accepts codes and refresh tokens once. Tests make it misbehave with its attributes (`lies`,
`grants`, `nonce_loop`, …).
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx2
from joserfc import jws
from joserfc.jwk import ECKey
from tests.fakes.profiles import BLUESKY

from elonara.atproto.addresses import Allowed, check_url
from elonara.atproto.errors import NetworkError
from elonara.atproto.http import Response
from elonara.atproto.oauth.clocks import server_clocks

PLC = "https://plc.example"
SCOPE = "atproto repo:app.bsky.feed.post?action=create"
ALICE, BOB = "did:plc:aliceaaaaaaaaaaaaaaaaaaa", "did:plc:bobbbbbbbbbbbbbbbbbbbbbb"


@dataclass
class Request:
    """A request as a server sees it."""

    method: str
    url: str
    headers: dict[str, str]
    form: dict[str, str]
    content: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.url).path


def answer(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, {"content-type": "application/json", **(headers or {})}, raw, "")


class Network:
    """A network of fake servers and accounts. Implements `HttpClient`, with GuardedHttp's rules on URLs."""

    def __init__(self) -> None:
        server_clocks.forget()  # those of another network's servers
        self.origins: dict[str, Callable[[Request], Response]] = {PLC: self._plc}
        self.requests: list[Request] = []
        self.documents: dict[str, dict[str, Any]] = {}  # DID -> document
        self.txt: dict[str, list[str]] = {}
        # (part of the URL, when, exception): raised once, "before" or "after" the server handles the request.
        self.faults: list[tuple[str, str, Exception]] = []
        self.clocks: dict[str, float] = {}  # origin -> seconds by which that server's clock is ahead of this machine's
        self.ages: dict[str, str] = {}  # origin -> the `Age` of what a cache in front of it answers

    def person(self, did: str, handle: str, pds: str) -> None:
        """Add an account: a DID document with handle and PDS, and the handle's TXT record."""
        self.txt[f"_atproto.{handle}"] = [f"did={did}"]
        self.documents[did] = {
            "id": did,
            "alsoKnownAs": [f"at://{handle}"],
            "service": [{"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": pds}],
        }

    def dns(self, name: str) -> list[str]:
        return self.txt.get(name, [])

    def check(self, url: str) -> None:
        check_url(httpx2.URL(url), Allowed())

    def request(self, method: str, url: str, **options: Any) -> Response:
        self.check(url)
        if options.get("params"):
            url = f"{url}?{urlencode(options['params'])}"
        headers = {name.lower(): value for name, value in (options.get("headers") or {}).items()}
        content = options.get("content") or b""
        if options.get("json") is not None:
            content = json.dumps(options["json"]).encode()
        request = Request(method, url, headers, dict(options.get("form") or {}), content)
        self.requests.append(request)
        parts = urlsplit(url)
        server = self.origins.get(f"{parts.scheme}://{parts.netloc}")
        if server is None:
            raise NetworkError(f"{parts.hostname} was not found", ambiguous=False)
        for fault in list(self.faults):
            part, when, error = fault
            if part in url:
                self.faults.remove(fault)
                if when == "after":
                    server(request)
                raise error
        found = server(request)
        headers = {**self._dated(f"{parts.scheme}://{parts.netloc}"), **found.headers}
        return Response(found.status, headers, found.body, url)

    def time_at(self, origin: str) -> float:
        """What the clock of the server at `origin` shows, in seconds since 1970."""
        return time.time() + self.clocks.get(origin, 0.0)

    def _dated(self, origin: str) -> dict[str, str]:
        headers = {"date": formatdate(self.time_at(origin), usegmt=True)}
        return headers | ({"age": self.ages[origin]} if origin in self.ages else {})

    def sent(self, part: str) -> list[Request]:
        """The requests so far whose URL contains `part`."""
        return [request for request in self.requests if part in request.url]

    def _plc(self, request: Request) -> Response:
        document = self.documents.get(request.path.removeprefix("/"))
        return answer(200, document) if document else answer(404, {"message": "not registered"})


@dataclass
class Session:
    """A session as the server stores it."""

    did: str
    scope: str
    client_id: str
    thumbprint: str
    refresh_token: str = ""
    access_token: str = ""
    old: set[str] = field(default_factory=set)
    alive: bool = True


class Refused(Exception):
    """The server's error response."""

    def __init__(
        self,
        status: int,
        error: str,
        description: str = "",
        headers: Mapping[str, str] | None = None,
        situation: str = "",
    ) -> None:
        self.answer = answer(status, {"error": error, "error_description": description}, headers)
        self.situation = situation


class AuthorizationServer:
    """`issuer` with its PDS at `pds` (another origin, as at bsky.social), mounted on `network`."""

    def __init__(
        self, network: Network, issuer: str = "https://auth.example", pds: str = "https://pds.example"
    ) -> None:
        self.network, self.issuer, self.pds = network, issuer, pds
        network.origins[issuer] = self.serve
        network.origins[pds] = self.serve_pds
        self.profile = BLUESKY  # whose words it speaks
        self.metadata_is_away = False  # it cannot fetch the client's metadata
        self.nonce = {"as": "as-nonce-1", "pds": "pds-nonce-1"}
        self.jwks: dict[str, Any] = {"keys": []}  # the confidential client's, as if fetched
        self.lies: dict[str, Any] = {}  # replaces members of the metadata; None removes one
        self.resource_lies: dict[str, Any] = {}
        self.grants: dict[str, Any] = {}  # replaces members of the token response; None removes one
        self.knows = "everything"  # or "transition": no permissions; "permissions": no `transition:generic`
        self.refuses_in = "par"  # where it says so: "par", "page", or "" (it silently leaves out what it does not know)
        self.scope_words = ("invalid_scope", "Unsupported scope: repo")
        self.nonce_loop = False
        self.echo = False  # repeat the form in error descriptions
        self.token_status: int | None = None
        self.pushed: dict[str, dict[str, str]] = {}
        self.codes: dict[str, dict[str, str]] = {}
        self.sessions: list[Session] = []
        self.asked: list[str] = []  # the scope of each request that was pushed
        self.seen: set[str] = set()

    # What the user does in the browser

    def approve(self, authorize_url: str, did: str) -> dict[str, str]:
        """The callback's parameters after `did` has consented."""
        asked = self._asked(authorize_url)
        if self.refuses_in == "page" and self._unknown(asked["scope"]):
            return {"iss": self.issuer, "state": asked["state"], "error": "invalid_scope"}
        code = f"cod-{secrets.token_hex(24)}"
        self.codes[code] = {**asked, "did": did}
        return {"iss": self.issuer, "state": asked["state"], "code": code}

    def deny(self, authorize_url: str) -> dict[str, str]:
        """The callback's parameters after a refusal."""
        asked = self._asked(authorize_url)
        return {"iss": self.issuer, "state": asked["state"], "error": "access_denied", "error_description": "No"}

    def _asked(self, authorize_url: str) -> dict[str, str]:
        query = dict(parse_qsl(urlsplit(authorize_url).query))
        asked = self.pushed.pop(query["request_uri"])
        assert asked["client_id"] == query["client_id"]
        return asked

    # What clients request

    def serve(self, request: Request) -> Response:
        """Requests to the issuer's origin."""
        if request.path == "/.well-known/oauth-authorization-server":
            return answer(200, self._lying(self.metadata(), self.lies))
        handler = {"/par": self._par, "/token": self._token, "/revoke": self._revoke}.get(request.path)
        if handler is None:
            return answer(404, {"error": "not_found"})
        headers = {"dpop-nonce": self.nonce["as"]}
        try:
            thumbprint = self._proof(request, "as", 400)
            self._client(request)
            body = handler(request, thumbprint)
        except Refused as refused:
            found = refused.answer
            if said := self.profile.answers.get(refused.situation):
                found = answer(said.status, said.body, {**refused.answer.headers, **said.headers})
            if self.echo:
                said = {"error": found.json()["error"], "error_description": " ".join(request.form.values())}
                found = answer(found.status, said)
            return Response(found.status, {**headers, **found.headers}, found.body, request.url)
        return answer(201 if request.path == "/par" else 200, body, headers)

    def serve_pds(self, request: Request) -> Response:
        """Requests to the PDS's origin."""
        if request.path == "/.well-known/oauth-protected-resource":
            document = {"resource": self.pds, "authorization_servers": [self.issuer], "scopes_supported": []}
            return answer(200, self._lying(document, self.resource_lies))
        if not request.path.startswith("/xrpc/"):
            return answer(404, {"error": "not_found"})
        headers = {"dpop-nonce": self.nonce["pds"]}
        try:
            session = self._authorized(request)
        except Refused as refused:
            return Response(refused.answer.status, {**headers, **refused.answer.headers}, refused.answer.body, "")
        return answer(200, {"did": session.did}, headers)

    def _authorized(self, request: Request) -> Session:
        """The session whose token and key signed a request to the PDS."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "DPoP":
            raise Refused(400, "InvalidToken", "Malformed token")
        thumbprint = self._proof(request, "pds", 401, token)
        for session in self.sessions:
            if session.access_token == token and session.alive and session.thumbprint == thumbprint:
                return session
        raise Refused(401, "invalid_token", "Invalid token", {"www-authenticate": 'DPoP error="invalid_token"'})

    def metadata(self) -> dict[str, Any]:
        """The metadata document, before `lies`."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "pushed_authorization_request_endpoint": f"{self.issuer}/par",
            "revocation_endpoint": f"{self.issuer}/revoke",
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": ["ES256"],
            "dpop_signing_alg_values_supported": ["ES256"],
            "scopes_supported": ["atproto", *([] if self.knows == "permissions" else ["transition:generic"])],
            "authorization_response_iss_parameter_supported": True,
            "require_pushed_authorization_requests": True,
            "client_id_metadata_document_supported": True,
        }

    def _lying(self, document: dict[str, Any], lies: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in {**document, **lies}.items() if value is not None}

    def _proof(self, request: Request, place: str, status: int, token: str | None = None) -> str:
        """Check the proof as RFC 9449, section 4.3, lists it; returns the key's thumbprint."""
        proof = request.headers.get("dpop", "")
        head = json.loads(_unbase64(proof.split(".")[0]))
        assert head["typ"] == "dpop+jwt"
        assert head["alg"] == "ES256"
        assert "d" not in head["jwk"], "the private key was sent"
        key = ECKey.import_key(head["jwk"])
        claims = json.loads(jws.deserialize_compact(proof, key, algorithms=["ES256"]).payload)
        parts = urlsplit(request.url)
        faults = [
            claims["htm"] != request.method,
            claims["htu"] != f"{parts.scheme}://{parts.netloc}{parts.path}",
            claims["jti"] in self.seen,
            claims.get("ath") != (_digest(token) if token else None),
        ]
        if any(faults):
            raise Refused(401, "invalid_dpop_proof", f"fault {faults.index(True)}")
        self.seen.add(claims["jti"])
        origin = self.issuer if place == "as" else self.pds
        if not self.profile.proofs.accept(self.network.time_at(origin) - claims["iat"]):
            situation = "proof at issuer" if place == "as" else "proof"
            said = '"iat" claim timestamp check failed'
            raise Refused(401, "invalid_dpop_proof", said, situation=situation)
        if (self.profile.nonces and claims.get("nonce") != self.nonce[place]) or self.nonce_loop:
            if self.nonce_loop:
                self.nonce[place] = secrets.token_urlsafe(12)
            challenge = {"www-authenticate": 'DPoP algs="ES256", error="use_dpop_nonce"'} if status == 401 else {}
            raise Refused(status, "use_dpop_nonce", "nonce wanted", challenge | {"dpop-nonce": self.nonce[place]})
        return key.thumbprint()

    def _client(self, request: Request) -> None:
        client_id = request.form["client_id"]
        if self.metadata_is_away:
            said = "Unable to obtain client metadata"
            raise Refused(400, "invalid_client_metadata", said, situation="client refused")
        if client_id.startswith("http://localhost?"):
            assert "client_assertion" not in request.form
            return
        assertion = request.form.get("client_assertion", "")
        kid = json.loads(_unbase64(assertion.split(".")[0]))["kid"]
        keys = [key for key in self.jwks["keys"] if key["kid"] == kid]
        if not keys:
            raise Refused(400, "invalid_client", "unknown key")
        claims = json.loads(jws.deserialize_compact(assertion, ECKey.import_key(keys[0]), algorithms=["ES256"]).payload)
        right = claims["iss"] == claims["sub"] == client_id and claims["aud"] == self.issuer
        if not right or claims["jti"] in self.seen:
            raise Refused(400, "invalid_client", "bad assertion", situation="assertion")
        if not self.profile.assertions.accept(self.network.time_at(self.issuer) - claims["iat"]):
            said = 'Validation of "client_assertion" failed: "iat" claim timestamp check failed'
            raise Refused(400, "invalid_client", said, situation="assertion")
        self.seen.add(claims["jti"])

    def _par(self, request: Request, thumbprint: str) -> dict[str, Any]:
        form = request.form
        assert form["code_challenge_method"] == "S256"
        assert form["response_type"] == "code"
        if "forbidden" in form["scope"]:
            raise Refused(400, "invalid_scope", "not declared")
        self.asked.append(form["scope"])
        if self.refuses_in == "par" and self._unknown(form["scope"]):
            raise Refused(400, *self.scope_words)
        uri = f"urn:ietf:params:oauth:request_uri:req-{secrets.token_hex(16)}"
        self.pushed[uri] = {**form, "thumbprint": thumbprint}
        return {"request_uri": uri, "expires_in": 299}

    def _token(self, request: Request, thumbprint: str) -> dict[str, Any]:
        if self.token_status:
            raise Refused(self.token_status, "server_error", "out of order")
        form = request.form
        if form["grant_type"] == "authorization_code":
            asked = self.codes.pop(form["code"], None)
            if asked is None:
                raise Refused(400, "invalid_grant", "Invalid code")
            right = [
                asked["thumbprint"] == thumbprint,
                asked["redirect_uri"] == form["redirect_uri"],
                asked["client_id"] == form["client_id"],
                asked["code_challenge"] == _digest(form["code_verifier"]),
            ]
            if not all(right):
                raise Refused(400, "invalid_grant", f"check {right.index(False)} failed")
            unknown = self._unknown(asked["scope"])
            scope = " ".join(one for one in asked["scope"].split() if one not in unknown)
            session = Session(asked["did"], scope, form["client_id"], thumbprint)
            self.sessions.append(session)
        else:
            session = self._session_of(form["refresh_token"], thumbprint)
        if session.refresh_token:
            session.old.add(session.refresh_token)
        session.refresh_token, session.access_token = f"ref-{secrets.token_hex(24)}", self.access_token(session)
        grant = {
            "access_token": session.access_token,
            "refresh_token": session.refresh_token,
            "token_type": "DPoP",
            "expires_in": 3599,
            "scope": session.scope,
            "sub": session.did,
        }
        return self._lying(grant, self.grants)

    def access_token(self, session: Session) -> str:
        """A new access token that replaces the session's current one."""
        return f"acc.{secrets.token_hex(24)}"

    def _unknown(self, scope: str) -> set[str]:
        """The scopes in it that this server does not know. One that mixes both ways is refused for that."""
        asked = set(scope.split()) - {"atproto"}
        old = {one for one in asked if one.startswith("transition:")}
        assert not (old and asked - old), "transition scopes and permissions in one request"
        return {"everything": set(), "transition": asked - old, "permissions": old}[self.knows]

    def _session_of(self, token: str, thumbprint: str) -> Session:
        for session in self.sessions:
            if token in session.old:
                session.alive = False
                raise Refused(400, "invalid_grant", "Refresh token replayed", situation="grant ended")
            if token == session.refresh_token and session.alive and session.thumbprint == thumbprint:
                return session
        raise Refused(400, "invalid_grant", "Invalid refresh token", situation="grant ended")

    def _revoke(self, request: Request, thumbprint: str) -> dict[str, Any]:
        for session in self.sessions:
            if request.form["token"] in {session.refresh_token, session.access_token}:
                session.alive = False
        return {}


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def _unbase64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def query_of(url: str) -> dict[str, str]:
    """The single values of a URL's query."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
