"""`/events`: create, read and change."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from django.http import Http404, HttpRequest
from ninja import Router, Schema, Status

from elonara.api import targets
from elonara.api.auth import caller
from elonara.api.fields import Description, Moment, MomentUnlessLeftOut, Place, Slug, Title
from elonara.api.invitations import attach, posts_on_bluesky
from elonara.communities import queries as communities
from elonara.communities.models import Community
from elonara.events import actions
from elonara.events.models import Event
from elonara.invitations import actions as invitations
from elonara.invitations.targets import Target
from elonara.members.errors import Invalid
from elonara.members.models import Member

router = Router(tags=["events"])
attach(router, targets.event_at, "event")


class NewEvent(Schema):
    """Times are ISO 8601; one without an offset is on the clock of `timezone` (IANA, by default the caller's own).

    `community` is the slug of one that the caller may add events to.
    """

    title: Title
    starts_at: Moment
    ends_at: Moment | None = None
    timezone: str = ""
    description: Description = ""
    location: Place = ""
    visibility: Literal["public", "private"] = "public"
    community: Slug = ""


class EventChange(Schema):
    """What is left out stays. `take_back`: also take back the posts that do not hold after the change."""

    title: Title = ""
    starts_at: MomentUnlessLeftOut = None
    ends_at: Moment | None = None
    timezone: str = ""
    description: Description = ""
    location: Place = ""
    visibility: Literal["public", "private"] = "public"
    take_back: bool = False


class EventOut(Schema):
    """An event."""

    slug: str
    url: str
    title: str
    starts_at: dt.datetime
    ends_at: dt.datetime | None
    timezone: str
    description: str
    location: str
    visibility: str
    status: str
    community: str | None  # the slug, null also where the caller may not see that community
    posts_on_bluesky: int | None  # those that stand, or may; null for callers who may not invite to it


@router.post("", response={201: EventOut}, summary="Make an event")
def create(request: HttpRequest, payload: NewEvent) -> Any:
    """The caller becomes its host."""
    member, fields = caller(request), payload.model_dump()
    fields["timezone"] = fields["timezone"] or member.timezone
    fields["community"] = _community_or_invalid(fields["community"], member)
    return Status(201, _out(actions.create(member, **fields), member))


@router.get("/{slug}", response=EventOut, summary="Read an event")
def read(request: HttpRequest, slug: str) -> Any:
    """404 where there is none, or the caller may not see it."""
    member = caller(request)
    return _out(targets.event_at(slug, member), member)


@router.patch("/{slug}", response=EventOut, summary="Change an event")
def change(request: HttpRequest, slug: str, payload: EventChange) -> Any:
    """Invitations that were not attempted are rebuilt and wait for the host's word. Posts that are out stay.

    `posts_on_bluesky` says how many; `GET /events/{slug}/posts` whether they still hold.
    """
    member = caller(request)
    fields = payload.model_dump(exclude_unset=True)
    take_back = fields.pop("take_back", False)
    event = actions.change(targets.event_at(slug, member), by=member, **fields)
    if take_back:
        invitations.take_back(event, member, only_wrong=True)
    return _out(event, member)


def _community_or_invalid(slug: str, member: Member) -> Community | None:
    """None for an empty slug. Raises Invalid: a slug in the body is bad input, not a missing page."""
    try:
        return targets.community_at(slug, member) if slug else None
    except Http404 as fault:
        raise Invalid({"community": "There is no such community, or you may not see it."}) from fault


def _out(event: Event, member: Member) -> dict[str, Any]:
    names = ("slug", "title", "starts_at", "ends_at", "timezone", "description", "location", "visibility", "status")
    community = event.community
    visible = community is not None and communities.may_see(community, member, targets.dids_of(member))
    slug = community.slug if community is not None and visible else None
    more = {"url": Target(event).url, "community": slug, "posts_on_bluesky": posts_on_bluesky(event, member)}
    return {name: getattr(event, name) for name in names} | more
