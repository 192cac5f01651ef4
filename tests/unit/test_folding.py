"""What is the same for a search, and what is not."""

import pytest

from elonara import folding

FOUND = [
    ("Łukasz Nowak", "lukasz"),
    ("lukasz", "ŁUKASZ"),
    ("ÉVA", "eva"),
    ("eva", "Éva"),
    ("İstanbul", "istanbul"),
    ("ISTANBUL", "ıstanbul"),
    ("Straße", "strasse"),
    ("Øyvind", "oyvind"),
    ("Мария Ивановa", "МАРИЯ"),
    ("Ελένη", "ελενη"),
    ("Γιώργος", "γιωργοσ"),
    ("ΓΙΏΡΓΟΣ", "Γιώργος"),
    ("田中さくら", "さくら"),
    ("田中さくら", "中"),
    ("田中さくら", "田中"),
    ("ｻｸﾗ", "サクラ"),
    ("ガ", "ｶﾞ"),
    ("김민준", "민준"),
    ("ＡＢＣ", "abc"),
    ("𝐊𝐚𝐭𝐞", "kate"),  # capitals that only a decomposition shows
    ("🌸 Rose", "rose"),
    ("🌸 Rose", "🌸"),
    ("שרה לוי", "לוי"),
    ("مُحَمَّد", "محمد"),
    ("e\u0301ric", "éric"),
    ("Zoe\u202e", "zoë"),
    ("a\u200bb\u00adc", "abc"),
    ("100%", "100%"),
    ("under_score", "score"),
    ('O"Neil', "neil"),
    ("O’Brien", "o'brien"),
    ("(she/her)", "she"),
    ("(she/her)", "he"),
    ("<b>Bo</b>", "bo"),
    ("Anna-Maria", "ma"),
    ("two\nlines", "lines"),
    ("NUL\0NUL", "nul"),
]
NOT_FOUND = [
    ("Anna", "nn"),  # two letters are looked for at the beginning of words
    ("ガ", "カ"),
    ("100 percent", "100%"),
    ("underXscore", "under_score"),
    ("Anna", "bertha"),
    ("Anna Berg", "anna weber"),
]


@pytest.mark.parametrize(("name", "query"), FOUND)
def test_somebody_is_found(name, query):
    assert folding.words_of(query)
    assert folding.matches(folding.index_text(name), folding.words_of(query))


@pytest.mark.parametrize(("name", "query"), NOT_FOUND)
def test_somebody_else_is_not_found(name, query):
    assert not folding.matches(folding.index_text(name), folding.words_of(query))


@pytest.mark.parametrize("nothing", ["", "  ", "\0", "\u200b\u202e", "\ud800"])
def test_nothing_is_no_word(nothing):
    assert folding.words_of(nothing) == []


def test_the_server_of_a_handle_does_not_count_for_two_letters():
    text = folding.index_text("Ann", "ann-k.bsky.social")
    assert folding.begins(text, ["an"])
    assert folding.begins(text, ["k"])
    assert not folding.matches(text, ["so"])


def test_a_handle_may_be_typed_with_an_at_sign():
    assert folding.words_of("@Ann.Example") == ["ann.example"]


def test_a_query_is_bounded():
    assert len(folding.words_of(" ".join(f"w{number}" for number in range(50)))) == folding.MAX_WORDS
    assert folding.words_of("x" * 5000) == ["x" * folding.MAX_WORD_LENGTH]


@pytest.mark.parametrize("name", [name for name, _ in FOUND])
def test_folding_twice_is_folding_once(name):
    assert folding.fold(folding.fold(name)) == folding.fold(name)
