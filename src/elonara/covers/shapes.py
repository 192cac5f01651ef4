"""The shapes of which a cover consists, and helpers that compute them. A cover is a list of shapes, from back to front.

They are data: `covers.svg` writes them for browsers, and Pillow draws the same ones where a picture has to be a JPEG.
Coordinates are pixels of a canvas of 1200 by 900; colours are `#rrggbb`. Outlines are path data of SVG that use M, L, C
and Z alone, all absolute, so that they are easily drawn elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 1200
HEIGHT: Final = 900

type Point = tuple[float, float]


@dataclass(frozen=True)
class Area:
    """A filled outline."""

    outline: str
    fill: str
    opacity: float = 1.0


@dataclass(frozen=True)
class Oval:
    """A filled ellipse; without `ry` a circle."""

    x: float
    y: float
    rx: float
    fill: str
    opacity: float = 1.0
    ry: float = 0.0


@dataclass(frozen=True)
class Stroke:
    """A line with round ends."""

    outline: str
    colour: str
    width: float
    opacity: float = 1.0


@dataclass(frozen=True)
class Wash:
    """A rectangle whose colour changes from `above` to `below`."""

    x: float
    y: float
    width: float
    height: float
    above: str
    below: str


@dataclass(frozen=True)
class Halo:
    """Light around a point, which fades to nothing at `radius`."""

    x: float
    y: float
    radius: float
    colour: str
    opacity: float = 0.9


type Shape = Area | Oval | Stroke | Wash | Halo


def path(start: Point, *steps: Point | tuple[Point, Point, Point], closed: bool = True) -> str:
    """An outline: each step is a point to go to in a line, or two control points and the end of a curve."""
    words = [f"M{_pair(start)}"]
    for step in steps:
        if isinstance(step[0], tuple):
            words.append("C" + " ".join(_pair(point) for point in step if isinstance(point, tuple)))
        else:
            words.append("L" + _pair((step[0], step[1])))
    return "".join(words) + ("Z" if closed else "")


def curve(points: Sequence[Point], *, closed: bool = False) -> str:
    """A smooth line through all points (a Catmull-Rom spline)."""
    count = len(points)
    around = [points[-1], *points, points[0], points[1]] if closed else [points[0], *points, points[-1]]
    steps = []
    for at in range(1, count + (1 if closed else 0)):
        before, here, there, after = around[at - 1 : at + 3]
        first = (here[0] + (there[0] - before[0]) / 6, here[1] + (there[1] - before[1]) / 6)
        second = (there[0] - (after[0] - here[0]) / 6, there[1] - (after[1] - here[1]) / 6)
        steps.append((first, second, there))
    return path(points[0], *steps, closed=closed)


def ridge(heights: Iterable[float], bottom: float = HEIGHT, left: float = 0, right: float = WIDTH) -> str:
    """Land or water: a smooth line through these heights, evenly from left to right, and everything below it."""
    values = list(heights)
    step = (right - left) / (len(values) - 1)
    line = curve([(left + number * step, height) for number, height in enumerate(values)])
    return f"{line}L{_pair((right, bottom))}L{_pair((left, bottom))}Z"


def box(x: float, y: float, width: float, height: float) -> str:
    """A rectangle."""
    return path((x, y), (x + width, y), (x + width, y + height), (x, y + height))


def turned(points: Iterable[Point], degrees: float, at: Point, scale: float = 1.0) -> list[Point]:
    """Points around (0, 0), scaled, turned clockwise and moved to `at`."""
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    return [(at[0] + scale * (x * cosine - y * sine), at[1] + scale * (x * sine + y * cosine)) for x, y in points]


def leaf(at: Point, length: float, degrees: float, fill: str, *, opacity: float = 1.0, wide: float = 0.32) -> Area:
    """A pointed leaf whose stalk is `at`; at 0 degrees it points up."""
    side = length * wide
    corners = turned(
        [(0, 0), (side, -length * 0.3), (side, -length * 0.7), (0, -length), (-side, -length * 0.7),
         (-side, -length * 0.3)], degrees, at,
    )  # fmt: skip
    root, right_low, right_high, tip, left_high, left_low = corners
    return Area(path(root, (right_low, right_high, tip), (left_high, left_low, root)), fill, opacity)


def arc(x: float, y: float, radius: float, start: float, end: float) -> list[Point]:
    """Points on a circle, every 15 degrees or less; 0 degrees is up, and they go clockwise."""
    count = max(2, math.ceil(abs(end - start) / 15) + 1)
    angles = [math.radians(start + (end - start) * number / (count - 1)) for number in range(count)]
    return [(x + radius * math.sin(angle), y - radius * math.cos(angle)) for angle in angles]


def _pair(point: Point) -> str:
    return f"{_number(point[0])} {_number(point[1])}"


def _number(value: float) -> str:
    """Whole pixels of the canvas are exact enough, and short."""
    return str(round(value))
