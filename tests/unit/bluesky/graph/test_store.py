"""What any answer of Bluesky says about people who are stored is stored with them."""

from dataclasses import replace

import pytest
from tests.fakes.graph import FakeGraph, somebody, stored

from elonara.bluesky import hooks
from elonara.bluesky.graph import actor_views, bulk, search_index, store
from elonara.bluesky.graph import service as graph_service
from elonara.bluesky.graph.listing import Wanted, page
from elonara.bluesky.graph.models import KnownPerson
from elonara.bluesky.identity.people import Person


@pytest.fixture
def graph():
    fake = FakeGraph([somebody("ann"), somebody("bob", you_follow=False), somebody("cy", follows_you=False)])
    with graph_service.use(fake):
        yield fake


@pytest.fixture
def row(member, graph):
    return stored(member)


def found(name):
    return KnownPerson.objects.get(did=f"did:plc:{name}")


def test_a_newer_name_in_any_answer_is_stored_and_found(member, row):
    actor_views.keep(member.pk, [Person("did:plc:ann", "anna.example", "Änne", follows_you=True, you_follow=True)])
    assert (found("ann").handle, found("ann").display_name, found("ann").sort_name) == ("anna.example", "Änne", "anne")
    assert [person.handle for person in page(row, Wanted(q="anne")).people] == ["anna.example"]
    assert not page(row, Wanted(q="ann.example")).people


def test_a_new_handle_overwrites_nothing_that_a_sync_stores_meanwhile(row, monkeypatch):
    read = bulk.in_graphs

    def then_a_sync_stores_a_block(graphs, did):
        found = read(graphs, did)
        KnownPerson.objects.filter(did=did).update(blocked_by=True)
        return found

    monkeypatch.setattr(bulk, "in_graphs", then_a_sync_stores_a_block)
    store.note_handle([row.pk], "did:plc:ann", "anna.example")
    assert (found("ann").handle, found("ann").blocked_by) == ("anna.example", True)


def test_nobody_is_added(member, row):
    assert store.note(member.pk, [somebody("dora")]) == 0
    assert KnownPerson.objects.count() == 3


def test_what_has_not_changed_is_not_written(member, row, django_assert_num_queries):
    with django_assert_num_queries(2):
        assert store.note(member.pk, [somebody("ann")]) == 0


def test_members_without_a_graph_cost_one_query(member, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert store.note(member.pk, [somebody("ann")]) == 0


def test_an_answer_tells_who_follows_whom_now(member, row):
    assert (row.followers, row.follows, row.mutuals, row.known_people) == (2, 2, 1, 3)
    store.note(member.pk, [somebody("bob"), somebody("cy", you_follow=False, follows_you=False, blocked_by=True)])
    row.refresh_from_db()
    assert (row.followers, row.follows, row.mutuals, row.known_people) == (2, 2, 2, 2)
    assert found("bob").rank == search_index.rank(row.pk, search_index.MUTUAL, found("bob").serial)
    assert found("cy").rank == search_index.rank(row.pk, search_index.OTHER, found("cy").serial)
    assert (found("cy").blocked_by, found("cy").follow_position) == (True, None)


def test_without_viewer_state_only_names_are_newer(member, row):
    KnownPerson.objects.filter(did="did:plc:ann").update(muted=True)
    store.note(member.pk, [Person("did:plc:ann", "anna.example", "Anna", known=False)])
    ann = found("ann")
    assert (ann.handle, ann.muted, ann.known, ann.follows_you, ann.you_follow) == (
        "anna.example", True, True, True, True,
    )  # fmt: skip


def test_an_account_without_profile_keeps_its_name(member, row):
    store.note(member.pk, [Person("did:plc:ann", "", gone="deactivated")])
    assert (found("ann").handle, found("ann").gone) == ("ann.example", "deactivated")
    store.note(member.pk, [somebody("ann")])
    assert found("ann").gone == ""


def test_a_proved_handle_is_stored_in_every_graph(member, make_member, row):
    other = stored(make_member(), "did:plc:another")
    hooks.on_handle.fire("did:plc:ann", "anna.example")
    for one in (row, other):
        assert [person.handle for person in page(one, Wanted(q="@anna.example")).people] == ["anna.example"]


def test_what_no_column_takes_is_left_out(member, graph):
    graph.people = [Person("did:plc:x", "x" * 200 + ".example", "n" * 640, "https://cdn.example/" + "a" * 2000)]
    graph.people = [
        somebody("x", avatar="https://cdn.example/" + "a" * 2000),
        somebody("y", avatar="https://a.example"),
    ]
    stored(member)
    assert (found("x").avatar, found("y").avatar) == ("", "https://a.example")


@pytest.mark.sqlite_only
def test_many_people_are_one_segment_of_the_search_index(member, row):
    people = [somebody(f"new{number}") for number in range(12)]
    with graph_service.use(FakeGraph(people)):
        stored(member)
    renamed = [replace(person, display_name=f"Name {number}") for number, person in enumerate(people)]
    before = segments()
    assert store.note(member.pk, renamed) == 12
    assert segments() - before <= 1
    assert found("new7").display_name == "Name 7"
    assert bulk.rows("SELECT count(*) FROM temp.elonara_given_people", []) == [(0,)]


def segments():
    """A savepoint before each row would end one for each."""
    return bulk.rows(f"SELECT count(DISTINCT segid) FROM {search_index.FTS}_idx", [])[0][0]
