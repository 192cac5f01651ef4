"""What inviting returns to pages and to the API: readiness, preview, outcome, who was skipped, and refusals."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils import dateformat
from django.utils.translation import gettext as _

from elonara.invitations import reasons
from elonara.invitations.models import Batch
from elonara.invitations.previews import PostPreview


class InvitationRefused(Exception):
    """A request that is refused as a whole. `code` is stable; `sentence` and `way_on` are for people.

    Both are by default those of the reason, whose way on may speak of a post that waits: give another where none does.
    """

    def __init__(self, code: str, sentence: str = "", *, field_name: str = "", way_on: str | None = None) -> None:
        found = reasons.reason(code)
        self.code = code
        self.sentence = sentence or found.sentence
        self.way_on = found.way_on if way_on is None else way_on
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
    backend: str  # app_password | relay | oauth | ""
    reason: str = ""
    sentence: str = ""
    way_on: str = ""
    action: str = ""
    may_send: bool = True  # False: Send is refused (loopback site, not connected) instead of queueing

    @property
    def has_step(self) -> bool:
        """Whether the host can end the reason herself, on the page about Bluesky."""
        return not self.can_post and self.action in {"app_password", "connect", "consent", "reauthorize"}


@dataclass(frozen=True)
class Skipped:
    """Somebody who was chosen and is not invited."""

    did: str
    handle: str
    name: str
    reason: str
    sentence: str
    way_on: str = ""
    until: dt.date | None = None  # may be invited again from this day, where the reason ends by itself

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
    """A Skipped with the sentence for its code."""
    found = reasons.reason(code)
    again = found.way_on
    if until:
        again = _("Can be invited again from {day}.").format(day=dateformat.format(until, "j F"))
    return Skipped(did, handle, name, code, found.sentence, again, until)


@dataclass(frozen=True)
class Preview:
    """What Send would do: the exact posts, who is skipped, and on which days the posts go."""

    readiness: PostingReadiness
    announcement: PostPreview | None
    posts: list[PostPreview]
    skipped: list[Skipped]
    today: int
    later: list[tuple[dt.date, int]]
    warnings: list[str]
    note_room: int  # graphemes left for the note in the longest post
    usual_sentence: str = ""  # what our posts say between mention and link where the host gives no sentence
    sentence_room: int = 0  # graphemes left beside the longest mention, sentence and link, without note and line
    schedule: str = ""  # "30 today, 10 tomorrow"
    refusal: reasons.Reason | None = None  # why Send would be refused although the preview works
    preview_id: str = ""  # the fingerprint of all this; Send takes it, and then sends exactly this or nothing


@dataclass(frozen=True)
class Sent:
    """What Send did."""

    batch: Batch
    queued: int
    skipped: list[Skipped]
    today: int = 0
    later: list[tuple[dt.date, int]] = field(default_factory=list)
    waiting: int = 0  # rows of `queued` that wait for a permission or an app password
    schedule: str = ""  # "30 today, 10 tomorrow"
    repeated: bool = False  # the idempotency key was known: nothing was done again


@dataclass(frozen=True)
class CapsLeft:
    """What the host may still send."""

    today: int
    this_week: int
    per_day: int
    per_week: int
    per_send: int
    first_week: bool
