"""The same requests as the site's for one connect, by `http.client` and nothing else: what connecting costs at least.

No guard against private addresses, no deadline, no retry, no database: resolve the handle, read the DID document, push
the authorization request, exchange the code, each with the signatures that the server asks for. As the site does, it
keeps the connections, the server's metadata and its DPoP nonce.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import secrets
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

IDLE_SECONDS = 4.0  # after which a connection is not used again, as in elonara.atproto.connections.pool


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class BareClient:
    """A loopback OAuth client. `redirect_uri`, `scope` and `client_id` are the site's own."""

    def __init__(self, *, plc: str, handle_resolver: str, client_id: str, redirect_uri: str, scope: str) -> None:
        self._plc, self._handle_resolver = plc, handle_resolver
        self._client_id, self._redirect_uri, self._scope = client_id, redirect_uri, scope
        self._lines: dict[str, tuple[float, http.client.HTTPConnection]] = {}
        self._metadata: dict[str, dict[str, Any]] = {}
        self._nonce = ""
        self._started: tuple[ec.EllipticCurvePrivateKey, str, str, str] | None = None

    def begin(self, handle: str) -> str:
        """The address to send the browser to."""
        query = f"/xrpc/com.atproto.identity.resolveHandle?handle={quote(handle)}"
        did = self._json("GET", self._handle_resolver + query)["did"]
        document = self._json("GET", f"{self._plc}/{did}")
        if f"at://{handle}" not in document["alsoKnownAs"] or document["id"] != did:
            raise SystemExit("the bare flow was led to another account")
        pds = next(found["serviceEndpoint"] for found in document["service"] if found["id"].endswith("#atproto_pds"))
        server = self._server_of(pds)
        key = ec.generate_private_key(ec.SECP256R1())
        state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        form = {
            "response_type": "code",
            "redirect_uri": self._redirect_uri,
            "scope": self._scope,
            "state": state,
            "code_challenge": _b64(hashlib.sha256(verifier.encode()).digest()),
            "code_challenge_method": "S256",
            "login_hint": handle,
            "client_id": self._client_id,
        }
        pushed = self._post(server["pushed_authorization_request_endpoint"], form, key)
        self._started = key, state, verifier, did
        query = urlencode({"client_id": self._client_id, "request_uri": pushed["request_uri"]})
        return f"{server['authorization_endpoint']}?{query}"

    def finish(self, query: str) -> dict[str, Any]:
        """Exchange the code; the server's answer."""
        key, state, verifier, did = self._started
        given = {name: values[0] for name, values in parse_qs(query).items()}
        server = self._metadata[given["iss"]]
        if given["state"] != state:
            raise SystemExit("the bare flow got another state")
        form = {
            "grant_type": "authorization_code",
            "code": given["code"],
            "code_verifier": verifier,
            "redirect_uri": self._redirect_uri,
            "client_id": self._client_id,
        }
        granted = self._post(server["token_endpoint"], form, key)
        if granted["sub"] != did or granted["token_type"] != "DPoP":
            raise SystemExit("the bare flow got another account")
        return granted | {"key": key, "revocation_endpoint": server["revocation_endpoint"]}

    def revoke(self, granted: Mapping[str, Any]) -> None:
        """End the session again; not measured, as Disconnect is not."""
        form = {"token": granted["refresh_token"], "client_id": self._client_id}
        self._post(granted["revocation_endpoint"], form, granted["key"])

    def _server_of(self, pds: str) -> dict[str, Any]:
        if pds not in self._metadata:
            issuer = self._json("GET", f"{pds}/.well-known/oauth-protected-resource")["authorization_servers"][0]
            found = self._json("GET", f"{issuer}/.well-known/oauth-authorization-server")
            self._metadata[pds] = self._metadata[issuer] = found
        return self._metadata[pds]

    def _post(self, url: str, form: Mapping[str, str], key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
        body = urlencode(form).encode()
        while True:
            headers = {"content-type": "application/x-www-form-urlencoded", "dpop": self._proof(url, key)}
            status, answer, nonce = self._send("POST", url, body, headers)
            renewed, self._nonce = nonce != self._nonce, nonce
            if status < 300:
                return json.loads(answer) if answer else {}
            if not (renewed and b"use_dpop_nonce" in answer):
                raise SystemExit(f"the bare flow was refused: {status} {answer[:300]!r}")

    def _proof(self, url: str, key: ec.EllipticCurvePrivateKey) -> str:
        public = key.public_key().public_numbers()
        jwk = {"kty": "EC", "crv": "P-256", "x": _b64(public.x.to_bytes(32)), "y": _b64(public.y.to_bytes(32))}
        claims = {"jti": secrets.token_urlsafe(16), "htm": "POST", "htu": url, "iat": int(time.time()) - 4}
        if self._nonce:
            claims["nonce"] = self._nonce
        head = {"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk}
        text = ".".join(_b64(json.dumps(part).encode()) for part in (head, claims))
        r, s = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(SHA256())))
        return f"{text}.{_b64(r.to_bytes(32) + s.to_bytes(32))}"

    def _json(self, method: str, url: str) -> dict[str, Any]:
        status, answer, _ = self._send(method, url, None, {})
        if status != 200:
            raise SystemExit(f"the bare flow was refused: {status} {answer[:300]!r}")
        return json.loads(answer)

    def _send(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> tuple[int, bytes, str]:
        parts = urlsplit(url)
        last, line = self._lines.get(parts.netloc, (0.0, None))
        if line is None or time.monotonic() - last > IDLE_SECONDS:
            line = http.client.HTTPConnection(parts.netloc, timeout=20)
        head = {"user-agent": "Elonara", "accept": "application/json", "accept-encoding": "identity", **headers}
        line.request(method, f"{parts.path}?{parts.query}" if parts.query else parts.path, body, head)
        response = line.getresponse()
        answer = response.read()
        self._lines[parts.netloc] = time.monotonic(), line
        return response.status, answer, response.getheader("dpop-nonce", "")
