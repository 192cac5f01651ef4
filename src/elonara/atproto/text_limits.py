"""Servers that take less of a post's text than its lexicon allows: what their refusal says, and what fits then.

`app.bsky.feed.post` allows 300 graphemes and 3,000 bytes. A server may count graphemes by other tables than ours, or
count code points, UTF-16 units or bytes. Its words are its own (docs/servers.md), so they are read for numbers alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

from elonara.atproto.rich_text import MAX_GRAPHEMES, byte_length, grapheme_length


def _utf16_length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


# How long a text is in each unit, the strictest first: a text never has more of a later one.
UNITS: Mapping[str, Callable[[str], int]] = {
    "bytes": byte_length,
    "utf16": _utf16_length,
    "characters": len,
    "graphemes": grapheme_length,
}
_TOO_LONG = re.compile(
    r"too[ _-]?(?:long|big|large)|longer than|exceed|at most|no more than|max(?:imum)?[ _-]?(?:length|graphemes|\b)",
    re.IGNORECASE,
)
# What else in a post may be too long; shortening the text would not help.
_ELSEWHERE = re.compile(
    r"embed|external|thumb|blob|facet|langs|createdat|rkey|record key|title|description|payload|body", re.I
)
# The text itself, or its beginning, as lexrpc (the XRPC of arroba) quotes it: any word may stand in it.
_QUOTED = re.compile(r"value `.*`", re.DOTALL)
_NUMBER = re.compile(r"(?<![\w.])\d{1,3}(?:,\d{3})+(?![\w.])|\d+")
MAX_NUMBER = 100_000


@dataclass(frozen=True)
class TextLimit:
    """At most so many of a unit (a key of UNITS)."""

    unit: str
    most: int

    def allows(self, text: str) -> bool:
        """Whether the text is within it."""
        return UNITS[self.unit](text) <= self.most

    def __str__(self) -> str:
        return f"{self.unit}:{self.most}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read `str(limit)` back; None where it is none."""
        unit, _, most = text.partition(":")
        return cls(unit, int(most)) if unit in UNITS and most.isascii() and most.isdigit() else None


def says_too_long(message: str) -> bool:
    """Whether a server's refusal of a post says that its text is too long."""
    said = _QUOTED.sub("", message)
    return bool(_TOO_LONG.search(said)) and not _ELSEWHERE.search(said)


def limit_in(message: str, text: str) -> TextLimit:
    """The limit by which a server refused `text`, as its `message` tells it; where it does not, a safe guess.

    A number that is the length of the text in some unit tells that unit, and a smaller one beside it the limit. Where
    neither is told, the limit is the lexicon's, in the strictest unit in which the text is over it.
    """
    said = _QUOTED.sub("", message)
    numbers = [n for found in _NUMBER.findall(said) if 0 < (n := int(found.replace(",", ""))) < MAX_NUMBER]
    lengths = {unit: count(text) for unit, count in UNITS.items()}
    for unit, length in lengths.items():
        below = [number for number in numbers if number < length]
        if length in numbers and below:
            return TextLimit(unit, max(below))
    for most in (*sorted(numbers), MAX_GRAPHEMES):
        for unit, length in lengths.items():
            if length > most:
                return TextLimit(unit, most)
    # Shorter than any limit that it tells: something less, as it counts in a way that we do not know.
    return TextLimit("bytes", max(1, lengths["bytes"] * 3 // 4))
