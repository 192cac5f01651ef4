"""docs/troubleshooting.md quotes what the site and the scripts really say, and names reasons that exist."""

import re
from pathlib import Path

import pytest

from elonara.bluesky.reasons import SENTENCES
from elonara.invitations.reasons import REASONS

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
SPEAKERS = [
    *(ROOT / "src").rglob("*.py"),
    *(ROOT / "src").rglob("*.html"),
    *(path for path in (ROOT / "script").iterdir() if path.is_file()),
    ROOT / "sandbox" / "network.py",
    ROOT / "tests" / "conftest.py",
    *(ROOT / "tests" / "runner").glob("*.py"),
]
# A sentence that is split over lines in the code; a hole that is filled when it is said.
SPLIT, HOLE = re.compile(r'"\s*\n\s*f?"'), re.compile(r"…|\bPostgreSQL\b|\bpostgresql\b")


@pytest.fixture(scope="module")
def said():
    return SPLIT.sub("", "\n".join(path.read_text(encoding="utf-8") for path in SPEAKERS))


def parts(quote):
    return [part.strip(" :") for part in HOLE.split(quote) if len(part.strip(" :")) > 3]


FIRST_CELLS = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| ") and "you see" not in line]
QUOTES = [quote for cell in FIRST_CELLS for quote in re.findall(r'"([^"]+)"', cell)]
BUTTONS = re.findall(r'"((?:Resume|Try again) now)"', PAGE)
IN_SENTENCES = ["is left alone until …", "is set aside for", "stopped without notice"]


@pytest.mark.parametrize("quote", [*QUOTES, *BUTTONS, *IN_SENTENCES])
def test_a_quotation_is_what_is_said(said, quote):
    wanted = parts(quote)
    assert wanted
    assert [part for part in wanted if part not in said] == []


def test_quotations_are_found():
    assert len(QUOTES) > 15


@pytest.mark.parametrize("heading", ["The session needs reauthorization", "Invitations wait", "Posts fail"])
def test_reasons_exist(heading):
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    codes = {code for cell in cells for code in re.findall(r"`(\w+)`", cell)}
    assert codes
    assert codes <= REASONS.keys() | SENTENCES.keys()
