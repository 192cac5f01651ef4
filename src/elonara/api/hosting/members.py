"""`/communities/{slug}/members`: the people of a community."""

from __future__ import annotations

from typing import Any, Literal

from django.http import Http404, HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from elonara.api import targets
from elonara.api.auth import caller
from elonara.api.fields import NO_CONTROLS
from elonara.api.problems import Problem
from elonara.communities import queries
from elonara.communities.models import Membership
from elonara.communities.people import listing

router = Router(tags=["communities"])
NO_SUCH_CURSOR = "This site has given no such cursor. Begin again without one."


class CommunityMemberOut(Schema):
    """Somebody in the community. Without an account here `username` is null."""

    id: int
    name: str
    username: str | None
    handle: str | None
    role: Literal["admin", "moderator", "member"]


class CommunityMembersOut(Schema):
    """One page: admins, then moderators, then members, each by when they joined. No `cursor`: that was the last one."""

    members: list[CommunityMemberOut]
    cursor: str | None


class CommunityMembersQuery(Schema):
    """`q` searches names, usernames and handles: every word has to be found. `cursor` is that of the answer before."""

    q: str = Field("", max_length=100, pattern=NO_CONTROLS)
    cursor: str | None = Field(None, max_length=200, pattern=NO_CONTROLS)
    limit: int = Field(50, ge=1, le=listing.MOST_LISTED)


@router.get("/{slug}/members", response=CommunityMembersOut, summary="The members of a community")
def members(request: HttpRequest, slug: str, params: Query[CommunityMembersQuery]) -> Any:
    """Of a private one for its members alone."""
    member = caller(request)
    community = targets.community_at(slug, member)
    if not queries.may_see_people(community, member, targets.dids_of(member)):
        raise Http404
    try:
        rows, cursor = listing.after(community, params.q, params.cursor or "", params.limit)
    except listing.WrongMembersCursor as fault:
        errors = [{"field": "cursor", "problem": NO_SUCH_CURSOR}]
        raise Problem(422, "bad_cursor", NO_SUCH_CURSOR, errors=errors) from fault
    return {"members": [_out(row) for row in rows], "cursor": cursor or None}


def _out(row: Membership) -> dict[str, Any]:
    identity = getattr(row.member, "bluesky", None) if row.member else None
    handle = identity.bsky_handle if identity else row.handle
    name = row.member.name if row.member else row.name or row.handle or "Somebody from Bluesky"
    username = row.member.username if row.member else None
    return {"id": row.pk, "name": name, "username": username, "handle": handle or None, "role": row.role}
