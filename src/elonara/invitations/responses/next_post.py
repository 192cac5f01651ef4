"""What a button of the Watch page would publish for one row: the page shows this, and the action writes this.

The stored text of a row may be older than its event. So a row that can be confirmed or retried is shown as it would be
composed now, with the fingerprint of that (`planning.fingerprint`), which the button sends back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from elonara.invitations.models import Announcement, Invitation, State, Voice
from elonara.invitations.planning import compose, fingerprint
from elonara.invitations.planning.readiness import voice_for
from elonara.invitations.results import PostingReadiness
from elonara.invitations.states import IN_PROGRESS
from elonara.invitations.targets import Target, target_of
from elonara.invitations.transitions import Deliverable

# A reply to an announcement in one of these states goes as a post of its own.
ENDED = frozenset({State.UNDOING, State.UNDONE, State.CANCELLED})


@dataclass(frozen=True)
class NextPost:
    """The post, the account that writes it, and the record of the announcement above it (None: no thread)."""

    record: Mapping[str, Any]
    author_did: str
    voice: str
    above: Mapping[str, Any] | None
    preview_id: str


def next_post(row: Invitation, ready: PostingReadiness) -> NextPost:
    """What `confirm` or `retry` of this row publishes. `ready` is its host's."""
    target, handle = target_of(row), handle_of(row)
    requeued = row.state not in IN_PROGRESS
    author_did, voice, record = row.author_did, row.voice, row.record
    if not row.ambiguous:  # a post that may exist keeps its author and its text
        if requeued:
            author_did, voice = ready.author_did, voice_for(ready)
        record = compose.of_row(row, handle, voice=voice).record
    above = None
    if row.announcement is not None and (row.ambiguous or author_did == row.author_did):
        above = above_replies(row.announcement, target, row, requeued=requeued)
    digest = fingerprint.of_one(
        "post", str(row.pk), author_did, voice, record, above, fingerprint.picture_of(target)
    )  # fmt: skip
    return NextPost(record, author_did, voice, above, digest)


def above_replies(
    announcement: Announcement, target: Target, row: Invitation, *, requeued: bool
) -> Mapping[str, Any] | None:
    """The record that the announcement has when the row replies to it; None where the row goes alone.

    A row that is queued again takes a cancelled announcement along.
    """
    if target.is_private or announcement.state in (ENDED - {State.CANCELLED} if requeued else ENDED):
        return None
    words = compose.words_of(row.host, handle_of(row), announcement.voice, limit=announcement.text_limit)
    return compose.announcement(target, words).above(announcement)


def handed_over(row: Invitation) -> NextPost:
    """The text that the host posts herself, in her own voice."""
    record = compose.of_row(row, handle_of(row), voice=Voice.HOST).record
    digest = fingerprint.of_one("hand_over", str(row.pk), record)
    return NextPost(record, row.author_did, Voice.HOST, None, digest)


def handle_of(row: Deliverable) -> str:
    """The host's own handle, from what was loaded with the row where it was."""
    identity = getattr(row.host, "bluesky", None)
    return identity.bsky_handle if identity is not None else row.host.username
