"""The drawings: functions that yield the shapes of a cover in given colours, from back to front.

What matters is near the middle: pages cut the sides or the top and bottom off. No letters, no people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from elonara.covers.drawings import festive, indoors, landscapes
from elonara.covers.palettes import BY_NAME, Colours
from elonara.covers.shapes import Shape

DRAWINGS: Final[dict[str, Callable[[Colours], Iterator[Shape]]]] = {
    draw.__name__: draw
    for draw in (
        landscapes.lake, landscapes.hills, landscapes.waves, landscapes.forest, landscapes.kites,
        indoors.table, indoors.bread, indoors.window, indoors.paper,
        festive.lanterns, festive.roofs, festive.fire, festive.bunting,
    )
}  # fmt: skip


def shapes_of(drawing: str, palette: str) -> list[Shape]:
    """The shapes of a drawing in a palette, by their names. Raises KeyError."""
    return list(DRAWINGS[drawing](BY_NAME[palette].colours))
