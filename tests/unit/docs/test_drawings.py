"""The drawings of the documentation are those of their texts."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "drawings"
SOURCES = sorted(FOLDER.glob("*.txt"))


@pytest.fixture(scope="module")
def make():
    return SimpleNamespace(**runpy.run_path(str(FOLDER / "make.py")))


def test_there_is_a_drawing_for_each_text():
    assert [path.stem for path in SOURCES] == [path.stem for path in sorted(FOLDER.glob("*.svg"))] != []


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_drawing_is_as_new_as_its_text(make, source):
    drawn = source.with_suffix(".svg").read_text(encoding="utf-8")
    assert drawn == make.draw(source.read_text(encoding="utf-8")), "run: python3 docs/drawings/make.py"


@pytest.mark.parametrize(
    "text", ["", "title: A", "title: A\nactors: A | B\nA -> C: words", "title: A\nactors: A\nwords"]
)
def test_a_line_that_says_nothing_is_refused(make, text):
    with pytest.raises(make.BadText):
        make.draw(text)


def test_words_are_escaped(make):
    drawn = make.draw("title: <A>\nactors: A | B\nA -> B: a < b & c")
    assert "<A>" not in drawn
    assert "a &lt; b &amp; c" in drawn
