"""How many invitations are in which state, in words: the line above the rows of Watch."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

# The key of the count (`Progress.counts`), what `data-is` calls the state, and the words.
COUNTED = (
    ("answered", "answered", gettext_noop("{number} answered")),
    ("sent", "sent", gettext_noop("{number} sent")),
    ("sending", "sending", gettext_noop("{number} sending")),
    ("queued", "queued", gettext_noop("{number} queued")),
    ("waiting", "waiting", gettext_noop("{number} waiting")),
    ("failed", "failed", gettext_noop("{number} not sent")),
    ("suppressed", "suppressed", gettext_noop("{number} can’t be reached")),
    ("undoing", "undoing", gettext_noop("{number} undoing")),
    ("undone", "undone", gettext_noop("{number} undone")),
    ("cancelled", "cancelled", gettext_noop("{number} cancelled")),
    ("handed_over", "handed", gettext_noop("{number} handed over")),
)


def wanted(counts: Mapping[str, int]) -> int:
    """How many of the invitations are meant to be on Bluesky: all but those taken back or cancelled."""
    return counts["total"] - sum(counts.get(key, 0) for key in ("undoing", "undone", "cancelled"))


def counted(counts: Mapping[str, int]) -> list[tuple[str, str]]:
    """State and words for each number that is not zero; what is sent is always said."""
    return [
        (state, _(words).format(number=counts.get(key, 0)))
        for key, state, words in COUNTED
        if counts.get(key) or key == "sent"
    ]
