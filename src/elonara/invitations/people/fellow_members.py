"""Members of the event's community who are not invited yet. Only those with a Bluesky account that they proved."""

from __future__ import annotations

from typing import Final

from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from elonara.bluesky.graph.listing import PeoplePage, Wanted
from elonara.communities import queries as communities
from elonara.communities.models import Community, Membership
from elonara.events.models import Event, Rsvp
from elonara.invitations.consent.eligibility import REQUEUEABLE_STATES
from elonara.invitations.consent.relay_audience import own_dids
from elonara.invitations.models import Invitation
from elonara.invitations.people import bounded_lists
from elonara.invitations.people.bounded_lists import ListedPerson
from elonara.invitations.people.ways import MAX_PEOPLE, Asked, Source, listed

KEY: Final = "community"


def sources(asked: Asked) -> list[Source]:
    """The list, where the event has a community that the host may see."""
    community = _community(asked)
    if community is None:
        return []
    label = _("Members of {community}").format(community=community.name)
    return listed(KEY, label, _not_invited(asked, community).count())


def page(asked: Asked, argument: str, wanted: Wanted) -> PeoplePage:  # noqa: ARG001
    """One page of them. Raises BadCursor."""
    community = _community(asked)
    if community is None:
        return bounded_lists.page(asked, [], {}, wanted)
    rows = _not_invited(asked, community).select_related("member__bluesky").order_by("-joined_at", "-pk")[:MAX_PEOPLE]
    people = []
    for row in rows:
        identity = getattr(row.member, "bluesky", None) if row.member else None
        name = row.member.name if row.member else row.name
        handle, avatar = (identity.bsky_handle, identity.avatar_url) if identity else (row.handle, "")
        people.append(ListedPerson(row.who, row.joined_at, name, handle, avatar))  # type: ignore[attr-defined]
    return bounded_lists.page(asked, people, bounded_lists.in_graph(asked, [one.did for one in people]), wanted)


def _community(asked: Asked) -> Community | None:
    event = asked.target.of if asked.target else None
    community = event.community if isinstance(event, Event) else None
    if community is None or not communities.may_see(community, asked.host, tuple(own_dids(asked.host))):
        return None
    return community


def _not_invited(asked: Asked, community: Community) -> QuerySet[Membership]:
    """Memberships with the person's DID as `who`: without the hosts, who was invited, and who has answered anyway."""
    if asked.target is None:
        return Membership.objects.none()
    who = Coalesce(F("member__bluesky__bsky_did"), F("did"))
    invited = Invitation.objects.filter(**asked.target.only).exclude(state__in=REQUEUEABLE_STATES, ambiguous=False)
    answered = Rsvp.objects.filter(**asked.target.only).annotate(who=who).values("who")
    rows = Membership.objects.filter(community=community).exclude(member=asked.host).annotate(who=who)
    return (
        rows.exclude(who__in=["", *own_dids(asked.host), *asked.target.runner_dids()])
        .exclude(who__in=invited.values("invitee_did"))
        .exclude(who__in=answered)
    )
