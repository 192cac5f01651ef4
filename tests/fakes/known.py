"""A stored graph without a sync: rows as one would have left them."""

from __future__ import annotations

from django.utils import timezone

from elonara import folding
from elonara.bluesky.graph import search_index
from elonara.bluesky.graph.models import KnownPerson, StoredGraph

FLAGS = ("follows_you", "you_follow", "blocked_by", "blocking", "muted", "known", "gone")


def graph_with(member, people, *, known=True, **values):
    """The member's stored graph, read to its ends: these people, the newest acquaintance first."""
    now = timezone.now()
    values = {"state": StoredGraph.State.DONE, "read_at": now, "full_read_at": now, "known": known} | values
    graph = StoredGraph.objects.create(member=member, bsky_did=member.bluesky.bsky_did, **values)
    for serial, person in enumerate(people, 1):
        of_class = search_index.people_class(follows_you=person.follows_you, you_follow=person.you_follow)
        KnownPerson.objects.create(
            graph=graph,
            did=person.did,
            handle=person.handle,
            display_name=person.display_name,
            avatar=person.avatar,
            text=folding.index_text(person.display_name, person.handle),
            sort_name=(folding.fold(person.display_name) or person.handle)[:100],
            rank=search_index.rank(graph.pk, of_class, serial),
            serial=serial,
            follower_position=serial if person.follows_you else None,
            follow_position=serial if person.you_follow else None,
            first_seen_at=now,
            seen_at=now,
            **{name: getattr(person, name) for name in FLAGS} | {"known": known and person.known},
        )
    graph.followers = sum(person.follows_you for person in people)
    graph.follows = sum(person.you_follow for person in people)
    graph.mutuals = sum(person.mutual for person in people)
    graph.known_people = sum(person.follows_you or person.you_follow for person in people)
    graph.highest_serial = len(people)
    graph.save()
    return graph
