"""One attempt at one post: check whether it may still go, write it, and judge the result.

What happens when the result is unknown is in `unknown_outcome`; how results are stored is in `outcomes`.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils import timezone

from elonara import shared_clock
from elonara.atproto import records
from elonara.bluesky.writing.agent import BlueskyResult
from elonara.bluesky.writing.repo_writer import TEXT_TOO_LONG
from elonara.compiled_queries import CompiledQuery
from elonara.invitations.models import Announcement, State
from elonara.invitations.outbox import outcomes, prechecks, thumbnails, timing, unknown_outcome
from elonara.invitations.outbox.context import DeliveryContext
from elonara.invitations.planning import compose
from elonara.invitations.states import Transition
from elonara.invitations.targets import target_of
from elonara.invitations.transitions import MODELS, Deliverable, apply

# The agent's reasons that only time or the host herself can end, besides `needs_reauth`.
HOLD_REASONS = frozenset({
    "account_deactivated", "account_takendown", "other_author", "relay_not_approved", "relay_unavailable",
})  # fmt: skip


def _held(model: type[Deliverable]) -> CompiledQuery[Any]:
    return CompiledQuery(
        lambda pk, fence: model._default_manager.filter(pk=pk, state=State.SENDING, fence=fence).values_list("pk")
    )


_HELD = {model: _held(model) for model in MODELS}


def deliver(context: DeliveryContext, row: Deliverable) -> bool:
    """Work on one queued row. True when a post was written or tried, so that the next one keeps its distance."""
    if row.ambiguous and not unknown_outcome.may_be_written_again(context, row):
        return False
    if _prevented(context, row):
        return False
    if row.state != State.SENDING and not outcomes.start_attempt(context, row, tells=target_of(row).facts):
        return False
    return _write(context, row)


def _prevented(context: DeliveryContext, row: Deliverable) -> bool:
    """Apply what the checks before a write say. True: this row does not go now."""
    verdict = prechecks.check(context, row)
    if verdict is None:
        return False
    later = verdict.at or timezone.now()
    match verdict.transition:
        case Transition.CANCEL | Transition.SUPPRESS if row.ambiguous:
            # It must not go, and it may have gone: undo it, and read until nothing can land any more.
            outcomes.take_back(row, verdict.reason)
        case Transition.CANCEL | Transition.SUPPRESS:
            outcomes.end(row, verdict.transition, verdict.reason)
        case Transition.GIVE_UP:
            apply(row, Transition.GIVE_UP, reason=verdict.reason, retryable=True)
        case Transition.HOLD:
            outcomes.hold(context, row, verdict.reason)
        case _ if row.state == State.SENDING:
            outcomes.put_back(context, row, verdict.reason, later, count=False)
        case _:
            outcomes.postpone(row, verdict.reason, later)
    return True


def _write(context: DeliveryContext, row: Deliverable) -> bool:
    picture = thumbnails.for_row(context.agent_of(row), row)
    result = create_post(context, row, picture.blob)
    if result is not None and result.reason == "blob_not_found" and picture.blob:
        # The PDS has dropped the picture: upload it once more; a post without its picture is better than none.
        result = create_post(context, row, thumbnails.for_row(context.agent_of(row), row, anew=True).blob)
        if result is not None and result.reason == "blob_not_found":
            result = create_post(context, row, None)
    if result is None:
        return False
    _store_result(context, row, result)
    return True


def create_post(context: DeliveryContext, row: Deliverable, blob: dict[str, Any] | None) -> BlueskyResult | None:
    """Ask the PDS for the post, once. None: the row was cancelled or the lane was lost in the meantime."""
    if not _HELD[type(row)].exists(pk=row.pk, fence=context.lease.fence):
        return None
    if row.ambiguous:
        row.last_attempt_at, row.facts = shared_clock.now(), target_of(row).facts
        type(row).objects.filter(pk=row.pk).update(last_attempt_at=row.last_attempt_at, facts=row.facts)
    if context.lease.seconds_left < timing.MIN_LEASE_SECONDS:
        extended = context.lease.extend(2 * timing.MIN_LEASE_SECONDS)
        if extended is None:
            return None
        context.lease = extended
    reply = None
    root = None if isinstance(row, Announcement) else row.announcement
    if root is not None and root.state == State.SENT:
        reply = records.reply_ref(root.uri, root.cid, root.uri, root.cid)
    # The time of this attempt: a mention dated yesterday lands in yesterday's notifications.
    now = records.timestamp(timezone.now())
    record = compose.to_send(row.record, created_at=now, reply=reply, thumb=blob)
    agent = context.agent_of(row)
    return agent.create_post_for_member(row.host_id, record, author_did=row.author_did, rkey=row.rkey)


def _store_result(context: DeliveryContext, row: Deliverable, result: BlueskyResult) -> None:
    error, now = (result.error_message or "")[: outcomes.MAX_ERROR_LENGTH], timezone.now()
    if result.success:
        outcomes.acknowledge(context, row, result)
    elif result.ambiguous:
        outcomes.pause_account(context, result)
        at = now + timing.AMBIGUOUS_RETRY * min(row.attempts, timing.MAX_AMBIGUOUS_RETRIES)
        outcomes.put_back(context, row, "asking", at, error=error, ambiguous=True)
    elif result.needs_reauth or result.reason in HOLD_REASONS:
        if not row.ambiguous:
            row.first_attempt_at = None
        outcomes.hold(context, row, result.reason or "needs_reauth", error)
    elif result.reason == "rate_limited":
        until = outcomes.pause_account(context, result)
        outcomes.put_back(context, row, "rate_limited", until, error=error, count=False)
    elif result.retryable and row.attempts < timing.MAX_ATTEMPTS:
        at = now + timing.retry_delay(row.attempts)
        if result.retry_after:
            at = max(at, now + dt.timedelta(seconds=result.retry_after))
        outcomes.put_back(context, row, result.reason or "trying_again", at, error=error)
    elif result.reason == TEXT_TOO_LONG and not row.ambiguous:
        outcomes.too_long(context, row, result, error)
    elif row.ambiguous:
        # This attempt failed for certain, but an earlier one may still land.
        unknown_outcome.read_again_later(context, row, error)
    else:
        reason = "gave_up" if result.retryable else result.reason or "record_refused"
        outcomes.give_up(context, row, reason, error=error)
