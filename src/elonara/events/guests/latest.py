"""Who answered lately to the events that a member runs: for her front page and the digest by e-mail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import QuerySet
from django.utils import timezone

from elonara.events.guests.guest_list import COLUMNS, name_of
from elonara.events.models import Event, EventHost, Rsvp
from elonara.events.queries import hosted_by, not_over
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
    """The newest answers to events that she hosts or co-hosts, newest first, in one query."""
    rows = answers_to(host).filter(answered_at__gt=timezone.now() - LATELY).select_related("event")
    rows = rows.only(*COLUMNS, "answered_at", "event__title", "event__slug").order_by("-answered_at", "-pk")
    return [_shown(row) for row in rows[:SHOWN]]


def answers_to(host: Member) -> QuerySet[Rsvp]:
    """The answers to events that she hosts or co-hosts: none of her own, and none of guests who were added by name."""
    running = hosted_by(host).order_by().values("pk")
    rows = Rsvp.objects.filter(event__in=running, added_by_host=False)
    return rows.exclude(member=host).select_related("member__bluesky")


def hosts_with_answers(after: datetime) -> QuerySet[Member]:
    """Hosts and co-hosts of events to which somebody has answered since then."""
    to_come = not_over(Event.objects.all()).values("pk")  # few, beside the answers to all events
    answered = Rsvp.objects.filter(event__in=to_come, answered_at__gt=after, added_by_host=False).values("event")
    hosts = EventHost.objects.filter(event__in=answered).values("member")
    return Member.objects.filter(pk__in=hosts).order_by("pk")


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
