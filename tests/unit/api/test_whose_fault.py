"""A 5xx is a fault of the network or of the site: what the member alone can mend, or has to wait for, is a 4xx.

Reading people is in `test_people`.
"""

import pytest

from elonara.bluesky.graph import service as graph_service
from elonara.bluesky.graph.service import BlueskyGraphService, GraphUnavailable

REASONS = ("not_connected", "account_deactivated", "pending", "unreachable", "busy", "rate_limited", "server")
INVITING = {"not_connected": (409, "not_connected"), "account_deactivated": (409, "account_deactivated"),
            "pending": (403, "not_allowed")}  # fmt: skip
CALLS = ["/events/{event}/invitations", "/events/{event}/invitations/preview", "/communities/{club}/invitations",
         "/communities/{club}/invitations/preview"]  # fmt: skip
PEOPLE = {"dids": ["did:plc:bob"]}


@pytest.mark.parametrize("reason", REASONS)
def test_inviting(reason, program, friends, picnic, chess, problem):
    friends.down = GraphUnavailable(reason, "It cannot be read.")
    for path in CALLS:
        response = program.post(path.format(event=picnic.slug, club=chess.slug), PEOPLE)
        document = problem(response, *INVITING.get(reason, (503, "graph_unavailable")))
        # Nothing was queued, so nothing is tried again by itself.
        assert "automatically" not in document["way_on"]


def test_who_has_no_account_is_told_to_connect_one(program, alice, picnic, chess, problem):
    alice.bluesky.delete()
    with graph_service.use(BlueskyGraphService()):
        for path in CALLS:
            response = program.post(path.format(event=picnic.slug, club=chess.slug), PEOPLE)
            assert problem(response, 409, "not_connected")["way_on"] == "Connect one in your settings."
