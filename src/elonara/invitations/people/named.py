"""Who the people are whose handles or DIDs a host has pasted: first as her stored graph has them, then as Bluesky has.

Whom the graph has as a follower or follow is found there; whether Bluesky still shows the handle that was pasted for
the account is asked for all of them together, 25 in one request, and so are the others.
Among them a stranger is shown as one at once. Somebody who may be invited, and was named by a handle, is looked up a
second time by whose the handle is now: within minutes it can belong to somebody else. So is a name without a profile,
which may be a new account, or one that is gone. The look-ups end with the time that the request may spend on other
servers; a name that was not reached says so, and can be added again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from django.db.models.functions import Lower
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from elonara.bluesky.graph import listing
from elonara.bluesky.graph import service as graph_service
from elonara.bluesky.graph.models import KnownPerson
from elonara.bluesky.graph.service import PROFILES_PER_CALL, GraphUnavailable
from elonara.bluesky.identity.people import INVALID_HANDLE, Person
from elonara.invitations.people.pasted import Entry

NAMES_PER_LOOKUP: Final = 5  # of one call that resolves handles: a fault leaves these out, not those before

NOT_A_NAME: Final = gettext_noop(
    "This is not a handle, DID or profile link. Enter a handle in full, such as ana.bsky.social."
)
UNKNOWN: Final = gettext_noop("Bluesky has no account called {name}. Check the spelling, and enter the handle in full.")
LONGEST_SHOWN: Final = 100  # characters of a name in a sentence


@dataclass(frozen=True)
class NamedPerson:
    """Somebody who was named. `sentence` says why nobody was found, "" where `person` is there."""

    entry: Entry
    person: Person | None = None
    sentence: str = ""


def find(member_id: int, entries: Sequence[Entry]) -> list[NamedPerson]:
    """Who is behind each entry, in their order."""
    names = list(dict.fromkeys(entry.name for entry in entries if entry.name))
    found = _still_called_so(member_id, _known(member_id, names))
    missing = [name for name in names if name not in found]
    asked, sentence = _ask(member_id, missing) if missing else ({}, "")
    found |= {name: person for name, person in asked.items() if person is not None}
    return [_named(entry, found, not_reached="" if entry.name in asked else sentence) for entry in entries]


def _named(entry: Entry, found: dict[str, Person], *, not_reached: str) -> NamedPerson:
    if not entry.name:
        return NamedPerson(entry, sentence=_(NOT_A_NAME))
    if (person := found.get(entry.name)) is not None:
        return NamedPerson(entry, person)
    unknown = _(UNKNOWN).format(name=entry.name[:LONGEST_SHOWN])
    return NamedPerson(entry, sentence=not_reached or unknown)


def _known(member_id: int, names: Sequence[str]) -> dict[str, Person]:
    """Those whom the stored graph has as a follower or follow. Two who have the same handle in it are neither."""
    if (graph := listing.graph_of(member_id)) is None:
        return {}
    handles = [name for name in names if not name.startswith("did:") and name != INVALID_HANDLE]
    dids = [name for name in names if name.startswith("did:")]
    people = KnownPerson.objects.filter(graph=graph)
    rows = list(people.filter(did__in=dids)) if dids else []
    of_handles: dict[str, list[KnownPerson]] = {}
    if handles:
        for row in people.annotate(lowered=Lower("handle")).filter(lowered__in=handles):
            of_handles.setdefault(row.handle.lower(), []).append(row)
    by_name = {row.did: row for row in rows}
    by_name |= {handle: same[0] for handle, same in of_handles.items() if len(same) == 1}
    return {name: listing.as_person(row) for name, row in by_name.items() if row.follows_you or row.you_follow}


def _still_called_so(member_id: int, known: dict[str, Person]) -> dict[str, Person]:
    """Without those to whom Bluesky now shows another handle: the one of the graph may be somebody else's since.

    While Bluesky cannot be asked, the graph counts, as it does in the lists. Check asks again before anything is sent.
    """
    dids = [person.did for name, person in known.items() if name != person.did]
    shown: dict[str, str] = {}
    with contextlib.suppress(GraphUnavailable):
        for some in _batches(dids, PROFILES_PER_CALL):
            people = graph_service.current().profiles(member_id, some)
            shown |= dict.fromkeys(some, "") | {person.did: person.handle.lower() for person in people}
    return {name: person for name, person in known.items() if name in {person.did, shown.get(person.did, name)}}


def _ask(member_id: int, names: Sequence[str]) -> tuple[dict[str, Person | None], str]:
    """Whom Bluesky knows under these names, None for nobody; and why the others could not be asked for."""
    graph = graph_service.current()
    found: dict[str, Person | None] = {}
    try:
        shown: dict[str, Person] = {}
        for some in _batches(names, PROFILES_PER_CALL):
            people = graph.profiles(member_id, some)
            shown |= {person.handle.lower(): person for person in people} | {person.did: person for person in people}
        found |= {
            name: shown[name]
            for name in names
            if name in shown and (name.startswith("did:") or not _related(shown[name]))
        }
        # First those who can be invited.
        others = sorted((name for name in names if name not in found), key=lambda name: name not in shown)
        for some in _batches(others, NAMES_PER_LOOKUP):
            confirmed = graph.confirm(member_id, some)
            found |= {name: confirmed.get(name) for name in some}
    except GraphUnavailable as fault:
        return found, fault.sentence
    return found, ""


def _related(person: Person) -> bool:
    return person.follows_you or person.you_follow


def _batches(names: Sequence[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(names), size):
        yield list(names[start : start + size])
