"""Text in the colours of a cover can be read, in light and in dark."""

import itertools
import re
from pathlib import Path

import pytest

import elonara
from elonara.covers.palettes import PALETTES, page_class, stylesheet

CSS = (Path(elonara.__file__).parent / "web" / "static" / "elonara.css").read_text(encoding="utf-8")
LEAST = 4.5
SCHEMES = ("light", "dark")


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    """As WCAG 2.2 defines it."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def token(name, scheme):
    """A colour of the stylesheet itself, as `#rrggbb`."""
    found = re.search(rf"--{name}: light-dark\((#\w+), (#\w+)\)", CSS)
    short = found[1 + SCHEMES.index(scheme)]
    return short if len(short) == 7 else "#" + "".join(digit * 2 for digit in short[1:])


CASES = list(itertools.product(PALETTES, SCHEMES))
IDS = [f"{palette.name} {scheme}" for palette, scheme in CASES]


def test_contrast_is_that_of_wcag():
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize(("palette", "scheme"), CASES, ids=IDS)
def test_the_accent_is_read_on_every_surface_of_its_page(palette, scheme):
    page = getattr(palette, scheme)
    surfaces = {name: token(name, scheme) for name in ("paper", "card", "sunk")}
    surfaces |= {"soft": page.accent_soft, "glow": page.glow, "warmth": page.warmth}
    assert {name: contrast(page.accent, colour) for name, colour in surfaces.items()
            if contrast(page.accent, colour) < LEAST} == {}  # fmt: skip


@pytest.mark.parametrize(("palette", "scheme"), CASES, ids=IDS)
def test_words_are_read_on_the_button_and_on_the_glow(palette, scheme):
    page = getattr(palette, scheme)
    pairs = {
        f"{words} on {under}": contrast(token(words, scheme), getattr(page, under))
        for words, under in [
            ("on-fill", "accent_fill"), ("on-fill", "accent_fill_hover"), ("ink", "glow"), ("ink", "warmth"),
            ("ink-2", "glow"), ("ink-2", "warmth"), ("ink", "accent_soft"), ("ink-2", "accent_soft"),
        ]
    }  # fmt: skip
    assert {name: value for name, value in pairs.items() if value < LEAST} == {}


@pytest.mark.parametrize("palette", PALETTES, ids=lambda palette: palette.name)
def test_a_palette_is_a_class_of_the_stylesheet(palette):
    rule = next(line for line in stylesheet().splitlines() if f".{page_class(palette.name)} " in line)
    assert f"--accent: light-dark({palette.light.accent}, {palette.dark.accent});" in rule
    assert rule in CSS
