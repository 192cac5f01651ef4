"""Find the event or community of a slug. What the caller may not see is 404, like what does not exist."""

from __future__ import annotations

from django.http import Http404

from elonara.bluesky.connections.oauth_service import BlueskyOAuthService
from elonara.communities import queries as communities
from elonara.communities.models import Community
from elonara.events import access
from elonara.events.models import Event
from elonara.invitations.queries import targets_of
from elonara.members.models import Member


def dids_of(member: Member) -> tuple[str, ...]:
    """The member's linked DID, if any."""
    identity = BlueskyOAuthService().get_identity_for_member(member.pk)
    return (identity.did,) if identity else ()


def event_at(slug: str, member: Member) -> Event:
    """The event, where the member may see it. Raises Http404."""
    dids = dids_of(member)
    found = access.find(_printable(slug), member, dids, targets_of("event", dids))
    if found is None:
        raise Http404
    return found


def community_at(slug: str, member: Member) -> Community:
    """The community, where the member may see it. Raises Http404."""
    dids = dids_of(member)
    found = communities.find(_printable(slug), member, dids, targets_of("community", dids))
    if found is None:
        raise Http404
    return found


def find(member: Member, *, event: str = "", community: str = "") -> Event | Community | None:
    """The target named by one of the slugs, None where both are empty. Raises Http404."""
    if event:
        return event_at(event, member)
    if community:
        return community_at(community, member)
    return None


def _printable(slug: str) -> str:
    """The slug. Raises Http404 for control characters: PostgreSQL refuses a query with NUL."""
    if not slug.isprintable():
        raise Http404
    return slug
