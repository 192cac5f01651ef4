"""What a host does with invitations that exist: retry, confirm, cancel, undo, or post the text herself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from elonara.communities.models import Community
from elonara.events.models import Event
from elonara.invitations import notifications, states
from elonara.invitations.consent import opt_outs
from elonara.invitations.job_kinds import wake_lane
from elonara.invitations.models import ON_ITS_WAY, Announcement, Invitation, State, Voice
from elonara.invitations.outbox.outcomes import SHORTENED
from elonara.invitations.outbox.recompose import ANNOUNCEMENT_GONE, detach_replies
from elonara.invitations.planning import fingerprint
from elonara.invitations.planning import readiness as posting_readiness
from elonara.invitations.planning.plan import require_inviter
from elonara.invitations.previews import compose_url
from elonara.invitations.responses.next_post import handed_over, next_post
from elonara.invitations.responses.permissions import locked, require_may_stop, require_own
from elonara.invitations.responses.requeue import requeue
from elonara.invitations.results import InvitationRefused
from elonara.invitations.states import PENDING, Transition
from elonara.invitations.targets import Target, target_of
from elonara.invitations.transitions import Deliverable, apply, certainly_absent
from elonara.members.models import Member


def retry(invitation: Invitation, by: Member, preview_id: str | None = None) -> Invitation:
    """Queue a failed, cancelled, suppressed or handed-over invitation again, on the same row. Only its host may.

    With a `preview_id` (`InvitationView.preview_id`) nothing is done where another post would go than was shown.
    Raises InvitationRefused, also for one that was undone or may have been posted: those need `confirm`.
    """
    if invitation.state == State.UNDONE or (invitation.state == State.FAILED and invitation.needs_confirmation):
        raise InvitationRefused(
            "wrong_state", _("This one has to be confirmed: it has been on Bluesky, or may have been.")
        )
    return requeue(invitation, by, preview_id)


def retry_all(to: Event | Community, by: Member, shown: Mapping[str, str] | None = None) -> int:
    """Retry everything that failed and may be retried. Returns how many. `shown` as for `confirm_all`."""
    rows = _rows(to).filter(state=State.FAILED, retryable=True, needs_confirmation=False)
    return _all(retry, rows, by, shown)


def confirm(invitation: Invitation, by: Member, preview_id: str | None = None) -> Invitation:
    """The host agrees to a changed text, or to sending again what may have been posted or was undone.

    An undone invitation is sent once more, with a new record key. `preview_id` as for `retry`. Raises
    InvitationRefused.
    """
    if invitation.state in {State.UNDONE, State.FAILED}:
        return requeue(invitation, by, preview_id)
    require_inviter(by, target_of(invitation))
    require_own(invitation, by)
    ready = posting_readiness.readiness(by)
    with transaction.atomic():
        # Announcements are locked before their replies, here as in a worker: otherwise the two would deadlock.
        if (announcement_id := invitation.announcement_id) is not None:
            Announcement.objects.select_for_update().filter(pk=announcement_id).first()
        row = locked(invitation)
        if row.state not in PENDING or not row.needs_confirmation:
            raise InvitationRefused("wrong_state")
        if preview_id is not None:
            post = next_post(row, ready)
            fingerprint.require_one(preview_id, post.preview_id)
            row.record = dict(post.record)
        row.needs_confirmation = False
        if row.reason == SHORTENED:
            notifications.settle_host(by)
        if row.reason == ANNOUNCEMENT_GONE:
            notifications.announcement_settled(by)
        row.reason = "" if row.state == State.QUEUED else row.reason
        # A press as Send is: people are asked about anew before what it publishes (`consent.recheck`).
        row.queued_at = timezone.now()
        row.next_attempt_at = max(row.next_attempt_at, row.queued_at)
        row.save(update_fields=["record", "needs_confirmation", "reason", "queued_at", "next_attempt_at"])
        if row.announcement is not None:
            # The announcement waited for its replies to be confirmed, and may go when this one may.
            queued = Announcement.objects.filter(pk=row.announcement.pk, state=State.QUEUED)
            queued.filter(next_attempt_at__gt=row.next_attempt_at).update(next_attempt_at=row.next_attempt_at)
        wake_lane(row.author_did)
    return row


def confirm_all(to: Event | Community, by: Member, shown: Mapping[str, str] | None = None) -> int:
    """Confirm every invitation to the target that waits for it. Returns how many.

    With `shown`, the `preview_id` of each row (by its id) that the page showed, others are left as they are, and
    nothing is confirmed where one of these would go differently: that raises InvitationRefused.
    """
    require_inviter(by, Target(to))
    rows = _rows(to).filter(state__in=PENDING, needs_confirmation=True)
    return _all(confirm, rows, by, shown)


def cancel(post: Deliverable, by: Member) -> Deliverable:
    """Stop a post that was not sent; one that is being sent or may exist is undone. Raises InvitationRefused."""
    require_may_stop(post, by)
    with transaction.atomic():
        row = locked(post)
        if row.state in {State.SENT, State.UNDOING} or not (
            states.is_allowed(Transition.CANCEL, row.state) or states.is_allowed(Transition.UNDO, row.state)
        ):
            raise InvitationRefused("wrong_state")
        if certainly_absent(row):
            apply(row, Transition.CANCEL, reason="by_host", counted_on=None)
        else:
            _begin_undo(row)
        if isinstance(row, Announcement):
            detach_replies(row)
        wake_lane(row.author_did)
    return row


def cancel_all(to: Event | Community, by: Member) -> int:
    """Cancel everything that is not sent yet. Returns how many."""
    rows = _rows(to).filter(state__in=ON_ITS_WAY)
    return sum(_try(cancel, row, by) for row in rows)


def undo(post: Deliverable, by: Member) -> Deliverable:
    """Begin to delete a post from Bluesky. Raises InvitationRefused."""
    require_may_stop(post, by)
    with transaction.atomic():
        row = locked(post)
        if row.state == State.UNDOING:
            return row
        if certainly_absent(row):
            raise InvitationRefused("wrong_state")
        _begin_undo(row)
        if isinstance(row, Announcement):
            detach_replies(row)
        wake_lane(row.author_did)
    return row


def hand_over(invitation: Invitation, by: Member, preview_id: str | None = None) -> str:
    """Let the host post the text herself. Returns the link to Bluesky's composer. Raises InvitationRefused.

    `preview_id` is that of `next_post.handed_over`.
    """
    target = target_of(invitation)
    require_inviter(by, target)
    with transaction.atomic():
        row = locked(invitation)
        if row.state == State.HANDED_OVER:
            return compose_url(row.record["text"])
        if not certainly_absent(row) or not states.is_allowed(Transition.HAND_OVER, row.state):
            raise InvitationRefused("wrong_state")
        if code := opt_outs.opted_out(by, [row.invitee_did]).get(row.invitee_did):
            raise InvitationRefused(code)
        post = handed_over(row)
        fingerprint.require_one(preview_id, post.preview_id)
        record = dict(post.record)
        apply(
            row,
            Transition.HAND_OVER,
            voice=Voice.COMPOSE,
            record=record,
            counted_on=None,
            announcement=None,
            reason="",
            needs_confirmation=False,
        )
    return compose_url(record["text"])


def _begin_undo(row: Deliverable) -> None:
    if not states.is_allowed(Transition.UNDO, row.state):
        raise InvitationRefused("wrong_state")
    # The worker sets `undo_settled_at` once it holds the lane: until then another worker may begin a request.
    apply(
        row, Transition.UNDO, reason="by_host", error="", next_attempt_at=timezone.now(), undo_settled_at=None,
        undo_confirmations=0,
    )  # fmt: skip


def _rows(to: Event | Community) -> QuerySet[Invitation]:
    rows = Invitation.objects.filter(**Target(to).only)
    return rows.select_related("host__bluesky", "event", "community", "announcement", "batch")


def _all(
    action: Callable[[Invitation, Member, str | None], Any],
    rows: QuerySet[Invitation],
    by: Member,
    shown: Mapping[str, str] | None,
) -> int:
    """`retry` or `confirm` each row; with `shown` those that were shown, and none if one of them has changed."""
    if shown is None:
        return sum(_try(action, row, by, None) for row in rows)
    seen = [row for row in rows if str(row.pk) in shown and row.host_id == by.pk]
    ready = posting_readiness.readiness(by)
    for row in seen:
        fingerprint.require_one(shown[str(row.pk)], next_post(row, ready).preview_id)
    return sum(_try(action, row, by, shown[str(row.pk)]) for row in seen)


def _try(action: Callable[..., Any], row: Invitation, *given: Any) -> bool:
    try:
        action(row, *given)
    except InvitationRefused:
        return False  # changed meanwhile; the page shows its new state
    return True
