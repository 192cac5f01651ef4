"""Who answered lately to the events that a member runs: for her front page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from elonara.events.guests.guest_list import COLUMNS, name_of
from elonara.events.models import Rsvp
from elonara.events.queries import hosted_by
from elonara.members.models import Member

LATELY: Final = timedelta(days=14)
SHOWN: Final = 6


@dataclass(frozen=True)
class LatestAnswer:
    """One answer, as a host reads it."""

    name: str
    handle: str
    avatar_url: str
    choice: str
    plus_ones: int
    at: datetime
    title: str
    slug: str  # of the event


def latest(host: Member) -> list[LatestAnswer]:
    """The newest answers to events that she hosts or co-hosts, newest first, in one query. Hers are not among them."""
    running = hosted_by(host).order_by().values("pk")
    rows = Rsvp.objects.filter(event__in=running, answered_at__gt=timezone.now() - LATELY, added_by_host=False)
    rows = rows.exclude(member=host).select_related("member__bluesky", "event")
    rows = rows.only(*COLUMNS, "answered_at", "event__title", "event__slug").order_by("-answered_at", "-pk")
    return [_shown(row) for row in rows[:SHOWN]]


def _shown(row: Rsvp) -> LatestAnswer:
    identity = getattr(row.member, "bluesky", None) if row.member else None
    return LatestAnswer(
        name=name_of(row),
        handle=identity.bsky_handle if identity else row.handle,
        avatar_url=identity.avatar_url if identity else "",
        choice=row.choice,
        plus_ones=row.plus_ones,
        at=row.answered_at,
        title=row.event.title,
        slug=row.event.slug,
    )
