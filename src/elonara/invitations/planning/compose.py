"""The exact posts: what is composed here is what the host checks and what Bluesky shows; nothing is added later.

A text depends on rows alone and never on the clock, so a stored post can be compared with a newly composed one.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.utils.crypto import salted_hmac

from elonara.atproto import records
from elonara.atproto.rich_text import MAX_GRAPHEMES, RichText, TextBuilder, grapheme_length, shorten
from elonara.atproto.text_limits import TextLimit
from elonara.communities.validation import many_lines, one_line
from elonara.invitations.models import Announcement, Correction, Invitation, State, Voice
from elonara.invitations.planning import earlier_words, post_words, sentences
from elonara.invitations.planning.fitting import SHORT_NAME_GRAPHEMES, fitted
from elonara.invitations.previews import CardPreview, PostPreview
from elonara.invitations.targets import Target, target_of
from elonara.invitations.transitions import Deliverable
from elonara.members.models import Member

NOTE_LENGTH = 300  # characters
LINE_LENGTH = 200  # characters
CARD_TITLE_GRAPHEMES = 200


@dataclass(frozen=True)
class Words:
    """What a post says apart from its target: who invites, in which voice, her own sentence, note and line."""

    host_name: str
    host_handle: str
    voice: str = Voice.HOST
    note: str = ""
    line: str = ""
    sentence: str = ""  # the host's own between mention and link, as it is posted; "" for ours
    limit: TextLimit | None = None  # what the author's server takes, where that is less than the lexicon allows
    earlier: bool = False  # as 0.1.0 said it

    def fit(self, rich: RichText) -> bool:
        """Whether the author's server takes this text, as far as is known."""
        return rich.fits and (self.limit is None or self.limit.allows(rich.text))


@dataclass(frozen=True)
class Composed:
    """A composed post, and which of its parts had to be shortened."""

    rich: RichText
    card: CardPreview
    link: str
    shortened: tuple[str, ...] = ()

    @property
    def record(self) -> dict[str, Any]:
        """What the row stores: without createdAt, reply and thumb, which each attempt adds (`to_send`)."""
        return {
            "text": self.rich.text,
            "facets": self.rich.facets,
            "langs": [settings.LANGUAGE_CODE],  # BCP 47
            "embed": records.external(self.card.uri, self.card.title, self.card.description),
        }

    def above(self, stored: Announcement | None) -> Mapping[str, Any]:
        """The record of the announcement above new replies: `stored` where it may stand, else this new text."""
        may_stand = stored is not None and (stored.state in {State.SENT, State.SENDING} or stored.ambiguous)
        return stored.record if stored is not None and may_stand else self.record

    def preview(self, *, did: str = "", handle: str = "", name: str = "", avatar: str = "") -> PostPreview:
        """The post as the host checks it."""
        return PostPreview(
            text=self.rich.text,
            facets=self.rich.facets,
            graphemes=self.rich.graphemes,
            room=MAX_GRAPHEMES - self.rich.graphemes,
            card=self.card,
            link=self.link,
            did=did,
            handle=handle,
            name=name,
            avatar=avatar,
            shortened=self.shortened,
        )


def words_of(
    host: Member, handle: str, voice: str, note: str = "", line: str = "", *, sentence: str = "", limit: str = ""
) -> Words:
    """The words of a host. `handle` is her own, also where the relay posts; `limit` is a stored `TextLimit`."""
    name, note, line = one_line(host.name), many_lines(note), one_line(line)
    return Words(name, handle, voice, note, line, sentence, TextLimit.parse(limit))


def ref_for(target: Target, did: str) -> str:
    """The `ref` of one person's invitation: 96 bits that cannot be guessed, derived so that the preview shows it."""
    digest = salted_hmac("elonara.invitations.ref", f"{target.kind}:{target.of.pk}:{did}", algorithm="sha256").digest()
    # Base32: apps that find links in plain text would cut a trailing "-" or "_" of Base64 off.
    return base64.b32encode(digest[:12]).decode().rstrip("=").lower()


def link_for(ref: str) -> str:
    """The page of an invitation."""
    return f"{settings.ELONARA.site.url.rstrip('/')}/i/{ref}"


def invitation(target: Target, words: Words, *, did: str, handle: str, ref: str) -> Composed:
    """The post that invites one person. The mention and the link are never shortened."""
    link = link_for(ref)

    def write(part: Mapping[str, str]) -> RichText:
        text = TextBuilder().mention(f"@{handle}", did).text(f" {_invites(target, words, part)} — ").link(link)
        for extra in (part["note"], part["line"]):
            if extra:
                text.text(f"\n{extra}")
        return text.build()

    return _fitted(target, words, write, link)


def usual_sentence(target: Target) -> str:
    """What we say between mention and link, unshortened, where a host posts: what she changes into her own sentence.

    The relay speaks of her instead, and says "writes:" before a sentence of hers.
    """
    return _invites(target, Words("", ""), {"title": target.title, "name": ""})


def room(target: Target, words: Words, *, handle: str, ref: str) -> int:
    """Graphemes that are free beside mention, sentence and link, or (negative) that are too many."""
    part = {"title": target.title, "name": shorten(words.host_name, SHORT_NAME_GRAPHEMES), "sentence": words.sentence}
    text = f"@{handle} {_invites(target, words, part)} — {link_for(ref)}"
    return MAX_GRAPHEMES - grapheme_length(text)


def announcement(target: Target, words: Words) -> Composed:
    """The post that the invitations of a quiet thread reply to. Raises ValueError for a private target.

    Like an invitation it speaks as the person whose account posts it; the relay's names the host.
    """
    if target.is_private:
        raise ValueError("a private target is not announced")
    link = target.url

    def write(part: Mapping[str, str]) -> RichText:
        if words.earlier:
            said = earlier_words.announcement(target, words.voice, part["title"], part["name"], words.host_handle)
            return TextBuilder().text(said).link(link).build()
        said = post_words.announcement(target, part["title"], _by(words, part))
        return TextBuilder().text(said).link(link).build()

    return _fitted(target, replace(words, note="", line=""), write, link)


def correction(target: Target, words: Words, changed: Collection[str]) -> Composed:
    """The post that says what is new: `changed` are names of `Target.facts`. Raises ValueError for a private target.

    Its only facet is the link: whatever a title or a place holds, nobody is mentioned.
    """
    if target.is_private:
        raise ValueError("a private target is not named")
    link = target.url

    def write(part: Mapping[str, str]) -> RichText:
        said = post_words.update(target, part["title"], part["note"], changed, _by(words, part))
        return TextBuilder().text(said).link(link).build()

    return _fitted(target, replace(words, note=target.facts["place"], line=""), write, link)


def of_row(post: Deliverable, host_handle: str, *, voice: str = "", earlier: bool = False) -> Composed:
    """The row's post as it would be composed now, in another `voice` where one is given.

    A post that was queued in the words of 0.1.0, and that is still true, keeps them: its host has seen those. With
    `earlier` it keeps them although a handle in it has changed (`is_in_earlier_words`).
    """
    voice = voice or post.voice
    if isinstance(post, Correction):
        words = words_of(post.host, host_handle, voice, limit=post.text_limit)
        return correction(target_of(post), words, post.changed)
    words = words_of(post.host, host_handle, voice, limit=post.text_limit)
    if isinstance(post, Invitation):
        sentence = sentences.of_batch(post.batch, target_of(post))
        words = replace(words, note=many_lines(post.batch.note), line=one_line(post.line), sentence=sentence)
    if earlier:
        return _of_row(post, replace(words, earlier=True))
    composed = _of_row(post, words)
    stored = post.record.get("text", "")
    if stored and composed.rich.text != stored:
        before = _of_row(post, replace(words, earlier=True))
        return before if before.rich.text == stored else composed
    return composed


def is_in_earlier_words(post: Announcement | Invitation, host_handle: str) -> bool:
    """Whether the stored text is what 0.1.0 said of the row, and not what is said now."""
    stored, now = post.record.get("text", ""), of_row(post, host_handle)
    return bool(stored) and now.rich.text == stored and of_row(post, host_handle, earlier=True).rich.text == stored


def _of_row(post: Announcement | Invitation, words: Words) -> Composed:
    target = target_of(post)
    if isinstance(post, Announcement):
        return announcement(target, words)
    return invitation(target, words, did=post.invitee_did, handle=post.invitee_handle, ref=post.ref)


def to_send(
    stored: Mapping[str, Any], *, created_at: str, reply: Mapping[str, Any] | None, thumb: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The record of one attempt (`app.bsky.feed.post`): the stored part with its time, thread and card picture."""
    record = {"$type": records.POST, **stored, "createdAt": created_at}
    if reply:
        record["reply"] = dict(reply)
    if thumb:
        external = {**stored["embed"]["external"], "thumb": dict(thumb)}
        record["embed"] = {**stored["embed"], "external": external}
    return record


def _by(words: Words, part: Mapping[str, str]) -> str:
    """The host in a post of the relay, "" in her own. Her handle is text: a mention would notify her of every post."""
    return f"{part['name']} (@{words.host_handle})" if words.voice == Voice.RELAY else ""


def _invites(target: Target, words: Words, part: Mapping[str, str]) -> str:
    """What stands between the mention and the link, as the person says it whose account posts."""
    if words.earlier:
        return earlier_words.invites(target, words.voice, part["title"], part["name"], words.host_handle)
    if words.sentence:
        return post_words.quotes(part["sentence"], _by(words, part))
    return post_words.invites(target, part["title"], _by(words, part))


def _fitted(target: Target, words: Words, write: Callable[[Mapping[str, str]], RichText], link: str) -> Composed:
    """The post with its parts shortened until it fits. Raises ValueError if none does."""
    parts = {
        "title": target.title, "note": words.note, "line": words.line, "name": words.host_name,
        "sentence": words.sentence,
    }  # fmt: skip
    rich, shortened = fitted(parts, write, words.fit, note_first=words.limit is not None)
    if not rich.fits:  # one that only a server's own limit excludes is tried, and its refusal names the server
        raise ValueError("the mention and the link alone are too long for a post")
    card = target.card()
    title = shorten(one_line(card.title), CARD_TITLE_GRAPHEMES)
    return Composed(rich, CardPreview(link, title, card.description, card.has_thumb), link, shortened)
