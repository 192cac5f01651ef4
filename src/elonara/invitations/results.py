"""What the actions and queries of invitations hand to pages and to the API."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from uuid import UUID

from elonara.invitations import reasons
from elonara.invitations.models import Batch, State

# What a reason asks of the host herself (`reasons.Reason.action`); the rest passes by itself or is the operator's.
HOST_ACTIONS = frozenset({"reauthorize", "app_password", "connect", "confirm", "compose"})
COMPOSE_URL = "https://bsky.app/intent/compose?text="


class InvitationRefused(Exception):
    """A press that cannot be done as a whole. `code` is stable; `sentence` and `way_on` are for people."""

    def __init__(self, code: str, sentence: str = "", *, field_name: str = "") -> None:
        found = reasons.reason(code)
        self.code = code
        self.sentence = sentence or found.sentence
        self.way_on = found.way_on
        self.action = found.action
        self.field_name = field_name  # the form field it belongs to, "" for the whole form
        super().__init__(self.sentence)


@dataclass(frozen=True)
class PostingReadiness:
    """Whether, from which account and how the host's invitations are posted."""

    can_post: bool
    author_did: str
    handle: str
    voice: str  # host | relay | compose
    backend: str  # the agent's own word: app_password | relay | oauth | ""
    reason: str = ""
    sentence: str = ""
    way_on: str = ""
    action: str = ""
    may_send: bool = True  # False: even Send is refused (loopback site, not connected)


@dataclass(frozen=True)
class CardPreview:
    """The link card under a post."""

    uri: str
    title: str
    description: str
    has_thumb: bool = False


@dataclass(frozen=True)
class Segment:
    """A run of text: plain (`kind` ""), a `mention` (target: DID) or a `link` (target: URL)."""

    text: str
    kind: str = ""
    target: str = ""


@dataclass(frozen=True)
class PostPreview:
    """One post exactly as it will be written (the announcement has no did, handle and name)."""

    text: str
    facets: list[dict[str, Any]]
    graphemes: int
    room: int  # graphemes still free, of 300
    card: CardPreview
    link: str
    did: str = ""
    handle: str = ""
    name: str = ""
    avatar: str = ""
    shortened: tuple[str, ...] = ()  # which of title, note, line, name had to be shortened

    @property
    def segments(self) -> list[Segment]:
        """The text cut at its facets, for showing mentions and links as such."""
        raw, cut, parts = self.text.encode(), 0, []
        for facet in sorted(self.facets, key=lambda item: item["index"]["byteStart"]):
            start, end = facet["index"]["byteStart"], facet["index"]["byteEnd"]
            feature = facet["features"][0]
            kind = "mention" if feature["$type"].endswith("#mention") else "link"
            if start > cut:
                parts.append(Segment(raw[cut:start].decode()))
            parts.append(Segment(raw[start:end].decode(), kind, feature.get("did") or feature.get("uri", "")))
            cut = end
        if cut < len(raw):
            parts.append(Segment(raw[cut:].decode()))
        return parts

    @property
    def compose_url(self) -> str:
        """Bluesky's own composer with this text in it, for a host whom no backend can post for."""
        return compose_url(self.text)


def compose_url(text: str) -> str:
    """The link that opens Bluesky's composer with `text`."""
    return COMPOSE_URL + quote(text, safe="")


@dataclass(frozen=True)
class Skipped:
    """Somebody who was chosen and is left out."""

    did: str
    handle: str
    name: str
    reason: str
    sentence: str
    way_on: str = ""
    until: dt.date | None = None  # may be invited again from this day, where a day ends it

    def to_dict(self) -> dict[str, Any]:
        """As stored in `Batch.skipped` and shown by the API."""
        return {
            "did": self.did,
            "handle": self.handle,
            "name": self.name,
            "reason": self.reason,
            "until": self.until.isoformat() if self.until else None,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Skipped:
        """Read `Batch.skipped` back."""
        until = stored.get("until")
        return skip(
            stored["reason"],
            did=stored.get("did", ""),
            handle=stored.get("handle", ""),
            name=stored.get("name", ""),
            until=dt.date.fromisoformat(until) if until else None,
        )


def skip(code: str, *, did: str, handle: str, name: str = "", until: dt.date | None = None) -> Skipped:
    """A Skipped with the sentence of its code."""
    found = reasons.reason(code)
    again = f"Can be invited again from {until.day} {until:%B}." if until else found.way_on
    return Skipped(did, handle, name, code, found.sentence, again, until)


@dataclass(frozen=True)
class Preview:
    """What would happen: the exact posts, who is left out, and on which days it goes."""

    readiness: PostingReadiness
    announcement: PostPreview | None
    posts: list[PostPreview]
    skipped: list[Skipped]
    today: int
    later: list[tuple[dt.date, int]]
    warnings: list[str]
    note_room: int  # graphemes the note may still grow by in the fullest post
    schedule: str = ""  # "30 today, 10 tomorrow"
    refusal: reasons.Reason | None = None  # why Send would be refused, though the preview works


@dataclass(frozen=True)
class Sent:
    """The outcome of pressing Send."""

    batch: Batch
    queued: int
    skipped: list[Skipped]
    today: int = 0
    later: list[tuple[dt.date, int]] = field(default_factory=list)
    waiting: int = 0  # rows of `queued` that wait for a permission or an app password
    repeated: bool = False  # the same idempotency key had been pressed before: nothing was done again


@dataclass(frozen=True)
class CapsLeft:
    """What the host may still send."""

    today: int
    this_week: int
    per_day: int
    per_week: int
    per_send: int
    first_week: bool


@dataclass(frozen=True)
class InvitationView:
    """One person on the Watch page. `can` names the buttons: retry, confirm, cancel, undo, compose."""

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
    opened_at: dt.datetime | None
    answer: str
    answered_at: dt.datetime | None
    needs_confirmation: bool
    outdated: bool
    text: str
    compose_url: str
    can: tuple[str, ...]

    @property
    def needs_host(self) -> bool:
        """Whether it stands still until the host does something: the Watch page shows such rows first."""
        if self.needs_confirmation:
            return True
        if self.state == State.WAITING:
            return self.action in HOST_ACTIONS
        return self.state == State.FAILED and bool(self.can)


@dataclass(frozen=True)
class AnnouncementView:
    """The post the quiet thread hangs from."""

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
    """How the invitations to one target stand. `percent` counts what has come to an end, of 100."""

    rows: list[InvitationView]
    counts: dict[str, int]  # every state, and opened, answered, needs_you, total
    announcements: list[AnnouncementView]
    percent: int
    going_on: bool  # False: nothing will change by itself, a page can stop asking
    paused: reasons.Reason | None = None
    paused_until: dt.datetime | None = None

    @property
    def total(self) -> int:
        """How many invitations there are."""
        return len(self.rows)


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
    timezone: str
    is_private: bool
    is_over: bool
    kind: str  # event | community
    target_url: str
    sent_at: dt.datetime | None
    answer: str
    answered_at: dt.datetime | None
