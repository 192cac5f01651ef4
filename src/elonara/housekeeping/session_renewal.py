"""Refreshes idle Bluesky sessions before their refresh tokens expire.

A refresh token of a confidential client is valid for three months, one of an app password for about two months; the
session of a loopback client for two weeks in all. A host who connected long ago can still invite, if her session was
refreshed in between.

A session that cannot be refreshed now is tried again a day later, so that it does not block the others.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from elonara import jobs
from elonara.bluesky.app_password import sessions as app_sessions
from elonara.bluesky.models import AppPasswordSession, MemberIdentity
from elonara.bluesky.oauth import sessions as oauth_sessions
from elonara.bluesky.rate_budgets import origin_of
from elonara.bluesky.refresh_lease import SessionEnded, TryLater

# Since the access token expired. It is valid for about an hour, so the session has been idle for nearly as long.
RENEW_AFTER_IDLE: Final = timedelta(days=7)
RETRY_INTERVAL: Final = timedelta(days=1)  # after a failed attempt
# Limits of one run, for OAuth and for app passwords each.
MAX_ATTEMPTS: Final = 50
MAX_CANDIDATES: Final = 1000  # more than attempts: sessions at unreachable servers are skipped
MAX_RUN_TIME: Final = timedelta(seconds=70)  # twice that, and a slow last request, fits the lease of a periodic task

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _IdleSession:
    """How to refresh a session, the origin of the server to ask, and the session's row as a queryset."""

    renew: Callable[[], object]
    server: str
    row: QuerySet[Any]


def renew_idle() -> int:
    """Refresh sessions that have been idle for a week; returns how many succeeded.

    Sessions without a failed attempt come first, then those that have been idle longest.
    """
    now = timezone.now()
    return _renew(_oauth(now)) + _renew(_app_passwords(now))


def _renew(idle: Iterator[_IdleSession]) -> int:
    ends, attempts, renewed = time.monotonic() + MAX_RUN_TIME.total_seconds(), 0, 0
    unreachable: set[str] = set()
    for one in idle:
        if jobs.stopping() or attempts == MAX_ATTEMPTS or time.monotonic() > ends:
            break
        if one.server in unreachable:
            _postpone(one)
            continue
        attempts += 1
        try:
            one.renew()
            renewed += 1
            continue
        except SessionEnded as over:
            log.info("an idle session has ended: %s", over.reason)  # its member has been notified
        except TryLater as later:
            log.info("an idle session at %s could not be refreshed now: %s", one.server, later.reason)
            if later.reason in {"unreachable", "rate_limited"}:
                unreachable.add(one.server)
        except Exception:
            # A bug that hits one session must not keep it at the head of the queue.
            log.exception("an idle session at %s could not be refreshed", one.server)
        _postpone(one)
    return renewed


def _postpone(one: _IdleSession) -> None:
    # With jitter, so that a server that has recovered does not get the requests for all its sessions at once.
    one.row.update(renew_due_at=timezone.now() + RETRY_INTERVAL * random.uniform(0.8, 1.2))  # noqa: S311


def _oauth(now: datetime) -> Iterator[_IdleSession]:
    rows = MemberIdentity.objects.filter(state=MemberIdentity.State.ACTIVE)
    # A suspended member's session is not refreshed: it may expire.
    rows = rows.filter(member__is_active=True).only("issuer")
    for row in _due(rows, "bsky_token_expires_at", now):
        own_row = MemberIdentity.objects.filter(pk=row.pk)
        yield _IdleSession(partial(oauth_sessions.fresh_token, row.pk), row.issuer, own_row)


def _app_passwords(now: datetime) -> Iterator[_IdleSession]:
    rows = AppPasswordSession.objects.filter(state=AppPasswordSession.State.ACTIVE)
    for row in _due(rows.only("pds_url"), "access_expires_at", now):
        own_row = AppPasswordSession.objects.filter(pk=row.pk)
        yield _IdleSession(partial(app_sessions.fresh_token, row), origin_of(row.pds_url), own_row)


def _due[Row: (MemberIdentity, AppPasswordSession)](
    rows: QuerySet[Row], expiry_field: str, now: datetime
) -> QuerySet[Row]:
    rows = rows.filter(
        Q(renew_due_at=None) | Q(renew_due_at__lte=now), **{f"{expiry_field}__lt": now - RENEW_AFTER_IDLE}
    )
    return rows.order_by(F("renew_due_at").asc(nulls_first=True), expiry_field)[:MAX_CANDIDATES]
