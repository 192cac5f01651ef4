"""Invitations: preview, send and list them for an event or a community; retry, cancel, undo and confirm one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest
from ninja import Router, Schema, Status
from pydantic import Field

from elonara.api.auth import caller
from elonara.api.fields import NO_CONTROLS
from elonara.communities.models import Community
from elonara.events.models import Event
from elonara.invitations import actions, queries
from elonara.invitations.models import Invitation
from elonara.invitations.results import Preview
from elonara.members.models import Member

router = Router(tags=["invitations"])

type Finder = Callable[[str, Member], Event | Community]


class Selection(Schema):
    """Whom to invite and with which words. `notes` are personal lines, keyed like the people."""

    dids: list[str] = []
    handles: list[str] = []
    note: str = ""
    notes: dict[str, str] = {}
    thread: bool = True

    @property
    def people(self) -> list[str]:
        """DIDs and handles, each once, in the order given."""
        return list(dict.fromkeys([*self.dids, *self.handles]))


class SendRequest(Selection):
    """A choice that is sent. The same `idempotency_key` again answers as the first time and does nothing."""

    idempotency_key: str = Field("", max_length=100, pattern=NO_CONTROLS)


class SkippedOut(Schema):
    """Somebody who is left out. `reason` is a stable code."""

    did: str
    handle: str
    reason: str
    sentence: str


class CardOut(Schema):
    """The link card under a post."""

    uri: str
    title: str
    description: str


class PostOut(Schema):
    """A post exactly as it will be written. `graphemes` of at most 300."""

    did: str
    handle: str
    text: str
    facets: list[dict[str, Any]]
    graphemes: int
    card: CardOut


class DayOut(Schema):
    """How many go on a later day."""

    day: dt.date
    count: int


class PreviewOut(Schema):
    """What would happen. `refusal` is a stable code where Send would be refused."""

    can_post: bool
    author_did: str
    voice: str
    write_backend: str
    announcement: PostOut | None
    posts: list[PostOut]
    skipped: list[SkippedOut]
    today: int
    later: list[DayOut]
    warnings: list[str]
    refusal: str | None


class SendOut(Schema):
    """The rows are written; workers deliver them. `waiting` of the `queued` need the host first (see their reason)."""

    batch: UUID
    queued: int
    waiting: int
    skipped: list[SkippedOut]


class InvitationOut(Schema):
    """One invitation. `reason` is a stable code, "" where there is nothing to say; `answer` likewise.

    `can` names the calls that will be taken: retry, confirm, cancel, undo.
    """

    id: UUID
    did: str
    handle: str
    state: str
    reason: str
    sentence: str
    uri: str
    attempts: int
    sent_at: dt.datetime | None
    opened_at: dt.datetime | None
    answer: str
    can: list[str]


class InvitationList(Schema):
    """All invitations to a target, and how many there are in each state."""

    invitations: list[InvitationOut]
    counts: dict[str, int]


def attach(parent: Router, find: Finder, noun: str) -> None:
    """Add the routes `/{slug}/invitations…` to the router of events or of communities.

    `find` returns the target of a slug for a member, or raises Http404; `noun` ("event" or "community") makes the
    operation ids differ.
    """

    @parent.post(
        "/{slug}/invitations/preview",
        response=PreviewOut,
        summary="See the exact posts",
        operation_id=f"preview_{noun}_invitations",
    )
    def preview(request: HttpRequest, slug: str, payload: Selection) -> Any:
        """Writes nothing."""
        host = caller(request)
        found = actions.preview(
            host, find(slug, host), payload.people, note=payload.note, lines=payload.notes, thread=payload.thread
        )
        return _preview(found)

    @parent.post(
        "/{slug}/invitations",
        response={202: SendOut},
        summary="Send invitations",
        operation_id=f"send_{noun}_invitations",
    )
    def invite(request: HttpRequest, slug: str, payload: SendRequest) -> Any:
        """Queues one invitation per person; the answer does not wait for Bluesky."""
        host = caller(request)
        sent = actions.invite(
            host,
            find(slug, host),
            payload.people,
            note=payload.note,
            lines=payload.notes,
            thread=payload.thread,
            idempotency_key=payload.idempotency_key,
        )
        outcome = {"batch": sent.batch.pk, "queued": sent.queued, "waiting": sent.waiting, "skipped": sent.skipped}
        return Status(202, outcome)

    @parent.get(
        "/{slug}/invitations",
        response=InvitationList,
        summary="How do the invitations stand?",
        operation_id=f"list_{noun}_invitations",
    )
    def standing(request: HttpRequest, slug: str) -> Any:
        """Only for those who may invite."""
        host = caller(request)
        progress = queries.progress(find(slug, host), host)
        return {"invitations": progress.rows, "counts": progress.counts}


@router.post("/{invitation_id}/retry", response=InvitationOut, summary="Send it again")
def retry(request: HttpRequest, invitation_id: UUID) -> Any:
    """A failed, cancelled or suppressed one."""
    return _act(request, invitation_id, actions.retry)


@router.post("/{invitation_id}/cancel", response=InvitationOut, summary="Stop it")
def cancel(request: HttpRequest, invitation_id: UUID) -> Any:
    """One that is just being sent becomes an undo."""
    return _act(request, invitation_id, actions.cancel)


@router.post("/{invitation_id}/undo", response=InvitationOut, summary="Take it back")
def undo(request: HttpRequest, invitation_id: UUID) -> Any:
    """Deletes the post, and looks again later."""
    return _act(request, invitation_id, actions.undo)


@router.post("/{invitation_id}/confirm", response=InvitationOut, summary="Send the changed text")
def confirm(request: HttpRequest, invitation_id: UUID) -> Any:
    """After a change of the target, or where it is not certain what became of a post."""
    return _act(request, invitation_id, actions.confirm)


def _act(request: HttpRequest, invitation_id: UUID, action: Callable[[Invitation, Member], Any]) -> Any:
    host = caller(request)
    action(_invitation_or_404(host, invitation_id), host)
    return queries.view_of(_invitation_or_404(host, invitation_id), host)


def _invitation_or_404(host: Member, invitation_id: UUID) -> Invitation:
    found = queries.invitation_for(host, invitation_id)
    # 404, not 403: other members do not learn that it exists.
    if found is None:
        raise Http404
    return found


def _preview(preview: Preview) -> dict[str, Any]:
    return {
        "can_post": preview.readiness.can_post,
        "author_did": preview.readiness.author_did,
        "voice": preview.readiness.voice,
        "write_backend": preview.readiness.backend,
        "announcement": preview.announcement,
        "posts": preview.posts,
        "skipped": preview.skipped,
        "today": preview.today,
        "later": [{"day": day, "count": count} for day, count in preview.later],
        "warnings": preview.warnings,
        "refusal": preview.refusal.code if preview.refusal else None,
    }
