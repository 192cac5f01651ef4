"""Writes the static files of the covers: `python -m elonara.covers.make`, after a change of drawings or palettes.

It also writes the rules of the palettes into the stylesheet, between two marks. `tests/unit/covers/test_make.py` fails
while a file is older than what it is made of.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import elonara
from elonara.covers.choice import PALETTES_OF
from elonara.covers.drawings import shapes_of
from elonara.covers.palettes import stylesheet
from elonara.covers.svg import svg

STATIC: Final = Path(elonara.__file__).parent / "web" / "static"
BEGIN: Final = "  /* palettes of covers: written by elonara.covers.make */\n"
END: Final = "  /* end of the palettes */\n"


def files() -> dict[str, str]:
    """The text of every file, by its name below the static files; the stylesheet with the palettes of now."""
    names = [(drawing, palette) for drawing, palettes in PALETTES_OF.items() for palette in palettes]
    made = {f"covers/{drawing}-{palette}.svg": svg(shapes_of(drawing, palette)) for drawing, palette in names}
    before, rest = (STATIC / "elonara.css").read_text(encoding="utf-8").split(BEGIN)
    made["elonara.css"] = f"{before}{BEGIN}{stylesheet()}\n{END}{rest.split(END)[1]}"
    return made


def main() -> None:
    """Write them, and delete the covers that are none any more."""
    made = files()
    (STATIC / "covers").mkdir(exist_ok=True)
    for old in (STATIC / "covers").glob("*.svg"):
        if f"covers/{old.name}" not in made:
            old.unlink()
    for name, text in made.items():
        (STATIC / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
