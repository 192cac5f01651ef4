"""Words in pictures: which characters the font has, where lines break, and how large a title is.

The font is bundled (`fonts/`, made by `script/fonts`): Noto Sans of Latin, Cyrillic, Greek, Hebrew, Arabic and
Japanese in one file, so that a line may mix them. Pillow joins and orders Arabic and Hebrew letters by Raqm.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from PIL import ImageFont, features

FOLDER: Final = Path(__file__).parent / "fonts"
FONT: Final = FOLDER / "covers.ttf"
ELLIPSIS: Final = "…"
# May stand alone on a line; those of the second set may not begin one (JIS X 4051).
_WITHOUT_SPACES: Final = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]")
_NEVER_FIRST: Final = frozenset("、。，．・：；？！」』）】〕〉》ー々ゝぁぃぅぇぉっゃゅょァィゥェォッャュョ…")


@dataclass(frozen=True)
class Lettering:
    """A text as it is drawn: lines, at a size in pixels, from right to left or not."""

    lines: tuple[str, ...]
    size: int
    rtl: bool


def is_rtl(text: str) -> bool:
    """Whether the text begins with a letter of a script that is written from right to left (UAX #9, rule P2)."""
    strong = (unicodedata.bidirectional(character) for character in text)
    return next((kind in {"R", "AL"} for kind in strong if kind in {"L", "R", "AL"}), False)


def writable(text: str, *, raqm: bool | None = None) -> str:
    """The text with what the font has of it; "" where more than half of the letters are missing.

    Without Raqm, Arabic and Hebrew cannot be set: such a text is "" as well.
    """
    plain = unicodedata.normalize("NFC", text)
    kept = "".join(character for character in plain if _has(character) or character.isspace())
    letters, missing = sum(map(str.isalnum, plain)), sum(map(str.isalnum, plain)) - sum(map(str.isalnum, kept))
    kept = " ".join(kept.split())
    sets_rtl = features.check("raqm") if raqm is None else raqm
    if missing * 2 > letters or (not sets_rtl and any(map(is_rtl, kept))):
        return ""
    return kept


def fitted(text: str, width: int, sizes: Sequence[int], most_lines: int) -> Lettering:
    """The text at the largest of the sizes at which it fits; at the smallest cut off with an ellipsis."""
    lines: list[str] = []
    for size in sizes:
        lines = broken(text, width, size)
        if len(lines) <= most_lines:
            return Lettering(tuple(lines), size, is_rtl(text))
    last = lines[most_lines - 1] + ELLIPSIS
    while width_of(last, sizes[-1]) > width and len(last) > 1:
        last = last[:-2].rstrip() + ELLIPSIS
    return Lettering((*lines[: most_lines - 1], last), sizes[-1], is_rtl(text))


def broken(text: str, width: int, size: int) -> list[str]:
    """The lines of a text. It breaks at spaces, between Japanese characters, and within a word that is too long."""
    lines = [""]
    for piece in _pieces(text):
        if width_of((lines[-1] + piece).rstrip(), size) <= width:
            lines[-1] += piece
            continue
        if lines[-1].strip():
            lines.append("")
        for character in piece:
            if lines[-1] and width_of((lines[-1] + character).rstrip(), size) > width:
                lines.append("")
            lines[-1] += character
    return [line.strip() for line in lines if line.strip()]


def width_of(text: str, size: int) -> float:
    """The width of a line in pixels."""
    return float(font(size).getlength(text))


@functools.cache
def font(size: int) -> Any:
    """The font at this size in pixels."""
    return ImageFont.truetype(str(FONT), size)


def _pieces(text: str) -> list[str]:
    pieces: list[str] = []
    for word in re.findall(r"\S+\s*", text):
        start = len(pieces)
        for character in word:
            alone = bool(_WITHOUT_SPACES.match(character))
            joins = character in _NEVER_FIRST or character.isspace()
            begins = len(pieces) == start or ((alone or bool(_WITHOUT_SPACES.match(pieces[-1][-1]))) and not joins)
            if begins:
                pieces.append(character)
            else:
                pieces[-1] += character
    return pieces


def _has(character: str) -> bool:
    """Whether the font has it."""
    first, last = _coverage()
    at = bisect_right(first, ord(character)) - 1
    return at >= 0 and ord(character) <= last[at]


@functools.cache
def _coverage() -> tuple[array[int], array[int]]:
    """First and last code point of each range that the font has, from the list beside it: `41-5a`, a range a line."""
    first, last = array("I"), array("I")
    with (FOLDER / "coverage.txt").open(encoding="ascii") as lines:
        for line in lines:
            start, _, end = line.strip().partition("-")
            first.append(int(start, 16))
            last.append(int(end or start, 16))
    return first, last
