"""The text of posts: counting graphemes, shortening, and facets, whose positions are offsets in UTF-8 bytes.

Spec: https://docs.bsky.app/docs/advanced-guides/post-richtext and the lexicon app.bsky.richtext.facet
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

import regex  # type: ignore[import-untyped, unused-ignore]

MAX_GRAPHEMES = 300
MAX_BYTES = 3000
ELLIPSIS = "…"

_GRAPHEME = regex.compile(r"\X")

Facet = dict[str, Any]


def grapheme_length(text: str) -> int:
    """The number of extended grapheme clusters (UAX 29): the characters that a reader sees."""
    # A shortcut: in ASCII, only CR LF is one cluster of two code points.
    if text.isascii():
        return len(text) - text.count("\r\n")
    return len(_GRAPHEME.findall(text))


def byte_length(text: str) -> int:
    """The length of the text in UTF-8 bytes."""
    return len(text.encode())


def fits(text: str) -> bool:
    """Whether a post may hold this text: at most 300 graphemes and 3,000 bytes."""
    return byte_length(text) <= MAX_BYTES and grapheme_length(text) <= MAX_GRAPHEMES


def shorten(text: str, max_graphemes: int, *, max_bytes: int | None = None) -> str:
    """The text, where it is too long cut between graphemes, with an ellipsis that counts towards the length.

    Returns "" where not even the ellipsis fits.
    """

    def fitting(text: str) -> bool:
        return grapheme_length(text) <= max_graphemes and (max_bytes is None or byte_length(text) <= max_bytes)

    if fitting(text):
        return text
    room = max_graphemes - 1
    bytes_left = None if max_bytes is None else max_bytes - byte_length(ELLIPSIS)
    if room < 0 or (bytes_left is not None and bytes_left < 0):
        return ""
    end = 0
    for count, cluster in enumerate(_GRAPHEME.finditer(text), start=1):
        if count > room or (bytes_left is not None and (bytes_left := bytes_left - byte_length(cluster[0])) < 0):
            break
        end = cluster.end()
    return text[:end].rstrip() + ELLIPSIS


def mention(text: str, start: int, end: int, did: str) -> Facet:
    """A facet that makes `text[start:end]` (characters) a mention of `did`."""
    return _facet(text, start, end, {"$type": "app.bsky.richtext.facet#mention", "did": did})


def link(text: str, start: int, end: int, uri: str) -> Facet:
    """A facet that makes `text[start:end]` (characters) a link to `uri`."""
    return _facet(text, start, end, {"$type": "app.bsky.richtext.facet#link", "uri": uri})


def _facet(text: str, start: int, end: int, feature: dict[str, str]) -> Facet:
    if not 0 <= start < end <= len(text):
        raise ValueError("a facet covers a part of its text")
    first = byte_length(text[:start])
    index = {"byteStart": first, "byteEnd": first + byte_length(text[start:end])}
    return {"index": index, "features": [feature]}


@dataclass(frozen=True)
class RichText:
    """A text and its facets, ready for a post."""

    text: str
    facets: list[Facet] = field(default_factory=list)

    @property
    def graphemes(self) -> int:
        """The number of characters that a reader sees."""
        return grapheme_length(self.text)

    @property
    def fits(self) -> bool:
        """Whether a post may hold it."""
        return fits(self.text)


class TextBuilder:
    """Builds a text part by part: `TextBuilder().mention("@bob.example", did).text(" hello").build()`."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._facets: list[Facet] = []
        self._bytes = 0

    def text(self, text: str) -> Self:
        """Add plain text: nothing in it becomes a mention or a link."""
        return self._add(text, None)

    def mention(self, text: str, did: str) -> Self:
        """Add text (`@handle`) that mentions an account."""
        return self._add(text, {"$type": "app.bsky.richtext.facet#mention", "did": did})

    def link(self, text: str, uri: str | None = None) -> Self:
        """Add text that links to `uri`, or to itself where there is none."""
        return self._add(text, {"$type": "app.bsky.richtext.facet#link", "uri": uri or text})

    def build(self) -> RichText:
        """The text built so far, with its facets."""
        return RichText("".join(self._parts), list(self._facets))

    def _add(self, text: str, feature: dict[str, str] | None) -> Self:
        size = byte_length(text)
        if feature is not None:
            if not size:
                raise ValueError("a facet covers a part of its text")
            index = {"byteStart": self._bytes, "byteEnd": self._bytes + size}
            self._facets.append({"index": index, "features": [feature]})
        self._parts.append(text)
        self._bytes += size
        return self
