"""How many events and communities one member creates within a day, so that nobody fills the lists that all read."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.db.models import QuerySet
from django.utils import timezone

from elonara.members.errors import NotAllowed

EVENTS_A_DAY: Final = 100  # two years of a weekly evening, or the programme of a festival
COMMUNITIES_A_DAY: Final = 20
DAY: Final = timedelta(hours=24)  # any 24 hours: a member changes her time zone when she likes


def require_below(limit: int, created: QuerySet[Any], sentence: str) -> None:
    """Raise NotAllowed (`too_many`) if a member has created that many rows within 24 hours.

    `created` are all of hers, with their `created_at`; `sentence` names the limit as {count}. Rows that are created at
    the same moment are not seen, so a few more may come through.
    """
    if created.filter(created_at__gt=timezone.now() - DAY).count() >= limit:
        raise NotAllowed(sentence.format(count=limit), "too_many")
