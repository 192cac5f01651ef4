"""Whether the site can do its work: for proxies, service managers and monitoring."""

from __future__ import annotations

import logging
import shutil
from typing import Final

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from elonara.housekeeping import clock_check, workers
from elonara.members.models import Member

# Health checks time out after a few seconds, and our transactions hold SQLite's write lock for milliseconds only.
LOCK_TIMEOUT_MS: Final = 1000
DISK_FULL_BELOW: Final = 16 * 1024 * 1024  # bytes

log = logging.getLogger(__name__)


@never_cache
@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """200 `{"status": "ok"}`, or 503 `{"status": "degraded", "reason": …}`.

    Reasons: `database` (it cannot be read or written), `disk` (the data folder is full), `clock` (this machine's clock
    was set back). `held` beside the status lists why workers take no work (`clock`, `keys`): pages are served all the
    same, so a proxy need not leave this process out. No machine is named, since anybody may read this.
    """
    try:
        Member.objects.exists()
        held = sorted({worker.held for worker in workers.alive()} - {""})
        _take_sqlite_lock()
        free = shutil.disk_usage(settings.ELONARA.data_dir).free
    except (DatabaseError, OSError) as fault:
        log.warning("health: the database does not answer: %s", fault)
        return _degraded("database")
    if free < DISK_FULL_BELOW:
        log.warning("health: the disk of the data folder has %d bytes left", free)
        return _degraded("disk")
    if (seconds := clock_check.of_this_process.behind()) > clock_check.TOLERANCE_SECONDS:
        log.warning("health: the clock of this machine was set back; it is %d s behind the time it showed", seconds)
        return _degraded("clock")
    return JsonResponse({"status": "ok", **({"held": held} if held else {})})


def _degraded(reason: str) -> JsonResponse:
    return JsonResponse({"status": "degraded", "reason": reason}, status=503)


def _take_sqlite_lock() -> None:
    """Take SQLite's only write lock for a moment; reading would succeed even while another process never releases it.

    Raises OperationalError where the lock is not free within `LOCK_TIMEOUT_MS`.
    """
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout")
        configured_timeout = int(cursor.fetchone()[0])
        cursor.execute(f"PRAGMA busy_timeout = {LOCK_TIMEOUT_MS}")
        try:
            cursor.execute("BEGIN IMMEDIATE")
            cursor.execute("ROLLBACK")
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {configured_timeout}")
