"""DPoP nonces between requests and processes (RFC 9449, section 8)."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db import DatabaseError
from django.utils import timezone

from elonara.atproto.oauth.stores import MemoryNonces
from elonara.bluesky.models import DpopNonce

log = logging.getLogger(__name__)

# A server accepts a nonce for about three minutes; an older row is of no use to another process.
NONCE_LIFETIME = timedelta(minutes=5)
ROWS_KEPT_FOR = timedelta(hours=1)
MAX_CACHED_NONCES = 10_000  # one per session and origin


class MemoryNoncesByOrigin(MemoryNonces):
    """Nonces of DPoP keys that live for minutes: of authorization requests, and of sessions that are being revoked.

    A new key starts with the last nonce that its origin gave to any of our keys, which saves a round trip. A server
    that binds nonces to keys refuses it and gives another, which costs no more than starting without one.
    """

    def get(self, thumbprint: str, origin: str) -> str | None:
        """See `elonara.atproto.oauth.stores.NonceStore.get`."""
        return super().get(thumbprint, origin) or super().get("", origin)

    def put(self, thumbprint: str, origin: str, nonce: str) -> None:
        """See `elonara.atproto.oauth.stores.NonceStore.put`."""
        super().put(thumbprint, origin, nonce)
        super().put("", origin, nonce)


authorization_nonces = MemoryNoncesByOrigin()


class DatabaseNonces:
    """Nonces of the stored sessions: from memory where this process knows one, else from the database.

    A row is written only when the nonce has changed, about once a minute. Where it cannot be written, another process
    needs one more round trip, so that never fails a call.
    """

    def __init__(self, size: int = MAX_CACHED_NONCES) -> None:
        self._memory = MemoryNonces(size)

    def get(self, thumbprint: str, origin: str) -> str | None:
        """See `elonara.atproto.oauth.stores.NonceStore.get`."""
        nonce = self._memory.get(thumbprint, origin)
        if nonce is None:
            rows = DpopNonce.objects.filter(
                key_thumbprint=thumbprint, origin=origin, seen_at__gte=timezone.now() - NONCE_LIFETIME
            )
            nonce = rows.values_list("nonce", flat=True).first()
            if nonce is not None:
                self._memory.put(thumbprint, origin, nonce)
        return nonce

    def put(self, thumbprint: str, origin: str, nonce: str) -> None:
        """See `elonara.atproto.oauth.stores.NonceStore.put`."""
        if self._memory.get(thumbprint, origin) == nonce:
            return
        self._memory.put(thumbprint, origin, nonce)
        try:
            DpopNonce.objects.update_or_create(
                key_thumbprint=thumbprint, origin=origin, defaults={"nonce": nonce, "seen_at": timezone.now()}
            )
        except DatabaseError:
            log.warning("the nonce of %s was not stored", origin, exc_info=True)


session_nonces = DatabaseNonces()


def forget_old_nonces() -> int:
    """Delete nonces that no server would accept any more. Returns how many."""
    deleted, _ = DpopNonce.objects.filter(seen_at__lt=timezone.now() - ROWS_KEPT_FOR).delete()
    return deleted
