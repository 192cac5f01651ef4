"""The lists that a host can pick people from, with their counts, and one page of one of them.

A source never widens whom one may invite by a post: strangers can be on a list (somebody who came to an earlier event),
and are refused as `stranger` like everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from django.utils.translation import gettext

from elonara.bluesky.graph import listing
from elonara.bluesky.graph.listing import PeoplePage, Wanted
from elonara.bluesky.graph.models import StoredGraph
from elonara.invitations.people import bounded_lists, earlier_guests, fellow_members, own_circles, unanswered
from elonara.invitations.people.ways import Asked, Source
from elonara.invitations.targets import Target
from elonara.members.models import Member

__all__ = ["DEFAULT", "WAYS", "Source", "Wanted", "has", "page", "sources"]

DEFAULT: Final = listing.EVERYONE
OF_GRAPH: Final = (listing.EVERYONE, listing.MUTUALS, listing.FOLLOWERS, listing.FOLLOWS)

type _Sources = Callable[[Asked], list[Source]]
type _Page = Callable[[Asked, str, Wanted], PeoplePage]


def sources(
    host: Member, target: Target | None, *, graph: StoredGraph | None = None, main_only: bool = False
) -> list[Source]:
    """The lists of this host for this target, in the order in which they are shown.

    `graph` is her stored graph where it was read already. `main_only`: those shown as tabs, which are counted.
    """
    asked = Asked(host, target, graph or listing.graph_of(host.pk))
    ways = [WAYS["graph"]] if main_only else WAYS.values()
    return [*earlier_guests.last_time(asked), *(source for make, _ in ways for source in make(asked))]


def has(host: Member, key: str) -> bool:
    """Whether there is a list with this key: one of the names, or a list of the host's on Bluesky."""
    name, _, argument = key.partition(":")
    if name == own_circles.LIST_KEY:
        return own_circles.has_list(listing.graph_of(host.pk), argument)
    return key in (*OF_GRAPH, earlier_guests.LAST_TIME) or (key in WAYS and key != "graph")


def page(
    host: Member,
    target: Target | None,
    key: str,
    wanted: Wanted,
    *,
    graph: StoredGraph | None = None,
    among: str = "",
) -> PeoplePage:
    """One page of the source called `key`, as `wanted` says (its `source` is set here).

    `among`: only those of it who are `followers`, `follows` or `mutuals`. In a search those who came to an earlier
    event of the host's stand first. An unknown key means everyone. Raises BadCursor.
    """
    asked = Asked(host, target, graph or listing.graph_of(host.pk), among)
    if wanted.q.strip() and not wanted.first:
        wanted = replace(wanted, first=earlier_guests.first(host))
    name, _, argument = key.partition(":")
    _, read = WAYS.get(name, WAYS["graph"])
    try:
        found = read(asked, argument if name in WAYS else key, wanted)
    except KeyError:
        found = _graph_page(asked, DEFAULT, wanted)
    return replace(found, people=bounded_lists.as_strangers(asked.graph, found.people))


def _of_graph(asked: Asked) -> list[Source]:
    graph = asked.graph
    if graph is None:
        return []
    return [
        Source(listing.EVERYONE, gettext("Everyone"), graph.known_people, main=True),
        Source(listing.MUTUALS, gettext("Mutual"), graph.mutuals, main=True),
        Source(listing.FOLLOWERS, gettext("Followers"), graph.followers, main=True),
        Source(listing.FOLLOWS, gettext("Following"), graph.follows, main=True),
    ]


def _graph_page(asked: Asked, key: str, wanted: Wanted) -> PeoplePage:
    if asked.graph is None:
        return PeoplePage([], "")
    return listing.page(asked.graph, replace(wanted, source=_both(key if key in OF_GRAPH else DEFAULT, asked.among)))


def _both(key: str, among: str) -> str:
    """The list of those who are on two lists of the graph."""
    either = {key, among} - {"", listing.EVERYONE}
    if len(either) == 2:
        return listing.MUTUALS
    return either.pop() if either else listing.EVERYONE


# Each way: which sources it has, and a page of the one whose key begins with its name and a colon.
WAYS: Final[dict[str, tuple[_Sources, _Page]]] = {
    "graph": (_of_graph, _graph_page),
    own_circles.TALKS_KEY: (own_circles.talks, own_circles.talks_page),
    earlier_guests.KEY: (earlier_guests.sources, earlier_guests.page),
    unanswered.KEY: (unanswered.sources, unanswered.page),
    fellow_members.KEY: (fellow_members.sources, fellow_members.page),
    own_circles.LIST_KEY: (own_circles.lists, own_circles.list_page),
}
