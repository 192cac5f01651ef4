"""`/me/bluesky`: the caller's people on Bluesky as they are stored, and reading them again."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from ninja import Query, Router, Schema, Status
from pydantic import Field

from elonara.api import targets
from elonara.api.auth import caller
from elonara.api.fields import NO_CONTROLS, Slug
from elonara.api.problems import Problem
from elonara.bluesky.connections.oauth_service import BlueskyOAuthService
from elonara.bluesky.graph import listing, sync
from elonara.bluesky.graph.circles.on_request import read_again
from elonara.bluesky.graph.failures import GraphUnavailable
from elonara.bluesky.graph.listing import PeoplePage, Wanted
from elonara.bluesky.graph.models import StoredGraph
from elonara.bluesky.graph.passes.progress import FAILED, NONE, RUNNING, SENTENCES, SyncProgress
from elonara.bluesky.graph.search import BadCursor
from elonara.bluesky.graph.service import BAD_CURSOR
from elonara.invitations import queries
from elonara.invitations.people import sources
from elonara.invitations.targets import Target
from elonara.members.models import Member

router = Router(tags=["people"])

SYNCING = gettext_noop("The people are being read from Bluesky for the first time. Ask again in a few seconds.")
NO_SUCH_CURSOR = gettext_noop("This cursor is not one for this list and order. Start again without one.")
NO_SUCH_LIST = gettext_noop("You do not have a list with this number.")
FILTERS = r"^(everyone|mutuals|followers|follows|talks|came|unanswered|community|list:[0-9]{1,18})?$"


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
    """One page. No `cursor`: that was the last one."""

    people: list[PersonOut]
    cursor: str | None


class PeopleQuery(Schema):
    """`q` searches names and handles, likeliest first; `event` or `community` (slugs) makes `invitable` speak of that
    target. `filter` is another list: only those of it are answered.
    """

    q: str = Field("", max_length=100, pattern=NO_CONTROLS)
    filter: str = Field(
        "",
        max_length=25,
        pattern=FILTERS,
        description="such as `came` (came to an earlier event of yours) or `list:7` (one of your lists on Bluesky)",
    )
    sort: Literal["newest", "oldest", "name", "likely"] = "newest"
    cursor: str | None = Field(None, max_length=1000, pattern=NO_CONTROLS)
    limit: int = Field(50, ge=1, le=100)
    event: Slug = ""
    community: Slug = ""


class SyncOut(Schema):
    """How far the reading of the caller's people is.

    `read` of about `total` people (null: not known) were read this time. `known` is false where blocks and mutes could
    not be read: such people can be seen, not invited. `read_at` is when a reading last ended.
    """

    state: Literal["running", "done", "failed"]
    read: int
    total: int | None
    known: bool
    read_at: dt.datetime | None


@router.get("/me/bluesky/followers", response=People, summary="Who follows me on Bluesky?")
def followers(request: HttpRequest, params: Query[PeopleQuery]) -> Any:
    """As stored at the last reading, newest first."""
    return _people(caller(request), listing.FOLLOWERS, params)


@router.get("/me/bluesky/follows", response=People, summary="Who do I follow on Bluesky?")
def follows(request: HttpRequest, params: Query[PeopleQuery]) -> Any:
    """As stored at the last reading, newest first."""
    return _people(caller(request), listing.FOLLOWS, params)


@router.get("/me/bluesky/mutuals", response=People, summary="Who follows me and is followed by me?")
def mutuals(request: HttpRequest, params: Query[PeopleQuery]) -> Any:
    """As stored at the last reading, newest first."""
    return _people(caller(request), listing.MUTUALS, params)


@router.post("/me/bluesky/sync", response={202: SyncOut}, summary="Read my followers and follows again")
def start_sync(request: HttpRequest) -> Any:
    """Begins to read everybody, unless that is under way. People stay where they are meanwhile."""
    member = caller(request)
    return Status(202, _sync_out(member, read_again(member)))


@router.get("/me/bluesky/sync", response=SyncOut, summary="The progress of reading my followers and follows")
def sync_progress(request: HttpRequest) -> Any:
    """Of the last reading, or of the one under way."""
    member = caller(request)
    return _sync_out(member, sync.progress(member.pk))


def _sync_out(member: Member, found: SyncProgress) -> dict[str, Any]:
    if found.state == NONE:
        _require_connected(member)
    state = RUNNING if found.state == NONE else found.state
    return {
        "state": state,
        "read": found.read,
        "total": found.expected,
        "known": found.known,
        "read_at": found.read_at,
    }


def _people(member: Member, among: str, params: PeopleQuery) -> dict[str, Any]:
    target = targets.find(member, event=params.event, community=params.community)
    graph = _graph(member)
    if params.filter and not sources.has(member, params.filter):
        fields = [{"field": "filter", "problem": _(NO_SUCH_LIST)}]
        sentence = _("The request does not have the form that this call expects.")
        raise Problem(422, "invalid_input", sentence, errors=fields)
    wanted = Wanted(q=params.q, sort=params.sort, cursor=params.cursor or "", limit=params.limit)
    try:
        page = sources.page(
            member,
            Target(target) if target else None,
            params.filter or listing.EVERYONE,
            wanted,
            graph=graph,
            among=among,
        )
    except BadCursor as fault:
        sentence = _(NO_SUCH_CURSOR)
        raise Problem(400, BAD_CURSOR, sentence, errors=[{"field": "cursor", "problem": sentence}]) from fault
    return {"people": _rows(member, target, page), "cursor": page.cursor or None}


def _rows(member: Member, target: Any, page: PeoplePage) -> list[dict[str, Any]]:
    reasons = queries.invitability(member, target, page.people)
    return [
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
    ]


def _graph(member: Member) -> StoredGraph:
    """The stored graph, once anybody is in it or it is known that nobody is.

    Raises Problem (503, syncing), and GraphUnavailable where it could not be read even once.
    """
    graph = listing.graph_of(member.pk)
    if graph is None:
        _require_connected(member)
    elif graph.read or graph.known_people or graph.read_at is not None:
        return graph
    elif graph.state == FAILED:
        found = sync.progress(member.pk)
        raise GraphUnavailable(found.reason, found.sentence)
    raise Problem(503, "syncing", _(SYNCING))


def _require_connected(member: Member) -> None:
    """Raises GraphUnavailable for who is not connected."""
    identity = BlueskyOAuthService().get_identity_for_member(member.pk)
    if identity is None or not identity.connected:
        raise GraphUnavailable("not_connected", _(SENTENCES["not_connected"]))
