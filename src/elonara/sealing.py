"""Encryption at rest for single values: AES-256-GCM with a ring of keys.

A sealed value has the form `v1.kid.nonce.ciphertext` (the last two base64url without padding). Its associated data
contain the column, the row and the DID, so a value copied to another row, column or account cannot be decrypted.

The key ring is the file `{data_dir}/keys/sealing.json`, mode 0600, generated at the first start. `rotate()` adds a
key for new values; old keys stay until no value needs them, so a rotation never loses one.
"""

from __future__ import annotations

import base64
import binascii
import functools
import json
import os
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NoReturn
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from elonara.keyfiles import KeyFileFault, create_private, read_private, replace_private

VERSION: Final = "v1"
KID_CHARACTERS: Final = 8
NONCE_BYTES: Final = 12  # NIST SP 800-38D, section 8.2.2: random nonces of 96 bits


class CannotUnseal(Exception):
    """A sealed value cannot be decrypted here: another row or key ring, or damage. Never contains the value."""


class KeyMissing(CannotUnseal):
    """The key ring of this process lacks the key `kid` that a value is sealed under: another process may have it."""

    def __init__(self, column: str, kid: str) -> None:
        super().__init__(f"{column}: sealed under key {kid}, which is not in keys/sealing.json; restore the keys")
        self.kid = kid


class Sealed:
    """A plaintext that does not print itself. `reveal()` is the only way to it."""

    __slots__ = ("_plaintext",)

    def __init__(self, plaintext: str) -> None:
        self._plaintext = plaintext

    def reveal(self) -> str:
        """The plaintext. Call it only where the value is used."""
        return self._plaintext

    def __repr__(self) -> str:
        return "<sealed>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __bool__(self) -> bool:
        return bool(self._plaintext)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sealed):
            return NotImplemented
        return secrets.compare_digest(self._plaintext.encode(), other._plaintext.encode())

    __hash__ = None  # type: ignore[assignment]  # a secret is no dictionary key

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a sealed value is not pickled or copied into a file")


@dataclass(frozen=True)
class KeyRing:
    """The keys by id, and the id of the one for new values."""

    current: str
    keys: Mapping[str, AESGCM] = field(repr=False)


def seal(plaintext: str, *, column: str, row: str | UUID, did: str) -> str:
    """Encrypt `plaintext` for `column` of `row`, which belongs to `did` ("" where no DID is known yet)."""
    ring = _ring()
    nonce = secrets.token_bytes(NONCE_BYTES)
    aad = _associated_data(ring.current, column, row, did)
    ciphertext = ring.keys[ring.current].encrypt(nonce, plaintext.encode(), aad)
    return f"{VERSION}.{ring.current}.{_base64url_encode(nonce)}.{_base64url_encode(ciphertext)}"


def unseal(sealed: str, *, column: str, row: str | UUID, did: str) -> Sealed:
    """Decrypt a value of `seal`; `column`, `row` and `did` must be the same as then. Raises CannotUnseal."""
    version, kid, nonce, ciphertext = _split(sealed)
    if version != VERSION:
        raise CannotUnseal(f"{column}: sealed by a version of Elonara that this one does not know")
    try:
        key = _ring().keys.get(kid)
    except KeyFileFault as fault:
        raise KeyMissing(column, kid) from fault
    if key is None:
        raise KeyMissing(column, kid)
    try:
        plaintext = key.decrypt(nonce, ciphertext, _associated_data(kid, column, row, did))
    except (InvalidTag, ValueError):
        # Not chained, because the frames of the library's exception hold its arguments.
        raise CannotUnseal(f"{column}: the value does not belong to this row, or is damaged") from None
    return Sealed(plaintext.decode())


def kid_of(sealed: str) -> str:
    """The id of the key that a value is sealed under. Raises CannotUnseal."""
    return _split(sealed)[1]


def current_kid() -> str:
    """The id of the key that new values are sealed under. Raises KeyFileFault."""
    return _ring().current


def kids() -> frozenset[str]:
    """The ids of all keys in the ring. Raises KeyFileFault."""
    return frozenset(_ring().keys)


def ensure_keys(data_dir: Path) -> Path:
    """Generate the key ring where there is none; returns its path. Safe for two processes at once.

    Call it only where nothing is sealed yet (`elonara.housekeeping.keys.in_use.ensure_ring` looks).
    """
    path = key_file(data_dir)
    if not path.exists():
        create_private(path, json.dumps(_with_new_key({"keys": {}}), indent=2))
    return path


@functools.lru_cache(maxsize=16)
def key_file(data_dir: Path) -> Path:
    """The path of the key ring of a site with this data folder."""
    return data_dir / "keys" / "sealing.json"


def rotate() -> str:
    """Add a key to the ring, for new values from now on. Returns its id. Old values stay readable."""
    path = key_file(settings.ELONARA.data_dir)
    content = _with_new_key(_read_key_file(path))
    replace_private(path, json.dumps(content, indent=2))
    return str(content["current"])


_cache: dict[Path, tuple[tuple[int, int], KeyRing]] = {}
_cache_lock = threading.Lock()


def _ring() -> KeyRing:
    """The key ring of this site, read again when its file has changed (another process rotated it)."""
    path = key_file(settings.ELONARA.data_dir)
    try:
        stat = os.stat(path)  # noqa: PTH116 - called for every value; Path.stat() takes several times as long
    except OSError as fault:
        # Never a new ring in its place: it could open nothing that is stored, and what it seals nobody else could.
        advice = "restore it from your backup of the keys"
        raise KeyFileFault(f"{path} cannot be read: {fault.strerror}; {advice}") from fault
    stamp = (stat.st_mtime_ns, stat.st_ino)
    with _cache_lock:
        known = _cache.get(path)
        if known and known[0] == stamp:
            return known[1]
        ring = _parse(_read_key_file(path))
        _cache[path] = (stamp, ring)
        return ring


def _read_key_file(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(read_private(path))
    except ValueError as fault:
        raise KeyFileFault(f"{path} is not JSON; restore it from your backup of the keys") from fault
    if not isinstance(content, dict) or not isinstance(content.get("keys"), dict):
        raise KeyFileFault(f"{path} holds no keys; restore it from your backup of the keys")
    return content


def _parse(content: Mapping[str, Any]) -> KeyRing:
    try:
        keys = {kid: AESGCM(_base64url_decode(entry["key"])) for kid, entry in content["keys"].items()}
        ring = KeyRing(current=content["current"], keys=keys)
    except (KeyError, TypeError, ValueError):
        raise KeyFileFault("keys/sealing.json holds a broken key; restore it from your backup of the keys") from None
    if ring.current not in ring.keys:
        raise KeyFileFault("keys/sealing.json names a current key that it does not hold")
    return ring


def _with_new_key(content: Mapping[str, Any]) -> dict[str, Any]:
    kid = secrets.token_hex(KID_CHARACTERS // 2)
    entry = {
        "key": _base64url_encode(AESGCM.generate_key(256)),
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return {"current": kid, "keys": {**content["keys"], kid: entry}}


def _associated_data(kid: str, column: str, row: str | UUID, did: str) -> bytes:
    # JSON, not concatenation, so that ("ab", "c") and ("a", "bc") differ.
    return json.dumps([VERSION, kid, column, str(row), did], separators=(",", ":")).encode()


def _split(sealed: str) -> tuple[str, str, bytes, bytes]:
    try:
        version, kid, nonce, ciphertext = sealed.split(".")
        return version, kid, _base64url_decode(nonce), _base64url_decode(ciphertext)
    except (ValueError, binascii.Error):
        raise CannotUnseal("this is not a sealed value") from None


def _base64url_encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _base64url_decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
