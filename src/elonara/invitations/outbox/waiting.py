"""Rows that wait for their host: they go on by themselves once she has helped, and expire when the event starts."""

from __future__ import annotations

from django.utils import timezone

from elonara.invitations.outbox import attempts, prechecks
from elonara.invitations.states import Transition
from elonara.invitations.targets import target_of
from elonara.invitations.transitions import Deliverable, resume


def step(desk: attempts.DeliveryContext, row: Deliverable) -> None:
    """Look at one waiting row: end it, let it go on, or wait further."""
    target, now = target_of(row), timezone.now()
    if (verdict := prechecks.check_target(row, target)) is not None:
        if row.ambiguous:
            attempts.take_back(row, verdict.reason)
        else:
            attempts.end(row, Transition.CANCEL, verdict.reason)
        return
    ready = desk.memory.readiness(row.host)
    if row.ambiguous or (ready.can_post and ready.may_send):
        # A doubt is looked into in any case: reading the key needs no permission.
        resume(row, now)
        return
    at = now + prechecks.WAITING_POLL_INTERVAL
    ends = target.ends
    type(row).objects.filter(pk=row.pk, state=row.state).update(
        next_attempt_at=min(at, ends) if ends else at, reason=ready.reason or row.reason
    )
