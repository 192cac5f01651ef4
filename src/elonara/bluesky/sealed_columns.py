"""Sealing and unsealing the secret columns of this package's rows."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping

from elonara.atproto.oauth.dpop import DpopKey
from elonara.bluesky.models import AppPasswordSession, AssertionKey, AuthorizationRequest, MemberIdentity
from elonara.sealing import Sealed, seal, unseal

MAX_CACHED_KEYS = 256  # DPoP keys in memory

_lock = threading.Lock()
_keys: OrderedDict[tuple[str, str], DpopKey] = OrderedDict()

type SealedRow = MemberIdentity | AppPasswordSession | AuthorizationRequest | AssertionKey


def sealed_columns(row: SealedRow, values: Mapping[str, str]) -> dict[str, str]:
    """Seal the texts for columns of this row, ready for `update(**…)`. An empty text stays empty."""
    did = did_of(row)
    return {column: seal(text, column=column, row=row.pk, did=did) if text else "" for column, text in values.items()}


def unsealed(row: SealedRow, column: str) -> Sealed | None:
    """The value of a sealed column, None where it is empty. Raises `elonara.sealing.CannotUnseal`."""
    text: str = getattr(row, column)
    return unseal(text, column=column, row=row.pk, did=did_of(row)) if text else None


def dpop_key(row: MemberIdentity | AuthorizationRequest) -> DpopKey | None:
    """The DPoP key of a row, None where it has none. Parsed once per value. Raises CannotUnseal.

    Unsealing and parsing a key takes as long as a signature, so the last ones stay in memory, by row and ciphertext: a
    key that was replaced in the row is never used again.
    """
    cache_key = str(row.pk), row.dpop_key_enc
    with _lock:
        if cache_key in _keys:
            _keys.move_to_end(cache_key)
            return _keys[cache_key]
    sealed = unsealed(row, "dpop_key_enc")
    if sealed is None:
        return None
    key = DpopKey.from_json(sealed.reveal())
    keep_key(row, key)
    return key


def keep_key(row: MemberIdentity | AuthorizationRequest, key: DpopKey) -> None:
    """Cache the key that was just sealed into this row: it is used again within seconds."""
    cache_key = str(row.pk), row.dpop_key_enc
    with _lock:
        _keys[cache_key] = key
        while len(_keys) > MAX_CACHED_KEYS:
            _keys.popitem(last=False)


def did_of(row: SealedRow) -> str:
    """The DID that the row's sealed values are bound to; `""` for a row that belongs to no account."""
    match row:
        case MemberIdentity():
            return row.bsky_did
        case AppPasswordSession():
            return row.did
        case AuthorizationRequest():
            return row.expected_did
        case AssertionKey():
            return ""
