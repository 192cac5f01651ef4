"""Texts of posts: graphemes, limits, and the byte ranges of facets, compared with those of the SDK."""

import pytest
from atproto_client.utils import TextBuilder as Oracle
from hypothesis import given
from hypothesis import strategies as st

from elonara.atproto.rich_text import TextBuilder, byte_length, fits, grapheme_length, link, mention, shorten

DID = "did:plc:7iza6de2dwap2sbkpav7c6c6"

COUNTED = {
    "": 0,
    "hello": 5,
    "naïve": 5,
    "nai\u0308ve": 5,
    "👍": 1,
    "👍🏽": 1,
    "👩‍👩‍👧‍👦": 1,
    "🏳️‍🌈": 1,
    "🇩🇪🇫🇷": 2,
    "🇩🇪🇫": 2,
    "é́́́": 1,
    "한국어": 3,
    "각": 1,
    "नमस्ते": 3,
    "ก็": 1,
    "\r\n": 1,
    "\n\r": 2,
    "a\u200db": 2,
    "…": 1,
    "日本語": 3,
    "1️⃣": 1,
}

# Texts in which offsets easily go wrong: emoji with joiners, flags, combining marks, other scripts, line ends.
pieces = st.sampled_from([*COUNTED, "\u0301", "\u200d", "\U0001f3fd", "\ufe0f", "🇩", "ठ", "x", " ", "\n", "\r", "\x00"])
texts = st.one_of(st.lists(pieces, max_size=40).map("".join), st.text(st.characters(exclude_categories=["Cs"])))


@pytest.mark.parametrize(("text", "length"), COUNTED.items())
def test_graphemes_are_counted_as_a_reader_counts_them(text, length):
    assert grapheme_length(text) == length


@given(st.text(st.characters(max_codepoint=127)))
def test_the_ascii_shortcut_gives_the_same_count(text):
    assert grapheme_length(text) == grapheme_length(text + "é") - 1


@given(texts, st.integers(-1, 60), st.none() | st.integers(0, 200))
def test_a_shortened_text_fits_and_is_the_beginning_of_the_whole(text, most, most_bytes):
    short = shorten(text, most, max_bytes=most_bytes)
    if short == text and (most >= grapheme_length(text)):
        return
    assert grapheme_length(short) <= max(most, 0)
    assert most_bytes is None or byte_length(short) <= most_bytes
    if short:
        assert short.endswith("…")
        assert text.startswith(short[:-1])


@given(texts, st.integers(1, 60))
def test_a_text_that_fits_is_unchanged_and_a_longer_one_uses_all_the_room(text, most):
    short = shorten(text, most)
    if grapheme_length(text) <= most:
        assert short == text
    elif not any(char.isspace() for char in text):
        assert most - 1 <= grapheme_length(short) <= most


@pytest.mark.parametrize(
    ("text", "most", "short"),
    [
        ("Picnic", 6, "Picnic"),
        ("Picnics", 6, "Picni…"),
        ("Picnic in the park", 8, "Picnic…"),
        ("👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦", 2, "👩‍👩‍👧‍👦…"),
        ("ab", 1, "…"),
        ("ab", 0, ""),
        ("", 0, ""),
    ],
)
def test_shortening_cuts_between_graphemes(text, most, short):
    assert shorten(text, most) == short


def test_shortening_respects_the_byte_limit_too():
    family = "👩‍👩‍👧‍👦"  # 25 bytes
    assert shorten(family * 4, 10, max_bytes=60) == family * 2 + "…"
    assert shorten(family, 10, max_bytes=2) == ""
    assert shorten(family, 10, max_bytes=25) == family


def test_a_post_has_300_graphemes_and_3000_bytes():
    assert fits("é" * 300)
    assert not fits("é" * 301)
    assert fits("👩‍👩‍👧‍👦" * 120)
    assert not fits("👩‍👩‍👧‍👦" * 121)  # 121 graphemes, 3,025 bytes
    assert TextBuilder().text("x" * 301).build().fits is False


parts = st.lists(st.tuples(st.sampled_from(["text", "mention", "link"]), texts.filter(bool)), max_size=8)


@given(parts)
def test_the_builder_writes_what_the_sdk_writes(parts):
    ours, oracle = TextBuilder(), Oracle()
    for kind, text in parts:
        if kind == "text":
            ours.text(text)
            oracle.text(text)
        elif kind == "mention":
            ours.mention(text, DID)
            oracle.mention(text, DID)
        else:
            ours.link(text, "https://example.com/")
            oracle.link(text, "https://example.com/")
    built = ours.build()
    assert built.text == oracle.build_text()
    assert built.graphemes == grapheme_length(built.text)
    assert [
        (facet["index"]["byteStart"], facet["index"]["byteEnd"], facet["features"][0]["$type"])
        for facet in built.facets
    ] == [(facet.index.byte_start, facet.index.byte_end, facet.features[0].py_type) for facet in oracle.build_facets()]


@given(parts)
def test_the_byte_range_of_a_facet_covers_its_text(parts):
    builder, words = TextBuilder(), []
    for kind, text in parts:
        if kind == "text":
            builder.text(text)
        else:
            builder.mention(text, DID)
            words.append(text)
    built = builder.build()
    raw = built.text.encode()
    assert [raw[f["index"]["byteStart"] : f["index"]["byteEnd"]].decode() for f in built.facets] == words


@given(texts, texts.filter(bool), texts)
def test_a_facet_by_character_offsets_equals_the_builders(before, words, after):
    whole = before + words + after
    start, end = len(before), len(before) + len(words)
    built = TextBuilder().text(before).mention(words, DID).text(after).build()
    assert [mention(whole, start, end, DID)] == built.facets
    assert link(whole, start, end, "https://x")["index"] == built.facets[0]["index"]


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (2, 2), (3, 2), (0, 6), (5, 6)])
def test_a_facet_outside_of_its_text_is_refused(start, end):
    with pytest.raises(ValueError, match="a facet covers"):
        mention("hello", start, end, DID)


def test_a_link_without_uri_links_to_its_own_text():
    built = TextBuilder().link("https://example.com/i/x").build()
    assert built.facets[0]["features"][0]["uri"] == "https://example.com/i/x"


def test_a_facet_without_text_is_refused():
    with pytest.raises(ValueError, match="a facet covers"):
        TextBuilder().mention("", DID)


def test_a_built_text_does_not_change_with_the_builder():
    builder = TextBuilder().mention("@bob", DID)
    built = builder.build()
    builder.mention("@carol", DID)
    assert len(built.facets) == 1
