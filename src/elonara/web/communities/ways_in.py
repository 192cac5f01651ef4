"""How a viewer who is not in a community can come in: what its page offers her."""

from __future__ import annotations

from dataclasses import dataclass

from elonara.communities import bars
from elonara.communities.models import Community, Joining, JoinRequest, Visibility
from elonara.communities.people import requests
from elonara.communities.principals import principal_of
from elonara.invitations.queries import invited_at
from elonara.members.errors import NotAllowed
from elonara.members.models import Member


@dataclass(frozen=True)
class WayIn:
    """At most one of these is true; none where nobody can join."""

    joins: bool = False  # presses Join
    asks: bool = False  # writes to the admins, if she likes
    waiting: JoinRequest | None = None
    declined: JoinRequest | None = None
    removed: bool = False  # beside `asks`: why she has to


def way_in(community: Community, member: Member | None, dids: list[str]) -> WayIn:
    """What the page of a community offers to somebody who is not in it. `dids`: proved in this browser."""
    if community.closed_at or community.hidden_at:
        return WayIn()
    at, asks_first = invited_at(community, dids), community.joining == Joining.REQUEST
    if member is None:
        return WayIn(asks=True) if asks_first and at is None else WayIn(joins=True)
    row = requests.mine(community, member)
    try:
        bars.require_none(community, principal_of(member), invited_at=at)
    except NotAllowed as fault:
        return _barred(fault.code, row, asks=community.visibility == Visibility.PUBLIC)
    if at is not None or not asks_first:
        return WayIn(joins=True)
    return WayIn(waiting=row) if row is not None else WayIn(asks=True)


def _barred(code: str, row: JoinRequest | None, *, asks: bool) -> WayIn:
    if code == "removed":
        return WayIn(waiting=row) if row is not None else WayIn(asks=asks, removed=asks)
    return WayIn(declined=row)
