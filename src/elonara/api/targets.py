"""From a slug to an event or a community that the caller may see; what may not be seen looks like what is not there."""

from __future__ import annotations

from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404

from elonara.bluesky.connections.oauth_service import BlueskyOAuthService
from elonara.communities import queries as communities
from elonara.communities.models import Community
from elonara.events import queries as events
from elonara.events.models import Event
from elonara.invitations.queries import is_invited
from elonara.members.models import Member


def dids_of(member: Member) -> tuple[str, ...]:
    """The DID the caller has proved, if any."""
    identity = BlueskyOAuthService().get_identity_for_member(member.pk)
    return (identity.did,) if identity else ()


def event_at(slug: str, member: Member) -> Event:
    """Raises Http404."""
    try:
        found = events.by_slug(_sound(slug), invited=True)
    except ObjectDoesNotExist as fault:
        raise Http404 from fault
    dids = dids_of(member)
    if events.may_see(found, member, dids) or events.may_invite(found, member) or is_invited(found, dids):
        return found
    raise Http404


def community_at(slug: str, member: Member) -> Community:
    """Raises Http404."""
    found = Community.objects.select_related("created_by").filter(slug=_sound(slug)).first()
    dids = dids_of(member)
    if found is None or not (communities.may_see(found, member, dids) or is_invited(found, dids)):
        raise Http404
    return found


def find(member: Member, *, event: str = "", community: str = "") -> Event | Community | None:
    """The target a people list speaks of, None where none is named. Raises Http404."""
    if event:
        return event_at(event, member)
    if community:
        return community_at(community, member)
    return None


def _sound(slug: str) -> str:
    """The slug, where a database can be asked for it. Raises Http404."""
    if not slug.isprintable():
        raise Http404
    return slug
