"""The files of the covers are as new as what they are made of, small, and hold nothing but shapes."""

import re
import xml.etree.ElementTree as ET

import pytest

from elonara.covers import make
from elonara.covers.choice import PALETTES_OF
from elonara.covers.shapes import HEIGHT, WIDTH

FILES = make.files()
COVERS = sorted(name for name in FILES if name.endswith(".svg"))
MOST_BYTES = 12_000
ELEMENTS = {"svg", "defs", "linearGradient", "radialGradient", "stop", "path", "circle", "ellipse", "rect"}


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_as_new_as_its_drawing(name):
    assert (make.STATIC / name).read_text(encoding="utf-8") == FILES[name], "run: python -m elonara.covers.make"


def test_there_is_no_file_of_an_earlier_drawing():
    assert sorted(f"covers/{path.name}" for path in (make.STATIC / "covers").iterdir()) == COVERS
    assert len(COVERS) == sum(len(palettes) for palettes in PALETTES_OF.values())


@pytest.mark.parametrize("name", COVERS)
def test_a_cover_is_small_and_only_shapes(name):
    text = FILES[name]
    assert len(text.encode()) <= MOST_BYTES
    root = ET.fromstring(text)
    assert root.get("viewBox") == f"0 0 {WIDTH} {HEIGHT}"
    assert {element.tag.rpartition("}")[2] for element in root.iter()} <= ELEMENTS
    assert {
        word for element in root.iter() for word in element.attrib if word.startswith("on") or word == "style"
    } == set()
    assert "href" not in text


@pytest.mark.parametrize("name", COVERS)
def test_outlines_use_four_commands(name):
    """So that they can be drawn elsewhere than in a browser."""
    outlines = re.findall(r' d="([^"]*)"', FILES[name])
    assert outlines
    assert all(re.fullmatch(r"(M-?\d+ -?\d+([LC][-\d ]+)*Z?)+", outline) for outline in outlines)


def test_writing_them_leaves_nothing_old(tmp_path, monkeypatch):
    monkeypatch.setattr(make, "STATIC", tmp_path)
    (tmp_path / "elonara.css").write_text(f"a{{}}\n{make.BEGIN}old\n{make.END}b{{}}\n")
    (tmp_path / "covers").mkdir()
    (tmp_path / "covers" / "whale-dawn.svg").write_text("<svg/>")
    make.main()
    assert sorted(f"covers/{path.name}" for path in (tmp_path / "covers").iterdir()) == COVERS
    css = (tmp_path / "elonara.css").read_text()
    assert css.startswith("a{}\n")
    assert css.endswith("b{}\n")
    assert "old" not in css
    assert ".hue-night" in css
