"""A post as it is shown before it is written: its text cut into segments, its card, and the link to post it by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from elonara.atproto.rich_text import MAX_GRAPHEMES, grapheme_length

COMPOSE_URL = "https://bsky.app/intent/compose?text="


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


def of_record(record: Mapping[str, Any], *, has_thumb: bool = False) -> PostPreview:
    """A stored post as it is on Bluesky: what new replies to an old announcement stand below."""
    card = record["embed"]["external"]
    graphemes = grapheme_length(record["text"])
    return PostPreview(
        text=record["text"],
        facets=record["facets"],
        graphemes=graphemes,
        room=MAX_GRAPHEMES - graphemes,
        card=CardPreview(card["uri"], card["title"], card["description"], has_thumb),
        link=card["uri"],
    )


def compose_url(text: str) -> str:
    """The link that opens Bluesky's composer with `text`."""
    return COMPOSE_URL + quote(text, safe="")
