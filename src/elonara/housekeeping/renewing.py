"""Sessions that nobody uses are renewed before their refresh token ends.

A confidential client's refresh token lasts three months, a loopback client's session two weeks in all, that of an app
password about two months: a host who connected long ago can still invite, if her session was renewed in between.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from django.utils import timezone

from elonara import jobs
from elonara.bluesky import app_sessions, sessions
from elonara.bluesky.leased import SessionOver, TryLater
from elonara.bluesky.models import AppPasswordSession, MemberIdentity

IDLE: Final = timedelta(days=7)  # an access token lasts an hour: one that ended so long ago was not renewed since
BATCH: Final = 50  # a run; at ten seconds each, the worst, well inside the errand's lease together with TURN
TURN: Final = timedelta(seconds=200)

log = logging.getLogger(__name__)


def renew_idle() -> int:
    """Renew sessions that have been idle for a week, oldest first; how many were."""
    began, before, renewed = timezone.now(), timezone.now() - IDLE, 0
    for renew in (*_oauth(before), *_app_passwords(before)):
        if jobs.stopping() or timezone.now() - began > TURN:
            break
        try:
            renew()
            renewed += 1
        except SessionOver as over:
            log.info("an idle session is over: %s", over.reason)  # its member has been told
        except TryLater as later:
            log.info("an idle session could not be renewed now: %s", later.reason)
    return renewed


def _oauth(before: object) -> list[Callable[[], object]]:
    rows = MemberIdentity.objects.filter(state=MemberIdentity.State.ACTIVE, bsky_token_expires_at__lt=before)
    # A suspended member's session is left to end.
    rows = rows.filter(member__is_active=True).order_by("bsky_token_expires_at")[:BATCH]
    return [lambda pk=row.pk: sessions.fresh_token(pk) for row in rows]  # type: ignore[misc]


def _app_passwords(before: object) -> list[Callable[[], object]]:
    rows = AppPasswordSession.objects.filter(state=AppPasswordSession.State.ACTIVE, access_expires_at__lt=before)
    rows = rows.order_by("access_expires_at")[:BATCH]
    return [lambda row=row: app_sessions.fresh_token(row) for row in rows]  # type: ignore[misc]
