"""`/events`: list, create, read and change."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _
from ninja import Query, Router, Schema, Status
from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from elonara.api import targets
from elonara.api.auth import caller
from elonara.api.event_list import EventsOut, EventsQuery, page_of_events
from elonara.api.fields import Capacity, Description, Hours, Link, Moment, MomentUnlessLeftOut, Place, Slug, Title, Zone
from elonara.api.hosting import transfers
from elonara.api.invitations import attach, posts_on_bluesky
from elonara.communities import queries as communities
from elonara.communities.models import Community
from elonara.events import actions, again, location, queries, transfer
from elonara.events.guests import places, rsvps
from elonara.events.models import Event
from elonara.invitations import actions as invitations
from elonara.invitations.targets import Target
from elonara.members.errors import Invalid
from elonara.members.models import Member

Mood = Literal["any", "calm", "lively", "evening", "outdoors"]

router = Router(tags=["events"])
attach(router, targets.event_at, "event")
transfers.attach(router, targets.event_at, transfer, "event")


class GuestSettings(Schema):
    """How guests get places. What is left out of a change stays.

    `fills_by_itself`: free places go to who waits, else they wait for a host's hand. `offer_hours`: how long somebody
    has to take a free place; 0: it is given at once. `fill_cutoff_hours`: so long before the start nobody moves up any
    more. `approval`: hosts accept each guest. `place_hidden`: `location` is "" for all but hosts and who is going.
    `attendance`: guests come to the place, online, or choose; `online_capacity` is for those who come online, as
    `capacity` is for the place. `answers_until`: later, guests can only say that they cannot come.
    `guest_list_hidden`, `count_hidden`: hosts alone see who comes, and how many.
    """

    fills_by_itself: bool = True
    offer_hours: Hours = 0
    fill_cutoff_hours: Hours = 0
    approval: bool = False
    place_hidden: bool = False
    attendance: Literal["place", "online", "both"] = "place"
    online_capacity: Capacity = None
    answers_until: Moment | None = None
    guest_list_hidden: bool = False
    count_hidden: bool = False


class NewEvent(Schema):
    """Times are ISO 8601; one without an offset is on the clock of `timezone` (IANA, by default the caller's own).

    `all_day`: the whole days that `starts_at` and `ends_at` touch, at least one. The end is no part of it, as with
    DTEND of iCalendar: a midnight ends the day before. It is answered so, too.

    `community` is the slug of one that the caller may add events to. `copy_of` is the slug of an event that the caller
    runs: what is left out is as it is there, with its picture and its questions; only `starts_at` is always needed.
    """

    copy_of: Slug = ""
    title: Annotated[Title, Field(validate_default=True)] = ""
    starts_at: Moment
    ends_at: Moment | None = None
    all_day: bool = False
    timezone: Zone = ""
    description: Description = ""
    location: Place = ""
    online_link: Link = ""
    visibility: Literal["public", "private"] = "public"
    community: Slug = ""
    capacity: Capacity = None
    guests: GuestSettings = GuestSettings()
    replies_to_host: bool = False
    mood: Mood = "any"

    @field_validator("title")
    @classmethod
    def _named(cls, title: str, info: ValidationInfo) -> str:
        if not title and not info.data.get("copy_of"):
            raise PydanticCustomError("missing", _("Give the event a title."))
        return title


class EventChange(Schema):
    """What is left out stays. `take_back`: also take back the posts that do not hold after the change.

    `community` is the slug of one that the caller may add events to; "" takes the event out of its community.
    """

    title: Title = ""
    starts_at: MomentUnlessLeftOut = None
    ends_at: Moment | None = None
    all_day: bool = False
    timezone: Zone = ""
    description: Description = ""
    location: Place = ""
    online_link: Link = ""
    visibility: Literal["public", "private"] = "public"
    community: Slug = ""
    capacity: Capacity = None
    guests: GuestSettings = GuestSettings()
    replies_to_host: bool = False
    mood: Mood = "any"
    take_back: bool = False


class EventOut(Schema):
    """An event."""

    slug: str
    url: str
    title: str
    starts_at: dt.datetime
    ends_at: dt.datetime | None
    all_day: bool
    timezone: str
    description: str
    location: str
    online_link: str  # for hosts and for guests who come online; "" for others
    visibility: str
    status: str
    capacity: int | None  # people who can come; null: no limit
    places_left: int | None  # null: no limit, or hidden
    online_places_left: int | None
    mood: Mood  # of the drawn cover
    replies_to_host: bool  # e-mails to guests name the host's confirmed address
    guests: GuestSettings
    community: str | None  # the slug, null also where the caller may not see that community
    posts_on_bluesky: int | None  # those that stand, or may; null for callers who may not invite to it


@router.post("", response={201: EventOut}, summary="Create an event")
def create(request: HttpRequest, payload: NewEvent) -> Any:
    """The caller becomes its host."""
    member = caller(request)
    if payload.copy_of:
        return Status(201, _out(_again(payload, member), member))
    fields = payload.model_dump(exclude={"copy_of"})
    fields |= fields.pop("guests")
    fields["timezone"] = fields["timezone"] or member.timezone
    fields["community"] = _community_or_invalid(fields["community"], member)
    return Status(201, _out(actions.create(member, **fields), member))


@router.get("", response=EventsOut, summary="List events")
def index(request: HttpRequest, params: Query[EventsQuery]) -> Any:
    """A hundred on a page, soonest first; past events and your own the latest first. All filters hold together."""
    return page_of_events(caller(request), params)


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
    fields |= fields.pop("guests", {})
    take_back = fields.pop("take_back", False)
    if "community" in fields:
        fields["community"] = _community_or_invalid(fields["community"], member)
    event = actions.change(targets.event_at(slug, member), by=member, **fields)
    if take_back:
        invitations.take_back(event, member, only_wrong=True)
    return _out(event, member)


def _again(payload: NewEvent, member: Member) -> Event:
    given = payload.model_dump(exclude_unset=True, exclude={"copy_of"})
    given |= given.pop("guests", {})
    if not payload.timezone:
        given.pop("timezone", "")
    if "community" in given:
        given["community"] = _community_or_invalid(given["community"], member)
    try:
        of = targets.event_at(payload.copy_of, member)
    except Http404 as fault:
        raise Invalid({"copy_of": _("This event does not exist, or you may not see it.")}) from fault
    again.require_repeatable(of, member)
    copied = again.fields_of(of, member, payload.starts_at, payload.timezone)
    return again.create(member, of=of, **(copied | given))


def _community_or_invalid(slug: str, member: Member) -> Community | None:
    """None for an empty slug. Raises Invalid: a slug in the body is bad input, not a missing page."""
    try:
        return targets.community_at(slug, member) if slug else None
    except Http404 as fault:
        raise Invalid({"community": _("This community does not exist, or you may not see it.")}) from fault


def _out(event: Event, member: Member) -> dict[str, Any]:
    names = (
        "slug", "title", "starts_at", "ends_at", "all_day", "timezone", "description", "visibility", "status",
        "capacity", "mood",
    )  # fmt: skip
    community = event.community
    visible = community is not None and communities.may_see(community, member, targets.dids_of(member))
    slug = community.slug if community is not None and visible else None
    more: dict[str, Any] = {"url": Target(event).url, "community": slug}
    more["posts_on_bluesky"] = posts_on_bluesky(event, member)
    manages = queries.may_manage(event, member)
    mine = rsvps.rsvp_of(event, member)
    more["location"] = location.where(event, mine, manages=manages)
    more["online_link"] = location.link(event, mine, manages=manages)
    counts = manages or not event.count_hidden
    more["places_left"] = places.left(event) if counts else None
    more["online_places_left"] = places.left(event, online=True) if counts else None
    more["replies_to_host"] = event.replies_to_host
    more["guests"] = {name: getattr(event, name) for name in GuestSettings.model_fields}
    return {name: getattr(event, name) for name in names} | more
