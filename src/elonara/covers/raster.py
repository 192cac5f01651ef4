"""Covers as pixels: the same shapes that `svg` writes, drawn by Pillow. For pictures that other sites show."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from PIL import Image, ImageDraw

from elonara.covers.shapes import HEIGHT, WIDTH, Area, Halo, Oval, Point, Shape, Stroke, Wash

SMOOTH: Final = 2  # drawn so many times larger and then shrunk, because Pillow's edges are hard
CURVE_PARTS: Final = 14  # straight parts of a curve
_COMMAND: Final = re.compile(r"([MLCZ])([^MLCZ]*)")
_NUMBER: Final = re.compile(r"-?\d+")


def drawn(shapes: Iterable[Shape], width: int, height: int) -> Any:
    """A picture of this size in pixels, filled by the cover; what does not fit is cut off at both sides alike."""
    scale = SMOOTH * max(width / WIDTH, height / HEIGHT)
    shift = (SMOOTH * width - WIDTH * scale) / 2, (SMOOTH * height - HEIGHT * scale) / 2
    canvas = _Canvas(Image.new("RGB", (SMOOTH * width, SMOOTH * height), "#ffffff"), scale, shift)
    for shape in shapes:
        canvas.draw(shape)
    return canvas.image.resize((width, height), Image.Resampling.BOX)


def lines_of(outline: str) -> Iterator[tuple[list[Point], bool]]:
    """The parts of an outline as points to be joined by straight lines, and whether each is closed."""
    points: list[Point] = []
    for command, rest in _COMMAND.findall(outline):
        numbers = [float(number) for number in _NUMBER.findall(rest)]
        pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
        match command:
            case "M":
                if points:
                    yield points, False
                points = pairs
            case "L":
                points += pairs
            case "C":
                for at in range(0, len(pairs), 3):
                    points += _curve(points[-1], *pairs[at : at + 3])
            case _:
                yield points, True
                points = []
    if points:
        yield points, False


def _curve(start: Point, first: Point, second: Point, end: Point) -> list[Point]:
    found = []
    for number in range(1, CURVE_PARTS + 1):
        done = number / CURVE_PARTS
        left = 1 - done
        weights = left**3, 3 * left * left * done, 3 * left * done * done, done**3
        corners = start, first, second, end
        x, y = (sum(weight * corner[axis] for weight, corner in zip(weights, corners, strict=True)) for axis in (0, 1))
        found.append((x, y))
    return found


@dataclass
class _Canvas:
    """A picture, and how the pixels of covers become its own."""

    image: Any
    scale: float
    shift: Point

    def draw(self, shape: Shape) -> None:
        match shape:
            case Wash():
                self._wash(shape)
            case Halo():
                self._halo(shape)
            case Stroke():
                self._fill(shape, shape.colour, shape.opacity)
            case _:
                self._fill(shape, shape.fill, shape.opacity)

    def _at(self, x: float, y: float) -> Point:
        return x * self.scale + self.shift[0], y * self.scale + self.shift[1]

    def _fill(self, shape: Area | Oval | Stroke, colour: str, opacity: float) -> None:
        if opacity == 1:
            self._outline(ImageDraw.Draw(self.image), shape, colour)
            return
        mask = Image.new("L", self.image.size, 0)
        self._outline(ImageDraw.Draw(mask), shape, round(255 * opacity))
        self.image.paste(colour, mask=mask)

    def _outline(self, pen: Any, shape: Area | Oval | Stroke, ink: str | int) -> None:
        if isinstance(shape, Oval):
            x, y = self._at(shape.x, shape.y)
            rx, ry = shape.rx * self.scale, (shape.ry or shape.rx) * self.scale
            pen.ellipse((x - rx, y - ry, x + rx, y + ry), fill=ink)
            return
        for part, closed in lines_of(shape.outline):
            points = [self._at(x, y) for x, y in part]
            if isinstance(shape, Area):
                pen.polygon(points, fill=ink)
                continue
            width = max(1, round(shape.width * self.scale))
            pen.line(points + points[:1] * closed, fill=ink, width=width, joint="curve")
            for x, y in (points[0], points[-1]):
                pen.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=ink)

    def _wash(self, wash: Wash) -> None:
        left, top = (round(value) for value in self._at(wash.x, wash.y))
        right, bottom = (round(value) for value in self._at(wash.x + wash.width, wash.y + wash.height))
        size = right - left, bottom - top
        colours = Image.new("RGB", size, wash.above)
        colours.paste(wash.below, mask=Image.linear_gradient("L").resize(size))
        self.image.paste(colours, (left, top))

    def _halo(self, halo: Halo) -> None:
        x, y = self._at(halo.x, halo.y)
        radius = halo.radius * self.scale
        distances = Image.radial_gradient("L")
        edge: Any = distances.getpixel(
            (0, distances.height // 2)
        )  # what it is there, and at the corners, is Pillow's choice
        light = distances.point([round(255 * halo.opacity * max(0, 1 - at / edge)) for at in range(256)])
        side = round(2 * radius)
        self.image.paste(halo.colour, (round(x - radius), round(y - radius)), light.resize((side, side)))
