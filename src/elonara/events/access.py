"""The event behind an address, for those who may see it; for all others it is as if it were not there.

What a viewer may not see takes the same queries as what does not exist, so that neither a page nor its time tells.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db.models import Q, QuerySet

from elonara.communities import queries as communities
from elonara.communities import transfer_rows
from elonara.communities.models import Visibility
from elonara.events import queries
from elonara.events.models import Event, EventHost
from elonara.members.models import Member
from elonara.members.queries import is_operator, may_act


def find(slug: str, member: Member | None, dids: Collection[str], invited: QuerySet[Any]) -> Event | None:
    """The event with this slug, if the viewer may see its page; else None.

    `invited`: the ids of the events to which she has an invitation, of which events know nothing.
    """
    event = queries.with_slug(slug)
    if event is not None and event.visibility == Visibility.PUBLIC and not queries.is_withheld(event):
        return event
    if member is None and not dids:
        return None
    # Asked in any case, in one statement.
    allowed = Event.objects.filter(_open_to(member, dids, invited), slug=slug).exists()
    return event if allowed else None


def _open_to(member: Member | None, dids: Collection[str], invited: QuerySet[Any]) -> Q:
    """The condition for the events that the viewer may see, hidden ones of her own too."""
    shown = Q(pk__in=queries.visible_to(member, dids).order_by().values("pk")) | Q(pk__in=invited)
    if member is None:
        return Q(hidden_at=None) & shown
    shown |= Q(pk__in=EventHost.objects.filter(queries.NOT_ANSWERED, member=member).values("event"))
    shown |= Q(pk__in=transfer_rows.open_to(member).filter(event__isnull=False).values("event"))
    everything = Q(hidden_at=None) & shown
    if may_act(member):
        everything |= Q(pk__in=queries.hosting(member).values("event")) | Q(community__in=communities.run_by(member))
    if is_operator(member):
        everything |= Q(visibility=Visibility.PUBLIC)
    return everything
