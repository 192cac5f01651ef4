"""Drawings of evenings and feasts: lanterns, roofs under the moon, a camp fire, bunting."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from elonara.covers.drawings.landscapes import sky
from elonara.covers.palettes import Colours
from elonara.covers.shapes import HEIGHT, WIDTH, Area, Halo, Oval, Shape, Stroke, Wash, box, curve, path, ridge

STARS: Final = (
    (90, 120), (210, 60), (330, 170), (420, 80), (540, 130), (660, 50), (760, 160), (880, 90), (1010, 190), (1130, 110),
    (150, 260), (290, 310), (480, 250), (720, 290), (930, 300), (1080, 330), (50, 380), (1160, 240), (600, 210),
)  # fmt: skip


def stars(colour: str) -> Iterator[Shape]:
    """Stars in the upper half."""
    for number, (x, y) in enumerate(STARS):
        yield Oval(x, y, 3 + number % 3, colour, 0.6 + 0.1 * (number % 4))


def lanterns(colours: Colours) -> Iterator[Shape]:
    """Paper lanterns on strings above a garden at dusk."""
    yield sky(colours, 760)
    yield from stars(colours.light)
    yield Area(ridge([640, 600, 620, 580, 610, 640, 590]), colours.far)
    for x, y, radius in ((80, 640, 130), (240, 680, 90), (1000, 690, 100), (1140, 630, 140)):
        yield Oval(x, y, radius, colours.middle)
    yield Area(ridge([740, 710, 730, 720, 700, 730, 720]), colours.near)
    ropes = (
        ((-20, 110), (300, 280), (620, 330), (940, 260), (1220, 90)),
        ((-20, 330), (260, 460), (560, 510), (900, 440), (1220, 260)),
    )
    for rope in ropes:
        yield Stroke(curve(rope), colours.deep, 6)
    hung = ((140, 200, 62), (380, 300, 80), (640, 332, 92), (890, 280, 74), (1090, 174, 58),
            (250, 456, 70), (500, 506, 84), (770, 480, 76), (1010, 388, 64))  # fmt: skip
    for number, (x, y, size) in enumerate(hung):
        yield from _lantern(x, y, size, (colours.warm, colours.gold, colours.light)[number % 3], colours)
    yield Area(ridge([840, 800, 830, 810, 790, 820, 800]), colours.deep)
    yield Area(box(450, 760, 300, 16), colours.cream, 0.9)
    for x in (480, 720):
        yield Stroke(path((x, 772), (x, 850), closed=False), colours.cream, 10, 0.9)
    for x, colour in ((520, colours.warm), (600, colours.gold), (680, colours.warm)):
        yield Area(path((x - 20, 726), (x + 20, 726), (x + 13, 760), (x - 13, 760)), colour)


def _lantern(x: float, y: float, size: float, colour: str, colours: Colours) -> Iterator[Shape]:
    """A lantern that hangs from (x, y)."""
    middle = y + size * 0.95
    yield Halo(x, middle, size * 1.9, colour, 0.55)
    yield Oval(x, middle, size * 0.72, colour, ry=size * 0.8)
    ends = (x, middle - size * 0.78), (x, middle + size * 0.78)
    ribs = [curve([ends[0], (x + size * part, middle), ends[1]]) for part in (-0.58, -0.29, 0.29, 0.58)]
    yield Stroke("".join(ribs), colours.deep, 3, 0.22)
    yield Area(box(x - size * 0.3, y + size * 0.08, size * 0.6, size * 0.14), colours.deep)
    yield Area(box(x - size * 0.26, y + size * 1.68, size * 0.52, size * 0.12), colours.deep)


def roofs(colours: Colours) -> Iterator[Shape]:
    """Houses with lit windows under the moon."""
    yield sky(colours, HEIGHT)
    yield from stars(colours.light)
    yield Halo(780, 250, 260, colours.light, 0.7)
    yield Oval(780, 250, 88, colours.light)
    for row, (tops, colour) in enumerate((
        ((480, 410, 500, 430, 470, 400, 510, 450), colours.far),
        ((590, 640, 560, 620, 570, 650, 600), colours.near),
        ((760, 710, 770, 730, 700, 760), colours.deep),
    )):  # fmt: skip
        width = WIDTH / len(tops)
        for number, top in enumerate(tops):
            yield from _house(number * width, top, width, colour, colours=colours, seed=row * 7 + number)


def _house(x: float, top: float, width: float, colour: str, *, colours: Colours, seed: int) -> Iterator[Shape]:
    roof = 60 + seed % 3 * 24
    if seed % 4 == 1:
        outline = path((x, HEIGHT), (x, top), (x + width, top - roof / 2), (x + width + 1, HEIGHT))
    else:
        outline = path((x, HEIGHT), (x, top), (x + width / 2, top - roof), (x + width, top), (x + width + 1, HEIGHT))
        yield Area(box(x + width * 0.68, top - roof * 0.9, width * 0.12, roof), colour)
    yield Area(outline, colour)
    size = width * 0.16
    lit: dict[str, str] = {colours.gold: "", colours.warm: "", colours.light: ""}
    for across in range(3):
        for down in range(3):
            number = (seed * 5 + across * 3 + down * 7) % 4
            at = (x + width * (0.16 + 0.26 * across), top + 24 + down * size * 2)
            if number < len(lit) and at[1] <= HEIGHT - size:
                lit[list(lit)[number]] += box(at[0], at[1], size, size * 1.3)
    for glow, panes in lit.items():
        if panes:
            yield Area(panes, glow)


def fire(colours: Colours) -> Iterator[Shape]:
    """A camp fire between trees, with a tent."""
    yield sky(colours, 760)
    yield from stars(colours.light)
    yield Area(ridge([560, 480, 520, 460, 540, 500, 520]), colours.far)
    yield Area(ridge([640, 610, 630, 600, 620, 600, 640]), colours.middle)
    yield Area(ridge([720, 700, 712, 724, 712, 700, 716]), colours.near)
    yield Area(path((110, 770), (290, 440), (470, 770)), colours.cream)
    yield Area(path((290, 440), (470, 770), (380, 770)), colours.gold, 0.6)
    yield Area(path((220, 770), (290, 560), (350, 770)), colours.deep)
    yield Halo(690, 650, 360, colours.gold, 0.75)
    for height, half, colour in ((330, 120, colours.warm), (230, 84, colours.gold), (130, 48, colours.light)):
        yield Area(_flame(690, 780, height, half), colour)
    for one, other in (((580, 800), (800, 760)), ((800, 800), (580, 760))):
        yield Stroke(path(one, other, closed=False), colours.deep, 34)
    yield Area(ridge([800, 790, 800, 806, 806, 796, 790]), colours.deep)
    for x, y, radius in ((640, 420, 7), (740, 380, 5), (700, 320, 6), (610, 340, 4), (770, 460, 5), (660, 250, 4)):
        yield Oval(x, y, radius, colours.gold, 0.9)
    for foot, tall in ((960, 380), (1080, 520), (1180, 420), (30, 460)):
        wide, waist = tall * 0.26, 830 - tall * 0.5
        right = [(foot + wide * 0.6, waist), (foot + wide * 0.3, waist), (foot + wide, 840)]
        left = [(2 * foot - x, y) for x, y in reversed(right)]
        yield Area(path((foot, 830 - tall), *right, *left), colours.deep)


def _flame(x: float, y: float, height: float, half: float) -> str:
    tip = (x, y - height)
    right = ((x + half * 0.2, y - height * 0.7), (x + half * 1.3, y - height * 0.5), (x + half, y))
    left = ((x - half * 1.2, y - height * 0.4), (x - half * 0.3, y - height * 0.5), tip)
    return path(tip, right, (x - half, y), left)


def bunting(colours: Colours) -> Iterator[Shape]:
    """Garlands of flags, balloons and confetti."""
    yield Wash(0, 0, WIDTH, HEIGHT, colours.low, colours.cream)
    yield Oval(600, 1090, 560, colours.far, 0.5)
    yield Oval(600, 1170, 560, colours.middle, 0.5)
    bright = (colours.warm, colours.gold, colours.near, colours.high)
    for top, sag, first in ((30, 170, 0), (190, 190, 2)):
        yield from _garland(top, sag, bright, first)
    for x, y, size, colour in (
        (470, 560, 84, colours.warm), (600, 500, 100, colours.gold), (736, 570, 88, colours.near),
        (540, 690, 66, colours.high), (668, 700, 62, colours.warm),
    ):  # fmt: skip
        knot = (x, y + size * 1.24)
        yield Stroke(path(knot, ((x, y + 260), (600, 780), (600, HEIGHT)), closed=False), colours.deep, 4, 0.5)
        yield Area(path((x - 12, y + size * 1.34), (x, y + size * 1.1), (x + 12, y + size * 1.34)), colour)
        yield Oval(x, y, size, colour, ry=size * 1.2)
        yield Oval(x - size * 0.34, y - size * 0.42, size * 0.2, colours.cream, 0.6, ry=size * 0.3)
    for number in range(44):
        x, y = (number * 173) % 1180 + 10, 420 + (number * 97) % 460
        if 360 < x < 840:
            continue
        colour = bright[number % 4]
        yield Oval(x, y, 9, colour) if number % 2 else Area(box(x, y, 20, 11), colour)


def _garland(top: float, sag: float, bright: tuple[str, ...], first: int) -> Iterator[Shape]:
    count = 11

    def at(part: float) -> tuple[float, float]:
        return -30 + part * (WIDTH + 60), top + sag * 4 * part * (1 - part)

    yield Stroke(curve([at(number / 8) for number in range(9)]), bright[2], 6)
    for number in range(count):
        left, right = at((number + 0.1) / count), at((number + 0.9) / count)
        tip = ((left[0] + right[0]) / 2, (left[1] + right[1]) / 2 + 116)
        yield Area(path(left, right, tip), bright[(number + first) % len(bright)])
