"""Slugs made from titles."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elonara.communities import actions
from elonara.communities.slugs import RESERVED, ascii_slug, candidates


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Picnic in the park!", "picnic-in-the-park"),
        ("Alice's picnic", "alices-picnic"),
        ("Straße & Øl", "strasse-and-ol"),
        ("Пикник", "piknik"),
        ("Ёлка", "yolka"),
        ("Καλημέρα", "kalimera"),
        ("Café Ångström", "cafe-angstrom"),
        ("日本語", ""),
        ("🎂", ""),
    ],
)
def test_titles_become_ascii(title, slug):
    assert ascii_slug(title) == slug


@given(st.text(max_size=200))
def test_any_title_gives_slugs_that_are_valid_in_a_url(title):
    for private in (False, True):
        for slug in candidates(title, "event", private=private):
            assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug)
            assert len(slug) <= 80
            assert slug not in RESERVED


def test_a_long_title_is_cut_between_words():
    slug = ascii_slug("word " * 40)
    assert len(slug) <= 60
    assert slug.endswith("-word")


def test_two_communities_of_one_name_get_two_slugs(alice):
    assert [actions.create(alice, name="Bakers").slug for _ in range(3)] == ["bakers", "bakers-2", "bakers-3"]


def test_no_community_gets_the_url_of_a_page(alice):
    assert actions.create(alice, name="Create").slug == "create-2"


def test_a_title_without_transliteration_gets_a_random_slug(alice):
    assert re.fullmatch("community-[0-9a-f]{10}", actions.create(alice, name="読書会").slug)


def test_the_slug_of_a_private_community_reveals_nothing(secret):
    assert re.fullmatch("community-[0-9a-f]{10}", secret.slug)
