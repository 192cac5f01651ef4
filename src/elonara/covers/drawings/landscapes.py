"""Drawings of the outdoors by day: a lake, hills, the sea, a forest, kites."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from elonara.covers.palettes import Colours
from elonara.covers.shapes import (
    HEIGHT,
    WIDTH,
    Area,
    Halo,
    Oval,
    Point,
    Shape,
    Stroke,
    Wash,
    curve,
    leaf,
    path,
    ridge,
)


def sky(colours: Colours, horizon: float) -> Wash:
    """The sky, down to the horizon."""
    return Wash(0, 0, WIDTH, horizon, colours.high, colours.low)


def cloud(x: float, y: float, width: float, colour: str, opacity: float = 0.5) -> Area:
    """A flat cloud, `width` wide; (x, y) is its lower left corner."""
    part = width / 10
    outline = path(
        (x, y),
        ((x, y - part), (x + part, y - 1.4 * part), (x + 2 * part, y - 1.3 * part)),
        ((x + 2.6 * part, y - 3 * part), (x + 5 * part, y - 3 * part), (x + 5.6 * part, y - 1.7 * part)),
        ((x + 6.6 * part, y - 2.6 * part), (x + 8.4 * part, y - 2.2 * part), (x + 8.5 * part, y - part)),
        ((x + 9.4 * part, y - 1.1 * part), (x + width, y - 0.5 * part), (x + width, y)),
    )
    return Area(outline, colour, opacity)


def lake(colours: Colours) -> Iterator[Shape]:
    """Hills around a lake at sunset, with a tree, reeds and a rowing boat."""
    yield sky(colours, 640)
    yield Halo(640, 420, 330, colours.light)
    yield Oval(640, 420, 76, colours.light)
    yield cloud(120, 220, 260, colours.light)
    yield cloud(850, 170, 220, colours.light)
    yield Area(ridge([480, 405, 400, 440, 430, 390, 420, 470], 700), colours.far)
    yield Area(ridge([525, 500, 510, 535, 540, 505, 500, 530], 700), colours.middle)
    yield Area(ridge([568, 552, 560, 572, 566, 552, 556, 566], 700), colours.near)
    yield Wash(0, 588, WIDTH, 180, colours.low, colours.middle)
    for y, half, opacity in ((606, 84, 0.75), (628, 60, 0.65), (650, 92, 0.55), (674, 50, 0.45), (700, 70, 0.35)):
        yield Stroke(path((640 - half, y), (640 + half, y), closed=False), colours.light, 8, opacity)
    yield Area(
        path((430, 668), ((470, 700), (560, 700), (596, 664)), ((540, 674), (480, 676), (430, 668))), colours.deep
    )
    yield Stroke(path((510, 674), (560, 706), closed=False), colours.deep, 6)
    yield Area(ridge([742, 712, 726, 748, 752, 730, 708, 700]), colours.near)
    yield Area(ridge([772, 748, 764, 792, 800, 776, 742, 730]), colours.deep)
    yield from _tree(1010, 770, colours)
    yield from _reeds(150, 790, colours)


def _tree(x: float, y: float, colours: Colours) -> Iterator[Shape]:
    yield Area(path((x - 18, y), ((x - 6, y - 90), (x - 8, y - 200), (x - 12, y - 320)), (x + 14, y - 320),
                    ((x + 8, y - 200), (x + 10, y - 90), (x + 24, y))), colours.deep)  # fmt: skip
    for dx, dy, radius in ((0, -400, 116), (-92, -336, 78), (92, -330, 86)):
        yield Oval(x + dx, y + dy, radius, colours.near)
    for dx, dy, radius in ((-24, -430, 64), (-104, -354, 40), (78, -362, 44)):
        yield Oval(x + dx, y + dy, radius, colours.middle, 0.7)


def _reeds(x: float, y: float, colours: Colours) -> Iterator[Shape]:
    for dx, lean, height in ((-60, -44, 150), (-28, -20, 210), (6, 8, 180), (36, 30, 240), (66, 54, 160)):
        tip = (x + dx + lean, y - height)
        yield Stroke(path((x + dx, y), ((x + dx, y - height / 2), (x + dx + lean / 3, y - height * 0.8), tip),
                          closed=False), colours.deep, 8)  # fmt: skip
        if height > 200:
            yield leaf((tip[0] - lean / 6, tip[1] + 20), 70, lean / 3, colours.deep, wide=0.2)


def hills(colours: Colours) -> Iterator[Shape]:
    """Hills one behind the other, a winding path, small trees and birds."""
    yield sky(colours, 620)
    yield Halo(800, 250, 280, colours.light)
    yield Oval(800, 250, 82, colours.light)
    yield cloud(170, 250, 280, colours.cream, 0.6)
    yield cloud(930, 390, 200, colours.cream, 0.5)
    yield Area(ridge([430, 340, 390, 330, 380, 420, 360, 400]), colours.far)
    yield Area(ridge([470, 520, 450, 500, 560, 480, 450, 500]), colours.middle)
    yield Area(ridge([640, 560, 590, 660, 600, 560, 620, 590]), colours.near)
    for x, y, size in ((250, 590, 50), (320, 600, 66), (900, 586, 60), (968, 598, 46), (420, 628, 44)):
        yield from _round_tree(x, y, size, colours)
    yield Area(ridge([700, 740, 690, 730, 760, 700, 690, 720]), colours.deep)
    road = path((470, HEIGHT), ((520, 830), (740, 820), (660, 740)), ((610, 690), (560, 650), (640, 580)), (652, 580),
                ((600, 650), (660, 690), (730, 740)), ((840, 820), (700, 850), (720, HEIGHT)))  # fmt: skip
    yield Area(road, colours.cream, 0.9)
    for x, y, wing in ((430, 240, 30), (500, 206, 24), (540, 256, 20)):
        yield Stroke(curve([(x - wing, y - wing * 0.5), (x - wing * 0.4, y - wing * 0.5), (x, y), (x + wing * 0.4,
                     y - wing * 0.5), (x + wing, y - wing * 0.5)]), colours.deep, 6, 0.8)  # fmt: skip
    for x, y in ((150, 820), (220, 850), (330, 815), (890, 810), (980, 850), (1060, 800), (800, 862), (100, 870)):
        yield Oval(x, y, 9, colours.gold if x % 3 else colours.warm)


def _round_tree(x: float, y: float, size: float, colours: Colours) -> Iterator[Shape]:
    yield Stroke(path((x, y), (x, y - size), closed=False), colours.deep, size / 7)
    yield Oval(x, y - size * 1.4, size * 0.66, colours.deep, ry=size * 0.86)


def waves(colours: Colours) -> Iterator[Shape]:
    """The sun over the sea, and a paper boat on the waves."""
    yield sky(colours, 520)
    yield Halo(600, 430, 380, colours.light)
    yield Oval(600, 430, 128, colours.light)
    yield cloud(110, 300, 270, colours.cream, 0.6)
    yield cloud(860, 230, 230, colours.cream, 0.6)
    for row, colour in enumerate((colours.far, colours.middle, colours.near)):
        yield Area(_swell(460 + row * 84, 24, 300 - row * 20, row * 100), colour)
    yield Area(path((470, 636), (610, 636), (610, 440)), colours.cream)
    yield Area(path((626, 636), (750, 636), (610, 440)), colours.light)
    yield Area(path((430, 640), (790, 640), (730, 730), (490, 730)), colours.warm)
    yield Area(path((430, 640), (610, 640), (560, 730), (490, 730)), colours.gold, 0.55)
    yield Area(_swell(712, 26, 240, 60), colours.deep)
    yield Stroke(_swell_line(780, 14, 240, 110), colours.middle, 6, 0.5)
    yield Stroke(_swell_line(840, 14, 240, 20), colours.middle, 6, 0.4)


def _swell_line(y: float, height: float, length: float, shift: float) -> str:
    count = math.ceil(WIDTH / (length / 4)) + 3
    across = [number * length / 4 - length / 2 for number in range(count)]
    return curve([(x, y + height * math.sin((x + shift) * 2 * math.pi / length)) for x in across])


def _swell(y: float, height: float, length: float, shift: float) -> str:
    return f"{_swell_line(y, height, length, shift)}L{WIDTH + 200} {HEIGHT}L-200 {HEIGHT}Z"


def forest(colours: Colours) -> Iterator[Shape]:
    """Rows of firs with mist between them."""
    yield sky(colours, 700)
    yield Halo(600, 300, 300, colours.light)
    yield Oval(600, 300, 92, colours.light)
    rows = ((480, 150, 110, colours.far, 40), (590, 210, 150, colours.middle, -30), (720, 280, 200, colours.near, 60))
    for base, tall, apart, colour, shift in rows:
        yield Area(ridge([base - 30, base - 10, base - 34, base - 6, base - 24]), colour)
        for number in range(-1, WIDTH // apart + 2):
            height = tall * FIR_HEIGHTS[(number + tall) % len(FIR_HEIGHTS)]
            yield _fir(number * apart + shift, base + 10, height, colour)
    yield Area(ridge([800, 770, 790, 830, 800, 770, 790]), colours.deep)
    for x, height in ((60, 470), (196, 340), (1010, 380), (1130, 520)):
        yield _fir(x, 850, height, colours.deep)
    yield Area(path((560, 704), (600, 640), (640, 704)), colours.warm)
    yield Area(path((560, 704), (540, 704), (600, 640)), colours.gold)


FIR_HEIGHTS: Final = (1.0, 0.78, 1.16, 0.9, 0.7, 1.08, 0.84)


def _fir(x: float, base: float, height: float, colour: str) -> Area:
    """A fir of three tiers, in one outline."""
    half = height * 0.24
    right = [(0.0, 1.0), (0.46, 0.62), (0.26, 0.62), (0.74, 0.32), (0.42, 0.32), (1.0, 0.06), (0.14, 0.06), (0.14, 0)]
    left = [(-across, up) for across, up in reversed(right[1:])]
    points = [(x + across * half, base - up * height) for across, up in right + left]
    return Area(path(points[0], *points[1:]), colour)


def kites(colours: Colours) -> Iterator[Shape]:
    """Kites over a meadow."""
    yield sky(colours, 800)
    yield cloud(80, 330, 300, colours.cream, 0.7)
    yield cloud(760, 200, 330, colours.cream, 0.7)
    yield cloud(520, 520, 220, colours.cream, 0.55)
    for x, y, size, lean, ground, one, other in (
        (560, 300, 150, 24, (470, 760), colours.warm, colours.gold),
        (890, 400, 110, -20, (800, 770), colours.gold, colours.near),
        (270, 480, 92, 14, (330, 770), colours.cream, colours.warm),
    ):
        yield from _kite(x, y, size, lean, ground=ground, one=one, other=other)
    yield Area(ridge([720, 680, 700, 740, 700, 670, 700]), colours.middle)
    yield Area(ridge([790, 760, 800, 770, 740, 780, 760]), colours.near)
    for number in range(16):
        x = 40 + number * 76 + (number * 37) % 30
        yield Stroke(path((x, 896), (x + 6, 846 - (number * 29) % 40), closed=False), colours.deep, 6)
        yield Oval(x + 6, 842 - (number * 29) % 40, 12, (colours.warm, colours.gold, colours.cream)[number % 3])


def _kite(x: float, y: float, size: float, lean: float, *, ground: Point, one: str, other: str) -> Iterator[Shape]:
    top, right, bottom, left = (x + lean, y - size), (x + size * 0.7, y - lean), (x - lean, y + size * 1.2), (
        x - size * 0.7, y + lean)  # fmt: skip
    yield Stroke(path(bottom, ((bottom[0] + 60, bottom[1] + 120), (ground[0] - 60, ground[1] - 120), ground),
                      closed=False), other, 4, 0.9)  # fmt: skip
    yield Area(path(top, right, bottom, left), one)
    yield Area(path(top, right, (x, y)), other)
    yield Area(path(bottom, left, (x, y)), other)
    for part in (0.25, 0.5, 0.75):
        at = (bottom[0] + (ground[0] - bottom[0]) * part * 0.5 + 24 * math.sin(part * 6),
              bottom[1] + (ground[1] - bottom[1]) * part * 0.5)  # fmt: skip
        bow = size / 7
        yield Area(path((at[0] - bow, at[1] - bow / 2), (at[0] + bow, at[1] + bow / 2), (at[0] + bow, at[1] - bow / 2),
                        (at[0] - bow, at[1] + bow / 2)), one)  # fmt: skip
