"""How far the synchronization of a member's stored graph is, in words for pages and the API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from elonara.bluesky.graph.failures import ABOUT_THE_ACCOUNT
from elonara.bluesky.graph.models import StoredGraph

NONE, RUNNING, DONE, FAILED = "none", "running", "done", "failed"
RESTING: Final = "resting"  # the reason of a running sync that leaves the rest of a rate limit to invitations

SENTENCES: Final[Mapping[str, str]] = {
    **ABOUT_THE_ACCOUNT,
    "not_connected": gettext_noop("Connect your Bluesky account to see the people you know there."),
    RESTING: gettext_noop(
        "Bluesky limits how often this site may ask, and invitations go first. The rest follows in a minute."
    ),
    "rate_limited": gettext_noop("Bluesky asks this site to wait. The rest follows in a few minutes."),
    "unreachable": gettext_noop("Your server does not answer. We will try again automatically."),
    "server": gettext_noop("Bluesky had a problem. We will try again automatically."),
    "too_many": gettext_noop("This site stores up to a million people for each member."),
}
OTHER_FAULT: Final = gettext_noop("Bluesky could not be reached just now. We will try again automatically.")


@dataclass(frozen=True)
class SyncProgress:
    """The state of a member's stored graph.

    `state` is `none` (she never connected), `running` (due, or under way), `done` or `failed`; `reason` and `sentence`
    say why it failed, or what a running one waits for. `read` of about `expected` people (None: unknown) were read in
    the last pass. `people` are stored whom she knows. `known`: blocks and mutes came with them. `read_at` is when a
    pass last ended, `full_read_at` when one last ended that read everybody, `due_at` when Bluesky is asked next.
    """

    state: str
    reason: str = ""
    sentence: str = ""
    read: int = 0
    expected: int | None = None
    known: bool = False
    read_at: datetime | None = None
    full_read_at: datetime | None = None
    people: int = 0
    due_at: datetime | None = None


def progress(member_id: int) -> SyncProgress:
    """How far the stored graph of this member is. One query."""
    return of(StoredGraph.objects.filter(member_id=member_id).first())


def of(graph: StoredGraph | None) -> SyncProgress:
    """The same for a row that was read already."""
    if graph is None:
        return SyncProgress(NONE)
    return SyncProgress(
        state=graph.state,
        reason=graph.reason,
        sentence=sentence(graph.reason),
        read=graph.read,
        expected=graph.expected,
        known=graph.known,
        read_at=graph.read_at,
        full_read_at=graph.full_read_at,
        people=graph.known_people,
        due_at=graph.due_at,
    )


def sentence(reason: str) -> str:
    """The sentence for a reason of a sync, "" for none."""
    return _(SENTENCES.get(reason, OTHER_FAULT)) if reason else ""
