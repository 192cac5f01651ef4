"""Words in pictures: what the font has, where lines break, how large a title is."""

import unicodedata

import pytest

from elonara.covers import lettering
from elonara.covers.lettering import broken, fitted, is_rtl, width_of, writable

SIZES = (76, 60, 42)


@pytest.mark.parametrize(
    "text",
    [
        "Winter picnic, naïve Łódź", "Tiếng Việt", "Книжный клуб: ёЇґ", "Πρωινός περίπατος ᾧ", "ערב משחקים",
        "שָׁלוֹם", "لقاء القهوة", "پیک‌نیک گچ", "مُحَمَّد", "さくらの読書会「薔薇」、第3回ー", "€5 — “hi” 10:30–12:00 · …",
    ],
)  # fmt: skip
def test_the_font_has_the_scripts_that_it_promises(text):
    assert writable(text, raqm=True) == unicodedata.normalize("NFC", text)


def test_what_it_lacks_is_left_out():
    assert writable("🎉 Party 🎉 time") == "Party time"
    assert writable("Cafe\u0301") == "Café"
    assert writable("한국어 모임") == writable("🎉🎉") == writable("") == ""


def test_without_raqm_nothing_is_written_from_right_to_left():
    assert writable("لقاء", raqm=False) == writable("Tea شاي", raqm=False) == ""
    assert writable("Tea", raqm=False) == "Tea"


def test_the_first_letter_says_where_a_text_begins():
    assert [is_rtl(text) for text in ("12 ערב", "Tea شاي", "شاي Tea", "さくら", "123", "")] == [
        True, False, True, False, False, False,
    ]  # fmt: skip


def test_lines_break_at_spaces_and_fit():
    lines = broken("Winter picnic by the river", 500, 60)
    assert len(lines) > 1
    assert " ".join(lines) == "Winter picnic by the river"
    assert all(width_of(line, 60) <= 500 for line in lines)


def test_japanese_breaks_between_characters_but_no_line_begins_with_a_full_stop():
    text = "さくらの読書会、冬の散歩。" * 4
    lines = broken(text, 400, 60)
    assert "".join(lines) == text
    assert all(width_of(line, 60) <= 400 for line in lines)
    assert all(line[0] not in "、。" for line in lines)


def test_a_word_that_is_too_long_is_broken():
    lines = broken("A " + "W" * 60, 400, 60)
    assert "".join(lines).replace("A", "") == "W" * 60
    assert all(width_of(line, 60) <= 400 for line in lines)


def test_a_title_is_as_large_as_it_can_be():
    assert fitted("Tea", 600, SIZES, 3).size == 76
    middle = fitted("Winter picnic by the river with friends and bread", 600, SIZES, 3)
    assert (middle.size, len(middle.lines)) == (60, 3)
    assert middle.lines[-1][-1] != "…"


@pytest.mark.parametrize("text", ["Long table " * 30, "さくらの読書会" * 30, "W" * 300, "لقاء القهوة " * 30])
def test_a_title_that_is_too_long_ends_with_an_ellipsis(text):
    found = fitted(text, 600, SIZES, 3)
    assert (found.size, len(found.lines)) == (42, 3)
    assert found.lines[-1].endswith("…")
    assert all(width_of(line, 42) <= 600 for line in found.lines)


def test_the_font_is_small_enough_and_has_its_licence():
    assert lettering.FONT.stat().st_size < 2_500_000
    licence = (lettering.FOLDER / "LICENSE").read_text(encoding="utf-8")
    assert "SIL OPEN FONT LICENSE Version 1.1" in licence
    assert licence.count("Copyright") >= 4


def test_the_list_of_characters_is_that_of_the_font():
    """A character that is not in it would be drawn as a box: those of the list are drawn differently."""
    box = bytes(lettering.font(40).getmask("\ue123"))
    for character in "AñŻЖΩאشあ漢薇ー€":
        assert lettering._has(character)
        assert bytes(lettering.font(40).getmask(character)) != box
    assert not lettering._has("\ue123")
    assert not lettering._has("\x1f")
