"""Which cover an event gets: from the hash of its title, within the mood that its host chose.

The same title and mood have the same cover everywhere, on every machine and in every version that has the same tables
below; a copy of an event has other colours, everywhere too. In a list the colours of any may be others: two neighbours
never look the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from elonara.covers.palettes import page_class

ANY: Final = "any"
# Drawing → the palettes that suit it.
PALETTES_OF: Final[dict[str, tuple[str, ...]]] = {
    "lake": ("dawn", "ember", "plum"),
    "table": ("sea", "ember", "meadow"),
    "hills": ("meadow", "dawn", "sea"),
    "lanterns": ("plum", "night", "ember"),
    "waves": ("sea", "ember", "plum"),
    "bunting": ("dawn", "ember", "sea"),
    "forest": ("meadow", "plum", "sea"),
    "bread": ("dawn", "meadow", "ember"),
    "roofs": ("night", "plum", "ember"),
    "kites": ("sea", "dawn", "meadow"),
    "window": ("dawn", "plum", "night"),
    "fire": ("night", "ember", "plum"),
    "paper": ("meadow", "dawn", "plum"),
}
# Mood → the drawings that suit it: each in one mood alone, so that no two choices in the form show the same.
DRAWINGS_OF: Final[dict[str, tuple[str, ...]]] = {
    ANY: tuple(PALETTES_OF),
    "calm": ("bread", "window", "hills"),
    "lively": ("bunting", "table", "paper"),
    "evening": ("lanterns", "roofs", "fire"),
    "outdoors": ("lake", "kites", "forest", "waves"),
}
# Of a drawing that suits the mood in some palettes alone.
PALETTES_OF_MOOD: Final[dict[str, frozenset[str]]] = {"evening": frozenset({"night", "plum", "ember"})}


@dataclass(frozen=True)
class Cover:
    """A drawing in a palette."""

    drawing: str
    palette: str

    @property
    def file(self) -> str:
        """The name of the static file."""
        return f"covers/{self.drawing}-{self.palette}.svg"

    @property
    def page_class(self) -> str:
        """The class of a page in its colours."""
        return page_class(self.palette)


def cover_of(title: str, mood: str = ANY, shift: int = 0, *, but: Cover | None = None) -> Cover:
    """The cover of an event. `but`: one that it must not be; the same drawing in other colours is taken then.

    `shift`: how many palettes further than the title's own, for copies: of an event and its copy it is the colours that
    tell them apart, on every page.

    Spaces and capitals of the title do not count. A mood that this version does not know counts as any.
    """
    digest = hashlib.sha256(" ".join(title.casefold().split()).encode("utf-8", "surrogatepass")).digest()
    which, at = int.from_bytes(digest[:4]), int.from_bytes(digest[4:8])
    drawing = DRAWINGS_OF[ANY][which % len(DRAWINGS_OF[ANY])]
    if mood in DRAWINGS_OF and mood != ANY:
        # Not the one that the title has without a mood, which is a choice of its own in the form.
        others = [name for name in DRAWINGS_OF[mood] if name != drawing]
        drawing = others[which % len(others)]
    suiting = PALETTES_OF_MOOD.get(mood)
    palettes = [name for name in PALETTES_OF[drawing] if suiting is None or name in suiting]
    cover = Cover(drawing, palettes[(at + shift) % len(palettes)])
    return cover if cover != but else Cover(drawing, palettes[(at + shift + 1) % len(palettes)])


def covers_in_order(wanted: Iterable[tuple[str, str, int]]) -> list[Cover]:
    """The covers of a list of (title, mood, shift), without two neighbours that look the same: the later gives way.

    It changes its colours and keeps its drawing, by which a reader knows the event again on its page.
    """
    covers: list[Cover] = []
    for title, mood, shift in wanted:
        covers.append(cover_of(title, mood, shift, but=covers[-1] if covers else None))
    return covers
