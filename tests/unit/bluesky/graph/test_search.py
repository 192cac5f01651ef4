"""A search finds whom a scan of everybody finds, each once, the likeliest first."""

import random
from collections import Counter

import pytest
from django.db import connection
from tests.fakes.crowd import FIRST_NAMES, LAST_NAMES, crowd

from elonara import folding
from elonara.bluesky.graph import search_index
from elonara.bluesky.graph.circles import strangers
from elonara.bluesky.graph.listing import EVERYONE, FOLLOWERS, FOLLOWS, MUTUALS, Wanted, page
from elonara.bluesky.graph.models import KnownPerson
from elonara.bluesky.graph.search import BadCursor, search

pytestmark = pytest.mark.django_db
TYPED = ["%", "_", "'", '"', '"" OR "', "\\", "*", "NEAR(a b)", "a\0n", "🌸", "🎉", "(", "x" * 640, "-", "ann.example"]


def asked_for(people, chance):
    """A query as somebody would type it: a part of a name, of two names, or a handle."""
    kind = chance.random()
    if kind < 0.1:
        return chance.choice(TYPED)
    words = [word for word in f"{chance.choice(people).display_name} {chance.choice(people).handle}".split() if word]
    some = chance.sample(words, min(len(words), 1 if kind < 0.7 else 2))
    parts = []
    for word in some:
        start = chance.choice([0, 0, chance.randrange(len(word))])
        parts.append(word[start : start + chance.choice([1, 2, 3, 5, 9])])
    return " ".join(parts).upper() if kind < 0.4 else " ".join(parts)


def read_all(graph, limit=60, **wanted):
    people, cursor = [], ""
    while True:
        one = page(graph, Wanted(cursor=cursor, limit=limit, **wanted))
        people += one.people
        cursor = one.cursor
        if not cursor:
            return [person.did for person in people]


IN_SOURCE = {
    EVERYONE: lambda one: one.follows_you or one.you_follow,
    MUTUALS: lambda one: one.follows_you and one.you_follow,
    FOLLOWERS: lambda one: one.follows_you,
    FOLLOWS: lambda one: one.you_follow,
}


def test_a_search_finds_whom_a_scan_finds():
    graph, people = crowd(400)
    chance = random.Random(5)
    for number in range(200):
        query, source = asked_for(people, chance), chance.choice([EVERYONE, *IN_SOURCE])
        words = folding.words_of(query)
        expected = {one.did for one in people if words and IN_SOURCE[source](one) and folding.matches(one.text, words)}
        first = [one.did for one in chance.sample(people, 5)] if number % 3 == 0 else []
        found = Counter(read_all(graph, limit=chance.choice([7, 30, 100]), q=query, source=source, first=first))
        if query.strip():
            assert found == Counter(expected), (query, source, first)


def test_whole_names_of_every_alphabet_are_found():
    graph, people = crowd(300)
    for name in (*FIRST_NAMES, *LAST_NAMES):
        if words := folding.words_of(name):
            expected = {one.did for one in people if folding.matches(one.text, words) and IN_SOURCE[EVERYONE](one)}
            assert set(read_all(graph, q=name)) == expected, name


def test_the_likeliest_are_first():
    graph, people = crowd(300)
    chosen = [one.did for one in people if "ann" in one.handle and one.follows_you][-3:]
    found = read_all(graph, q="ann", first=chosen)
    of = {one.did: one for one in people}
    places = [(not folding.begins(of[did].text, ["ann"]), did not in chosen, of[did].rank) for did in found]
    assert places == sorted(places)
    assert set(found[:3]) == set(chosen)


def test_an_exact_handle_is_above_everybody():
    graph, people = crowd(300)
    one = [one for one in people if one.you_follow and not one.follows_you and one.handle != "handle.invalid"][-1]
    mutual = next(one for one in people if one.follows_you and one.you_follow)
    KnownPerson.objects.filter(did=mutual.did).update(text=folding.index_text(f"{one.handle} fan", mutual.handle))
    assert read_all(graph, q="@" + one.handle.upper())[0] == one.did


@pytest.mark.parametrize("cursor", ["x", "a", "z1", "a-1", "a1x", "b" + "9" * 30, "a²", "a٣"])
def test_a_foreign_cursor_is_refused(cursor):
    graph, _ = crowd(10)
    with pytest.raises(BadCursor):
        search(graph.pk, "ann", [search_index.MUTUAL], cursor=cursor)


def test_the_index_follows_every_change():
    graph, people = crowd(100)
    one = KnownPerson.objects.get(graph=graph, did=next(one.did for one in people if one.follows_you))
    assert read_all(graph, q="zyxwv") == []
    KnownPerson.objects.filter(pk=one.pk).update(text=folding.index_text("Zyxwv", one.handle))
    assert read_all(graph, q="zyxwv") == [one.did]
    KnownPerson.objects.filter(pk=one.pk).update(rank=search_index.rank(graph.pk, search_index.MUTUAL, 10**9))
    assert read_all(graph, q="zyxwv", source=MUTUALS) == [one.did]
    KnownPerson.objects.filter(pk=one.pk).update(rank=search_index.rank(graph.pk, search_index.OTHER, 10**9))
    assert read_all(graph, q="zyxwv") == []
    KnownPerson.objects.filter(pk=one.pk).update(rank=one.rank, text=one.text)
    assert read_all(graph, q="zyxwv") == []
    assert one.did in read_all(graph, q=one.handle.partition(".")[0])
    KnownPerson.objects.filter(pk=one.pk).delete()
    assert one.did not in read_all(graph, q=one.handle.partition(".")[0])


def test_somebody_far_behind_all_others_costs_no_statements(django_assert_max_num_queries):
    """Who was on a list of the member's and follows her later keeps a number that is far above those of followers."""
    graph, people = crowd(100)
    one = KnownPerson.objects.get(graph=graph, did=next(one.did for one in people if one.follows_you))
    last = search_index.rank(graph.pk, search_index.FOLLOWER, strangers.FIRST_SERIAL)
    KnownPerson.objects.filter(pk=one.pk).update(rank=last, text=folding.index_text("Zyxwv", one.handle))
    with django_assert_max_num_queries(12):
        assert read_all(graph, q="zyxwv") == [one.did]
    with django_assert_max_num_queries(12):
        assert read_all(graph, q="nobody is called so") == []


def test_a_rank_far_from_all_others_takes_no_more_statements(django_assert_max_num_queries):
    graph, people = crowd(60)
    one = next(one for one in people if one.follows_you)
    far = search_index.rank(graph.pk, search_index.MUTUAL, 2 * 10**9)
    KnownPerson.objects.filter(graph=graph, did=one.did).update(rank=far, text=folding.index_text("Zyxwv", one.handle))
    with django_assert_max_num_queries(2):
        assert [row.did for row in search(graph.pk, "zyxwv", [search_index.MUTUAL])[0]] == [one.did]


def test_the_index_is_there_after_all_migrations():
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT indexname FROM pg_indexes WHERE tablename = %s", [search_index.PEOPLE])
            assert f"{search_index.FTS}_index" in {name for (name,) in cursor.fetchall()}
            return
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [search_index.PEOPLE])
        names = {name for (name,) in cursor.fetchall()}
    assert names == {f"{search_index.FTS}_{what}" for what in ("insert", "delete", "update")}


def test_the_class_after_the_last_one_is_the_beginning_of_the_next_graph():
    for graph in (1, 2, 7, 2**20 + 1):
        assert search_index.first_rank(graph, search_index.OTHER + 1) == search_index.first_rank(graph + 1)
