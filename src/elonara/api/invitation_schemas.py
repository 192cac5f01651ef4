"""What the API takes and answers about invitations."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from ninja import Schema
from pydantic import Field

from elonara.api.fields import NO_CONTROLS, Actors, Lines, Note, Sentence
from elonara.invitations.queries import MAX_LISTED

MAX_LENGTH = 20_000  # characters of a `preview_id`; one of a hundred people has 3,800


class Selection(Schema):
    """Whom to invite and with which words. `notes` are personal lines, keyed like the people.

    `sentence` stands between the mention and the link of each post in place of ours (`usual_sentence` of a preview);
    "" is ours. It is plain text: a mention, a web address or a tag in it is refused (`sentence_not_plain`).
    """

    dids: Actors = []
    handles: Actors = []
    note: Note = ""
    notes: Lines = {}
    sentence: Sentence = ""
    thread: bool = True

    @property
    def people(self) -> list[str]:
        """DIDs and handles, each once, in the order given."""
        return list(dict.fromkeys([*self.dids, *self.handles]))


class SendRequest(Selection):
    """A choice that is sent. The same `idempotency_key` again answers as the first time and does nothing.

    With the `preview_id` of a preview exactly that is sent, or nothing (409 `preview_changed`). People who may not be
    invited any more are left out all the same, and named in `skipped`. Where the announcement is deleted on Bluesky
    before all have gone, the rest waits for `confirm`, or with `alone_if_gone` goes as posts of their own.
    """

    alone_if_gone: bool = False
    idempotency_key: str = Field("", max_length=100, pattern=NO_CONTROLS)
    preview_id: str | None = Field(None, max_length=MAX_LENGTH, pattern=NO_CONTROLS)


class SkippedOut(Schema):
    """Somebody who is left out. `reason` is a stable code."""

    did: str
    handle: str
    reason: str
    sentence: str


class CardOut(Schema):
    """The link card under a post."""

    uri: str
    title: str
    description: str


class PostOut(Schema):
    """A post exactly as it will be written. `graphemes` of at most 300."""

    did: str
    handle: str
    text: str
    facets: list[dict[str, Any]]
    graphemes: int
    card: CardOut


class DayOut(Schema):
    """How many go on a later day."""

    day: dt.date
    count: int


class PreviewOut(Schema):
    """What would happen. `refusal` is a stable code where Send would be refused.

    `sentence_room`: how many graphemes more the sentence may have in the post with the longest mention, note and lines
    left out.
    """

    can_post: bool
    author_did: str
    voice: str
    write_backend: str
    announcement: PostOut | None
    posts: list[PostOut]
    skipped: list[SkippedOut]
    today: int
    later: list[DayOut]
    warnings: list[str]
    usual_sentence: str
    sentence_room: int
    refusal: str | None
    preview_id: str


class SendOut(Schema):
    """The rows are written; workers deliver them. `waiting` of the `queued` need the host first (see their reason)."""

    batch: UUID
    queued: int
    waiting: int
    skipped: list[SkippedOut]


class InvitationOut(Schema):
    """One invitation. `reason` is a stable code, "" where there is nothing to say; `answer` likewise.

    `can` names the calls that will be taken: retry, confirm, cancel, undo. `text` is the post; where it can be
    retried or confirmed, as that call would write it, and `preview_id` stands for it ("" elsewhere). `caution` says
    there that the host wrote her own sentence before something changed that it may name.
    """

    id: UUID
    did: str
    handle: str
    state: str
    reason: str
    sentence: str
    uri: str
    attempts: int
    sent_at: dt.datetime | None
    answer: str
    can: list[str]
    text: str
    preview_id: str
    caution: str


class Shown(Schema):
    """What the caller saw. With the `preview_id` of an invitation exactly that post is sent, or none."""

    preview_id: str | None = Field(None, max_length=MAX_LENGTH, pattern=NO_CONTROLS)


class ListQuery(Schema):
    """Without `limit` an answer has up to 1,000 invitations. `cursor` is that of the answer before."""

    limit: int = Field(MAX_LISTED, ge=1, le=MAX_LISTED)
    cursor: str | None = Field(None, max_length=200, pattern=NO_CONTROLS)


class UpdateOut(Schema):
    """One post that tells what has changed. States and reasons are those of invitations."""

    id: UUID
    state: str
    reason: str
    sentence: str
    uri: str
    sent_at: dt.datetime | None
    text: str


class StandingOut(Schema):
    """How many posts are on Bluesky, or may be, and are not on their way back."""

    announcements: int
    invitations: int
    updates: int
    total: int


class NoticeOut(Schema):
    """What does not hold in posts that are out.

    `why`: `outdated` (they tell old facts: `words`), `private` (they name what is private now), or the code why it is
    over. `update` is the post that would say what is new, below the announcement `above` ("": a post of its own), and
    `preview_id` stands for it; null where only another host can post one.
    """

    why: str
    count: int
    words: str
    update: PostOut | None
    above: str
    preview_id: str


class PostsOut(Schema):
    """The posts about a target."""

    standing: StandingOut
    updates: list[UpdateOut]
    notice: NoticeOut | None


class TakeBack(Schema):
    """Which posts: those that do not hold any more, or all."""

    only_wrong: bool = True


class TakenBack(Schema):
    """How many are being taken back, and how many stay."""

    taken_back: int
    stay: int


class InvitationList(Schema):
    """Invitations to a target, and how many of all of them are in each state. No `cursor`: the list ends here."""

    invitations: list[InvitationOut]
    counts: dict[str, int]
    cursor: str | None
