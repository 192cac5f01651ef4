"""Fetching a member's people again, because she asked for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from elonara.bluesky.graph import actor_views
from elonara.bluesky.graph import service as graph_service


@dataclass(frozen=True)
class Resync:
    """How many views were deleted and how many people read. `known`: blocks and mutes came with them."""

    forgotten: int
    read: int
    known: bool
    read_at: datetime


def resync(member_id: int) -> Resync:
    """Delete the member's stored views, then fetch and store one page of followers and one of follows.

    Raises `GraphUnavailable`; then nothing is stored, and each person is fetched again when needed.
    """
    forgotten = actor_views.forget(member_id)
    service = graph_service.current()
    pages = [
        service.get_followers(member_id, limit=graph_service.MAX_PAGE_SIZE),
        service.get_follows(member_id, limit=graph_service.MAX_PAGE_SIZE),
    ]
    people = {person.did: person for page in pages for person in page.people}
    actor_views.keep(member_id, people.values())
    return Resync(forgotten, len(people), all(page.known for page in pages), timezone.now())
