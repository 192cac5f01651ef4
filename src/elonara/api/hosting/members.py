"""`/communities/{slug}/members`, `/join`, `/requests`: who belongs to a community, joins, asks to, and who decides."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from django.http import Http404, HttpRequest
from ninja import Path, Query, Router, Schema
from pydantic import Field

from elonara.api import targets
from elonara.api.auth import caller
from elonara.api.fields import NO_CONTROLS, Text
from elonara.api.problems import wrong_cursor
from elonara.communities import actions, queries
from elonara.communities.models import JoinRequest, Membership
from elonara.communities.people import listing, requests
from elonara.invitations.queries import invited_at
from elonara.members.errors import NotAllowed

router = Router(tags=["communities"])
MOST_REQUESTS = 100
JoinRequestId = Annotated[int, Path(ge=1, le=2**63 - 1)]


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


class JoinWord(Schema):
    """A word to the admins and moderators, read only where one asks to join."""

    word: Annotated[str, Text(requests.MAX_WORD_LENGTH)] = ""


class JoinedOut(Schema):
    """`member`: the caller belongs to it; `asked`: an admin or moderator decides."""

    state: Literal["member", "asked"]


class JoinRequestOut(Schema):
    """Somebody asks to join, since when, and how it ended; "" while it waits."""

    id: int
    username: str
    name: str
    word: str
    asked_at: dt.datetime
    outcome: Literal["", "accepted", "declined"]


class JoinRequestsOut(Schema):
    """Those that wait, in the order of asking: the first hundred."""

    requests: list[JoinRequestOut]


class JoinDecision(Schema):
    """What is said to who asked, if anything."""

    word: Annotated[str, Text(requests.MAX_ANSWER_LENGTH)] = ""


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
        raise wrong_cursor() from fault
    return {"members": [_out(row) for row in rows], "cursor": cursor or None}


@router.post("/{slug}/join", response=JoinedOut, summary="Join a community, or ask to")
def join(request: HttpRequest, slug: str, payload: JoinWord) -> Any:
    """Where people ask first, this asks, but for who is invited. Who was removed asks, whichever way others join."""
    member = caller(request)
    community = targets.community_at(slug, member)
    at = invited_at(community, targets.dids_of(member))
    try:
        actions.join(community, member=member, invited=at is not None, invited_at=at)
    except NotAllowed as fault:
        if fault.code not in {"ask_first", "removed"}:
            raise
        actions.ask(community, by=member, word=payload.word)
        return {"state": "asked"}
    return {"state": "member"}


@router.get("/{slug}/requests", response=JoinRequestsOut, summary="Who asks to join a community")
def waiting(request: HttpRequest, slug: str) -> Any:
    """For its admins and moderators."""
    member = caller(request)
    community = targets.community_at(slug, member)
    actions.require_moderator(community, member)
    return {"requests": [_request(row) for row in requests.waiting(community)[:MOST_REQUESTS]]}


@router.post("/{slug}/requests/{join_request}/accept", response=JoinRequestOut, summary="Accept who asks to join")
def accept(request: HttpRequest, slug: str, join_request: JoinRequestId, payload: JoinDecision) -> Any:
    """Who asked, or was declined. For admins and moderators."""
    member = caller(request)
    community = targets.community_at(slug, member)
    return _request(actions.accept(community, by=member, request_id=join_request, word=payload.word))


@router.post("/{slug}/requests/{join_request}/decline", response=JoinRequestOut, summary="Decline who asks to join")
def decline(request: HttpRequest, slug: str, join_request: JoinRequestId, payload: JoinDecision) -> Any:
    """Who is declined cannot ask again. For admins and moderators."""
    member = caller(request)
    community = targets.community_at(slug, member)
    return _request(actions.decline(community, by=member, request_id=join_request, word=payload.word))


def _request(row: JoinRequest) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in ("word", "asked_at", "outcome")}
    return {"id": row.pk, "username": row.member.username, "name": row.member.name} | values


def _out(row: Membership) -> dict[str, Any]:
    username = row.member.username if row.member else None
    name, handle = queries.name_of(row), queries.handle_of(row) or None
    return {"id": row.pk, "name": name, "username": username, "handle": handle, "role": row.role}
