"""A member asks for her people to be read again."""

import pytest
from django.utils import timezone
from tests.fakes.graph import somebody

from elonara.bluesky.graph.circles.on_request import read_again
from elonara.bluesky.graph.models import StoredGraph
from elonara.members.errors import NotAllowed


def test_followers_and_follows_lists_and_conversations_are_due(stored, host):
    graph = stored(somebody("bob"))
    assert read_again(host).state == "running"
    graph.refresh_from_db()
    due = [graph.due_at, graph.lists_due_at, graph.talks_due_at]
    assert all(at is not None and at <= timezone.now() for at in due)


@pytest.mark.parametrize("standing", ["pending", "suspended"])
def test_the_site_goes_nowhere_for_who_may_not_act(stored, host, standing):
    stored(somebody("bob"))
    before = StoredGraph.objects.values().get()
    host.standing = standing
    with pytest.raises(NotAllowed):
        read_again(host)
    assert StoredGraph.objects.values().get() == before
