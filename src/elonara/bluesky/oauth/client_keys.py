"""The keys that a confidential client signs its assertions with (`private_key_jwt`, RFC 7523)."""

from __future__ import annotations

import threading

from django.db import transaction
from django.utils import timezone

from elonara.atproto.oauth.client_auth import ClientAssertionKey as Key
from elonara.atproto.oauth.client_auth import Keyring
from elonara.bluesky.models import AssertionKey, AuthorizationRequest, MemberIdentity
from elonara.bluesky.sealed_columns import sealed_columns, unsealed

_lock = threading.Lock()
_last: tuple[tuple[tuple[str, str], ...], Keyring] | None = None


def keyring() -> Keyring:
    """The stored keys: the newest, for new sessions, and the retired ones that sessions still use.

    Makes the first key when there is none. Raises `elonara.sealing.CannotUnseal`.
    """
    global _last  # noqa: PLW0603
    rows = _rows() or [_first_key()]
    # Another process may have rotated the keys: the rows are read each time, but parsed only when they changed.
    version = tuple((row.kid, row.key_enc) for row in rows)
    with _lock:
        if _last is None or _last[0] != version:
            _last = version, Keyring(_load(row) for row in rows)
        return _last[1]


def rotate() -> str:
    """Make a new key for new sessions and retire the previous one. Returns the new `kid`.

    A session keeps its key to its end, so a retired key stays in the JWKS until no session or request uses it.
    """
    key = Key.generate()
    with transaction.atomic():
        AssertionKey.objects.filter(retired_at=None).update(retired_at=timezone.now())
        _store(key)
    forget_unused()
    return key.kid


def forget_unused() -> int:
    """Delete retired keys that nothing uses. Returns how many."""
    now = timezone.now()
    in_sessions = MemberIdentity.objects.exclude(assertion_kid="").values("assertion_kid")
    in_requests = (
        AuthorizationRequest.objects.filter(expires_at__gte=now).exclude(assertion_kid="").values("assertion_kid")
    )
    retired = AssertionKey.objects.exclude(retired_at=None)
    deleted, _ = retired.exclude(kid__in=in_sessions).exclude(kid__in=in_requests).delete()
    return deleted


def _rows() -> list[AssertionKey]:
    rows = list(AssertionKey.objects.order_by("-created_at"))
    return sorted(rows, key=lambda row: row.retired_at is not None)


def _first_key() -> AssertionKey:
    with _lock, transaction.atomic():
        # Two processes at once may each make one: both are published, and the newest is used.
        return next(iter(_rows()), None) or _store(Key.generate())


def _store(key: Key) -> AssertionKey:
    row = AssertionKey(kid=key.kid)
    row.key_enc = sealed_columns(row, {"key_enc": key.to_json()})["key_enc"]
    row.save(force_insert=True)
    return row


def _load(row: AssertionKey) -> Key:
    sealed = unsealed(row, "key_enc")
    if sealed is None:
        raise ValueError(f"the assertion key {row.kid} has no key")
    return Key.from_json(sealed.reveal())
