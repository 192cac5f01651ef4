"""`/events/{slug}/hosts`: who runs an event; ask, accept, decline, remove."""

from __future__ import annotations

from typing import Any, Literal

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Router, Schema, Status
from pydantic import Field

from elonara.api import targets
from elonara.api.auth import caller
from elonara.api.fields import NO_CONTROLS
from elonara.bluesky.identity.proven_handles import named_member
from elonara.events import actions, queries
from elonara.events.models import EventHost
from elonara.members.errors import Invalid
from elonara.members.queries import by_username

router = Router(tags=["events"])


class HostName(Schema):
    """A member of the site, by username or by the Bluesky handle that she proved (`@` before it or not)."""

    member: str = Field(min_length=1, max_length=254, pattern=NO_CONTROLS)


class HostAnswer(Schema):
    """Whether the caller wants to be a co-host."""

    accept: bool


class HostOut(Schema):
    """`asked` and `declined` are no hosts and may do nothing; only hosts see them."""

    username: str
    name: str
    handle: str | None
    state: Literal["host", "cohost", "asked", "declined"]


class HostsOut(Schema):
    """The host first."""

    hosts: list[HostOut]


@router.get("/{slug}/hosts", response=HostsOut, summary="Who runs an event")
def read(request: HttpRequest, slug: str) -> Any:
    """Hosts and co-hosts; for these also who was asked and has not accepted."""
    member = caller(request)
    event = targets.event_at(slug, member)
    rows = queries.hosts(event) + (queries.asked_hosts(event) if queries.may_manage(event, member) else [])
    return {"hosts": [_out(row) for row in rows]}


@router.post("/{slug}/hosts", response={201: HostOut}, summary="Ask a member to be a co-host")
def ask(request: HttpRequest, slug: str, payload: HostName) -> Any:
    """Only the host may. Whoever is asked may do nothing until she accepts."""
    member = caller(request)
    event = targets.event_at(slug, member)
    actions.require_first_host(event, member)  # before the network is asked about a handle
    return Status(201, _out(actions.add_cohost(event, by=member, member=named_member(payload.member, field="member"))))


@router.post("/{slug}/hosts/answer", response=HostsOut, summary="Accept or decline to be a co-host")
def answer(request: HttpRequest, slug: str, payload: HostAnswer) -> Any:
    """Who declines is not asked again."""
    member = caller(request)
    event = targets.event_at(slug, member)
    (actions.accept_cohost if payload.accept else actions.decline_cohost)(event, by=member)
    return {"hosts": [_out(row) for row in queries.hosts(event)]}


@router.post("/{slug}/hosts/remove", response=HostsOut, summary="Remove a co-host, by username")
def remove(request: HttpRequest, slug: str, payload: HostName) -> Any:
    """The host may, and a co-host herself. Also takes back that somebody was asked."""
    member = caller(request)
    event = targets.event_at(slug, member)
    removed = by_username(payload.member)
    if removed is None:
        raise Invalid({"member": _("No member of this site has this username.")})
    actions.remove_cohost(event, by=member, member=removed)
    return {"hosts": [_out(row) for row in queries.hosts(event)]}


def _out(row: EventHost) -> dict[str, Any]:
    identity = getattr(row.member, "bluesky", None)
    state = "host" if row.role == EventHost.Role.HOST else "cohost" if row.accepted_at else "asked"
    return {
        "username": row.member.username,
        "name": row.member.name,
        "handle": identity.bsky_handle if identity else None,
        "state": "declined" if row.declined_at else state,
    }
