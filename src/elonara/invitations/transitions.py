"""Changing the state of a row: only as the table in `states` allows, and only if nobody changed it in between."""

from __future__ import annotations

import datetime as dt
from typing import Any

from elonara import compiled_queries
from elonara.invitations import states
from elonara.invitations.models import Announcement, Invitation, State
from elonara.invitations.states import Transition

Deliverable = Invitation | Announcement


def apply(post: Deliverable, transition: Transition, *, fence: int | None = None, **values: Any) -> bool:
    """Apply a transition if the row still is in the state we know (and was claimed under `fence`), with other `values`.

    False: somebody else was quicker, nothing was changed. Raises `states.TransitionNotAllowed`. May be called inside or
    outside a transaction.
    """
    target = states.next_state(transition, post.state)
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
        # An ambiguous row is only read, not written, until the host has confirmed it.
        unchanged["needs_confirmation"] = False
    target = states.next_state(Transition.ATTEMPT, post.state)
    if not compiled_queries.update_where(type(post), unchanged, {"state": target, "fence": fence, **values}):
        return False
    post.state, post.fence = target, fence
    for name, value in values.items():
        setattr(post, name, value)
    return True


def resume(post: Deliverable, now: dt.datetime) -> bool:
    """Let a waiting row go on. One whose text changed while it waited has to be confirmed by its host, and says so."""
    asks = isinstance(post, Invitation) and post.needs_confirmation
    reason = ("author_changed" if post.reason == "author_changed" else "changed") if asks else ""
    return apply(post, Transition.RESUME, reason=reason, error="", next_attempt_at=now)


def certainly_absent(post: Deliverable) -> bool:
    """Whether no post of ours can exist, or still land, at the row's record key."""
    return not post.ambiguous and post.state not in {State.SENDING, State.SENT, State.UNDOING}
