"""The exact posts. What is written here is what the host checks and what Bluesky shows; nothing is added later.

Every text depends on rows alone and never on the clock: a frozen post can be compared with what it would say now.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.utils.crypto import salted_hmac

from elonara.atproto import records
from elonara.atproto.rich_text import MAX_GRAPHEMES, RichText, TextBuilder, grapheme_length, shorten
from elonara.communities.validation import many_lines, one_line
from elonara.invitations.models import Announcement, Invitation, Voice
from elonara.invitations.results import CardPreview, PostPreview
from elonara.invitations.targets import Target, target_of
from elonara.members.models import Member

LANGS = ("en",)  # of the words below
NOTE_LENGTH = 300  # characters
LINE_LENGTH = 200
CARD_TITLE = 200
# A title is shortened to this before the note is touched: still a title, and the note is what the host wrote herself.
SHORT_TITLE = 24
SHORT_NAME = 16


@dataclass(frozen=True)
class Words:
    """What a post is made of, apart from its target."""

    host_name: str
    host_handle: str
    voice: str = Voice.HOST
    note: str = ""
    line: str = ""


@dataclass(frozen=True)
class Composed:
    """A post: the frozen part of its record, and what had to be shortened."""

    rich: RichText
    card: CardPreview
    link: str
    shortened: tuple[str, ...] = ()

    @property
    def record(self) -> dict[str, Any]:
        """What the row freezes: no createdAt, no reply, no thumb; those belong to an attempt."""
        return {
            "text": self.rich.text,
            "facets": self.rich.facets,
            "langs": list(LANGS),
            "embed": records.external(self.card.uri, self.card.title, self.card.description),
        }

    def preview(self, *, did: str = "", handle: str = "", name: str = "", avatar: str = "") -> PostPreview:
        """For the host's eyes."""
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


def words_of(host: Member, handle: str, voice: str, note: str = "", line: str = "") -> Words:
    """The words of a host. `handle` is hers, also when the relay posts."""
    return Words(one_line(host.name), handle, voice, many_lines(note), one_line(line))


def ref_for(target: Target, did: str) -> str:
    """The `ref` of one person's invitation: 96 bits that nobody can guess; not drawn anew, so the preview is exact."""
    digest = salted_hmac("elonara.invitations.ref", f"{target.kind}:{target.of.pk}:{did}", algorithm="sha256").digest()
    # Letters and digits alone: apps that look for links in plain text cut a "-" or "_" off their end.
    return base64.b32encode(digest[:12]).decode().rstrip("=").lower()


def link_for(ref: str) -> str:
    """Where an invitation leads."""
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


def announcement(target: Target, words: Words) -> Composed:
    """The post that a quiet thread hangs from. Only public targets have one."""
    if target.is_private:
        raise ValueError("a private target is not announced")
    link = target.url

    def write(part: Mapping[str, str]) -> RichText:
        who = f"{part['name']} (@{words.host_handle})" if words.voice == Voice.RELAY else part["name"]
        when = f"{target.when()}. " if target.when() else ""
        by = "hosted by" if target.kind == "event" else "a community by"
        text = TextBuilder().text(f"{part['title']}, {by} {who}\n{when}The invitations are in the replies.\n")
        return text.link(link).build()

    return _fitted(target, replace(words, note="", line=""), write, link)


def of_row(post: Invitation | Announcement, host_handle: str) -> Composed:
    """What the row would say if it were written now."""
    target = target_of(post)
    if isinstance(post, Announcement):
        return announcement(target, words_of(post.host, host_handle, post.voice))
    words = words_of(post.host, host_handle, post.voice, post.batch.note, post.line)
    return invitation(target, words, did=post.invitee_did, handle=post.invitee_handle, ref=post.ref)


def to_send(
    frozen: Mapping[str, Any], *, created_at: str, reply: Mapping[str, Any] | None, thumb: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The record of one attempt: the frozen part with its time, its place in the thread and its picture."""
    record = {"$type": records.POST, **frozen, "createdAt": created_at}
    if reply:
        record["reply"] = dict(reply)
    if thumb:
        external = {**frozen["embed"]["external"], "thumb": dict(thumb)}
        record["embed"] = {**frozen["embed"], "external": external}
    return record


def _invites(target: Target, words: Words, part: Mapping[str, str]) -> str:
    relayed = words.voice == Voice.RELAY
    who = f"{part['name']} (@{words.host_handle})" if relayed else part["name"]
    if target.is_private:
        return f"{who} invites you to a private {target.kind}"
    to = part["title"] if target.kind == "event" else f"join {part['title']}"
    when = f", {target.when()}" if target.when() else ""
    if relayed:
        return f"{who} invites you to {to}{when}"
    return f"You're invited to {to} by {who}{when}"


def _fitted(target: Target, words: Words, write: Callable[[Mapping[str, str]], RichText], link: str) -> Composed:
    parts = {"title": target.title, "note": words.note, "line": words.line, "name": words.host_name}
    lengths = {name: grapheme_length(text) for name, text in parts.items()}
    # First what is ours, last what the host wrote to one person alone. A name of nothing but joined
    # signs can be 3,000 bytes long, so in the end everything may go.
    steps = (
        ("title", SHORT_TITLE),
        ("note", 0),
        ("name", SHORT_NAME),
        ("line", 0),
        ("title", 1),
        ("name", 1),
        ("title", 0),
        ("name", 0),
    )
    shortened: list[str] = []
    rich = write(parts)
    for name, least in steps:
        if rich.fits:
            break
        if lengths[name] <= least:
            continue
        whole = parts[name]
        low, high = least, lengths[name] - 1
        while low < high:  # the longest that fits
            middle = (low + high + 1) // 2
            if write(parts | {name: shorten(whole, middle)}).fits:
                low = middle
            else:
                high = middle - 1
        parts[name], lengths[name] = shorten(whole, low), low
        rich = write(parts)
        if name not in shortened:
            shortened.append(name)
    if not rich.fits:
        raise ValueError("the mention and the link alone are too long for a post")
    card = target.card()
    title = shorten(one_line(card.title), CARD_TITLE)
    return Composed(rich, CardPreview(link, title, card.description, card.has_thumb), link, tuple(shortened))
