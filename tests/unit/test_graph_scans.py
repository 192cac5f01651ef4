"""What a page of people, a search, a sync and Disconnect ask of the stored graphs is answered from indexes.

A site has more rows of people than of anything else: one host may know a hundred thousand. SQLite's search index
refuses by itself to be read from end to end. Plans are judged as in
`tests/unit/test_full_scans.py`.
"""

import time
from datetime import timedelta

import pytest
from django.utils import timezone
from tests.fakes.known import graph_with
from tests.plans import explained, scans_of
from tests.unit.web.conftest import *  # noqa: F403

from elonara.bluesky.graph import bulk, listing, store, sync
from elonara.bluesky.graph.circles import bluesky_lists, conversations, strangers
from elonara.bluesky.graph.models import KnownList, KnownListMember, KnownPerson, StoredGraph
from elonara.bluesky.graph.passes import departed, one_pass, progress
from elonara.bluesky.identity.people import Person
from elonara.invitations.people import own_circles, sources, stored
from elonara.invitations.people.ways import Asked
from elonara.locks import take_lease

DIDS = [f"did:plc:known{number}" for number in range(12)]


def known(number, **values):
    flags = {"follows_you": number % 2 == 0, "you_follow": number % 3 == 0, "known": True}
    return Person(DIDS[number], f"known{number}.test", display_name=f"Alice {number}", **flags | values)


@pytest.fixture
def graph(alice):
    """Followers, follows and mutuals of hers, a list with two of them, one whom she talks with, and a stranger."""
    graph = graph_with(alice, [known(number) for number in range(10)])
    KnownPerson.objects.filter(graph=graph, did=DIDS[2]).update(talked=3, talked_at=timezone.now())
    one = KnownList.objects.create(
        graph=graph, uri="at://x/app.bsky.graph.list/1", name="Friends", position=0, people=2
    )
    for person in KnownPerson.objects.filter(did__in=DIDS[:2]):
        KnownListMember.objects.create(known_list=one, person=person)
    strangers.add(graph, [known(10, follows_you=False, you_follow=False)])
    return graph


def scans(calls):
    """The lines of plans that read a large table from end to end, each with the name of its call."""
    found = []
    for name, call in calls:
        statements = explained(call)
        assert statements, f"{name} asked nothing"
        for sql, plan in statements:
            found += [f"{name}: {line}\n      {sql[:800]}" for line in scans_of(plan, counting=False)]
    return found


def reading(alice, graph):
    for source in (listing.EVERYONE, listing.MUTUALS, listing.FOLLOWERS, listing.FOLLOWS):
        for sort in listing.SORTS:
            wanted = listing.Wanted(source=source, sort=sort, limit=1)
            yield f"{source} by {sort}", lambda wanted=wanted: pages(graph, wanted)
    for q in ("al", "alice", "alice 4", "lice", "known4.test"):
        wanted = listing.Wanted(q=q, limit=1)
        yield f"search {q}", lambda wanted=wanted: pages(graph, wanted)
        first = listing.Wanted(q=q, first=DIDS[:3], limit=1)
        yield f"search {q}, guests first", lambda first=first: pages(graph, first)
    yield "lists of hers", lambda: own_circles.lists(Asked(alice, None, graph))
    for key in ("talks", f"list:{KnownList.objects.get().pk}"):
        yield key, lambda key=key: sources.page(alice, None, key, sources.Wanted(limit=5), graph=graph)
    yield "chosen people", lambda: stored.people(alice.pk, DIDS[:4])
    yield "progress", lambda: progress.progress(alice.pk)


def pages(graph, wanted):
    """The first page and the one after it."""
    found = listing.page(graph, wanted)
    if found.cursor:
        listing.page(graph, listing.Wanted(**vars(wanted) | {"cursor": found.cursor}))


def lease_of(graph):
    return take_lease(StoredGraph, graph.pk, "test")


def writing(alice, graph, claim):
    people = [known(number, you_follow=True) for number in range(12)]
    lease = lease_of(graph)
    yield "a page of a sync", lambda: store.PassWriter(graph, lease).store(store.FOLLOWERS, people[:6])
    yield "counts after a pass", lambda: one_pass._counts(graph.pk)
    yield "a newer profile", lambda: store.note(alice.pk, [known(4, muted=True)])
    yield "a newer handle", lambda: store.note_handle([graph.pk], DIDS[4], "other.test")
    yield "who left", lambda: departed.remove_departed(graph, lease, time.monotonic() + 60)
    yield "strangers", lambda: (strangers.add(graph, people), strangers.forget_unneeded(graph.pk))
    yield "whom she talks with", lambda: conversations._stored(claim, DIDS)
    yield "a list that is gone", lambda: bluesky_lists._delete([KnownList.objects.get().pk])
    yield "sweeps", lambda: (list(sync.sweep()), list(conversations.TALKS.sweep()), list(bluesky_lists.LISTS.sweep()))
    yield "reads by id", lambda: (bulk.by_id([1, 2]), bulk.talked([1, 2]))


def test_pages_searches_and_counts_of_people_read_no_table_from_end_to_end(alice, graph):
    found = scans(reading(alice, graph))
    assert not found, "\n".join(found)


def test_a_sync_and_the_reads_beside_it_find_people_by_their_keys(alice, graph):
    StoredGraph.objects.update(talks_due_at=timezone.now() - timedelta(minutes=1))
    found = scans(writing(alice, graph, conversations.TALKS.claim(graph.pk)))
    assert not found, "\n".join(found)


def test_a_disconnected_graph_is_deleted_by_its_keys(graph):
    StoredGraph.objects.update(member=None)
    found = scans([("Disconnect", lambda: departed.forget(graph.pk, time.monotonic() + 60))])
    assert not found, "\n".join(found)
    assert not KnownPerson.objects.exists()


def test_a_scan_of_people_is_noticed(graph):
    """Without this nobody would know whether the tests above can fail."""
    calls = [
        ("by name", lambda: list(KnownPerson.objects.filter(display_name="Alice 3"))),
        ("by handle", lambda: bulk.rows("SELECT p.id FROM elonara_knownperson p WHERE p.handle = %s", ["a.test"])),
        ("of a list", lambda: list(KnownListMember.objects.exclude(pk=1))),
    ]
    for call in calls:
        assert scans([call]), call[0]
