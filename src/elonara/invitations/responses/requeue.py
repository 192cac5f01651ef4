"""Queueing an invitation again on the same row, counted for a new day, with a new text where none can exist yet."""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.utils import timezone

from elonara.invitations import states
from elonara.invitations.consent import caps, opt_outs, recipient_caps, sending_days
from elonara.invitations.job_kinds import wake_lane
from elonara.invitations.models import Announcement, Invitation, State, Voice
from elonara.invitations.planning import compose, fingerprint
from elonara.invitations.planning import readiness as posting_readiness
from elonara.invitations.planning.plan import require_inviter
from elonara.invitations.planning.queueing import reset_for_requeue
from elonara.invitations.responses.next_post import NextPost, next_post
from elonara.invitations.responses.permissions import locked, require_own
from elonara.invitations.results import InvitationRefused, PostingReadiness
from elonara.invitations.states import Transition
from elonara.invitations.targets import Target, target_of
from elonara.members.models import Member

FINAL_ANSWERS = frozenset({"cant", "declined"})  # answers after which a person is not asked again


def requeue(invitation: Invitation, by: Member, preview_id: str | None = None) -> Invitation:
    """Queue an invitation again that ended without a post, or whose post was undone.

    Raises InvitationRefused, and writes nothing, where `preview_id` showed another post.
    """
    target = target_of(invitation)
    require_inviter(by, target)
    require_own(invitation, by)
    ready = posting_readiness.readiness(invitation.host)
    if not ready.may_send:
        raise InvitationRefused(ready.reason)
    with transaction.atomic():
        relay = ready.voice == Voice.RELAY
        caps.lock(invitation.host, ready.author_did if relay and ready.can_post else "")
        row = locked(invitation)
        if not states.is_allowed(Transition.REQUEUE, row.state):
            raise InvitationRefused("wrong_state")
        if row.answer in FINAL_ANSWERS:
            raise InvitationRefused("declined")
        if code := opt_outs.opted_out(row.host, [row.invitee_did]).get(row.invitee_did):
            raise InvitationRefused(code)
        post = next_post(row, ready)
        fingerprint.require_one(preview_id, post.preview_id)
        was_undone = row.state == State.UNDONE
        if was_undone and row.undone_once:
            raise InvitationRefused("undone_for_good")
        recipient_caps.lock_people([row.invitee_did])
        if was_undone:
            caps.keep_place(row)
        day = caps.days_for(row.host, 1, relay=relay, without=row)[0]
        day = max(day, recipient_caps.person_caps([row.invitee_did], without=row).get(row.invitee_did, day))
        at = timezone.now() if day == sending_days.today(row.host) else sending_days.start_of_day(row.host, day)
        reset_for_requeue(row, ready=ready.can_post, reason=ready.reason, at=timezone.now() if row.ambiguous else at)
        row.counted_on = day
        row.undone_once = row.undone_once or was_undone
        if not row.ambiguous:
            _recompose(row, post, target, ready, at)
            if preview_id is not None and (row.announcement is None) != (post.above is None):
                raise InvitationRefused(fingerprint.CODE)  # the announcement was taken back at this moment
        row.save()
        wake_lane(row.author_did)
    return row


def _recompose(row: Invitation, post: NextPost, target: Target, ready: PostingReadiness, at: dt.datetime) -> None:
    """No post exists at the key: store the new text, and move the row to the account that posts for the host now."""
    if row.author_did != ready.author_did:
        row.announcement = None
    row.author_did, row.voice, row.record = post.author_did, post.voice, dict(post.record)
    if row.announcement is not None and not _requeue_announcement(row.announcement, target, ready, at):
        row.announcement = None


def _requeue_announcement(announcement: Announcement, target: Target, ready: PostingReadiness, at: dt.datetime) -> bool:
    """Whether the row can reply to the announcement, which is queued again if it had failed or was cancelled."""
    one = Announcement.objects.select_for_update().get(pk=announcement.pk)
    if target.is_private or one.state in {State.UNDOING, State.UNDONE}:
        return False
    if one.state in {State.FAILED, State.CANCELLED}:
        reset_for_requeue(one, ready=ready.can_post, reason=ready.reason, at=at)
        if not one.ambiguous:
            one.record = compose.of_row(one, posting_readiness.host_handle(one.host)).record
        one.save()
    return True
