"""A cursor that Bluesky refuses is told from a server that is down."""

import pytest

from elonara.atproto.errors import ErrorKind, XrpcError
from elonara.bluesky import network
from elonara.bluesky.graph.service import BlueskyGraphService, GraphUnavailable
from elonara.bluesky.models import MemberIdentity

SIDES = ["get_followers", "get_follows"]


@pytest.fixture
def host(member):
    MemberIdentity.objects.create(member=member, bsky_did="did:plc:host", bsky_handle="host.example")
    return member


@pytest.fixture
def moods(host, monkeypatch):
    """As the AppView does: a cursor that is none is refused (`status`), and everything else is answered."""
    moods = {"down": False, "status": 500, "kind": ErrorKind.SERVER_ERROR}

    def query(_url, _nsid, params, *_args, **_options):
        if moods["down"] or params.get("cursor"):
            raise XrpcError(moods["status"], "InternalServerError", "It failed", kind=moods["kind"])
        return {"followers": [], "follows": []}

    monkeypatch.setattr(network.xrpc(), "query", query)
    return moods


def reason(host, side, cursor):
    with pytest.raises(GraphUnavailable) as fault:
        getattr(BlueskyGraphService(), side)(host.pk, cursor)
    return fault.value.reason


@pytest.mark.parametrize("side", SIDES)
def test_a_500_for_a_cursor_alone_is_the_cursor_s_fault(side, host, moods):
    assert reason(host, side, "00") == "bad_cursor"
    moods["down"] = True
    assert reason(host, side, "00") == "server"


@pytest.mark.parametrize("side", SIDES)
def test_a_400_for_a_cursor_is_its_fault(side, host, moods):
    moods |= {"status": 400, "kind": ErrorKind.BAD_REQUEST}
    assert reason(host, side, "nonsense") == "bad_cursor"


def test_without_a_cursor_it_is_bluesky_s_fault(host, moods):
    moods |= {"down": True, "status": 400, "kind": ErrorKind.BAD_REQUEST}
    assert reason(host, "get_followers", None) == "server"
