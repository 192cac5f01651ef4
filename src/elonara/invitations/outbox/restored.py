"""After a restore from a backup: rows that were unsent in the backup may have been posted after it was made."""

from __future__ import annotations

from elonara.invitations.states import PENDING
from elonara.invitations.transitions import MODELS


def mark_ambiguous() -> int:
    """Mark every unsent row as ambiguous. Returns how many.

    The record key of an ambiguous row is read before anything is written, and until then the row can be undone but not
    cancelled. `first_attempt_at` is cleared because no attempt is known: an absent post is then sent like any other.
    """
    return sum(
        model.objects.filter(state__in=PENDING, ambiguous=False).update(ambiguous=True, first_attempt_at=None)
        for model in MODELS
    )
