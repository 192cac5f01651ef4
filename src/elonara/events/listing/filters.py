"""What a list of events can be narrowed to."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Final

from django.db.models import Count, Exists, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from elonara.communities import queries as communities
from elonara.communities.models import Community
from elonara.events.guests import offers, places
from elonara.events.listing.days import Days, on_days
from elonara.events.models import Event, Rsvp
from elonara.events.queries import DEFAULT_DURATION, over_by, public
from elonara.members.models import Member

MOST_COMMUNITIES: Final = 200  # to choose among; another one is reached by its slug
Attendance = Event.Attendance


@dataclass(frozen=True)
class Filters:
    """What is wanted. All of it has to hold; what is empty narrows nothing."""

    days: Days = field(default_factory=Days)
    community: Community | None = None
    places_left: bool = False

    def __bool__(self) -> bool:
        return bool(self.days or self.community or self.places_left)


def narrowed(
    rows: QuerySet[Event], wanted: Filters, viewer: tzinfo | None = None, *, now: datetime | None = None
) -> QuerySet[Event]:
    """The rows that fit, in the order that they had. Takes one query, where days are wanted.

    `viewer` is the zone of who looks, for events online, which have no place; None where it is not known.
    """
    now = now or timezone.now()
    if wanted.community is not None:
        rows = rows.filter(community=wanted.community)
    if wanted.places_left:
        rows = rows.filter(_has_places(now))
    return on_days(rows, wanted.days, viewer, now=now)


def choices(member: Member | None, dids: Collection[str] = ()) -> list[Community]:
    """The communities to choose among, by name: the viewer's own, and those with public events that she may see."""
    # One list of ids: asked of each community, SQLite read all public events for each.
    listed = public().filter(community__isnull=False).values("community")
    rows = communities.visible_to(member, dids).filter(Q(pk__in=listed) | Q(pk__in=communities.ids_of(member, dids)))
    return list(rows.only("slug", "name")[:MOST_COMMUNITIES])


def community_at(slug: str, member: Member | None, dids: Collection[str] = ()) -> Community | None:
    """The community with this slug, where the viewer may see it."""
    return communities.visible_to(member, dids).filter(slug=slug).only("slug", "name").first()


def _has_places(now: datetime) -> Q:
    """Somebody who answers "going" now gets a place or asks for one, there or online: as the event's page says."""
    scheduled = Q(status=Event.Status.SCHEDULED) & ~over_by(now, now - DEFAULT_DURATION)
    answerable = Q(answers_until=None) | Q(answers_until__gt=now)
    there = Q(attendance__in=(Attendance.PLACE, Attendance.BOTH)) & _free("capacity", online=False)
    online = Q(attendance__in=(Attendance.ONLINE, Attendance.BOTH)) & _free("online_capacity", online=True)
    return scheduled & answerable & (there | online)


def _free(capacity: str, *, online: bool) -> Q:
    """One way to come has no limit; or fewer have a place than it has, and nobody waits, who would be first."""
    answers = Rsvp.objects.filter(event=OuterRef("pk"), online=online).order_by()
    people = (
        answers.filter(choice__in=places.HOLDING)
        .values("event")
        .annotate(people=Count("pk") + Coalesce(Sum("plus_ones"), 0))
        .values("people")
    )
    taken = Coalesce(Subquery(people, output_field=IntegerField()), 0)
    waiting = answers.filter(choice=Rsvp.Choice.WAITING)
    # Where places are offered, those do not count who let an offer run out (as in `places.anybody_waits`).
    waits = Q(Exists(waiting.exclude(offers.SILENT))) | Q(Exists(waiting), offer_hours=0)
    return Q(**{capacity: None}) | Q(**{f"{capacity}__gt": taken}) & ~waits
