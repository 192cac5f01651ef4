"""Which cover an event gets."""

import itertools

import pytest

from elonara.covers.choice import DRAWINGS_OF, PALETTES_OF, PALETTES_OF_MOOD, cover_of, covers_in_order
from elonara.covers.drawings import DRAWINGS
from elonara.covers.make import STATIC
from elonara.covers.palettes import BY_NAME
from elonara.events.models import Event

TITLES = [f"Event {number}" for number in range(300)]


def test_a_title_keeps_its_cover():
    assert [cover_of(title).file for title in ("Winter picnic by the river", "Книжный клуб", "")] == [
        "covers/bunting-sea.svg",
        "covers/kites-dawn.svg",
        "covers/fire-plum.svg",
    ]


def test_spaces_and_capitals_do_not_count():
    assert cover_of("  Winter   PICNIC ") == cover_of("winter picnic")


def test_the_moods_are_those_that_a_host_can_choose():
    assert set(DRAWINGS_OF) == set(Event.Mood.values)


@pytest.mark.parametrize("mood", DRAWINGS_OF)
def test_a_mood_has_all_of_its_drawings_and_no_other(mood):
    covers = [cover_of(title, mood) for title in TITLES]
    assert {cover.drawing for cover in covers} == set(DRAWINGS_OF[mood])
    suiting = PALETTES_OF_MOOD.get(mood, set(BY_NAME))
    assert {cover.palette for cover in covers} <= suiting
    assert all(cover.palette in PALETTES_OF[cover.drawing] for cover in covers)


def test_no_two_choices_in_the_form_show_the_same():
    for title in TITLES:
        drawings = [cover_of(title, mood).drawing for mood in DRAWINGS_OF]
        assert len(set(drawings)) == len(DRAWINGS_OF) == 5, title


def test_an_unknown_mood_is_any():
    assert cover_of("Picnic", "of a later version") == cover_of("Picnic", "any")


def test_every_drawing_can_be_had_in_a_mood_of_its_own():
    """And is drawn by a function of that name."""
    named = {drawing for mood, drawings in DRAWINGS_OF.items() if mood != "any" for drawing in drawings}
    assert named == set(PALETTES_OF) == set(DRAWINGS)


@pytest.mark.parametrize("mood", DRAWINGS_OF)
@pytest.mark.parametrize("titles", [TITLES, ["Weekly picnic"] * 5], ids=["titles", "one title"])
def test_no_two_neighbours_look_the_same_and_each_keeps_its_drawing(mood, titles):
    covers = covers_in_order((title, mood, 0) for title in titles)
    assert all(one != other for one, other in itertools.pairwise(covers))
    assert [cover.drawing for cover in covers] == [cover_of(title, mood).drawing for title in titles]
    suiting = PALETTES_OF_MOOD.get(mood, set(BY_NAME))
    assert all(cover.palette in suiting and cover.palette in PALETTES_OF[cover.drawing] for cover in covers)
    assert covers == covers_in_order((title, mood, 0) for title in titles)


def test_the_later_neighbour_gives_way():
    first, second, third = covers_in_order([("Picnic", "calm", 0)] * 3)
    assert first == third == cover_of("Picnic", "calm")
    assert second.drawing == first.drawing
    assert second.palette != first.palette


@pytest.mark.parametrize("mood", DRAWINGS_OF)
@pytest.mark.parametrize("title", TITLES[:40])
def test_copies_one_after_the_other_have_other_colours(mood, title):
    series = [cover_of(title, mood, shift) for shift in range(6)]
    assert {cover.drawing for cover in series} == {series[0].drawing}
    assert all(one.palette != other.palette for one, other in itertools.pairwise(series))
    suiting = PALETTES_OF_MOOD.get(mood, set(BY_NAME)) & set(PALETTES_OF[series[0].drawing])
    assert {cover.palette for cover in series} == suiting
    # In a list each looks as on its own page, whichever comes first.
    wanted = [(title, mood, shift) for shift in range(6)]
    assert covers_in_order(wanted) == series
    assert covers_in_order(wanted[::-1]) == series[::-1]


@pytest.mark.parametrize("mood", DRAWINGS_OF)
def test_every_cover_has_a_file(mood):
    assert [
        cover.file for cover in map(cover_of, TITLES, [mood] * len(TITLES)) if not (STATIC / cover.file).is_file()
    ] == []
