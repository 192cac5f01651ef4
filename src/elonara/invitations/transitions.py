"""Changing the state of a row, only as the table in `states` allows and only if the row is unchanged meanwhile."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction

from elonara import compiled_queries, counters
from elonara.invitations import states
from elonara.invitations.models import Announcement, Correction, Invitation, State
from elonara.invitations.states import Transition

Deliverable = Invitation | Announcement | Correction
# Announcements first: replies need the URI and CID that the PDS returns for them.
MODELS: tuple[type[Deliverable], ...] = (Announcement, Correction, Invitation)


def apply(post: Deliverable, transition: Transition, *, fence: int | None = None, **values: Any) -> bool:
    """Apply a transition, and set `values`, if the row still has the known state (and was claimed under `fence`).

    False: the row was changed by somebody else, and nothing was written. Raises `states.TransitionNotAllowed`. May be
    called inside or outside a transaction.
    """
    target = states.next_state(transition, post.state)
    unchanged = {"id": post.pk, "state": post.state} | ({} if fence is None else {"fence": fence})
    if not compiled_queries.update_where(type(post), unchanged, {"state": target, **values}):
        return False
    counted(post, transition.value, values.get("reason", ""))
    post.state = target
    for name, value in values.items():
        setattr(post, name, value)
    return True


def counted(post: Deliverable, outcome: str, reason: str) -> None:
    """Count for `/metrics` what became of a post, once that is committed."""
    kind = type(post).__name__.lower()
    transaction.on_commit(lambda: counters.of_this_process.outcome(kind, outcome, reason))


def claim(post: Deliverable, fence: int, **values: Any) -> bool:
    """Apply ATTEMPT to a row that is queued and confirmed, and store the lane's fence in it. False: it changed."""
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
    """Queue a waiting row again. One whose text changed while it waited asks for its host's confirmation."""
    needs_confirmation = isinstance(post, Invitation) and post.needs_confirmation
    reason = ("author_changed" if post.reason == "author_changed" else "changed") if needs_confirmation else ""
    return apply(post, Transition.RESUME, reason=reason, error="", next_attempt_at=now)


def certainly_absent(post: Deliverable) -> bool:
    """Whether no post of ours can exist, or still land, at the row's record key."""
    return not post.ambiguous and post.state not in {State.SENDING, State.SENT, State.UNDOING}
