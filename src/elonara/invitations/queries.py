"""What pages and the API read about invitations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from elonara.bluesky.people import Person
from elonara.communities.models import Community
from elonara.events.models import Event
from elonara.invitations.models import Batch, Invitation, OptOut
from elonara.invitations.results import CapsLeft, InboxItem, Progress, Ready
from elonara.members.models import Member


def readiness(host: Member) -> Ready:
    """Ready to post? From which account, by what; or what is missing and the way on."""
    raise NotImplementedError


def caps_left(host: Member) -> CapsLeft:
    """What the host may still send today and this week."""
    raise NotImplementedError


def invitability(host: Member, target: Event | Community, people: Iterable[Person]) -> dict[str, str | None]:
    """For the picker: DID → code of the reason why not (see `reasons`), None for who can be invited."""
    raise NotImplementedError


def progress(target: Event | Community, by: Member) -> Progress:
    """How the invitations to a target stand. Raises InvitationRefused for who may not invite to it."""
    raise NotImplementedError


def inbox(dids: Sequence[str]) -> list[InboxItem]:
    """The invitations to people with these proven DIDs, newest first."""
    raise NotImplementedError


def by_ref(ref: str) -> Invitation | None:
    """The invitation behind `/i/{ref}`, if its post may have been seen by somebody; with host and target loaded."""
    raise NotImplementedError


def batches(host: Member, target: Event | Community) -> list[Batch]:
    """The host's presses of Send for a target, newest first."""
    raise NotImplementedError


def opt_outs(dids: Sequence[str]) -> list[OptOut]:
    """What these DIDs have opted out of, the whole site first."""
    raise NotImplementedError
