"""Deleting a large graph holds nobody up."""

import threading
import time

from django.db import connection
from django.utils import timezone

from elonara.bluesky.graph import bulk, search_index
from elonara.bluesky.graph.models import KnownPerson, StoredGraph
from elonara.bluesky.graph.passes import departed
from elonara.members.models import Member

PEOPLE = 6000


def fill(graph, number):
    flags = (True, False, False, False, False, True, "")
    rows = [
        (f"did:plc:{n}", n, f"h{n}.example", f"Name {n}", "", f"  name  {n}  h{n}.example", f"name {n}",
         search_index.rank(graph.pk, search_index.FOLLOWER, n), *flags, n, None, 1, 0)
        for n in range(number)
    ]  # fmt: skip
    bulk.insert(graph.pk, rows, timezone.now())


def test_other_writers_get_in_between_while_a_graph_is_deleted(member, make_member):
    """In one transaction they would wait for all of it."""
    graph, other = StoredGraph.objects.create(bsky_did="did:plc:host"), make_member()
    fill(graph, PEOPLE)
    waits, done = [], threading.Event()

    def write():
        try:
            while not done.is_set():
                began = time.monotonic()
                Member.objects.filter(pk=other.pk).update(display_name=f"Bob {began}")
                waits.append(time.monotonic() - began)
                time.sleep(0.005)
        finally:
            connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        began = time.monotonic()
        assert departed.forget(graph.pk, began + 60)
        took = time.monotonic() - began
    finally:
        done.set()
        writer.join()
    assert not KnownPerson.objects.exists()
    assert not StoredGraph.objects.exists()
    assert len(waits) > 10
    assert max(waits) < took / 3


def test_a_deletion_goes_on_where_it_was_stopped(member):
    graph, kept = StoredGraph.objects.create(bsky_did="did:plc:host"), StoredGraph.objects.create(member=member)
    fill(graph, 500)
    fill(kept, 5)
    runs = 1
    while not departed.forget(graph.pk, time.monotonic()):
        runs += 1
    assert runs > 2
    assert list(KnownPerson.objects.values_list("graph", flat=True).distinct()) == [kept.pk]
