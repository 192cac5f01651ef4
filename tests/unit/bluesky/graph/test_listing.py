"""Pages of every list in every order: everybody once, nobody missing."""

from collections import Counter
from itertools import pairwise, product

import pytest
from tests.fakes.crowd import crowd

from elonara.bluesky.graph.listing import (
    EVERYONE,
    FOLLOWERS,
    FOLLOWS,
    LIKELY,
    MUTUALS,
    NAME,
    NEWEST,
    OLDEST,
    SORTS,
    BadCursor,
    Wanted,
    page,
)  # fmt: skip
from elonara.bluesky.graph.models import KnownPerson, StoredGraph

pytestmark = pytest.mark.django_db
SOURCES = {
    EVERYONE: lambda one: one.follows_you or one.you_follow,
    MUTUALS: lambda one: one.follows_you and one.you_follow,
    FOLLOWERS: lambda one: one.follows_you,
    FOLLOWS: lambda one: one.you_follow,
}


@pytest.fixture
def filled():
    graph, _ = crowd(250)
    stored = {one.did: one for one in KnownPerson.objects.filter(graph=graph)}
    return graph, stored


def read_all(graph, limit, **wanted):
    pages, cursor = [], ""
    while True:
        one = page(graph, Wanted(cursor=cursor, limit=limit, **wanted))
        assert len(one.people) == limit or not one.cursor
        pages += [person.did for person in one.people]
        cursor = one.cursor
        if not cursor:
            return pages


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("source", SOURCES)
def test_everybody_is_on_one_page(filled, source, sort):
    graph, stored = filled
    found = read_all(graph, 17, source=source, sort=sort)
    assert Counter(found) == Counter(did for did, one in stored.items() if SOURCES[source](one))
    assert found == read_all(graph, 100, source=source, sort=sort)


@pytest.mark.parametrize("source", SOURCES)
def test_the_orders(filled, source):
    graph, stored = filled
    rows = {sort: [stored[did] for did in read_all(graph, 40, source=source, sort=sort)] for sort in SORTS}
    assert [one.did for one in rows[OLDEST]] == [one.did for one in reversed(rows[NEWEST])]
    place = {FOLLOWERS: "follower_position", FOLLOWS: "follow_position"}.get(source, "serial")
    assert all(getattr(one, place) < getattr(after, place) for one, after in pairwise(rows[NEWEST]))
    assert all(one.rank < after.rank for one, after in pairwise(rows[LIKELY]))
    in_database = KnownPerson.objects.filter(pk__in=[one.pk for one in rows[NAME]]).order_by("sort_name", "pk")
    assert [one.pk for one in rows[NAME]] == [one.pk for one in in_database]


@pytest.mark.parametrize("source", SOURCES)
def test_a_foreign_cursor_is_refused(source):
    graph = StoredGraph.objects.create(bsky_did="did:plc:host")
    for sort, cursor in product(SORTS, ["x", "--1", "9" * 40, "1 2", "²", "YQ", "AAAA\0", "é"]):
        with pytest.raises(BadCursor):
            page(graph, Wanted(source, sort=sort, cursor=cursor))


def test_an_unknown_source_or_order_is_everyone_by_likelihood(filled):
    graph, _ = filled
    assert page(graph, Wanted("?", sort="?")) == page(graph, Wanted())


@pytest.mark.parametrize(("asked", "got"), [(-1, 1), (0, 1), (5, 5), (10**9, 100)])
def test_the_size_of_a_page_is_bounded(filled, asked, got):
    graph, _ = filled
    assert len(page(graph, Wanted(limit=asked)).people) == got
