"""Rows that wait for their host: they go on by themselves once she has helped, and expire when the event is over."""

from __future__ import annotations

from django.utils import timezone

from elonara.invitations.outbox import outcomes, prechecks, timing
from elonara.invitations.outbox.context import DeliveryContext
from elonara.invitations.states import Transition
from elonara.invitations.targets import target_of
from elonara.invitations.transitions import Deliverable, resume


def step(context: DeliveryContext, row: Deliverable) -> None:
    """Check one waiting row: end it, let it go on, or wait further."""
    target, now = target_of(row), timezone.now()
    if (verdict := prechecks.check_target(row, target)) is not None:
        if row.ambiguous:
            outcomes.take_back(row, verdict.reason)
        else:
            outcomes.end(row, Transition.CANCEL, verdict.reason)
        return
    ready = context.cache.readiness(row.host)
    if row.ambiguous or (ready.can_post and ready.may_send):
        # We may already have posted an ambiguous row: reading its key needs no permission, so it goes on in any case.
        resume(row, now)
        return
    at = now + timing.WAITING_POLL_INTERVAL
    ends = target.ends
    type(row).objects.filter(pk=row.pk, state=row.state).update(
        next_attempt_at=min(at, ends) if ends else at, reason=ready.reason or row.reason
    )
