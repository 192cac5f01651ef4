"""Palettes: the colours of a drawing, and those that it gives its page, light and dark.

A page's accent is read as text on all of the page's surfaces, and white is read on the fill of its main button:
`tests/unit/covers/test_palettes.py` holds both at a contrast of 4.5, as WCAG 2.2 asks for (success criterion 1.4.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Colours:
    """The colours of a drawing, named by what they mostly are."""

    high: str  # the sky above
    low: str  # and at the horizon
    light: str  # sun, moon, lamps
    far: str
    middle: str
    near: str
    deep: str  # what stands in front
    warm: str
    gold: str
    cream: str


@dataclass(frozen=True)
class PageColours:
    """What a page of this palette uses instead of the stylesheet's own tokens of these names; one colour scheme."""

    accent: str
    accent_fill: str
    accent_fill_hover: str
    accent_soft: str
    glow: str
    warmth: str


@dataclass(frozen=True)
class Palette:
    """A palette by its name, which is also in the page's class: `hue-dawn`."""

    name: str
    colours: Colours
    light: PageColours
    dark: PageColours


PALETTES: Final = (
    Palette(
        "dawn",
        Colours(
            high="#7f92ee", low="#fce2d0", light="#fff4e2", far="#a9b1ea", middle="#8492d6", near="#6676b8",
            deep="#3c4a70", warm="#e98a78", gold="#e9b47a", cream="#fdf3e7",
        ),
        PageColours("#4556c6", "#5163d6", "#4556c6", "#e8ebfc", "#e6eafd", "#fdeee3"),
        PageColours("#a9b6ff", "#5467dd", "#586bde", "#262b50", "#1e2138", "#241c22"),
    ),
    Palette(
        "meadow",
        Colours(
            high="#8cc3d4", low="#f6efcd", light="#fffae3", far="#b9d6b2", middle="#86b68c", near="#559069",
            deep="#2f5f52", warm="#e58b6b", gold="#eabf5f", cream="#fbf6e3",
        ),
        PageColours("#266a45", "#2f7a51", "#266a45", "#e0f0e5", "#e2f1e4", "#faf1d6"),
        PageColours("#8fd3a8", "#2c7a50", "#317f55", "#1b3325", "#182a20", "#26241a"),
    ),
    Palette(
        "sea",
        Colours(
            high="#5ea4c8", low="#e3f1ea", light="#fffbea", far="#a3d2d6", middle="#66adc1", near="#3b839f",
            deep="#205674", warm="#f08f72", gold="#f2c66d", cream="#f8f7ee",
        ),
        PageColours("#126580", "#1a7391", "#126580", "#dceff4", "#dff0f5", "#f9f2de"),
        PageColours("#86cfe6", "#17718f", "#1c7795", "#14323d", "#142a34", "#25231c"),
    ),
    Palette(
        "ember",
        Colours(
            high="#dd7b64", low="#fcdcae", light="#fff3d4", far="#e8a588", middle="#cb7862", near="#9c5257",
            deep="#5d3446", warm="#f2b45c", gold="#f6cf83", cream="#fff2df",
        ),
        PageColours("#a23a2c", "#b84836", "#a23a2c", "#fbe8e2", "#fce9e2", "#fcf0d6"),
        PageColours("#ffab95", "#b84a38", "#bb4d3b", "#42221b", "#321c19", "#2a2218"),
    ),
    Palette(
        "plum",
        Colours(
            high="#6c5aa0", low="#f4bab2", light="#ffecd6", far="#aa8cc0", middle="#8469a2", near="#5d4b84",
            deep="#38305c", warm="#f09a86", gold="#f4c987", cream="#fbeaf0",
        ),
        PageColours("#7a3f96", "#874aa5", "#7a3f96", "#f3e7f8", "#f1e6f8", "#fdeae6"),
        PageColours("#dcaef2", "#8a4fa8", "#9158ae", "#33213f", "#281c33", "#2b1d21"),
    ),
    Palette(
        "night",
        Colours(
            high="#1f2a57", low="#6072b8", light="#fdf0c8", far="#495a9e", middle="#374684", near="#273468",
            deep="#171f45", warm="#f0a56a", gold="#f8d27c", cream="#eceefb",
        ),
        PageColours("#31408f", "#3b4ba3", "#31408f", "#e4e8f8", "#dfe4f7", "#fbf2d8"),
        PageColours("#b4c2ff", "#4a5cbd", "#5466c6", "#222a4f", "#171d3a", "#26221a"),
    ),
)  # fmt: skip
BY_NAME: Final = {palette.name: palette for palette in PALETTES}


def page_class(palette: str) -> str:
    """The class of a page in this palette, which the stylesheet knows."""
    return f"hue-{palette}"


def stylesheet() -> str:
    """The rules of the stylesheet that give a page its palette's colours."""
    rules = []
    for palette in PALETTES:
        values = " ".join(
            f"--{name.replace('_', '-')}: light-dark({getattr(palette.light, name)}, {getattr(palette.dark, name)});"
            for name in PageColours.__dataclass_fields__
        )
        rules.append(f"  .{page_class(palette.name)} {{ {values} }}")
    return "\n".join(rules)
