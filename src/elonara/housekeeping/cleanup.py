"""Rows and files that have had their time are deleted."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.utils import timezone

from elonara import jobs, shared_cache
from elonara.bluesky.connections.revocation import revoke_tokens
from elonara.bluesky.graph import actor_views
from elonara.bluesky.models import AuthorizationRequest, PdsHost
from elonara.bluesky.oauth import authorization_requests, client_keys, nonce_stores
from elonara.events import link_cards
from elonara.housekeeping import workers
from elonara.invitations.email import inviting as email_inviting
from elonara.invitations.planning import drafts
from elonara.members.models import Notice, OneTimeLink
from elonara.sealing import CannotUnseal

DISMISSED_NOTICES_KEPT_FOR: Final = timedelta(days=90)
REQUEST_BATCH: Final = 100  # a run: each kept session among them is revoked over the network
TURN_SECONDS: Final = 60.0  # seconds for that: servers may be slow, and the errand's lease lasts five minutes

log = logging.getLogger(__name__)


class NotCleared(Exception):
    """Something could not be cleared away; the rest was."""


def clear() -> int:
    """Delete what is of no use any more; how many things. Raises NotCleared, after the rest, for what failed."""
    counts: dict[str, int] = {}
    failed: list[str] = []
    for what, purge in _purges(timezone.now()).items():
        try:
            counts[what] = purge()
        except Exception as fault:
            # One table that cannot be written must not let the others grow.
            log.exception("%s could not be cleared away", what)
            failed.append(f"{what}: {type(fault).__name__}")
    if any(counts.values()):
        log.info("cleared away: %s", ", ".join(f"{count} {what}" for what, count in counts.items() if count))
    if failed:
        raise NotCleared("; ".join(failed))
    return sum(counts.values())


def _purges(now: datetime) -> dict[str, Callable[[], int]]:
    listed = UserSession.objects.exclude(session_key__in=Session.objects.values("pk"))
    return {
        "nonces": nonce_stores.forget_old_nonces,
        "views of people": actor_views.forget_old,
        "keys": client_keys.forget_unused,
        "sessions": lambda: Session.objects.filter(expire_date__lt=now).delete()[0],
        "listed sessions": lambda: listed.delete()[0],
        "links": lambda: OneTimeLink.objects.filter(expires_at__lt=now).delete()[0],
        "notices": lambda: Notice.objects.filter(dismissed_at__lt=now - DISMISSED_NOTICES_KEPT_FOR).delete()[0],
        "pauses": lambda: PdsHost.objects.filter(paused_until__lt=now - timedelta(days=1)).delete()[0],
        "drafts": drafts.forget_past,
        "e-mail addresses": email_inviting.forget_past,
        "workers": workers.forget_old,
        "counts": shared_cache.forget_expired,
        "thumbs": link_cards.forget_old_thumbs,
        # Last, as it alone asks the network.
        "trips": _trips,
    }


def _trips() -> int:
    """Trips to authorization servers that ended without a word, and the sessions that they left there."""
    count, ends = 0, time.monotonic() + TURN_SECONDS
    # A minute of grace: a request may be reading the row right now.
    old = AuthorizationRequest.objects.filter(expires_at__lt=timezone.now() - timedelta(minutes=1))
    for row in old.order_by("expires_at")[:REQUEST_BATCH]:
        if time.monotonic() > ends or jobs.stopping():
            break  # the others in the next run
        try:
            kept = authorization_requests.kept_tokens(row)
        except CannotUnseal:
            kept = None
        # The row first: whoever deletes it ends its session.
        if authorization_requests.forget(row):
            count += 1
            if kept is not None:
                revoke_tokens(*kept, row.assertion_kid)
    return count
