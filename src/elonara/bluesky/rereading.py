"""Reading a member's people anew, because she asked for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from elonara.bluesky import actor_views, graph


@dataclass(frozen=True)
class Reread:
    """What was forgotten and what was read. `known`: the viewer's state (blocks, mutes) came with it."""

    forgotten: int
    read: int
    known: bool
    read_at: datetime


def reread(member_id: int) -> Reread:
    """Forget what Bluesky said about people, then read and keep one page of followers and one of follows.

    Raises `elonara.bluesky.graph.GraphUnavailable`; then nothing is kept, and everything is asked anew when needed.
    """
    forgotten = actor_views.forget(member_id)
    service = graph.service()
    pages = [
        service.get_followers(member_id, limit=graph.LARGEST_PAGE),
        service.get_follows(member_id, limit=graph.LARGEST_PAGE),
    ]
    people = {person.did: person for page in pages for person in page.people}
    actor_views.keep(member_id, people.values())
    return Reread(forgotten, len(people), all(page.known for page in pages), timezone.now())
