"""From a slug to an event or a community that the caller may see; what may not be seen looks like what is not there."""

from __future__ import annotations

from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404

from elonara.bluesky.oauth_service import BlueskyOAuthService
from elonara.communities import queries as communities
from elonara.communities.models import Community
from elonara.events import queries as events
from elonara.events.models import Event
from elonara.members.models import Member


def dids_of(member: Member) -> tuple[str, ...]:
    """The DID the caller has proved, if any."""
    identity = BlueskyOAuthService().get_identity_for_member(member.pk)
    return (identity.did,) if identity else ()


def event_at(slug: str, member: Member) -> Event:
    """Raises Http404."""
    try:
        found = events.by_slug(slug, invited=True)
        if events.may_see(found, member, dids_of(member)) or events.may_invite(found, member):
            return found
    except ObjectDoesNotExist as fault:
        raise Http404 from fault
    raise Http404


def community_at(slug: str, member: Member) -> Community:
    """Raises Http404."""
    try:
        return communities.by_slug(slug, member, dids_of(member))
    except ObjectDoesNotExist as fault:
        raise Http404 from fault


def find(member: Member, *, event: str = "", community: str = "") -> Event | Community | None:
    """The target a people list speaks of, None where none is named. Raises Http404."""
    if event:
        return event_at(event, member)
    if community:
        return community_at(community, member)
    return None
