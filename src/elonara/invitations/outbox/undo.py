"""Taking a post back: delete it, then look again until nothing can land any more.

A delete of an absent record succeeds, and a create that was late would bring the post back after it. So the key is
looked at until the longest deadline of a request and five minutes more have passed since we alone had the lane.
"""

from __future__ import annotations

import datetime as dt

from django.utils import timezone

from elonara.bluesky.writing.agent import BlueskyResult
from elonara.invitations import notifications
from elonara.invitations.models import State
from elonara.invitations.outbox import attempts
from elonara.invitations.outbox.attempts import LATE_WRITE_WINDOW
from elonara.invitations.states import Transition
from elonara.invitations.transitions import Deliverable, apply

# Looks after a delete, in seconds since the first; the last one comes after LANDING.
CONFIRMATION_DELAYS_SECONDS = (5, 20, 60, 150)
FIRST_RETRY, LAST_RETRY = dt.timedelta(seconds=15), dt.timedelta(hours=6)
REAUTHORIZE_RETRY_INTERVAL = dt.timedelta(hours=1)


def step(desk: attempts.DeliveryContext, row: Deliverable) -> None:
    """One look at a row that is being taken back."""
    now = timezone.now()
    if row.undo_settled_at is None:
        # Only now is the lane ours: whoever worked on the row has ended, or may not begin another request.
        row.undo_settled_at = now + LATE_WRITE_WINDOW
        _keep(row, undo_settled_at=row.undo_settled_at, undo_confirmations=0)
    looked = desk.agent.find_post(row.host_id, row.author_did, row.rkey) if row.undo_confirmations else None
    if looked is not None and looked.absent:
        _absent(row, now)
        return
    if looked is not None and not looked.success and not looked.needs_reauth:
        _later(desk, row, looked)
        return
    deleted = desk.agent.delete_post(row.host_id, row.author_did, row.rkey)
    if not deleted.success and not deleted.absent and deleted.reason != "account_gone":
        _later(desk, row, deleted)
        return
    # The delete was acknowledged; what it says is checked by looking.
    after = desk.agent.find_post(row.host_id, row.author_did, row.rkey)
    if after.absent or after.reason == "account_gone":
        _absent(row, now)
    elif after.success:
        _keep(row, next_attempt_at=now + dt.timedelta(seconds=2), reason="")
    else:
        _later(desk, row, after)


def _absent(row: Deliverable, began: dt.datetime) -> None:
    """Nothing stands at the key. The last look must have begun after the moment until which something could land."""
    settled = row.undo_settled_at
    if settled is not None and began >= settled:
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
    passed = (began - (settled - LATE_WRITE_WINDOW)).total_seconds() if settled else 0
    ahead = [seconds for seconds in CONFIRMATION_DELAYS_SECONDS if seconds > passed]
    at = began + dt.timedelta(seconds=ahead[0] - passed) if ahead else settled
    _keep(row, next_attempt_at=at, undo_confirmations=row.undo_confirmations + 1, error="")


def _later(desk: attempts.DeliveryContext, row: Deliverable, result: BlueskyResult) -> None:
    now = timezone.now()
    began = (row.undo_settled_at or now) - LATE_WRITE_WINDOW
    at = now + min(max((now - began) / 2, FIRST_RETRY), LAST_RETRY)
    if result.needs_reauth:
        at = now + REAUTHORIZE_RETRY_INTERVAL
        notifications.needs_host(row.host, result.reason)
    at = max(at, attempts.pause(desk, result))
    # The last word on the matter belongs to a look that begins after this failure.
    _keep(row, next_attempt_at=at, reason=result.reason, error=(result.error_message or "")[:500])


def _keep(row: Deliverable, **values: object) -> None:
    type(row).objects.filter(pk=row.pk, state=State.UNDOING).update(**values)
    for name, value in values.items():
        setattr(row, name, value)
