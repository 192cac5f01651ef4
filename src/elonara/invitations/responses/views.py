"""Invitations that exist, as pages and the API show them to the host and to the invited person."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from uuid import UUID

from elonara.events.models import Event
from elonara.invitations import reasons
from elonara.invitations.models import State

# The actions (`reasons.Reason.action`) that only the host can take. Other reasons pass by themselves or are the
# operator's to resolve.
HOST_ACTIONS = frozenset({"reauthorize", "app_password", "consent", "connect", "confirm", "compose"})


@dataclass(frozen=True)
class InvitationView:
    """One invitation on the Watch page. `can` names the buttons: retry, confirm, cancel, undo, compose."""

    id: UUID
    did: str
    handle: str
    name: str
    avatar: str
    state: str
    reason: str
    sentence: str
    way_on: str
    action: str
    error: str
    attempts: int
    post_url: str
    uri: str
    invitation_url: str
    queued_at: dt.datetime
    next_attempt_at: dt.datetime | None
    sent_at: dt.datetime | None
    answer: str
    answered_at: dt.datetime | None
    needs_confirmation: bool
    outdated: bool
    text: str
    compose_url: str
    can: tuple[str, ...]
    preview_id: str = ""  # where it can be confirmed or retried: the fingerprint of what would go, which `text` is
    author_did: str = ""  # who would post that, and the card under it
    card_title: str = ""
    card_description: str = ""
    write_url: str = ""  # where the host writes to who has not answered: a post of her own, on Bluesky; "": not offered
    caution: str = ""  # what the host has to know about her own sentence before she confirms or retries it

    @property
    def needs_host(self) -> bool:
        """Whether it waits until the host does something: the Watch page shows such rows first."""
        if self.needs_confirmation:
            return True
        if self.state == State.WAITING:
            return self.action in HOST_ACTIONS
        return self.state == State.FAILED and bool(self.can)


@dataclass(frozen=True)
class AnnouncementView:
    """The post that the invitations of a quiet thread reply to, or an update."""

    id: UUID
    author_did: str
    state: str
    reason: str
    sentence: str
    way_on: str
    post_url: str
    uri: str
    sent_at: dt.datetime | None
    outdated: bool
    text: str
    can: tuple[str, ...]


@dataclass(frozen=True)
class Progress:
    """The state of all invitations to one target. `percent` (0-100): how many have reached a final state."""

    rows: list[InvitationView]  # of this page, those that need the host first
    counts: dict[str, int]  # by state, and answered, needs_you, outdated, total
    announcements: list[AnnouncementView]
    updates: list[AnnouncementView]
    percent: int
    going_on: bool  # False: nothing will change by itself, so a page can stop polling
    sending: bool  # whether invitations are being posted, now or as the caps allow
    page: int = 1
    pages: int = 1
    paused: reasons.Reason | None = None
    paused_until: dt.datetime | None = None

    @property
    def total(self) -> int:
        """How many invitations there are."""
        return self.counts["total"]


@dataclass(frozen=True)
class Listed:
    """Some of the invitations to one target, for programs. `cursor` continues the list; "": it ends here."""

    rows: list[InvitationView]
    counts: dict[str, int]  # of all, as in `Progress`
    cursor: str


@dataclass(frozen=True)
class InboxItem:
    """One invitation as the invited person sees it."""

    ref: str
    did: str
    handle: str
    url: str
    host_name: str
    host_handle: str
    host_avatar: str
    title: str
    starts_at: dt.datetime | None
    first_day: dt.date | None  # of an event of whole days, which begins on it in every zone
    timezone: str
    is_private: bool
    is_over: bool
    is_stopped: bool  # this DID said that it wants no more invitations from this host, or from anybody here
    kind: str  # event | community
    target_url: str
    sent_at: dt.datetime | None
    answer: str
    answered_at: dt.datetime | None
    event: Event | None  # None: to a community

    @property
    def is_open(self) -> bool:
        """Whether it still waits for an answer."""
        return not (self.answer or self.is_over or self.is_stopped)

    @property
    def is_answered(self) -> bool:
        """Whether it invites to an event that is still to come, and is answered."""
        return bool(self.answer) and not self.is_over and self.kind == "event"
