"""The Watch page's data: the invitations to a target, what can be done with each, and their counts by state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from elonara.bluesky.identity.people import INVALID_HANDLE
from elonara.bluesky.models import AccountLane
from elonara.communities.models import Community
from elonara.events.models import Event
from elonara.invitations import reasons, states
from elonara.invitations.consent import opt_outs
from elonara.invitations.models import ON_ITS_WAY, Announcement, Correction, HostSending, Invitation, State
from elonara.invitations.planning import compose, sentences
from elonara.invitations.planning import readiness as posting_readiness
from elonara.invitations.planning.standing import no_longer_true
from elonara.invitations.previews import compose_url
from elonara.invitations.responses import listing
from elonara.invitations.responses.next_post import handle_of, next_post
from elonara.invitations.responses.requeue import FINAL_ANSWERS
from elonara.invitations.responses.views import AnnouncementView, InvitationView, Listed, Progress
from elonara.invitations.results import InvitationRefused, PostingReadiness
from elonara.invitations.states import Transition
from elonara.invitations.targets import Target, target_of
from elonara.invitations.transitions import Deliverable, certainly_absent
from elonara.members.models import Member

# Final states, for the progress bar.
FINAL_STATES = (
    State.SENT,
    State.FAILED,
    State.SUPPRESSED,
    State.CANCELLED,
    State.UNDONE,
    State.HANDED_OVER,
)


def progress(target: Event | Community, by: Member, page: int = 1) -> Progress:
    """How the invitations to a target stand: their counts, and the rows of one page (from 1; the last one if beyond).

    Raises InvitationRefused for who may not invite to it.
    """
    if not Target(target).may_invite(by):
        raise InvitationRefused("not_allowed")
    found = listing.totals(target)
    counts = found.counts
    pages = max(1, -(-counts["total"] // listing.PAGE_SIZE))
    page = min(max(1, page), pages)
    pause, paused_until = _pause(by, Invitation.objects.filter(**Target(target).only).order_by())
    rows = _views(listing.page_of(target, page, counts["needs_you"]), by, writes=pause is None)
    announcements, updates = _announcements(target, Announcement), _announcements(target, Correction)
    final = sum(counts[state.value] for state in FINAL_STATES)
    return Progress(
        rows=rows,
        counts=dict(counts),
        announcements=announcements,
        updates=updates,
        percent=round(100 * final / counts["total"]) if counts["total"] else 100,
        going_on=found.moving > 0 or any(one.state in listing.MOVING for one in (*announcements, *updates)),
        sending=found.sending > 0 and pause is None,
        page=page,
        pages=pages,
        paused=pause,
        paused_until=paused_until,
    )


def listed(target: Event | Community, by: Member, *, cursor: str = "", limit: int = listing.MAX_LISTED) -> Listed:
    """The invitations to a target in the order in which they were made, `limit` (at most 1,000) after the cursor.

    Raises InvitationRefused for who may not invite to it, `listing.WrongCursor`.
    """
    if not Target(target).may_invite(by):
        raise InvitationRefused("not_allowed")
    rows, following = listing.after(target, cursor, limit)
    return Listed(_views(rows, by), dict(listing.totals(target).counts), following)


def view_of(invitation: Invitation, by: Member) -> InvitationView:
    """One invitation as on the Watch page, for a fragment or an API response; `can` is what this member may do."""
    return _views([invitation], by)[0]


@dataclass(frozen=True)
class _Now:
    """What decides which buttons work: whether `by` can send at all, and which of these people want nothing of her."""

    by: Member
    ready: PostingReadiness
    opted_out: frozenset[str]
    writes: bool  # whether she is led to write to those who have not answered: not while her page says "paused"


def _views(rows: Sequence[Invitation], by: Member, *, writes: bool = False) -> list[InvitationView]:
    wishes = frozenset(opt_outs.opted_out(by, [row.invitee_did for row in rows])) if rows else frozenset()
    now = _Now(by, posting_readiness.readiness(by), wishes, writes)
    return [_row(one, now) for one in rows]


def _row(one: Invitation, now: _Now) -> InvitationView:
    can = _can(one, now)
    # Only the host herself can publish it, so `ready` is hers.
    post = next_post(one, now.ready) if {"confirm", "retry"} & set(can) else None
    record = post.record if post else one.record
    reason = one.reason or ("announcement_waits" if _waits_for_announcement(one) else "")
    found = reasons.reason(reason) if reason else None
    forgotten = one.event is not None and one.event.guest_totals is not None
    return InvitationView(
        id=one.pk,
        did="" if forgotten else one.invitee_did,
        handle=one.invitee_handle,
        name=one.invitee_name or one.invitee_handle or _("Someone who was invited"),
        avatar=one.invitee_avatar,
        state=one.state,
        reason=reason,
        sentence=found.sentence if found else "",
        way_on=found.way_on if found else "",
        action=found.action if found else "",
        error=one.error,
        attempts=one.attempts,
        post_url=_post_url(one) if one.state == State.SENT else "",
        uri=one.uri if one.state in {State.SENT, State.UNDOING} else "",
        invitation_url=compose.link_for(one.ref),
        queued_at=one.queued_at,
        next_attempt_at=one.next_attempt_at if one.state in states.IN_PROGRESS else None,
        sent_at=one.sent_at if one.state == State.SENT else None,
        answer=one.answer,
        answered_at=one.answered_at,
        needs_confirmation=one.needs_confirmation,
        outdated=one.state == State.SENT and bool(no_longer_true(one, target_of(one))),
        text=record["text"],
        compose_url=compose_url(record["text"]),
        can=can,
        write_url=compose_url(f"@{one.invitee_handle} {compose.link_for(one.ref)}") if _may_be_asked(one, now) else "",
        preview_id=post.preview_id if post else "",
        author_did=post.author_did if post else one.author_did,
        caution=sentences.caution(one.batch.sentence, one.batch.sentence_facts, target_of(one)) if post else "",
        card_title=post.record["embed"]["external"]["title"] if post else "",
        card_description=post.record["embed"]["external"]["description"] if post else "",
    )


def _may_be_asked(one: Invitation, now: _Now) -> bool:
    """Whether the host of this invitation may be led to write to the person, who has neither answered nor said no.

    Only she: what the person wants of her is known to `now`, and not what he wants of a co-host's invitation.
    """
    if not now.writes or one.host_id != now.by.pk or one.invitee_did in now.opted_out:
        return False
    if one.invitee_handle in {"", INVALID_HANDLE}:
        return False
    return one.state == State.SENT and not one.answer and not target_of(one).over()


def _waits_for_announcement(one: Invitation) -> bool:
    """Whether the invitation waits because its announcement is held back for a reason of its own."""
    announcement = one.announcement
    if one.state != State.QUEUED or announcement is None:
        return False
    return announcement.state in states.IN_PROGRESS and bool(announcement.reason)


def _can(one: Invitation, now: _Now) -> tuple[str, ...]:
    """What would not be refused at this moment: `host` and `requeue` ask the same again."""
    state = State(one.state)
    declined = one.answer in FINAL_ANSWERS
    over, unwanted = bool(target_of(one).over()), one.invitee_did in now.opted_out
    can = []
    if (state in {State.QUEUED, State.WAITING, State.FAILED} and one.needs_confirmation) or (
        state == State.UNDONE and not one.undone_once and not declined
    ):
        can.append("confirm")
    elif (
        states.is_allowed(Transition.REQUEUE, state)
        and state != State.UNDONE
        and not declined
        and (one.retryable or state != State.FAILED)
    ):
        can.append("retry")
    anew = "retry" in can or state in {State.UNDONE, State.FAILED}
    if one.host_id != now.by.pk or over or (anew and (unwanted or not now.ready.may_send)):
        can = []  # only the host herself may send in her name
    if state not in {State.SENT, State.UNDOING} and (
        states.is_allowed(Transition.CANCEL, state)
        or (not certainly_absent(one) and states.is_allowed(Transition.UNDO, state))
    ):
        can.append("cancel")
    if state == State.SENT:
        can.append("undo")
    if certainly_absent(one) and states.is_allowed(Transition.HAND_OVER, state) and not over and not unwanted:
        can.append("compose")
    return tuple(can)


def _announcements(target: Event | Community, model: type[Announcement | Correction]) -> list[AnnouncementView]:
    rows = model._default_manager.filter(**Target(target).only).select_related("host__bluesky", "event", "community")
    return [_announcement(one) for one in rows.order_by("created_at")]


def _announcement(one: Announcement | Correction) -> AnnouncementView:
    found = reasons.reason(one.reason) if one.reason else None
    can = ["undo"] if one.state == State.SENT else []
    text = one.record["text"]
    if (
        isinstance(one, Announcement)
        and one.state in {State.QUEUED, State.WAITING, State.FAILED, State.CANCELLED}
        and not target_of(one).is_private
    ):
        # As it goes with the replies that are confirmed or retried below it.
        text = compose.of_row(one, handle_of(one)).above(one)["text"]
    if one.state in ON_ITS_WAY or (one.state == State.FAILED and one.ambiguous):
        can.append("cancel")
    return AnnouncementView(
        id=one.pk,
        author_did=one.author_did,
        state=one.state,
        reason=one.reason,
        sentence=found.sentence if found else "",
        way_on=found.way_on if found else "",
        post_url=_post_url(one) if one.state == State.SENT else "",
        uri=one.uri if one.state == State.SENT else "",
        sent_at=one.sent_at if one.state == State.SENT else None,
        outdated=one.state == State.SENT and bool(no_longer_true(one, target_of(one))),
        text=text,
        can=tuple(can),
    )


def _pause(by: Member, rows: QuerySet[Invitation]) -> tuple[reasons.Reason | None, datetime | None]:
    """Why nothing is posted at the moment and until when: a host is paused, or an account's lane rests."""
    moving = set(rows.filter(state__in=states.IN_PROGRESS).values_list("host_id", "author_did", "state").distinct())
    hosts = {host for host, _author, state in moving if state == State.QUEUED} | {by.pk}
    paused = HostSending.objects.filter(host_id__in=hosts).exclude(paused_at=None).order_by("paused_at").first()
    if paused is not None:
        return reasons.reason(paused.pause_reason), None
    now = timezone.now()
    for lane in AccountLane.objects.filter(author_did__in={author for _host, author, _state in moving}):
        if (rest := lane.rests_until(now)) is not None:
            return reasons.reason(lane.pause_reason or "rate_limited"), rest
    return None, None


def _post_url(one: Deliverable) -> str:
    identity = getattr(one.host, "bluesky", None)
    if identity is not None and posting_readiness.is_allowed_private_host(identity.pds_url):
        # Bluesky's app does not show posts of a private PDS; the PDS itself serves the record to anybody.
        query = urlencode({"repo": one.author_did, "collection": "app.bsky.feed.post", "rkey": one.rkey})
        return f"{identity.pds_url}/xrpc/com.atproto.repo.getRecord?{query}"
    return f"https://bsky.app/profile/{one.author_did}/post/{one.rkey}"
