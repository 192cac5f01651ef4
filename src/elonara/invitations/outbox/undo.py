"""Taking a post back: delete it, then read its key until nothing can land any more.

The PDS answers a delete of an absent record with success, and a late create would bring the post back after it. So the
key is read again until `timing.LATE_WRITE_WINDOW` has passed since this worker alone held the lane, and the last read
must have begun after that moment. `undo_settled_at` in the row is that moment.
"""

from __future__ import annotations

import datetime as dt

from django.utils import timezone

from elonara import shared_clock
from elonara.bluesky.writing.agent import BlueskyResult
from elonara.invitations import notifications
from elonara.invitations.models import State
from elonara.invitations.outbox import outcomes, timing
from elonara.invitations.outbox.context import DeliveryContext
from elonara.invitations.states import Transition
from elonara.invitations.transitions import Deliverable, apply


def step(context: DeliveryContext, row: Deliverable) -> None:
    """One step with a row that is being taken back: read its key, delete what is there, read again."""
    now, shared = timezone.now(), shared_clock.now()
    if row.undo_settled_at is None:
        # Only from now on does this worker hold the lane: another one may not begin a request for this row any more.
        # By the clock that workers share: another one may judge whether the moment has come.
        row.undo_settled_at = shared + timing.LATE_WRITE_WINDOW
        _keep(row, undo_settled_at=row.undo_settled_at, undo_confirmations=0)
    agent = context.agent_of(row)
    found = agent.find_post(row.host_id, row.author_did, row.rkey) if row.undo_confirmations else None
    if found is not None and found.absent:
        _absent(row, now, shared)
        return
    if found is not None and not found.success and not found.needs_reauth:
        _retry_later(context, row, found)
        return
    deleted = agent.delete_post(row.host_id, row.author_did, row.rkey)
    refused = not deleted.success and not deleted.absent and deleted.reason != "account_gone"
    if refused and deleted.retryable:
        _retry_later(context, row, deleted)
        return
    # Acknowledged, or refused for good: a read checks what that means. A server may delete and still answer with an
    # error, and the host may have deleted the post herself.
    after = agent.find_post(row.host_id, row.author_did, row.rkey)
    if after.absent or after.reason == "account_gone":
        _absent(row, now, shared)
    elif refused:
        _retry_later(context, row, deleted)
    elif after.success:
        _keep(row, next_attempt_at=now + timing.UNDO_STILL_THERE_RETRY, reason="")
    else:
        _retry_later(context, row, after)


def _absent(row: Deliverable, began: dt.datetime, shared: dt.datetime) -> None:
    """The key is empty. The read that ends the undo must have begun after the last moment a write could land.

    It began at `began` by this machine's clock, and at `shared` by the clock that workers share.
    """
    settled = row.undo_settled_at
    if settled is not None and shared >= settled:
        apply(
            row,
            Transition.SETTLE,
            uri="",
            cid="",
            ambiguous=False,
            error="",
            undo_confirmations=row.undo_confirmations + 1,
        )
        return
    passed = (shared - (settled - timing.LATE_WRITE_WINDOW)).total_seconds() if settled else 0
    ahead = [seconds for seconds in timing.UNDO_READS_SECONDS if seconds > passed]
    at = began + dt.timedelta(seconds=ahead[0] - passed) if ahead else began + ((settled or shared) - shared)
    _keep(row, next_attempt_at=at, undo_confirmations=row.undo_confirmations + 1, error="")


def _retry_later(context: DeliveryContext, row: Deliverable, result: BlueskyResult) -> None:
    now = timezone.now()
    shared = shared_clock.now()
    began = (row.undo_settled_at or shared) - timing.LATE_WRITE_WINDOW
    at = now + min(max((shared - began) / 2, timing.UNDO_FIRST_RETRY), timing.UNDO_LAST_RETRY)
    if result.needs_reauth:
        at = now + timing.REAUTHORIZE_RETRY_INTERVAL
        notifications.needs_host(row.host, result.reason)
    at = max(at, outcomes.pause_account(context, result))
    _keep(
        row, next_attempt_at=at, reason=result.reason, error=(result.error_message or "")[: outcomes.MAX_ERROR_LENGTH]
    )


def _keep(row: Deliverable, **values: object) -> None:
    type(row).objects.filter(pk=row.pk, state=State.UNDOING).update(**values)
    for name, value in values.items():
        setattr(row, name, value)
