"""Changing the state of a row: by the table alone, and only if nobody changed it in between."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

from elonara import compiled_queries, jobs
from elonara.invitations import states
from elonara.invitations.models import Announcement, Invitation, State
from elonara.invitations.states import Transition

JOB_KIND = "deliver"  # of `elonara.jobs`; the key is the author's DID
MAX_ATTEMPTS = 8
# Waits between tries, in seconds: eight tries within a day.
RETRY_DELAYS_SECONDS = (20, 60, 240, 900, 3600, 4 * 3600, 10 * 3600)
AMBIGUOUS_RETRY_SECONDS = 5.0  # after an attempt whose end is unknown

Deliverable = Invitation | Announcement


def apply(post: Deliverable, event: Transition, *, fence: int | None = None, **values: Any) -> bool:
    """Apply `event` if the row still is in the state we know (and was taken under `fence`), with other `values`.

    False: somebody else was quicker, nothing was changed. Raises states.NotPossible. Inside or outside a transaction.
    """
    target = states.next_state(event, post.state)
    unchanged = {"id": post.pk, "state": post.state} | ({} if fence is None else {"fence": fence})
    if not compiled_queries.update_where(type(post), unchanged, {"state": target, **values}):
        return False
    post.state = target
    for name, value in values.items():
        setattr(post, name, value)
    return True


def claim(post: Deliverable, fence: int, **values: Any) -> bool:
    """Apply ATTEMPT to a row that is queued and confirmed, and mark it with the lane's fence. False: it changed."""
    unchanged: dict[str, Any] = {
        "id": post.pk, "state": post.state, "author_did": post.author_did, "rkey": post.rkey,
    }  # fmt: skip
    if isinstance(post, Invitation) and not post.ambiguous:
        unchanged["needs_confirmation"] = False  # one in doubt is only looked for, until the host has confirmed
    target = states.next_state(Transition.ATTEMPT, post.state)
    if not compiled_queries.update_where(type(post), unchanged, {"state": target, "fence": fence, **values}):
        return False
    post.state, post.fence = target, fence
    for name, value in values.items():
        setattr(post, name, value)
    return True


def resume(post: Deliverable, now: dt.datetime) -> bool:
    """Let a waiting row go on. One that was changed while it waited is its host's to look at, and says so."""
    asks = isinstance(post, Invitation) and post.needs_confirmation
    reason = ("author_changed" if post.reason == "author_changed" else "changed") if asks else ""
    return apply(post, Transition.RESUME, reason=reason, error="", next_attempt_at=now)


def certainly_absent(post: Deliverable) -> bool:
    """Whether no post of ours can stand, or still land, at the row's key."""
    return not post.ambiguous and post.state not in {State.SENDING, State.SENT, State.UNDOING}


def retry_delay(tries: int) -> dt.timedelta:
    """How long to wait after the given number of tries, with jitter so that accounts do not come back together."""
    seconds = RETRY_DELAYS_SECONDS[min(max(tries, 1), len(RETRY_DELAYS_SECONDS)) - 1]
    return dt.timedelta(seconds=seconds * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, not a secret


def wake(author_did: str) -> None:
    """Have the account's lane looked at, after the commit."""
    jobs.wake(JOB_KIND, author_did)
