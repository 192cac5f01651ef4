"""Who may send at all is the operator's to say, and a pause leaves nothing behind when it ends."""

from datetime import timedelta

import pytest
from django.utils import timezone

from elonara.bluesky.graph import GraphUnavailable
from elonara.invitations import actions, checks
from elonara.invitations.models import Invitation, State
from elonara.invitations.results import InvitationRefused
from elonara.members.models import Member


@pytest.fixture
def operator(site):
    return Member.objects.create_superuser("olga", password="a long password")


def test_nobody_ends_a_pause_while_the_label_stands_or_may_stand(
    picnic, alice, send, deliver, agent, friends, operator
):
    send(picnic, "bob")
    deliver()  # this process has seen the account without a label, a moment before another one sees it with one
    friends.account_labels["did:plc:host"] = ("spam",)
    checks.pause_host(alice, "spam_label")
    send(picnic, "carol")
    posted = len(agent.posts)
    for by in (alice, operator):
        with pytest.raises(InvitationRefused) as told:
            actions.resume_sending(alice, by)
        assert told.value.code == "spam_label"
    friends.down = GraphUnavailable("server", "Bluesky had a fault of its own.")
    with pytest.raises(InvitationRefused, match="did not say"):
        actions.resume_sending(alice, alice)
    friends.down = None
    deliver()
    assert len(agent.posts) == posted


@pytest.mark.parametrize("reason", ["opt_outs", "operator"])
def test_what_a_pause_put_off_goes_on_when_it_ends(picnic, alice, send, deliver, row, operator, reason):
    send(picnic, "bob", "carol", "dan", thread=False)
    checks.pause_host(alice, reason)
    Invitation.objects.update(reason=reason, next_attempt_at=timezone.now() + timedelta(hours=1))
    actions.resume_sending(alice, operator)
    deliver()
    assert {row(name).state for name in ("bob", "carol", "dan")} == {State.SENT}
