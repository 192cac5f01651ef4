"""What can be done with invitations. Web and API call these, nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from elonara.communities.models import Community, Membership
from elonara.events.models import Answer, Event
from elonara.invitations.models import Announcement, Invitation
from elonara.invitations.results import InvitationRefused, Preview, Sent
from elonara.members.models import Member

__all__ = ["InvitationRefused"]


def preview(
    host: Member,
    to: Event | Community,
    dids: Sequence[str],
    note: str = "",
    lines: Mapping[str, str] | None = None,
    thread: bool = True,
) -> Preview:
    """The exact posts, who is left out and on which days it goes. Writes nothing.

    `dids` are DIDs or handles. Raises InvitationRefused.
    """
    raise NotImplementedError


def invite(
    host: Member,
    to: Event | Community,
    dids: Sequence[str],
    note: str = "",
    lines: Mapping[str, str] | None = None,
    thread: bool = True,
    idempotency_key: str = "",
) -> Sent:
    """Write one row per person and wake the workers; nothing is posted here. Raises InvitationRefused."""
    raise NotImplementedError


def retry(invitation: Invitation, by: Member) -> Invitation:
    """Queue a failed, cancelled or suppressed invitation again. Raises InvitationRefused."""
    raise NotImplementedError


def confirm(invitation: Invitation, by: Member) -> Invitation:
    """The host has seen the new text (or wants an undone or unsure one again). Raises InvitationRefused."""
    raise NotImplementedError


def confirm_all(to: Event | Community, by: Member) -> int:
    """Confirm every rebuilt invitation of the target; how many there were."""
    raise NotImplementedError


def cancel(post: Invitation | Announcement, by: Member) -> Invitation | Announcement:
    """Stop what has not been sent; what may be on its way becomes an undo. Raises InvitationRefused."""
    raise NotImplementedError


def undo(post: Invitation | Announcement, by: Member) -> Invitation | Announcement:
    """Take a post back from Bluesky. Raises InvitationRefused."""
    raise NotImplementedError


def hand_over(invitation: Invitation, by: Member) -> str:
    """The host posts it herself: the composer's link. Raises InvitationRefused."""
    raise NotImplementedError


def respond(
    ref: str, did: str, handle: str, name: str, choice: str, plus_ones: int = 0, note: str = ""
) -> Answer | Membership | None:
    """The invited person, who proved `did`, answers. Raises InvitationRefused (wrong_person, withdrawn, …)."""
    raise NotImplementedError


def opened(ref: str, did: str) -> None:
    """Somebody who proved `did` looks at the invitation; counts only for the invited one."""
    raise NotImplementedError


def opt_out(did: str, host: Member | None = None) -> None:
    """Never again, from this host or (None) from the whole site. Queued ones are suppressed at once."""
    raise NotImplementedError


def opt_in_again(did: str, host: Member | None = None) -> None:
    """The person takes her own opt-out back."""
    raise NotImplementedError


def report(ref: str, did: str, text: str) -> None:
    """Tell the operator; `did` is "" where nobody proved anything. Raises InvitationRefused for an unknown ref."""
    raise NotImplementedError
