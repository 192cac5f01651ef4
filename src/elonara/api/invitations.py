"""Invitations: preview, send and list them for an event or a community; posts that are out; actions on one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest
from ninja import Query, Router, Status

from elonara.api.auth import caller
from elonara.api.invitation_schemas import (
    InvitationList,
    InvitationOut,
    ListQuery,
    PostsOut,
    PreviewOut,
    Selection,
    SendOut,
    SendRequest,
    Shown,
    TakeBack,
    TakenBack,
    UpdateOut,
)
from elonara.api.problems import wrong_cursor
from elonara.communities.models import Community
from elonara.events.models import Event
from elonara.invitations import actions, queries
from elonara.invitations.models import Invitation
from elonara.invitations.results import Preview
from elonara.invitations.targets import Target
from elonara.members.models import Member

router = Router(tags=["invitations"])

type Finder = Callable[[str, Member], Event | Community]


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
            host,
            find(slug, host),
            payload.people,
            note=payload.note,
            lines=payload.notes,
            thread=payload.thread,
            sentence=payload.sentence,
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
            sentence=payload.sentence,
            alone_if_gone=payload.alone_if_gone,
            idempotency_key=payload.idempotency_key,
            preview_id=payload.preview_id,
        )
        outcome = {"batch": sent.batch.pk, "queued": sent.queued, "waiting": sent.waiting, "skipped": sent.skipped}
        return Status(202, outcome)

    @parent.get(
        "/{slug}/invitations",
        response=InvitationList,
        summary="The state of the invitations",
        operation_id=f"list_{noun}_invitations",
    )
    def standing(request: HttpRequest, slug: str, params: Query[ListQuery]) -> Any:
        """Only for those who may invite. In the order in which they were made, up to 1,000 at a time."""
        host = caller(request)
        try:
            listed = queries.listed(find(slug, host), host, cursor=params.cursor or "", limit=params.limit)
        except queries.WrongCursor as fault:
            raise wrong_cursor() from fault
        return {"invitations": listed.rows, "counts": listed.counts, "cursor": listed.cursor or None}

    @parent.get("/{slug}/posts", response=PostsOut, summary="What is on Bluesky?", operation_id=f"list_{noun}_posts")
    def posts(request: HttpRequest, slug: str) -> Any:
        """How many posts stand, and whether what they tell still holds. Only for those who may invite."""
        host = caller(request)
        target = find(slug, host)
        updates = queries.progress(target, host).updates
        return {"standing": queries.on_bluesky(target), "updates": updates, "notice": queries.notice(target, host)}

    @parent.post(
        "/{slug}/posts/update",
        response={202: UpdateOut},
        summary="Post what has changed",
        operation_id=f"post_{noun}_update",
    )
    def post_update(request: HttpRequest, slug: str, payload: Shown | None = None) -> Any:
        """Queues the post of the notice; once for each change, however often it is called."""
        host = caller(request)
        target = find(slug, host)
        row = actions.post_update(target, host, payload.preview_id if payload else None)
        return Status(202, next(one for one in queries.progress(target, host).updates if one.id == row.pk))

    @parent.post(
        "/{slug}/posts/take-back",
        response={202: TakenBack},
        summary="Take posts back",
        operation_id=f"take_back_{noun}_posts",
    )
    def take_back(request: HttpRequest, slug: str, payload: TakeBack | None = None) -> Any:
        """Deletes them as undo does, one after the other."""
        host = caller(request)
        target = find(slug, host)
        count = actions.take_back(target, host, only_wrong=payload.only_wrong if payload else True)
        return Status(202, {"taken_back": count, "stay": queries.on_bluesky(target).total})


@router.post("/{invitation_id}/retry", response=InvitationOut, summary="Send it again")
def retry(request: HttpRequest, invitation_id: UUID, payload: Shown | None = None) -> Any:
    """A failed, cancelled or suppressed one."""
    return _act(request, invitation_id, actions.retry, payload.preview_id if payload else None)


@router.post("/{invitation_id}/cancel", response=InvitationOut, summary="Stop it")
def cancel(request: HttpRequest, invitation_id: UUID) -> Any:
    """One that is just being sent becomes an undo."""
    return _act(request, invitation_id, actions.cancel)


@router.post("/{invitation_id}/undo", response=InvitationOut, summary="Take it back")
def undo(request: HttpRequest, invitation_id: UUID) -> Any:
    """Deletes the post, and looks again later."""
    return _act(request, invitation_id, actions.undo)


@router.post("/{invitation_id}/confirm", response=InvitationOut, summary="Send the changed text")
def confirm(request: HttpRequest, invitation_id: UUID, payload: Shown | None = None) -> Any:
    """After a change of the target, or where it is not certain what became of a post."""
    return _act(request, invitation_id, actions.confirm, payload.preview_id if payload else None)


def posts_on_bluesky(target: Event | Community, member: Member) -> int | None:
    """How many posts about it stand, or may; None for somebody who may not invite to it."""
    return queries.on_bluesky(target).total if Target(target).may_invite(member) else None


def _act(request: HttpRequest, invitation_id: UUID, action: Callable[..., Any], *given: str | None) -> Any:
    host = caller(request)
    action(_invitation_or_404(host, invitation_id), host, *given)
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
        "usual_sentence": preview.usual_sentence,
        "sentence_room": preview.sentence_room,
        "refusal": preview.refusal.code if preview.refusal else None,
        "preview_id": preview.preview_id,
    }
