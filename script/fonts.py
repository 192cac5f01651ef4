"""Makes the font of the pictures that other sites show: `src/elonara/covers/fonts/covers.ttf` and the list beside it.

Noto Sans, SemiBold, of Latin, Cyrillic, Greek, Hebrew, Arabic and Japanese, cut down to the characters below and merged
into one file, so that one line of text may mix them. The fonts come from npm, where they are whole TTF files; only
who changes the selection needs this, and fontTools, which the site does not:

    python3 -m venv /tmp/fonts && /tmp/fonts/bin/pip install fonttools==4.68.0
    /tmp/fonts/bin/python script/fonts.py

The licence is the SIL Open Font License 1.1 (`OFL.txt`, written beside the font). What is changed may not be called
"Source", a reserved name of the Japanese part, so the font has a name of its own.
"""

from __future__ import annotations

import itertools
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from fontTools import merge, subset  # type: ignore[import-not-found, unused-ignore]
from fontTools.ttLib import TTFont  # type: ignore[import-not-found, unused-ignore]

TARGET = Path(__file__).resolve().parents[1] / "src" / "elonara" / "covers" / "fonts"
WEIGHT = "600SemiBold"
FAMILY = "Elonara Covers"
SHAPING = [
    "kern",
    "liga",
    "ccmp",
    "mark",
    "mkmk",
    "locl",
    "init",
    "medi",
    "fina",
    "isol",
    "rlig",
    "calt",
    "curs",
    "rclt",
]


def ranges(*pairs: tuple[int, int]) -> set[int]:
    """All code points of these ranges, both ends included."""
    return {point for first, last in pairs for point in range(first, last + 1)}


def of_jis() -> set[int]:
    """What JIS X 0208 holds: the 6,355 kanji of everyday texts and names, kana and signs."""
    found = set()
    for row, cell in itertools.product(range(1, 85), range(1, 95)):
        try:
            found.add(ord(bytes((0xA0 + row, 0xA0 + cell)).decode("euc_jp")))
        except UnicodeDecodeError:
            continue
    return found


# Package and version on npm → the characters that are taken from it, unless an earlier one has them.
PARTS = {
    "@expo-google-fonts/noto-sans@0.4.2": ranges(
        (0x20, 0x7E), (0xA0, 0x24F), (0x2B0, 0x3FF), (0x400, 0x52F), (0x1E00, 0x1FFF), (0x200B, 0x205E),
        (0x20A0, 0x20C0), (0x2100, 0x214F),
    ),
    "@expo-google-fonts/noto-sans-hebrew@0.4.1": ranges((0x590, 0x5FF), (0xFB1D, 0xFB4F)),
    "@expo-google-fonts/noto-sans-arabic@0.4.3": ranges((0x600, 0x6FF), (0x750, 0x77F)),
    "@expo-google-fonts/noto-sans-jp@0.4.3": of_jis() | ranges((0x3000, 0x30FF), (0xFF01, 0xFFEE)),
}  # fmt: skip


def main() -> None:
    """Fetch, cut, merge, write."""
    TARGET.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        work, seen, cut = Path(name), set[int](), []
        owners, licence = "", ""
        for number, (package, wanted) in enumerate(PARTS.items()):
            folder = fetched(package, work / str(number))
            font = TTFont(next((folder / WEIGHT).glob("*.ttf")))
            have = wanted & set(font.getBestCmap()) - seen
            seen |= have
            cut.append(str(work / f"{number}.ttf"))
            reduced(font, have, shaped="-jp" not in package).save(cut[-1])
            owner, licence = (folder / "LICENSE_FONT").read_text("utf-8").split("\n", 1)
            owners += f"{owner}\n"
        merged = merge.Merger().merge(cut)
        named(merged, owners)
        merged.save(TARGET / "covers.ttf")
    (TARGET / "OFL.txt").write_text(owners + licence, "utf-8")
    (TARGET / "coverage.txt").write_text("\n".join(in_ranges(seen)) + "\n", "ascii")


def fetched(package: str, folder: Path) -> Path:
    """The unpacked package."""
    folder.mkdir()
    command = ["npm", "pack", "--silent", package]
    archive = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)  # noqa: S603 - ours
    with tarfile.open(folder / archive.stdout.split()[-1]) as packed:
        packed.extractall(folder, filter="data")
    return folder / "package"


def reduced(font: Any, characters: set[int], *, shaped: bool) -> Any:
    """The font with these characters alone; `shaped`: with the tables that join and place letters."""
    options = subset.Options()
    options.hinting, options.glyph_names, options.notdef_outline = False, False, True
    options.layout_features = SHAPING if shaped else []
    options.drop_tables += [
        "STAT",
        "DSIG",
        "gasp",
        "meta",
        *([] if shaped else ["vhea", "vmtx", "VORG", "BASE", "GDEF"]),
    ]
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=characters)
    cutter.subset(font)
    return font


def named(font: Any, owners: str) -> None:
    """Give the font its own name, and whose work it is."""
    font["name"].names = []
    for number, text in {0: owners.strip(), 1: FAMILY, 2: "Regular", 4: FAMILY, 6: FAMILY.replace(" ", "")}.items():
        font["name"].setName(text, number, 3, 1, 0x409)


def in_ranges(points: Iterable[int]) -> Iterator[str]:
    """`41-5a` for each run of code points."""
    for _, run in itertools.groupby(enumerate(sorted(points)), lambda pair: pair[1] - pair[0]):
        numbers = [point for _, point in run]
        yield f"{numbers[0]:x}-{numbers[-1]:x}"


if __name__ == "__main__":
    main()
