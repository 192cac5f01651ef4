"""`/communities`: create, read and change."""

from __future__ import annotations

from typing import Any, Literal

from django.http import HttpRequest
from ninja import Router, Schema, Status

from elonara.api import targets
from elonara.api.auth import caller
from elonara.api.fields import Description, Name
from elonara.api.hosting import transfers
from elonara.api.invitations import attach, posts_on_bluesky
from elonara.communities import actions, queries, transfer
from elonara.communities.models import Community
from elonara.invitations import actions as invitations
from elonara.invitations.targets import Target
from elonara.members.models import Member

router = Router(tags=["communities"])
attach(router, targets.community_at, "community")
transfers.attach(router, targets.community_at, transfer, "community")


class NewCommunity(Schema):
    """A community of the caller's."""

    name: Name
    description: Description = ""
    visibility: Literal["public", "private"] = "public"
    joining: Literal["open", "request"] = "open"
    members_add_events: bool = False


class CommunityChange(Schema):
    """What is left out stays. `take_back`: also take back the posts that do not hold after the change."""

    name: Name = ""
    description: Description = ""
    visibility: Literal["public", "private"] = "public"
    joining: Literal["open", "request"] = "open"
    members_add_events: bool = False
    take_back: bool = False


class CommunityOut(Schema):
    """A community. `role` is the caller's, null for somebody outside. `joining`: whether one joins, or asks first."""

    slug: str
    url: str
    name: str
    description: str
    visibility: str
    joining: str
    members_add_events: bool  # else admins and moderators alone
    role: str | None
    posts_on_bluesky: int | None  # those that stand, or may; null for callers who may not invite to it


@router.post("", response={201: CommunityOut}, summary="Create a community")
def create(request: HttpRequest, payload: NewCommunity) -> Any:
    """The caller becomes its first admin."""
    member = caller(request)
    return Status(201, _out(actions.create(member, **payload.model_dump()), member))


@router.get("/{slug}", response=CommunityOut, summary="Read a community")
def read(request: HttpRequest, slug: str) -> Any:
    """404 where there is none, or the caller may not see it."""
    member = caller(request)
    return _out(targets.community_at(slug, member), member)


@router.patch("/{slug}", response=CommunityOut, summary="Change a community")
def change(request: HttpRequest, slug: str, payload: CommunityChange) -> Any:
    """Only its admins may. `posts_on_bluesky` says how many posts about it stay on Bluesky."""
    member = caller(request)
    fields = payload.model_dump(exclude_unset=True)
    take_back = fields.pop("take_back", False)
    community = actions.change(targets.community_at(slug, member), by=member, **fields)
    if take_back:
        invitations.take_back(community, member, only_wrong=True)
    return _out(community, member)


def _out(community: Community, member: Member) -> dict[str, Any]:
    fields = {
        name: getattr(community, name)
        for name in ("slug", "name", "description", "visibility", "joining", "members_add_events")
    }
    role = queries.role_of(community, member, targets.dids_of(member))
    posts = posts_on_bluesky(community, member)
    return fields | {"url": Target(community).url, "role": role, "posts_on_bluesky": posts}
