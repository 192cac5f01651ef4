"""What becomes of invitations when the event or community is given to somebody else: they go on."""

import pytest

from elonara.communities import transfer as community_transfer
from elonara.events import transfer
from elonara.invitations.models import State


@pytest.fixture
def zoe(make_member):
    return make_member("zoe", "did:plc:zoe", display_name="Zoe")


@pytest.mark.parametrize("kind", ["event", "community"])
def test_those_of_the_former_host_go_on_from_her_account(request, kind, alice, zoe, agent, send, deliver, states, row):
    target, actions = {"event": ("picnic", transfer), "community": ("bakers", community_transfer)}[kind]
    target = request.getfixturevalue(target)
    send(target, "bob", "carol")
    actions.ask(target, by=alice, member=zoe)
    actions.accept(target, by=zoe)
    deliver()
    assert states() == {"bob": State.SENT, "carol": State.SENT}
    assert row("bob").host == alice
    assert not row("bob").needs_confirmation
    assert len([text for text in agent.texts() if "@bob.example" in text]) == 1


def test_the_new_host_is_not_invited_any_more(picnic, alice, people, zoe, send, deliver, states):
    from tests.fakes.graph import somebody

    people.append(somebody("zoe"))
    send(picnic, "zoe")
    transfer.ask(picnic, by=alice, member=zoe)
    transfer.accept(picnic, by=zoe)
    deliver()
    assert states() == {"zoe": State.SUPPRESSED}
    assert [one.reason for one in send(picnic, "zoe").skipped] == ["cohost"]
