"""What a host does with invitations that exist: again, confirm, cancel, take back, post it herself."""

from __future__ import annotations

import datetime as dt
from typing import Any, cast

from django.db import transaction
from django.utils import timezone

from elonara.communities.models import Community
from elonara.events.models import Event as HappyEvent
from elonara.invitations import states
from elonara.invitations.consent import caps, opt_outs
from elonara.invitations.job_kinds import wake_lane
from elonara.invitations.models import Announcement, Invitation, State, Voice
from elonara.invitations.outbox.recompose import detach_replies
from elonara.invitations.planning import compose
from elonara.invitations.planning import readiness as posting_readiness
from elonara.invitations.planning.plan import require_inviter
from elonara.invitations.planning.queueing import reset_for_requeue
from elonara.invitations.results import InvitationRefused, PostingReadiness, compose_url
from elonara.invitations.states import Transition
from elonara.invitations.targets import Target, target_of
from elonara.invitations.transitions import apply, certainly_absent
from elonara.members.models import Member

FINAL_ANSWERS = frozenset({"cant", "declined"})


def retry(invitation: Invitation, by: Member) -> Invitation:
    """Queue a failed, cancelled, suppressed or handed-over invitation again, on the same row. Its host alone may.

    Raises InvitationRefused. An undone one and one that may have been posted need `confirm`.
    """
    if invitation.state == State.UNDONE or (invitation.state == State.FAILED and invitation.needs_confirmation):
        raise InvitationRefused(
            "wrong_state", "This one has to be confirmed: it has been on Bluesky, or may have been."
        )
    return _requeue(invitation, by)


def retry_all(to: HappyEvent | Community, by: Member) -> int:
    """Retry everything that failed and may be retried; how many there were."""
    rows = _rows(to).filter(state=State.FAILED, retryable=True, needs_confirmation=False)
    return sum(_try(retry, row, by) for row in rows)


def confirm(invitation: Invitation, by: Member) -> Invitation:
    """The host has looked again: at a rebuilt text, at one that may have been posted, or at one she took back.

    An undone invitation goes once more, with a new record key. Raises InvitationRefused.
    """
    if invitation.state in {State.UNDONE, State.FAILED}:
        return _requeue(invitation, by)
    require_inviter(by, target_of(invitation))
    _require_own(invitation, by)
    with transaction.atomic():
        # Announcements are locked before their replies, here as in a worker: else the two wait for each other.
        if (root := invitation.announcement_id) is not None:
            Announcement.objects.select_for_update().filter(pk=root).first()
        row = _locked(invitation)
        if row.state not in {State.QUEUED, State.WAITING} or not row.needs_confirmation:
            raise InvitationRefused("wrong_state")
        row.needs_confirmation = False
        row.reason = "" if row.state == State.QUEUED else row.reason
        row.next_attempt_at = max(row.next_attempt_at, timezone.now())
        row.save(update_fields=["needs_confirmation", "reason", "next_attempt_at"])
        if row.announcement is not None:
            # The announcement waited for its replies.
            waits = Announcement.objects.filter(pk=row.announcement.pk, state=State.QUEUED)
            waits.filter(next_attempt_at__gt=row.next_attempt_at).update(next_attempt_at=row.next_attempt_at)
        wake_lane(row.author_did)
    return row


def confirm_all(to: HappyEvent | Community, by: Member) -> int:
    """Confirm every rebuilt invitation of the target; how many there were."""
    require_inviter(by, Target(to))
    rows = _rows(to).filter(state__in=(State.QUEUED, State.WAITING), needs_confirmation=True)
    return sum(_try(confirm, row, by) for row in rows)


def cancel(post: Invitation | Announcement, by: Member) -> Invitation | Announcement:
    """Stop what has not been sent; what is on its way, or may be, is taken back instead. Raises InvitationRefused."""
    _require_runner(post, by)
    with transaction.atomic():
        row = _locked(post)
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


def cancel_all(to: HappyEvent | Community, by: Member) -> int:
    """Cancel everything that is still to go; how many there were."""
    rows = _rows(to).filter(state__in=(State.QUEUED, State.WAITING, State.SENDING))
    return sum(_try(cancel, row, by) for row in rows)


def undo(post: Invitation | Announcement, by: Member) -> Invitation | Announcement:
    """Take a post back from Bluesky. Raises InvitationRefused."""
    _require_runner(post, by)
    with transaction.atomic():
        row = _locked(post)
        if row.state == State.UNDOING:
            return row
        if certainly_absent(row):
            raise InvitationRefused("wrong_state")
        _begin_undo(row)
        if isinstance(row, Announcement):
            detach_replies(row)
        wake_lane(row.author_did)
    return row


def hand_over(invitation: Invitation, by: Member) -> str:
    """The host posts it herself: the link that opens Bluesky's composer with the text. Raises InvitationRefused."""
    target = target_of(invitation)
    require_inviter(by, target)
    with transaction.atomic():
        row = _locked(invitation)
        if row.state == State.HANDED_OVER:
            return compose_url(row.record["text"])
        if not certainly_absent(row) or not states.is_allowed(Transition.HAND_OVER, row.state):
            raise InvitationRefused("wrong_state")
        if code := opt_outs.opted_out(by, [row.invitee_did]).get(row.invitee_did):
            raise InvitationRefused(code)
        row.voice = Voice.HOST
        record = compose.of_row(row, posting_readiness.host_handle(row.host)).record
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


def _requeue(invitation: Invitation, by: Member) -> Invitation:
    target = target_of(invitation)
    require_inviter(by, target)
    _require_own(invitation, by)
    ready = posting_readiness.readiness(invitation.host)
    if not ready.may_send:
        raise InvitationRefused(ready.reason)
    with transaction.atomic():
        relay = ready.voice == Voice.RELAY
        caps.lock(invitation.host, ready.author_did if relay and ready.can_post else "")
        row = _locked(invitation)
        if not states.is_allowed(Transition.REQUEUE, row.state):
            raise InvitationRefused("wrong_state")
        if row.answer in FINAL_ANSWERS:
            raise InvitationRefused("declined")
        if code := opt_outs.opted_out(row.host, [row.invitee_did]).get(row.invitee_did):
            raise InvitationRefused(code)
        was_undone = row.state == State.UNDONE
        if was_undone and row.undone_once:
            raise InvitationRefused("undone_for_good")
        caps.lock_people([row.invitee_did])
        if was_undone:
            caps.keep_place(row)
        day = caps.days_for(row.host, 1, relay=relay, without=row)[0]
        day = max(day, caps.person_caps([row.invitee_did], without=row).get(row.invitee_did, day))
        at = timezone.now() if day == caps.today(row.host) else caps.start_of_day(row.host, day)
        reset_for_requeue(row, ready=ready.can_post, reason=ready.reason, at=timezone.now() if row.ambiguous else at)
        row.counted_on = day
        row.undone_once = row.undone_once or was_undone
        if not row.ambiguous:
            _write_anew(row, target, ready, at)
        row.save()
        wake_lane(row.author_did)
    return row


def _write_anew(row: Invitation, target: Target, ready: PostingReadiness, at: dt.datetime) -> None:
    """Nothing stands at the key: the text may follow the target, and the author the host's way of posting."""
    if row.author_did != ready.author_did:
        row.announcement = None
    row.author_did, row.voice = ready.author_did, posting_readiness.voice_for(ready)
    if row.announcement is not None and not _revived(row.announcement, target, ready, at):
        row.announcement = None
    row.record = compose.of_row(row, posting_readiness.host_handle(row.host)).record


def _revived(announcement: Announcement, target: Target, ready: PostingReadiness, at: dt.datetime) -> bool:
    """Whether the row can hang from the announcement, which is queued again where it had failed or was cancelled."""
    one = Announcement.objects.select_for_update().get(pk=announcement.pk)
    if target.is_private or one.state in {State.UNDOING, State.UNDONE}:
        return False
    if one.state in {State.FAILED, State.CANCELLED}:
        reset_for_requeue(one, ready=ready.can_post, reason=ready.reason, at=at)
        if not one.ambiguous:
            one.record = compose.of_row(one, posting_readiness.host_handle(one.host)).record
        one.save()
    return True


def _begin_undo(row: Invitation | Announcement) -> None:
    if not states.is_allowed(Transition.UNDO, row.state):
        raise InvitationRefused("wrong_state")
    # `undo_settled_at` is set by the worker, once the lane is its own: until then another request may begin.
    apply(
        row, Transition.UNDO, reason="by_host", error="", next_attempt_at=timezone.now(), undo_settled_at=None,
        undo_confirmations=0,
    )  # fmt: skip


def _require_own(invitation: Invitation, by: Member) -> None:
    """What goes out from somebody's account goes at her word alone: others may have changed what it says since."""
    if by.pk != invitation.host_id:
        name = invitation.host.name
        raise InvitationRefused(
            "not_allowed",
            f"This one goes out in the name of {name}, so only {name} can send it. You can cancel it and invite the "
            "person yourself.",
        )


def _require_runner(post: Invitation | Announcement, by: Member) -> None:
    """Taking back is allowed to those who run it, and to the one whose invitation it is, whatever has become of it."""
    if by.pk != post.host_id and not target_of(post).may_invite(by):
        raise InvitationRefused("not_allowed")


def _locked[M: Invitation | Announcement](post: M) -> M:
    related = ["host", "event", "community", *(["announcement", "batch"] if isinstance(post, Invitation) else [])]
    rows = type(post)._default_manager.select_for_update(of=("self",)).select_related(*related)
    row = rows.filter(pk=post.pk).first()
    if row is None:
        raise InvitationRefused("wrong_state")
    return cast("M", row)


def _rows(to: HappyEvent | Community) -> Any:
    return Invitation.objects.filter(**Target(to).only).select_related("host", "event", "community")


def _try(action: Any, row: Invitation, by: Member) -> bool:
    try:
        action(row, by)
    except InvitationRefused:
        return False  # changed in between; its row says how it stands
    return True
