"""What the button "post the new one" would publish: one post that tells what has changed, and mentions nobody.

A host posts it in her own name and about her own posts: a reply to her announcement, or, where none stands on the
account that posts for her, one post of its own. It is offered while a post of hers tells something that does not hold
any more and no update of hers, sent or on its way, has told the newest. So there is one for each real change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from elonara.invitations.models import ON_ITS_WAY, Announcement, Correction, State
from elonara.invitations.planning import compose, fingerprint
from elonara.invitations.planning.compose import Composed
from elonara.invitations.planning.readiness import host_handle, text_limit_of, voice_for
from elonara.invitations.planning.standing import PRIVATE, Told, differs
from elonara.invitations.results import PostingReadiness
from elonara.invitations.targets import Target
from elonara.members.models import Member

ORDER = ("title", "when", "place", "link")


@dataclass(frozen=True)
class CorrectionPlan:
    """One update that a host may post. `again`: the row of an attempt at the same update that failed."""

    target: Target
    author_did: str
    voice: str
    changed: tuple[str, ...]
    post: Composed
    announcement: Announcement | None
    again: Correction | None = None

    @property
    def record(self) -> Mapping[str, Any]:
        """What would be written: of an attempt that may have been written, that very post."""
        return self.again.record if self.again is not None and self.again.ambiguous else self.post.record

    @property
    def preview_id(self) -> str:
        """The fingerprint of this: the post, its card's picture, who writes it, and what it replies to."""
        above = (str(self.announcement.pk), self.announcement.record) if self.announcement else None
        return fingerprint.of_one(
            "update", self.target.kind, self.target.of.pk, self.author_did, self.voice, self.record, above,
            fingerprint.picture_of(self.target),
        )  # fmt: skip


def last_words(target: Target) -> dict[int, Correction]:
    """By host: her newest update about the target that is on Bluesky or on its way there."""
    rows = Correction.objects.filter(state__in=(*ON_ITS_WAY, State.SENT), **target.only)
    return {row.host_id: row for row in rows.order_by("queued_at", "created_at")}


def uncorrected(posts: Iterable[Told], target: Target, said: Mapping[int, Correction]) -> dict[int, list[Told]]:
    """By host: her posts that are not true any more, unless her last word (`said`) is what holds."""
    found: dict[int, list[Told]] = {}
    for one in posts:
        last = said.get(one.host_id)
        if one.wrong and (last is None or differs(last.facts, target)):
            found.setdefault(one.host_id, []).append(one)
    return found


def plan_update(host: Member, target: Target, ready: PostingReadiness, wrong: Iterable[Told]) -> CorrectionPlan | None:
    """The update that says what these posts of the host tell wrongly; None where there is nothing that can be said."""
    facts = frozenset(name for one in wrong for name in one.wrong) - {PRIVATE}
    if not facts or target.is_private or target.over():
        return None
    changed = tuple(name for name in ORDER if name in facts)
    failed = Correction.objects.filter(host=host, state=State.FAILED, **target.only).select_related("announcement")
    again = failed.order_by("-queued_at").first()
    if again is not None and differs(again.facts, target):
        again = None
    if again is not None and again.ambiguous:  # it may stand: the same post, at the same place
        author, voice, changed, above = again.author_did, again.voice, tuple(again.changed), again.announcement
    else:
        author, voice = ready.author_did, voice_for(ready)
        announced = Announcement.objects.filter(host=host, author_did=author, state=State.SENT, **target.only)
        above = announced.first()
    words = compose.words_of(host, host_handle(host), voice, limit=text_limit_of(author))
    return CorrectionPlan(target, author, voice, changed, compose.correction(target, words, changed), above, again)
