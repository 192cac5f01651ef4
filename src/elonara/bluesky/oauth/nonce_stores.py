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


class MemoryNoncesByOrigin(MemoryNonces):
    """Nonces of keys that live for minutes: those of trips to authorization servers, and of sessions about to end.

    A new key begins with the last nonce that its origin gave to any key of ours. A server that binds nonces to keys
    refuses that one and gives another, which costs what beginning without a nonce costs everywhere.
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
    """Nonces of the stored sessions: from memory where this process knows one, else from the row.

    The row is written only when the nonce changed, which servers do about once a minute, and never inside a request
    to the network. A row that cannot be written costs a round trip later, so it never stops a call.
    """

    def __init__(self, size: int = 10_000) -> None:
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
    """Delete rows that no server would accept any more; how many there were."""
    deleted, _ = DpopNonce.objects.filter(seen_at__lt=timezone.now() - timedelta(hours=1)).delete()
    return deleted
