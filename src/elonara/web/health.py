"""Whether the site can do its work: for proxies, service managers and monitoring."""

from __future__ import annotations

import logging

from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from elonara.members.models import Member

log = logging.getLogger(__name__)


@never_cache
@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """200 `{"status": "ok"}`, or 503 `{"status": "degraded", "reason": …}` where the rows cannot be read."""
    try:
        Member.objects.exists()
    except (DatabaseError, OSError) as fault:
        log.warning("health: the database does not answer: %s", fault)
        return JsonResponse({"status": "degraded", "reason": "database"}, status=503)
    return JsonResponse({"status": "ok"})
