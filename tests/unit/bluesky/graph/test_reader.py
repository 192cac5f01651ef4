"""The reader of many pages, for a member whose session cannot be used just now."""

import pytest
from django.utils import timezone

from elonara.atproto.errors import NetworkError
from elonara.bluesky.graph import service as graph_service
from elonara.bluesky.graph.failures import GraphUnavailable
from elonara.bluesky.models import MemberIdentity

READS = {
    "rest": lambda reader: reader.rests_until(),
    "followers": lambda reader: reader.followers(None),
    "total": lambda reader: reader.total(),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_a_token_that_cannot_be_refreshed_now_is_an_error_of_the_graph(read, connected, net):
    MemberIdentity.objects.update(bsky_token_expires_at=timezone.now())
    net.faults.append(("/token", "before", NetworkError("no connection", ambiguous=False)))
    with pytest.raises(GraphUnavailable):
        read(graph_service.current().reader(connected.member_id))
