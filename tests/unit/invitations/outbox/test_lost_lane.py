"""A worker that was overtaken, a text that changed under it, and rows that need a worker: the rows decide."""

from dataclasses import dataclass, field

import pytest
from django.db.models import F
from django.utils import timezone
from tests.fakes.agent import FakeAgent, existing, needs_member, refused
from tests.fakes.graph import FakeGraph

from elonara.bluesky.graph import service as graph_service
from elonara.bluesky.models import AccountLane
from elonara.bluesky.writing import factory
from elonara.bluesky.writing.agent import BlueskyResult
from elonara.events import actions as events
from elonara.invitations import actions
from elonara.invitations.models import Invitation, State
from elonara.invitations.outbox import delivery

ALICE = "did:plc:host"


@dataclass
class Overtaken(FakeAgent):
    """While the first create is under way, another worker takes the lane over and sends the same row."""

    says: BlueskyResult | None = None  # what the first create ends with; None: that the post stands
    done: list = field(default_factory=list)

    def create_post_for_member(self, member_id, record, *, author_did=None, rkey=None):
        if self.done:
            return super().create_post_for_member(member_id, record, author_did=author_did, rkey=rkey)
        self.done.append(rkey)
        AccountLane.objects.update(fence=F("fence") + 1, owner="another worker")
        Invitation.objects.filter(rkey=rkey).update(fence=F("fence") + 1, ambiguous=True)
        super().create_post_for_member(member_id, record, author_did=author_did, rkey=rkey)
        return self.says or existing(self.posts[author_did, rkey])


@pytest.mark.parametrize(
    "says",
    [
        None,
        refused("record_refused"),
        refused("no_answer", retryable=True, ambiguous=True),
        refused("rate_limited", retryable=True, retry_after=60),
        refused("unreachable", retryable=True),
        needs_member(),
    ],
    ids=lambda says: says.reason if says else "sent",
)
def test_a_worker_that_lost_its_lane_stores_nothing(picnic, send, friends, row, says):
    agent = Overtaken(says=says)
    with factory.use(agent):
        send(picnic, "bob", thread=False)
        delivery.poll(ALICE)
        bob = row("bob")
        assert (bob.state, bob.reason, bob.uri, bob.error) == (State.SENDING, "", "", "")
        # The other worker dies, too. Whoever comes next reads the key.
        AccountLane.objects.update(owner="", lease_until=None)
        delivery.poll(ALICE)
    assert row("bob").state == State.SENT
    assert len(agent.posts) == 1


@dataclass
class Meddling(FakeGraph):
    """While Bluesky is asked about the invited, the host's co-worker changes the event: `change()`, once."""

    change: object = None

    def confirm(self, member_id, actors, *, max_age=600):
        found = super().confirm(member_id, actors, max_age=max_age)
        if self.change is not None:
            change, self.change = self.change, None
            change()
        return found


def test_a_text_that_changed_after_it_was_read_is_not_sent(picnic, alice, send, agent, people, row):
    graph = Meddling(people)
    with graph_service.use(graph):
        send(picnic, "bob", thread=False)
        graph.change = lambda: events.change(picnic, by=alice, title="Supper")
        delivery.poll(ALICE)
        assert graph.change is None
        assert not agent.posts
        assert (row("bob").state, row("bob").needs_confirmation) == (State.QUEUED, True)
        actions.confirm(row("bob"), alice)
        delivery.poll(ALICE)
    assert [("Supper" in text, "Picnic" in text) for text in agent.texts()] == [(True, False)]


@pytest.mark.every_value_on_postgres
@pytest.mark.parametrize("state", State.values)
def test_a_sweep_finds_every_row_that_needs_a_worker(picnic, send, agent, state):
    send(picnic, "bob", thread=False)
    Invitation.objects.update(state=state, next_attempt_at=timezone.now())
    needed = state in {State.QUEUED, State.SENDING, State.WAITING, State.UNDOING}
    assert dict(delivery.sweep()) == ({ALICE: None} if needed else {})
