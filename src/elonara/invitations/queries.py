"""What pages and the API read about invitations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from elonara.bluesky.models import AccountLane
from elonara.bluesky.people import Person
from elonara.communities.models import Community
from elonara.events.models import Event
from elonara.invitations import answering, caps, compose, consent, readying, reasons, states
from elonara.invitations.models import Announcement, Batch, HostSending, Invitation, OptOut, State
from elonara.invitations.moves import certain
from elonara.invitations.results import (
    AnnouncementRow,
    CapsLeft,
    InboxItem,
    InvitationRefused,
    Progress,
    Ready,
    Row,
    compose_url,
)
from elonara.invitations.states import Event as Happening
from elonara.invitations.targets import Target, target_of
from elonara.members.models import Member

# What counts as having come to an end, for the progress bar.
ENDED = (
    State.SENT,
    State.FAILED,
    State.SUPPRESSED,
    State.CANCELLED,
    State.UNDONE,
    State.HANDED_OVER,
)


def readiness(host: Member) -> Ready:
    """Ready to post? From which account, by what; or what is missing and the way on."""
    return readying.readiness(host)


def caps_left(host: Member) -> CapsLeft:
    """What the host may still send today and this week."""
    return caps.left(host)


def invitability(host: Member, target: Event | Community | None, people: Iterable[Person]) -> dict[str, str | None]:
    """For the picker: DID → code of the reason why not (see `reasons`), None for who can be invited.

    Without a target it says who can be invited to anything. A fixed number of queries, whatever the number of people.
    """
    by_did = {person.did: person for person in people}
    ready = readying.readiness(host)
    refused = consent.refusals(
        host, Target(target) if target else None, by_did, voice=readying.row_voice(ready), author_did=ready.author_did
    )
    return {did: refused[did].code if did in refused else None for did in by_did}


def progress(target: Event | Community, by: Member) -> Progress:
    """How the invitations to a target stand. Raises InvitationRefused for who may not invite to it."""
    if not Target(target).may_invite(by):
        raise InvitationRefused("not_allowed")
    invitations = list(invitations_of(target))
    rows = [_row(one, by) for one in invitations]
    posts = Announcement.objects.filter(**Target(target).only).select_related("host", "event", "community")
    announcements = [_announcement(one) for one in posts.order_by("created_at")]
    counts = Counter({state.value: 0 for state in State})
    counts.update(row.state for row in rows)
    counts["total"] = len(rows)
    counts["opened"] = sum(row.opened_at is not None for row in rows)
    counts["answered"] = sum(bool(row.answer) for row in rows)
    counts["needs_you"] = sum(_needs_host(row) for row in rows)
    counts["outdated"] = sum(row.outdated for row in rows)
    ended = sum(counts[state.value] for state in ENDED)
    moving = {State.QUEUED, State.SENDING, State.UNDOING}
    held = _pause(by, invitations)
    return Progress(
        rows=rows,
        counts=dict(counts),
        announcements=announcements,
        percent=round(100 * ended / len(rows)) if rows else 100,
        going_on=any(row.state in moving and not row.needs_confirmation for row in rows)
        or any(one.state in moving for one in announcements),
        paused=held[0],
        paused_until=held[1],
    )


def invitations_of(target: Event | Community) -> QuerySet[Invitation]:
    """The rows of a target, those that need the host first, then by the time they were queued."""
    rows = Invitation.objects.filter(**Target(target).only)
    return rows.select_related("host__bluesky", "event", "community", "announcement", "batch").order_by(
        "-needs_confirmation", "queued_at", "rkey"
    )


def row_of(invitation: Invitation, by: Member) -> Row:
    """One person as on the Watch page, for a fragment or an API answer; `can` names what this member may do."""
    return _row(invitation, by)


def invitation_for(host: Member, pk: UUID) -> Invitation | None:
    """An invitation that this member may act on, by its id."""
    row = (
        Invitation.objects.filter(pk=pk)
        .select_related("host__bluesky", "event__community", "community", "announcement", "batch")
        .first()
    )
    if row is None or not (row.host_id == host.pk or target_of(row).may_invite(host)):
        return None
    return row


def announcement_for(host: Member, pk: UUID) -> Announcement | None:
    """An announcement that this member may act on, by its id."""
    row = Announcement.objects.filter(pk=pk).select_related("host", "event__community", "community").first()
    if row is None or not (row.host_id == host.pk or target_of(row).may_invite(host)):
        return None
    return row


def inbox(dids: Sequence[str]) -> list[InboxItem]:
    """The invitations to people with these proven DIDs, newest first; no notification is needed to find them."""
    if not dids:
        return []
    rows = Invitation.objects.filter(answering.may_have_been_seen(), invitee_did__in=list(dids))
    rows = rows.select_related("host__bluesky", "event", "community").order_by("-queued_at", "-rkey")
    return [_inbox_item(row) for row in rows]


def waiting_in_inbox(dids: Sequence[str]) -> int:
    """How many invitations wait for an answer, for the number in the menu."""
    return sum(not item.answer and not item.is_over for item in inbox(dids))


def by_ref(ref: str) -> Invitation | None:
    """The invitation behind `/i/{ref}`, if its post may have been seen by somebody; with host and target loaded.

    None for an unknown ref and for one that was taken back: both look alike to a stranger.
    """
    if not ref or len(ref) > 32:
        return None
    rows = Invitation.objects.filter(answering.may_have_been_seen(), ref=ref)
    return rows.select_related("host__bluesky", "event__community", "community", "batch").first()


def batches(host: Member, target: Event | Community) -> list[Batch]:
    """The host's presses of Send for a target, newest first."""
    return list(Batch.objects.filter(host=host, **Target(target).only).order_by("-created_at"))


def opt_outs(dids: Sequence[str]) -> list[OptOut]:
    """What these DIDs have opted out of, the whole site first."""
    rows = OptOut.objects.filter(did__in=list(dids)).select_related("host__bluesky")
    return sorted(rows, key=lambda row: (row.host_id is not None, row.created_at))


def is_invited(target: Event | Community, dids: Sequence[str]) -> bool:
    """Whether somebody with these proven DIDs holds an invitation, which opens a private target."""
    rows = Invitation.objects.filter(answering.may_have_been_seen(), invitee_did__in=list(dids), **Target(target).only)
    return rows.exists()


def _row(one: Invitation, by: Member) -> Row:
    found = reasons.reason(one.reason) if one.reason else None
    return Row(
        id=one.pk,
        did=one.invitee_did,
        handle=one.invitee_handle,
        name=one.invitee_name or one.invitee_handle,
        avatar=one.invitee_avatar,
        state=one.state,
        reason=one.reason,
        sentence=found.sentence if found else "",
        way_on=found.way_on if found else "",
        action=found.action if found else "",
        error=one.error,
        attempts=one.attempts,
        post_url=_post_url(one) if one.state == State.SENT else "",
        uri=one.uri if one.state in {State.SENT, State.UNDOING} else "",
        invitation_url=compose.link_for(one.ref),
        queued_at=one.queued_at,
        next_attempt_at=one.next_attempt_at if one.state in states.UNDER_WAY else None,
        sent_at=one.sent_at if one.state == State.SENT else None,
        opened_at=one.opened_at,
        answer=one.answer,
        answered_at=one.answered_at,
        needs_confirmation=one.needs_confirmation,
        outdated=one.outdated,
        text=one.record["text"],
        compose_url=compose_url(one.record["text"]),
        can=_can(one, by),
    )


def _can(one: Invitation, by: Member) -> tuple[str, ...]:
    state = State(one.state)
    final = one.answer in {"cant", "declined"}
    can = []
    if (state in {State.QUEUED, State.WAITING, State.FAILED} and one.needs_confirmation) or (
        state == State.UNDONE and not one.undone_once and not final
    ):
        can.append("confirm")
    elif (
        states.possible(Happening.REQUEUE, state)
        and state != State.UNDONE
        and not final
        and (one.retryable or state != State.FAILED)
    ):
        can.append("retry")
    if one.host_id != by.pk:
        can = []  # what goes out in somebody's name goes at her word
    if state not in {State.SENT, State.UNDOING} and (
        states.possible(Happening.CANCEL, state) or (not certain(one) and states.possible(Happening.UNDO, state))
    ):
        can.append("cancel")
    if state == State.SENT:
        can.append("undo")
    if certain(one) and states.possible(Happening.HAND_OVER, state):
        can.append("compose")
    return tuple(can)


def _announcement(one: Announcement) -> AnnouncementRow:
    found = reasons.reason(one.reason) if one.reason else None
    outdated = False
    if one.state == State.SENT:
        target = target_of(one)
        outdated = target.is_private or (
            compose.of_row(one, readying.host_handle(one.host)).record["text"] != one.record["text"]
        )
    can = ["undo"] if one.state == State.SENT else []
    if one.state in {State.QUEUED, State.WAITING, State.SENDING}:
        can.append("cancel")
    return AnnouncementRow(
        id=one.pk,
        author_did=one.author_did,
        state=one.state,
        reason=one.reason,
        sentence=found.sentence if found else "",
        way_on=found.way_on if found else "",
        post_url=_post_url(one) if one.state == State.SENT else "",
        uri=one.uri if one.state == State.SENT else "",
        sent_at=one.sent_at if one.state == State.SENT else None,
        outdated=outdated,
        text=one.record["text"],
        can=tuple(can),
    )


def _needs_host(row: Row) -> bool:
    return row.needs_confirmation or row.state == State.WAITING or (row.state == State.FAILED and "retry" in row.can)


def _pause(by: Member, invitations: Sequence[Invitation]) -> tuple[reasons.Reason | None, datetime | None]:
    hosts = {one.host_id for one in invitations if one.state == State.QUEUED} | {by.pk}
    held = HostSending.objects.filter(host_id__in=hosts).exclude(paused_at=None).order_by("paused_at").first()
    if held is not None:
        return reasons.reason(held.pause_reason), None
    authors = {one.author_did for one in invitations if one.state in states.UNDER_WAY}
    lane = AccountLane.objects.filter(author_did__in=authors, paused_until__gt=timezone.now()).first()
    if lane is not None:
        return reasons.reason(lane.pause_reason or "rate_limited"), lane.paused_until
    return None, None


def _post_url(one: Invitation | Announcement) -> str:
    return f"https://bsky.app/profile/{one.author_did}/post/{one.rkey}"


def _inbox_item(row: Invitation) -> InboxItem:
    target = target_of(row)
    identity = getattr(row.host, "bluesky", None)
    return InboxItem(
        ref=row.ref,
        did=row.invitee_did,
        handle=row.invitee_handle,
        url=compose.link_for(row.ref),
        host_name=row.host.name,
        host_handle=identity.bsky_handle if identity else "",
        host_avatar=identity.avatar_url if identity else "",
        title=target.title,
        starts_at=target.ends,
        timezone=target.of.timezone if isinstance(target.of, Event) else "",
        is_private=target.is_private,
        is_over=bool(target.over()),
        kind=target.kind,
        target_url=target.url,
        sent_at=row.sent_at,
        answer=row.answer,
        answered_at=row.answered_at,
    )
