"""Single people of the stored graph, by their DIDs."""

from __future__ import annotations

from collections.abc import Collection

from elonara.bluesky.graph import listing
from elonara.bluesky.graph.models import KnownPerson
from elonara.bluesky.identity.people import Person


def people(member_id: int, dids: Collection[str]) -> dict[str, Person]:
    """Those of `dids` whom the member's stored graph has, by DID, as Bluesky last described them. Asks nobody."""
    rows = KnownPerson.objects.filter(graph__member=member_id, did__in=list(dids))
    return {row.did: listing.as_person(row) for row in rows}
