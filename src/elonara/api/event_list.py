"""The list of events: the parameters and the answer of `GET /events`."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Any, Literal

from django.utils.translation import gettext as _
from ninja import Schema
from pydantic import BeforeValidator, Field

from elonara.api import targets
from elonara.api.fields import NO_CONTROLS, Slug
from elonara.communities import queries as communities
from elonara.events import queries
from elonara.events.listing.days import FIRST_DAY, LAST_DAY, Days, When
from elonara.events.listing.filters import Filters, community_at, narrowed
from elonara.events.models import Event
from elonara.invitations.targets import Target
from elonara.members.errors import Invalid
from elonara.members.models import Member
from elonara.members.time_zones import is_zone, zone

EVENTS_ON_A_PAGE = 100
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _day_alone(value: object) -> object:
    # pydantic would accept seconds since 1970, and a time at midnight.
    if isinstance(value, str) and not _DATE.fullmatch(value):
        raise ValueError("a day is written such as 2027-05-01")
    return value


Day = Annotated[dt.date | None, BeforeValidator(_day_alone), Field(ge=FIRST_DAY, le=LAST_DAY)]


class EventsQuery(Schema):
    """`upcoming` and `past` are as on the pages: public events that are not over; all that have begun and that the
    caller may see. `mine` are those that she hosts or answered.
    """

    show: Literal["upcoming", "mine", "past"] = "upcoming"
    q: str = Field("", max_length=100, pattern=NO_CONTROLS, description="words of title, place and description")
    when: When | None = Field(None, description="by the clock of each event's place; instead of `from` and `to`")
    first: Day = Field(None, alias="from")
    last: Day = Field(None, alias="to")
    community: Slug = ""
    places_left: bool = False
    page: int = Field(1, ge=1, le=1_000_000)


class ListedEvent(Schema):
    """An event as lists show it: `GET /events/{slug}` has the rest. `going`: people; null where hosts hide numbers."""

    slug: str
    url: str
    title: str
    starts_at: dt.datetime
    ends_at: dt.datetime | None
    all_day: bool
    timezone: str
    location: str
    visibility: str
    status: str
    community: str | None
    going: int | None


class EventsOut(Schema):
    """One page of events, and how many pages there are."""

    events: list[ListedEvent]
    page: int
    pages: int


def page_of_events(member: Member, params: EventsQuery) -> dict[str, Any]:
    """The page that the parameters name, the last one where it is beyond it. Raises Invalid."""
    dids = targets.dids_of(member)
    match params.show:
        case "mine":
            rows = queries.hosted_or_attended(member, dids)
        case "past":
            rows = queries.past(member, dids)
        case _:
            rows = queries.upcoming_public()
    viewer = zone(member.timezone) if is_zone(member.timezone) else None
    rows = queries.matching(narrowed(rows, _wanted(params, member, dids), viewer), params.q)
    pages = max(1, -(-rows.order_by().count() // EVENTS_ON_A_PAGE))
    page = min(params.page, pages)
    shown = list(rows.prefetch_related(None)[(page - 1) * EVENTS_ON_A_PAGE : page * EVENTS_ON_A_PAGE])
    of = {event.community_id for event in shown if event.community_id}
    known = set(communities.visible_to(member, dids).filter(pk__in=of).order_by().values_list("pk", flat=True))
    return {"events": [_listed(event, known) for event in shown], "page": page, "pages": pages}


def _wanted(params: EventsQuery, member: Member, dids: tuple[str, ...]) -> Filters:
    errors = {}
    if params.when and (params.first or params.last):
        errors["when"] = _("Send `when`, or `from` and `to`.")
    if params.first and params.last and params.first > params.last:
        errors["to"] = _("This is before `from`.")
    community = community_at(params.community, member, dids) if params.community else None
    if params.community and community is None:
        errors["community"] = _("This community does not exist, or you may not see it.")
    if errors:
        raise Invalid(errors)
    return Filters(Days(params.when, params.first, params.last), community, params.places_left)


def _listed(event: Event, known: set[int]) -> dict[str, Any]:
    names = ("slug", "title", "starts_at", "ends_at", "all_day", "timezone", "visibility", "status")
    community = event.community if event.community_id in known else None
    return {name: getattr(event, name) for name in names} | {
        "url": Target(event).url,
        "location": event.public_location,
        "community": community.slug if community else None,
        "going": None if event.count_hidden else event.going_count,  # type: ignore[attr-defined]
    }
