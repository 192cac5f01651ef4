"""People whom a list or a conversation shows: those who are not in the graph yet are added to it, mostly as strangers.

A stranger is neither follower nor follow. Such a row is kept for as long as something shows the person.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from django.db import transaction
from django.utils import timezone

from elonara.bluesky.graph import search_index, store
from elonara.bluesky.graph.models import KnownListMember, KnownPerson, StoredGraph
from elonara.bluesky.identity.people import Person

# Their serials are above all those that a sync gives, so the two never give the same one.
FIRST_SERIAL: Final = 2**30
SHOWN: Final = ("handle", "display_name", "avatar")
FORGET_BATCH: Final = 500  # rows in one transaction


def add(graph: StoredGraph, people: Iterable[Person]) -> dict[str, int]:
    """The ids of the rows of these people, by DID; who is not in the graph is added, newer names are stored.

    The caller's transaction has locked the row of the graph.
    """
    by_did = {person.did: person for person in people}
    rows = {row.did: row for row in KnownPerson.objects.filter(graph=graph, did__in=list(by_did))}
    renamed = [row for row in rows.values() if _rename(row, by_did[row.did])]
    KnownPerson.objects.bulk_update(renamed, [*SHOWN, "text", "sort_name"], batch_size=100)
    serial = _next_serial(graph.pk)
    added = [_row(graph, person, serial + number) for number, person in enumerate(_new(by_did, rows))]
    KnownPerson.objects.bulk_create(added, batch_size=100)
    return {row.did: row.pk for row in [*rows.values(), *added]}


def forget_unneeded(graph: int) -> int:
    """Delete strangers whom no list and no conversation shows any more. Returns how many."""
    first, after = (search_index.first_rank(graph, one) for one in (search_index.OTHER, search_index.OTHER + 1))
    deleted = 0
    while True:
        with transaction.atomic():
            # Whoever adds a stranger to a list has locked the graph, too.
            StoredGraph.objects.select_for_update().filter(pk=graph).first()
            strangers = KnownPerson.objects.filter(rank__gte=first, rank__lt=after, talked=0)
            unneeded = strangers.exclude(
                pk__in=KnownListMember.objects.filter(known_list__graph=graph).values("person")
            )
            found = list(unneeded.values_list("pk", flat=True)[:FORGET_BATCH])
            KnownPerson.objects.filter(pk__in=found).delete()
        deleted += len(found)
        if len(found) < FORGET_BATCH:
            return deleted


def _new(by_did: Mapping[str, Person], rows: Mapping[str, KnownPerson]) -> list[Person]:
    return [person for did, person in by_did.items() if did not in rows]


def _rename(row: KnownPerson, person: Person) -> bool:
    """Give the row the names of now; whether it had others."""
    before = [getattr(row, name) for name in SHOWN]
    row.handle, row.display_name, row.avatar = person.handle, person.display_name, store.avatar(person)
    row.text, row.sort_name = store.searched(person)
    return before != [getattr(row, name) for name in SHOWN]


def _row(graph: StoredGraph, person: Person, serial: int) -> KnownPerson:
    now = timezone.now()
    # Her own session may show a follower whom the last sync did not see.
    of_class = search_index.people_class(follows_you=person.follows_you, you_follow=person.you_follow)
    flags = {
        name: getattr(person, name)
        for name in ("follows_you", "you_follow", "blocked_by", "blocking", "muted", "known", "gone")
    }
    text, sort_name = store.searched(person)
    return KnownPerson(
        graph=graph,
        did=person.did,
        handle=person.handle,
        display_name=person.display_name,
        avatar=store.avatar(person),
        text=text,
        sort_name=sort_name,
        serial=serial,
        rank=search_index.rank(graph.pk, of_class, serial),
        first_seen_at=now,
        seen_at=now,
        **flags,
    )


def _next_serial(graph: int) -> int:
    """One above the highest of all classes: who was a stranger once keeps the serial."""
    highest = FIRST_SERIAL - 1
    for one in range(search_index.OTHER + 1):
        first, after = search_index.first_rank(graph, one), search_index.first_rank(graph, one + 1)
        last = KnownPerson.objects.filter(rank__gte=first, rank__lt=after).order_by("-rank").first()
        highest = max(highest, last.serial if last else highest)
    return highest + 1
