"""Sending, crashing, retrying, cancelling, undoing, late writes in any order: at most one live post, none forgotten."""

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.fakes.agent import FakeAgent, needs_member, rate_limited, refused
from tests.fakes.graph import FakeGraph, somebody

from elonara import jobs
from elonara.bluesky import factory, graph, hooks
from elonara.bluesky.agent import Readiness
from elonara.bluesky.models import AccountLane
from elonara.events import actions as events
from elonara.events.models import Event
from elonara.invitations import actions, states
from elonara.invitations.models import Announcement, Batch, HostSending, Invitation, State
from elonara.invitations.results import InvitationRefused

NAMES = ("bob", "carol")
MOODS = ("ok", "lost", "late", "down", "server", "crash before", "crash after", "429", "reauth", "no")
LATEST = timedelta(minutes=4)  # a PDS is done with a request that nobody waits for


class Crash(BaseException):
    """kill -9, as far as a test can have it: nothing that follows in the worker is done."""


class CrashingAgent(FakeAgent):
    """Ends the worker in the middle: before the work, or after it."""

    def create_post_for_member(self, member_id, record, **keys):
        mood = self.moods[0] if self.moods else "ok"
        if mood == "crash before":
            self.moods.pop(0)
            raise Crash
        if mood == "crash after":
            self.moods[0] = "ok"
            super().create_post_for_member(member_id, record, **keys)
            raise Crash
        return super().create_post_for_member(member_id, record, **keys)


class Sending(RuleBasedStateMachine):
    """Alice, two friends, and a Bluesky in every mood."""

    clock = alice = make_event = None

    @initialize(thread=st.booleans())
    def begin(self, thread):
        for model in (Invitation, Batch, Announcement, HostSending, AccountLane, Event):
            model.objects.all().delete()
        self.clock.ahead = timedelta()
        self.agent = CrashingAgent(author_did="did:plc:host")
        self.uses = [factory.use(self.agent), graph.use(FakeGraph([somebody(name) for name in NAMES]))]
        for use in self.uses:
            use.__enter__()
        self.event = self.make_event(starts_at=self.clock.now() + timedelta(days=300))
        self.thread = thread
        self.late_since = None

    def teardown(self):
        if hasattr(self, "uses"):
            try:
                self.finish()
            finally:
                for use in reversed(self.uses):
                    use.__exit__(None, None, None)

    def drain(self):
        try:
            jobs.drain()
        except Crash:
            # The lease of a killed worker ends by itself.
            AccountLane.objects.update(lease_until=None)
        if self.agent._late and self.late_since is None:
            self.late_since = self.clock.now()
        if not self.agent._late:
            self.late_since = None

    def rows(self):
        return list(Invitation.objects.select_related("host", "event", "community", "batch", "announcement"))

    @rule(name=st.sampled_from(NAMES))
    def send(self, name):
        actions.invite(self.alice, self.event, [f"did:plc:{name}"], thread=self.thread)

    @rule(mood=st.sampled_from(MOODS))
    def mood(self, mood):
        results = {
            "429": rate_limited(self.clock.now() + timedelta(minutes=3)),
            "reauth": needs_member(),
            "no": refused("record_refused"),
        }
        self.agent.moods.append(results.get(mood, mood))

    @rule(mood=st.sampled_from(["lost", "down"]))
    def delete_mood(self, mood):
        self.agent.delete_moods.append(mood)

    @rule()
    def work(self):
        self.drain()

    @rule(minutes=st.sampled_from([1, 3, 12, 90]))
    def wait(self, minutes):
        if self.late_since is not None and self.clock.now() + timedelta(minutes=minutes) > self.late_since + LATEST:
            self.land()
        self.clock.pass_(minutes=minutes)
        self.drain()

    @precondition(lambda self: hasattr(self, "agent") and self.agent._late)
    @rule()
    def land(self):
        self.agent.land()
        self.late_since = None

    @rule(name=st.sampled_from(NAMES), what=st.sampled_from(["retry", "confirm", "cancel", "undo", "hand_over"]))
    def press(self, name, what):
        row = next((row for row in self.rows() if row.invitee_did == f"did:plc:{name}"), None)
        if row is None:
            return
        try:
            getattr(actions, what)(row, self.alice)
        except InvitationRefused:
            pass
        except states.NotPossible as fault:
            raise AssertionError(f"the page offers what the table forbids: {fault}") from fault

    @rule()
    def take_the_announcement_back(self):
        for row in Announcement.objects.select_related("host", "event", "community"):
            try:
                actions.undo(row, self.alice)
            except InvitationRefused:
                continue

    @rule(able=st.booleans())
    def posting(self, able):
        ready = Readiness(False, "did:plc:host", "alice.example", "compose", "", "app_password_missing", "")
        self.agent.ready = None if able else ready
        if able:
            hooks.on_ready.fire(self.alice.pk, "did:plc:host")

    @rule()
    def rename(self):
        self.event.refresh_from_db()
        events.change(self.event, by=self.alice, title=f"{self.event.title}!"[-40:])

    @invariant()
    def nobody_is_mentioned_twice(self):
        if hasattr(self, "agent"):
            said = Counter(post.record["text"].split()[0] for post in self.agent.posts.values())
            assert all(number == 1 for who, number in said.items() if who.startswith("@")), said

    def finish(self):
        """Everything mends; then rows and repository agree."""
        self.agent.moods, self.agent.delete_moods, self.agent.ready = [], [], None
        self.agent.land()
        self.late_since = None
        hooks.on_ready.fire(self.alice.pk, "did:plc:host")
        for _ in range(12):
            self.drain()
            self.clock.pass_(minutes=3)
        for _ in range(10):
            self.drain()
            self.clock.pass_(hours=5)
        self.drain()
        for model in (Announcement, Invitation):
            for row in model.objects.all():
                stands = (row.author_did, row.rkey) in self.agent.posts
                assert stands == (row.state == State.SENT), (row.state, row.reason, row.ambiguous)
                assert row.state not in {State.SENDING, State.UNDOING, State.WAITING}, (row.state, row.reason)
        keys = {(row.author_did, row.rkey) for model in (Announcement, Invitation) for row in model.objects.all()}
        assert set(self.agent.posts) <= keys  # no post that no row knows


@pytest.mark.parametrize("examples", [40])
def test_whatever_happens(alice, make_event, clock, examples):
    Sending.clock, Sending.alice, Sending.make_event = clock, alice, staticmethod(make_event)
    run_state_machine_as_test(
        Sending,
        settings=settings(
            max_examples=examples,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=False,
        ),
    )
