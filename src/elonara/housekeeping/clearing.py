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

from elonara import jobs
from elonara.bluesky import actor_views, keyring, linking, stores, trips
from elonara.bluesky.models import AuthorizationRequest, PdsHost
from elonara.events import cards
from elonara.housekeeping import workers
from elonara.invitations import emailing
from elonara.members.models import Notice, OneTimeLink
from elonara.sealing import CannotUnseal

READ_NOTICES: Final = timedelta(days=90)
TRIPS: Final = 100  # a run: each kept session among them is revoked over the network
TURN: Final = 60.0  # seconds for that: servers may be slow, and the errand's lease lasts five minutes

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
        "nonces": stores.forget_old_nonces,
        "views of people": actor_views.forget_old,
        "keys": keyring.forget_unused,
        "sessions": lambda: Session.objects.filter(expire_date__lt=now).delete()[0],
        "listed sessions": lambda: listed.delete()[0],
        "links": lambda: OneTimeLink.objects.filter(expires_at__lt=now).delete()[0],
        "notices": lambda: Notice.objects.filter(dismissed_at__lt=now - READ_NOTICES).delete()[0],
        "pauses": lambda: PdsHost.objects.filter(paused_until__lt=now - timedelta(days=1)).delete()[0],
        "e-mail addresses": emailing.forget_past,
        "workers": workers.forget_old,
        "thumbs": cards.forget_old_thumbs,
        # Last, as it alone asks the network.
        "trips": _trips,
    }


def _trips() -> int:
    """Trips to authorization servers that ended without a word, and the sessions that they left there."""
    count, ends = 0, time.monotonic() + TURN
    # A minute of grace: a request may be reading the row right now.
    old = AuthorizationRequest.objects.filter(expires_at__lt=timezone.now() - timedelta(minutes=1))
    for row in old.order_by("expires_at")[:TRIPS]:
        if time.monotonic() > ends or jobs.stopping():
            break  # the others in the next run
        try:
            kept = trips.kept_tokens(row)
        except CannotUnseal:
            kept = None
        # The row first: whoever deletes it ends its session.
        if trips.forget(row):
            count += 1
            if kept is not None:
                linking.revoke_tokens(*kept, row.assertion_kid)
    return count
