"""After a restore: what had not gone when the backup was made may have gone before the site was lost."""

from __future__ import annotations

from elonara.invitations.models import Announcement, Invitation, State


def mark_ambiguous() -> int:
    """Doubt every post that was still to go: its key is read before anything is written, and until then it can be
    taken back but not cancelled. How many there are.

    No attempt is known, so `first_attempt_at` is empty: an absent post then goes like any other.
    """
    return sum(
        model.objects.filter(state__in=(State.QUEUED, State.WAITING), ambiguous=False).update(
            ambiguous=True, first_attempt_at=None
        )
        for model in (Announcement, Invitation)
    )
