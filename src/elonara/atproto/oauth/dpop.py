"""DPoP: proofs that a request comes from the holder of a key (RFC 9449; AT Protocol OAuth profile)."""

from __future__ import annotations

import base64
import functools
import hashlib
import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from elonara.atproto.oauth.jose import SigningKey, new_jti
from elonara.atproto.oauth.secret import Secret, reveal

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

    from elonara.atproto.http import Response

# More than the second that a `Date` header may be off, and less than the ten that a proof may be old at least.
BACKDATED_SECONDS = 4
DEFAULT_PORTS = {"https": 443, "http": 80}
_NONCE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,500}")


class DpopKey(SigningKey):
    """The ES256 key of one session. The server binds the session's tokens to the key's `thumbprint`."""

    def __init__(self, private: EllipticCurvePrivateKey) -> None:
        super().__init__(private)
        self._header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": dict(self.public_jwk)}

    def proof(
        self,
        method: str,
        url: str,
        *,
        nonce: str | None = None,
        access_token: Secret | str | None = None,
        now: float | None = None,
    ) -> str:
        """The value of the `DPoP` header for one attempt of one request (RFC 9449, section 4.2).

        Each call makes a new `jti`: a proof may be sent once. `now` is the server's time in seconds since 1970 (see
        `clocks`), by default this machine's. `iat` is a little before it, since some servers take none from the future.
        """
        issued_at = int(time.time() if now is None else now) - BACKDATED_SECONDS
        claims: dict[str, Any] = {"jti": new_jti(), "htm": method.upper(), "htu": target(url), "iat": issued_at}
        if nonce:
            claims["nonce"] = nonce
        if access_token:
            digest = hashlib.sha256(reveal(access_token).encode("ascii")).digest()
            claims["ath"] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
        return self.sign(self._header, claims)


@functools.lru_cache(maxsize=512)  # calls repeat the same endpoints
def target(url: str) -> str:
    """`url` in the form of the `htu` claim: without query and fragment."""
    parts = urlsplit(url)
    return f"{origin(url)}{parts.path or '/'}"


@functools.lru_cache(maxsize=512)
def origin(url: str) -> str:
    """`scheme://host[:port]` of `url`, in lower case, without a default port. Raises ValueError on a bad URL."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if not parts.scheme or not host:
        raise ValueError("the URL has no host")
    host = f"[{host}]" if ":" in host else host
    port = parts.port
    suffix = "" if port is None or port == DEFAULT_PORTS.get(parts.scheme) else f":{port}"
    return f"{parts.scheme}://{host}{suffix}"


def nonce_of(response: Response) -> str | None:
    """The `DPoP-Nonce` of a response, or None where it is missing, malformed (RFC 9449, section 8.1) or too long."""
    nonce = response.headers.get("dpop-nonce", "")
    return nonce if _NONCE.fullmatch(nonce) else None
