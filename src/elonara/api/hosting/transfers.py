"""`/events/{slug}/transfer` and `/communities/{slug}/transfer`: give it to somebody else, who accepts or declines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from types import ModuleType
from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema, Status
from pydantic import Field

from elonara.api.auth import caller
from elonara.api.fields import NO_CONTROLS
from elonara.bluesky.identity.proven_handles import named_member
from elonara.communities import transfer_rows
from elonara.communities.models import Community, Transfer
from elonara.events.models import Event
from elonara.members.models import Member


class TransferTo(Schema):
    """A member of the site, by username or by the Bluesky handle that she proved (`@` before it or not)."""

    member: str = Field(min_length=1, max_length=254, pattern=NO_CONTROLS)


class TransferAnswer(Schema):
    """Whether the caller takes it over."""

    accept: bool


class TransferParty(Schema):
    """A member, as the others call her."""

    username: str
    name: str


class TransferOut(Schema):
    """The question that waits: who asks whom, since when."""

    by: TransferParty
    to: TransferParty
    asked_at: dt.datetime


class TransferState(Schema):
    """`transfer` is null where nobody is asked, and for who is not concerned."""

    transfer: TransferOut | None


def attach(router: Router, find: Callable[[str, Member], Event | Community], actions: ModuleType, noun: str) -> None:
    """Add the calls to the router of events or of communities.

    `find` returns the one of a slug for a member, or raises Http404; `actions` is the module `transfer` of it; `noun`
    ("event" or "community") makes the operation ids differ.
    """

    @router.get(
        "/{slug}/transfer",
        response=TransferState,
        summary="Whether someone has been asked to take it over",
        operation_id=f"read_{noun}_transfer",
    )
    def read(request: HttpRequest, slug: str) -> Any:
        """Who may give it away sees it, and who is asked."""
        member = caller(request)
        return _state(find(slug, member), member, actions)

    @router.post(
        "/{slug}/transfer",
        response={201: TransferState},
        summary="Ask a member to take it over",
        operation_id=f"ask_{noun}_transfer",
    )
    def ask(request: HttpRequest, slug: str, payload: TransferTo) -> Any:
        """Nothing changes until she accepts."""
        member = caller(request)
        of = find(slug, member)
        actions.require_giver(of, member)  # before the network is asked about a handle
        actions.ask(of, by=member, member=named_member(payload.member, field="member"))
        return Status(201, _state(of, member, actions))

    @router.post(
        "/{slug}/transfer/answer",
        response=TransferState,
        summary="Take it over, or decline",
        operation_id=f"answer_{noun}_transfer",
    )
    def answer(request: HttpRequest, slug: str, payload: TransferAnswer) -> Any:
        """Who asked stays: of an event as a co-host, of a community as a moderator."""
        member = caller(request)
        (actions.accept if payload.accept else actions.decline)(find(slug, member), by=member)
        return {"transfer": None}

    @router.post(
        "/{slug}/transfer/take-back",
        response=TransferState,
        summary="Withdraw the request",
        operation_id=f"take_back_{noun}_transfer",
    )
    def take_back(request: HttpRequest, slug: str) -> Any:
        """Where nobody is asked, nothing happens."""
        member = caller(request)
        actions.take_back(find(slug, member), by=member)
        return {"transfer": None}


def _state(of: Event | Community, member: Member, actions: ModuleType) -> dict[str, Any]:
    row = transfer_rows.waiting(of) if actions.may_give(of, member) else transfer_rows.asked(of, member)
    return {"transfer": None if row is None else _out(row)}


def _out(row: Transfer) -> dict[str, Any]:
    by, to = ({"username": one.username, "name": one.name} for one in (row.by, row.to))
    return {"by": by, "to": to, "asked_at": row.asked_at}
