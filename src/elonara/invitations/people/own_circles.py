"""Whom the host talks with, and her lists on Bluesky: circles of her stored graph."""

from __future__ import annotations

from typing import Final

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from elonara.bluesky.graph.listing import PeoplePage, Wanted
from elonara.bluesky.graph.models import KnownList, KnownListMember, KnownPerson, StoredGraph
from elonara.invitations.people import bounded_lists
from elonara.invitations.people.bounded_lists import ListedPerson
from elonara.invitations.people.ways import MAX_PEOPLE, Asked, Source, listed

TALKS_KEY: Final = "talks"
LIST_KEY: Final = "list"  # before a colon and the id of a `KnownList`


def talks(asked: Asked) -> list[Source]:
    """The people she talks with, where any are known."""
    return listed(TALKS_KEY, _("People you talk with"), asked.graph.conversations if asked.graph else 0)


def talks_page(asked: Asked, argument: str, wanted: Wanted) -> PeoplePage:  # noqa: ARG001
    """One page of them, those first with whom she talks most. Raises BadCursor."""
    if asked.graph is None:
        return PeoplePage([], "")  # a condition on no graph would read everybody whom any host talks with
    rows = KnownPerson.objects.filter(graph=asked.graph, talked__gt=0)
    return _page(asked, rows.order_by("-talked", "-talked_at", "rank"), wanted)


def lists(asked: Asked) -> list[Source]:
    """Her lists on Bluesky with people on them, in the order of Bluesky."""
    rows = KnownList.objects.filter(graph=asked.graph, people__gt=0).order_by("position", "pk") if asked.graph else ()
    return [Source(f"{LIST_KEY}:{row.pk}", row.name, row.people) for row in rows]


def has_list(graph: StoredGraph | None, argument: str) -> bool:
    """Whether this is the id of a list of this graph."""
    if graph is None or not (argument.isascii() and argument.isdigit() and len(argument) < 19):
        return False
    return KnownList.objects.filter(graph=graph, pk=int(argument)).exists()


def list_page(asked: Asked, argument: str, wanted: Wanted) -> PeoplePage:
    """One page of the list with this id. Raises BadCursor; KeyError where she has no such list."""
    if not has_list(asked.graph, argument):
        raise KeyError(argument)
    members = KnownListMember.objects.filter(known_list=int(argument)).values("person_id")
    return _page(asked, KnownPerson.objects.filter(graph=asked.graph, pk__in=members).order_by("rank"), wanted)


def _page(asked: Asked, rows: QuerySet[KnownPerson], wanted: Wanted) -> PeoplePage:
    known = {row.did: row for row in rows.only(*bounded_lists.COLUMNS, "serial", "talked_at")[:MAX_PEOPLE]}
    # A newer acquaintance has a lower serial.
    people = [ListedPerson(did, row.talked_at or -row.serial) for did, row in known.items()]
    return bounded_lists.page(asked, people, known, wanted, own_order=True)
