"""A member asks for her people to be read again: followers and follows, and with them her lists and conversations."""

from __future__ import annotations

from elonara.bluesky.graph import sync
from elonara.bluesky.graph.circles.bluesky_lists import LISTS
from elonara.bluesky.graph.circles.conversations import TALKS
from elonara.bluesky.graph.models import StoredGraph
from elonara.bluesky.graph.passes.progress import SyncProgress
from elonara.members.models import Member
from elonara.members.standing import require_active


def read_again(by: Member) -> SyncProgress:
    """Begin to read everything again, unless that is under way; how far it is.

    Raises NotAllowed for a member who waits for approval or is suspended: the site goes nowhere on her behalf. Raises
    GraphUnavailable where she is not connected.
    """
    require_active(by)
    found = sync.request(by)
    graph = StoredGraph.objects.filter(member_id=by.pk).values_list("pk", flat=True).first()
    if graph is not None:
        for one in (LISTS, TALKS):
            one.hasten(graph)
    return found
