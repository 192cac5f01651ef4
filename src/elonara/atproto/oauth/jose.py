"""ES256 keys and signatures, shared by DPoP proofs and client assertions (RFC 7515, 7517, 7638)."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

_ES256 = ECDSA(SHA256())
_COORDINATE_BYTES = 32  # length of r and of s in an ES256 signature


class BadKey(ValueError):
    """A stored key is not an ES256 private key. The message never contains the key."""


class SigningKey:
    """An ES256 private key, with its public JWK and thumbprint computed once. `repr` shows the thumbprint alone."""

    def __init__(self, private: EllipticCurvePrivateKey) -> None:
        if not isinstance(private, EllipticCurvePrivateKey) or not isinstance(private.curve, SECP256R1):
            raise BadKey("the key is not a P-256 private key")
        self._private = private
        point = private.public_key().public_numbers()
        # In the order in which RFC 7638 (section 3.2) has them for the thumbprint.
        self.public_jwk: Mapping[str, str] = {
            "crv": "P-256",
            "kty": "EC",
            "x": _coordinate(point.x),
            "y": _coordinate(point.y),
        }
        canonical = json.dumps(self.public_jwk, separators=(",", ":")).encode("ascii")
        self.thumbprint: str = _base64url(hashlib.sha256(canonical).digest())

    @classmethod
    def generate(cls) -> Self:
        """A new key from the system's random source."""
        return cls(generate_private_key(SECP256R1()))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The key that `to_json` wrote. Keys read recently come from a cache. Raises BadKey."""
        digest = hashlib.sha256(cls.__name__.encode() + text.encode()).digest()
        key = _KEY_CACHE.get(digest)
        if not isinstance(key, cls):
            key = cls._import(text)
            _KEY_CACHE.put(digest, key)
        return key

    @classmethod
    def _import(cls, text: str) -> Self:
        try:
            private = ECKey.import_key(json.loads(text)).private_key
            if private is not None:
                return cls(private)
        except (ValueError, TypeError, KeyError, JoseError):
            pass
        # Raised outside the handler, because a chained exception could quote the private key.
        raise BadKey("the stored key cannot be read")

    def to_json(self) -> str:
        """The private JWK as JSON text. A secret: seal it."""
        secret = _coordinate(self._private.private_numbers().private_value)
        return json.dumps({**self.public_jwk, "d": secret}, separators=(",", ":"))

    def sign(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
        """A compact JWS over `claims`."""
        text = f"{_part(header)}.{_part(claims)}"
        # Not signed with joserfc, because every call to a PDS needs a proof, and joserfc's algorithm registry takes
        # several times as long as the signature.
        r, s = decode_dss_signature(self._private.sign(text.encode("ascii"), _ES256))
        # RFC 7518, section 3.4: r and s as they are, not in DER.
        signature = r.to_bytes(_COORDINATE_BYTES, "big") + s.to_bytes(_COORDINATE_BYTES, "big")
        return f"{text}.{_base64url(signature)}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.thumbprint}>"

    def __reduce__(self) -> Any:
        raise TypeError("a key is sealed, not pickled")


def _part(values: Mapping[str, Any]) -> str:
    return _base64url(json.dumps(values, separators=(",", ":")).encode())


def _coordinate(number: int) -> str:
    return _base64url(number.to_bytes(_COORDINATE_BYTES, "big"))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def new_jti() -> str:
    """A unique id for one proof or assertion: 128 bits from the system's random source."""
    return secrets.token_urlsafe(16)


class _KeyCache:
    """Imported keys by the digest of their JSON, since importing costs more than signing. Bounded, thread-safe."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._keys: OrderedDict[bytes, SigningKey] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, digest: bytes) -> SigningKey | None:
        with self._lock:
            key = self._keys.get(digest)
            if key is not None:
                self._keys.move_to_end(digest)
            return key

    def put(self, digest: bytes, key: SigningKey) -> None:
        with self._lock:
            self._keys[digest] = key
            while len(self._keys) > self._size:
                self._keys.popitem(last=False)


_KEY_CACHE = _KeyCache(512)
