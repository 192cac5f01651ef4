"""The posting account was taken down: its posts wait, and go on by themselves when that is lifted."""

import pytest

from elonara.bluesky.graph.failures import GraphUnavailable
from elonara.invitations import actions
from elonara.invitations.models import HostSending, State, Voice
from elonara.invitations.results import InvitationRefused
from elonara.members.models import Notice

ALICE = "did:plc:host"


def notices(member):
    return " ".join(Notice.objects.filter(member=member, dismissed_at=None).values_list("text", flat=True))


def test_a_takedown_pauses_nobody_and_is_no_spam_label(alice, send, picnic, friends, row, deliver, clock, agent):
    friends.account_labels[ALICE] = ("!takedown",)
    send(picnic, "bob", "carol", thread=False)
    for _ in range(3):
        deliver()
        clock.pass_(hours=1, minutes=1)
    assert {(row(name).state, row(name).reason) for name in ("bob", "carol")} == {(State.WAITING, "account_takendown")}
    assert not HostSending.objects.filter(host=alice).exclude(paused_at=None).exists()
    assert "taken your account down" in notices(alice)
    assert "spam" not in notices(alice)
    friends.account_labels.clear()
    clock.pass_(hours=1, minutes=1)
    deliver()
    assert {row(name).state for name in ("bob", "carol")} == {State.SENT}


def test_a_spam_label_beside_it_pauses_as_before(alice, send, picnic, friends, row, deliver, agent):
    friends.account_labels[ALICE] = ("!takedown", "spam")
    send(picnic, "bob", thread=False)
    deliver()
    assert (row("bob").state, row("bob").reason) == (State.QUEUED, "spam_label")
    assert HostSending.objects.get(host=alice).pause_reason == "spam_label"


def test_a_pause_of_the_previous_release_ends_when_the_takedown_is_lifted(alice, send, picnic, friends, agent):
    send(picnic, "bob", thread=False)
    HostSending.objects.update_or_create(
        host=alice, defaults={"paused_at": picnic.created_at, "pause_reason": "spam_label"}
    )
    friends.account_labels[ALICE] = ("!takedown",)
    with pytest.raises(InvitationRefused) as refused:
        actions.resume_sending(alice, alice)
    assert refused.value.code == "account_takendown"
    friends.account_labels.clear()
    actions.resume_sending(alice, alice)
    assert HostSending.objects.get(host=alice).paused_at is None


def test_a_takedown_of_the_sites_own_account_is_the_operators_to_know(
    alice, make_member, send, picnic, friends, row, deliver, agent
):
    operator = make_member("olga", is_superuser=True)
    send(picnic, "bob", thread=False)
    type(row("bob")).objects.update(voice=Voice.RELAY)
    friends.account_labels[ALICE] = ("!takedown",)
    deliver()
    assert (row("bob").state, row("bob").reason) == (State.WAITING, "relay_unavailable")
    assert "own account has stopped posting" in notices(operator)
    assert notices(alice) == ""


@pytest.mark.parametrize("reason", ["account_takendown", "account_deactivated"])
def test_blocks_that_her_server_does_not_show_for_that_reason_are_waited_for(
    reason, alice, send, picnic, friends, row, deliver, clock, agent
):
    send(picnic, "bob", thread=False)
    friends.down = GraphUnavailable(reason, "…")
    clock.pass_(minutes=11)
    deliver()
    assert (row("bob").state, row("bob").reason) == (State.WAITING, reason)
    assert "ctivate " not in notices(alice)
    friends.down = None
    clock.pass_(hours=1, minutes=1)
    deliver()
    assert row("bob").state == State.SENT
