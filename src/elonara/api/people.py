"""`/me/bluesky`: the caller's followers and follows on Bluesky, and reading them again."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from elonara.api import targets
from elonara.api.auth import caller
from elonara.api.fields import NO_CONTROLS, Slug
from elonara.bluesky.graph import resync
from elonara.bluesky.graph import service as graph_service
from elonara.bluesky.graph.service import GraphPage
from elonara.invitations import queries
from elonara.members.models import Member

router = Router(tags=["people"])


class PersonOut(Schema):
    """Somebody the caller knows. `reason` is a stable code where `invitable` is false."""

    did: str
    handle: str
    display_name: str
    avatar: str
    mutual: bool
    invitable: bool
    reason: str | None


class People(Schema):
    """One page. No `cursor`: that was the last one. Pages can be short or empty before it."""

    people: list[PersonOut]
    cursor: str | None


class PeopleQuery(Schema):
    """`q` searches names and handles; `event` or `community` (slugs) makes `invitable` speak of that target."""

    q: str = Field("", max_length=100, pattern=NO_CONTROLS)
    cursor: str | None = Field(None, max_length=500, pattern=NO_CONTROLS)
    limit: int = Field(50, ge=1, le=100)
    event: Slug = ""
    community: Slug = ""


class SyncOut(Schema):
    """`known` is false where blocks and mutes could not be read: such people can be seen, not invited."""

    forgotten: int
    read: int
    known: bool
    read_at: dt.datetime


@router.get("/me/bluesky/followers", response=People, summary="Who follows me on Bluesky?")
def followers(request: HttpRequest, params: Query[PeopleQuery]) -> Any:
    """Newest first."""
    return _people(caller(request), "followers", params)


@router.get("/me/bluesky/follows", response=People, summary="Whom do I follow on Bluesky?")
def follows(request: HttpRequest, params: Query[PeopleQuery]) -> Any:
    """Newest first."""
    return _people(caller(request), "follows", params)


@router.post("/me/bluesky/sync", response=SyncOut, summary="Read my people again")
def sync(request: HttpRequest) -> Any:
    """Forget what was kept of the graph, and read the newest hundred followers and follows from Bluesky."""
    return resync.resync(caller(request).pk)


def _people(member: Member, side: Literal["followers", "follows"], params: PeopleQuery) -> dict[str, Any]:
    target = targets.find(member, event=params.event, community=params.community)
    page = _page(member.pk, side, params)
    reasons = queries.invitability(member, target, page.people)
    return {
        "people": [
            {
                "did": person.did,
                "handle": person.handle,
                "display_name": person.display_name,
                "avatar": person.avatar,
                "mutual": person.mutual,
                "invitable": reasons[person.did] is None,
                "reason": reasons[person.did],
            }
            for person in page.people
        ],
        "cursor": page.cursor,
    }


def _page(member_id: int, side: Literal["followers", "follows"], params: PeopleQuery) -> GraphPage:
    service = graph_service.current()
    if params.q:
        found = service.search(member_id, params.q, limit=params.limit)
        wanted = [person for person in found if (person.follows_you if side == "followers" else person.you_follow)]
        return GraphPage(wanted, None, known=all(person.known for person in wanted))
    read = service.get_followers if side == "followers" else service.get_follows
    return read(member_id, params.cursor or None, limit=params.limit)
