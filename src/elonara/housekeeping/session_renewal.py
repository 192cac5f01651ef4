"""Sessions that nobody uses are renewed before their refresh token ends.

A confidential client's refresh token lasts three months, a loopback client's session two weeks in all, that of an app
password about two months: a host who connected long ago can still invite, if her session was renewed in between.

One that cannot be renewed now is tried again a day later, so that the others come before it.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from elonara import jobs
from elonara.bluesky.app_password import sessions as app_sessions
from elonara.bluesky.models import AppPasswordSession, MemberIdentity
from elonara.bluesky.oauth import sessions as oauth_sessions
from elonara.bluesky.rate_budgets import origin_of
from elonara.bluesky.refresh_lease import SessionEnded, TryLater

RENEW_AFTER_IDLE: Final = timedelta(
    days=7
)  # an access token lasts an hour: one that ended so long ago was not renewed since
RETRY_INTERVAL: Final = timedelta(days=1)  # after a try in vain
BATCH: Final = 50  # sessions of each sort that are asked for in a run
MAX_CANDIDATES: Final = 1000  # of each sort, those at servers that do not answer included
TURN: Final = timedelta(seconds=70)  # for each sort; both, and a slow call after each, end within the errand's lease

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Idle:
    """A session to renew, the server that renews it, and its row."""

    renew: Callable[[], object]
    server: str
    row: QuerySet[Any]


def renew_idle() -> int:
    """Renew sessions that have been idle for a week, those that never failed and the oldest first; how many were."""
    now = timezone.now()
    return _renew(_oauth(now)) + _renew(_app_passwords(now))


def _renew(idle: Iterator[_Idle]) -> int:
    ends, asked, renewed = time.monotonic() + TURN.total_seconds(), 0, 0
    away: set[str] = set()
    for one in idle:
        if jobs.stopping() or asked == BATCH or time.monotonic() > ends:
            break
        if one.server in away:
            _put_off(one)
            continue
        asked += 1
        try:
            one.renew()
            renewed += 1
            continue
        except SessionEnded as over:
            log.info("an idle session is over: %s", over.reason)  # its member has been told
        except TryLater as later:
            log.info("an idle session at %s could not be renewed now: %s", one.server, later.reason)
            if later.reason in {"unreachable", "rate_limited"}:
                away.add(one.server)
        except Exception:
            # A fault of ours with one session must not keep it at the head of the queue.
            log.exception("an idle session at %s could not be renewed", one.server)
        _put_off(one)
    return renewed


def _put_off(one: _Idle) -> None:
    # With jitter: a server that comes back is not asked for all its sessions at once.
    one.row.update(renew_due_at=timezone.now() + RETRY_INTERVAL * random.uniform(0.8, 1.2))  # noqa: S311


def _oauth(now: datetime) -> Iterator[_Idle]:
    rows = MemberIdentity.objects.filter(state=MemberIdentity.State.ACTIVE)
    # A suspended member's session is left to end.
    rows = rows.filter(member__is_active=True).only("issuer")
    for row in _due(rows, "bsky_token_expires_at", now):
        pk = row.pk
        yield _Idle(lambda pk=pk: oauth_sessions.fresh_token(pk), row.issuer, MemberIdentity.objects.filter(pk=pk))  # type: ignore[misc]


def _app_passwords(now: datetime) -> Iterator[_Idle]:
    rows = AppPasswordSession.objects.filter(state=AppPasswordSession.State.ACTIVE)
    for row in _due(rows.only("pds_url"), "access_expires_at", now):
        mine = AppPasswordSession.objects.filter(pk=row.pk)
        yield _Idle(lambda row=row: app_sessions.fresh_token(row), origin_of(row.pds_url), mine)  # type: ignore[misc]


def _due[Row: (MemberIdentity, AppPasswordSession)](rows: QuerySet[Row], ended: str, now: datetime) -> QuerySet[Row]:
    rows = rows.filter(Q(renew_due_at=None) | Q(renew_due_at__lte=now), **{f"{ended}__lt": now - RENEW_AFTER_IDLE})
    return rows.order_by(F("renew_due_at").asc(nulls_first=True), ended)[:MAX_CANDIDATES]
