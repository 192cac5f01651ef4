"""Drawings of a table, a loaf, a window, and of cut paper."""

from __future__ import annotations

from collections.abc import Iterator

from elonara.covers.palettes import Colours
from elonara.covers.shapes import (
    HEIGHT,
    WIDTH,
    Area,
    Halo,
    Oval,
    Shape,
    Stroke,
    Wash,
    arc,
    box,
    curve,
    leaf,
    path,
    turned,
)


def table(colours: Colours) -> Iterator[Shape]:
    """A table from above: a checked cloth, plates, cups, a loaf and flowers."""
    yield Wash(0, 0, WIDTH, HEIGHT, colours.low, colours.far)
    for at in range(-40, WIDTH, 160):
        yield Area(box(at, 0, 80, HEIGHT), colours.cream, 0.4)
    for at in range(-20, HEIGHT, 160):
        yield Area(box(0, at, WIDTH, 80), colours.cream, 0.4)
    for x, y in ((250, 240), (950, 240), (250, 690), (950, 690)):
        yield from _plate(x, y, colours)
    yield Oval(600, 476, 220, colours.deep, 0.2)
    yield Oval(600, 460, 216, colours.cream)
    yield Oval(600, 460, 178, colours.far)
    yield Oval(600, 460, 150, colours.gold)
    yield Oval(600, 460, 126, colours.cream, 0.25)
    for number in range(6):
        yield Stroke(path((600, 460), turned([(0, -146)], number * 60 + 12, (600, 460))[0], closed=False),
                     colours.cream, 8, 0.85)  # fmt: skip
    for x, y, filled in ((600, 140, colours.warm), (470, 800, colours.near), (740, 796, colours.warm)):
        yield from _cup(x, y, filled, colours)
    for x, y in ((90, 470), (1110, 460)):
        yield from _flowers(x, y, colours)


def _plate(x: float, y: float, colours: Colours) -> Iterator[Shape]:
    yield Oval(x, y + 12, 150, colours.deep, 0.16)
    yield Oval(x, y, 148, colours.cream)
    yield Oval(x, y, 104, colours.low, 0.9)
    yield Stroke(path((x + 178, y - 96), (x + 178, y + 100), closed=False), colours.near, 12)
    yield Stroke(path((x - 178, y - 40), (x - 178, y + 100), closed=False), colours.near, 12)
    for shift in (-16, 0, 16):
        yield Stroke(path((x - 178 + shift, y - 100), (x - 178 + shift * 0.8, y - 44), closed=False), colours.near, 7)
    yield Area(path((x - 40, y + 30), ((x - 40, y - 40), (x + 50, y - 46), (x + 54, y + 20)),
                    ((x + 40, y + 52), (x - 26, y + 52), (x - 40, y + 30))), colours.warm)  # fmt: skip
    yield leaf((x + 10, y + 10), 60, 60, colours.middle)


def _cup(x: float, y: float, filled: str, colours: Colours) -> Iterator[Shape]:
    yield Oval(x, y + 8, 66, colours.deep, 0.16)
    yield Stroke(path((x + 50, y), ((x + 104, y - 34), (x + 104, y + 34), (x + 50, y + 12)), closed=False),
                 colours.cream, 16)  # fmt: skip
    yield Oval(x, y, 64, colours.cream)
    yield Oval(x, y, 48, filled)


def _flowers(x: float, y: float, colours: Colours) -> Iterator[Shape]:
    for turn in range(0, 360, 60):
        yield leaf((x, y), 88, turn + 20, colours.middle, wide=0.24)
    for dx, dy, colour in ((-26, -16, colours.warm), (26, -10, colours.gold), (0, 30, colours.warm)):
        for petal in turned([(0, -18), (17, -6), (11, 15), (-11, 15), (-17, -6)], 0, (x + dx, y + dy)):
            yield Oval(petal[0], petal[1], 14, colour)
        yield Oval(x + dx, y + dy, 11, colours.cream)


def bread(colours: Colours) -> Iterator[Shape]:
    """A round loaf with an ear of wheat cut into its crust, on a cloth."""
    yield Wash(0, 0, WIDTH, HEIGHT, colours.far, colours.middle)
    for shift in range(-900, 1400, 210):
        yield Stroke(path((shift, 940), (shift + 760, -60), closed=False), colours.cream, 30, 0.2)
    yield Oval(612, 486, 350, colours.deep, 0.18)
    yield Oval(606, 472, 332, colours.deep, 0.2)
    yield Oval(600, 450, 314, colours.warm)
    yield Oval(590, 436, 286, colours.gold)
    yield Oval(574, 414, 214, colours.cream, 0.2)
    yield Stroke(curve([(600, 682), (594, 560), (596, 400), (604, 250)]), colours.cream, 14)
    for y, size in ((650, 1.0), (562, 1.0), (474, 1.0), (386, 0.9), (304, 0.76)):
        for turn in (42, -42):
            yield leaf((597, y), 118 * size, turn, colours.cream)
    yield leaf((603, 268), 96, 2, colours.cream)
    for x, y, radius in ((180, 240, 9), (240, 312, 6), (150, 340, 7), (1000, 720, 9), (1060, 660, 6), (940, 800, 7),
                         (1040, 210, 7), (980, 150, 5), (210, 720, 6), (140, 660, 8)):  # fmt: skip
        yield Oval(x, y, radius, colours.cream, 0.8)
    for x, y, turn in ((1010, 300, 30), (1066, 380, 50), (150, 560, -40), (214, 610, -20)):
        yield leaf((x, y), 74, turn, colours.gold, wide=0.28)


def window(colours: Colours) -> Iterator[Shape]:
    """A window with a view, and on its sill a plant, books and a steaming cup."""
    yield Wash(0, 0, WIDTH, HEIGHT, colours.near, colours.deep)
    yield Area(path((330, 700), (330, 360), *arc(600, 360, 270, -90, 90), (870, 700)), colours.cream)
    yield Area(path((360, 700), (360, 360), *arc(600, 360, 240, -90, 90), (840, 700)), colours.low)
    yield Halo(700, 330, 200, colours.light)
    yield Oval(700, 330, 62, colours.light)
    yield Area(path((360, 600), ((440, 520), (560, 500), (640, 560)), ((720, 520), (800, 530), (840, 560)), (840, 700),
                    (360, 700)), colours.far)  # fmt: skip
    yield Area(path((360, 650), ((480, 600), (700, 600), (840, 640)), (840, 700), (360, 700)), colours.middle)
    yield Stroke(path((600, 130), (600, 700), closed=False), colours.cream, 16)
    yield Stroke(path((360, 420), (840, 420), closed=False), colours.cream, 16)
    for side in (-1, 1):
        x = 600 + side * 300
        yield Area(path((x + side * 160, 0), (x - side * 30, 0),
                        ((x - side * 40, 260), (x + side * 10, 480), (x + side * 70, 700)),
                        (x + side * 160, 700)), colours.warm, 0.9)  # fmt: skip
        yield Stroke(path((x + side * 50, 0), ((x + side * 40, 240), (x + side * 80, 460), (x + side * 110, 690)),
                          closed=False), colours.deep, 8, 0.2)  # fmt: skip
    yield Area(box(0, 700, WIDTH, 40), colours.cream)
    yield Area(box(0, 738, WIDTH, 162), colours.deep)
    yield Area(box(0, 738, WIDTH, 14), colours.near)
    yield from _plant(430, 702, colours)
    for row, (shift, colour) in enumerate(((0, colours.deep), (16, colours.gold), (-6, colours.warm))):
        yield Area(box(560 + shift, 664 - row * 34, 170, 36), colour)
        yield Area(box(560 + shift, 672 - row * 34, 26, 20), colours.cream, 0.7)
    yield Area(path((770, 624), (866, 624), ((866, 690), (846, 702), (818, 702)),
                    ((790, 702), (770, 690), (770, 624))), colours.light)  # fmt: skip
    yield Stroke(path((862, 640), ((906, 636), (906, 680), (856, 680)), closed=False), colours.light, 12)
    for shift in (0, 30):
        yield Stroke(curve([(802 + shift, 606), (794 + shift, 580), (810 + shift, 556), (800 + shift, 528)]),
                     colours.cream, 7, 0.8)  # fmt: skip


def _plant(x: float, y: float, colours: Colours) -> Iterator[Shape]:
    for turn, length in ((-58, 170), (-30, 220), (-6, 250), (22, 226), (50, 180)):
        yield leaf((x, y - 90), length, turn, colours.near if turn % 4 else colours.deep, wide=0.22)
    yield Area(path((x - 66, y - 110), (x + 66, y - 110), (x + 48, y), (x - 48, y)), colours.warm)
    yield Area(box(x - 74, y - 122, 148, 30), colours.gold)


def paper(colours: Colours) -> Iterator[Shape]:
    """Leaves and rounds as if cut of coloured paper."""
    yield Wash(0, 0, WIDTH, HEIGHT, colours.cream, colours.low)
    yield Area(box(0, 0, 400, 450), colours.far)
    yield Area(box(800, 450, 400, 450), colours.near)
    yield Area(box(800, 0, 400, 450), colours.gold, 0.75)
    yield Area(box(0, 450, 400, 450), colours.warm, 0.85)
    yield Area(path((400, 900), *arc(600, 620, 200, -90, 90), (800, 900)), colours.middle)
    yield Oval(600, 330, 190, colours.deep)
    yield Oval(600, 330, 112, colours.light)
    for x, y, size, turn, colour in (
        (200, 420, 330, 0, colours.deep), (1000, 860, 340, 0, colours.cream), (200, 870, 330, 0, colours.cream),
        (1000, 410, 320, 0, colours.near), (600, 870, 300, 0, colours.gold),
    ):  # fmt: skip
        yield from _frond(x, y, size, turn, colour)


def _frond(x: float, y: float, size: float, turn: float, colour: str) -> Iterator[Shape]:
    """A twig with rounded leaves on both sides."""
    tip = turned([(0, -size)], turn, (x, y))[0]
    yield Stroke(path((x, y), tip, closed=False), colour, 14)
    for part in (0.16, 0.4, 0.64):
        root = turned([(0, -size * part)], turn, (x, y))[0]
        for side in (-1, 1):
            yield leaf(root, size * (0.5 - part * 0.2), turn + side * 56, colour, wide=0.36)
    yield leaf(turned([(0, -size * 0.82)], turn, (x, y))[0], size * 0.3, turn, colour, wide=0.36)
