"""A member who is connected, and a graph service that knows her lists and posts."""

import pytest
from tests.fakes.graph import FakeGraph
from tests.fakes.known import graph_with

from elonara.bluesky.graph import service as graph_service
from elonara.bluesky.models import MemberIdentity
from elonara.members.models import Member

HOST = "did:plc:host"


@pytest.fixture
def host(db):
    member = Member.objects.create_user("host")
    MemberIdentity.objects.create(member=member, bsky_did=HOST, bsky_handle="host.example", state="active")
    return member


@pytest.fixture
def fake():
    found = FakeGraph()
    with graph_service.use(found):
        yield found


@pytest.fixture
def stored(host, fake):
    """`stored(bob, carol)`: the host's graph, read to its ends."""

    def make(*people, **values):
        fake.people += people
        return graph_with(host, people, **values)

    return make
