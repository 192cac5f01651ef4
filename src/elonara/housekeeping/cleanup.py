"""Deletes rows and files that have expired."""

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
from elonara.events.messages import telling
from elonara.housekeeping import process_counts, workers
from elonara.invitations.email import tokens as email_tokens
from elonara.invitations.planning import drafts
from elonara.mail import pausing
from elonara.members import audit, daily_limits
from elonara.members.models import Notice, OneTimeLink
from elonara.sealing import CannotUnseal

DISMISSED_NOTICES_KEPT_FOR: Final = timedelta(days=90)
# Limits of one run for expired authorization requests: their sessions are revoked over the network, servers may be
# slow, and the run must end well within the lease of a periodic task.
MAX_AUTHORIZATION_REQUESTS: Final = 100
MAX_REVOCATION_SECONDS: Final = 60.0

log = logging.getLogger(__name__)


class NotCleared(Exception):
    """At least one kind of row could not be deleted; the others were."""


def clear() -> int:
    """Delete all that has expired; returns how many rows and files. Raises NotCleared at the end if any failed."""
    counts: dict[str, int] = {}
    failed: list[str] = []
    for what, purge in _purges(timezone.now()).items():
        try:
            counts[what] = purge()
        except Exception as fault:
            # Go on: the other tables must not grow because one of them cannot be written.
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
        "e-mail addresses": email_tokens.forget_past,
        "messages to guests": telling.forget_past,
        "mail refusals": pausing.forget_old,
        "workers": workers.forget_old,
        "counts of processes": process_counts.forget_old,
        "counts": shared_cache.forget_expired,
        "creations": daily_limits.forget_past,
        "audit entries": audit.forget_old,
        "thumbs": link_cards.forget_old_thumbs,
        # Last, because it is the only one that makes requests over the network.
        "authorization requests": _expired_authorization_requests,
    }


def _expired_authorization_requests() -> int:
    """Delete authorization requests that were never finished, and revoke the sessions that some had obtained."""
    ends, failing = time.monotonic() + MAX_REVOCATION_SECONDS, set[str]()
    # Most have obtained nothing. They never wait behind those whose servers have to be asked.
    count = authorization_requests.forget_without_tokens()
    tried = 0
    obtained = authorization_requests.expired().filter(payload__has_key="tokens").order_by("expires_at")
    for pk, issuer in list(obtained.values_list("pk", "issuer")):
        if tried >= MAX_AUTHORIZATION_REQUESTS or time.monotonic() > ends or jobs.stopping():
            break  # the next run continues
        if issuer in failing:
            continue  # a server that does not respond, or a hostile one, must not hold up the sessions at the others
        row = AuthorizationRequest.objects.filter(pk=pk).first()
        if row is None:
            continue
        tried += 1
        try:
            kept = authorization_requests.kept_tokens(row)
        except CannotUnseal:
            kept = None
        # Delete the row first: of several processes only the one that deleted it revokes the session.
        if authorization_requests.forget(row):
            count += 1
            if kept is not None and not revoke_tokens(*kept, row):
                failing.add(issuer)
    return count
