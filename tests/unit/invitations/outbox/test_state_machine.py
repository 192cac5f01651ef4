"""Sending, crashing, retrying, cancelling, undoing and late writes in any order: one live post at most, none lost."""

from datetime import timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule
from tests.fakes.agent import FakeAgent, needs_member, rate_limited, refused
from tests.fakes.bluesky import Crash
from tests.unit.invitations.any_order import AnyOrder, run

from elonara.bluesky import hooks
from elonara.bluesky.writing import factory
from elonara.bluesky.writing.agent import Readiness

MOODS = ("ok", "lost", "late", "down", "server", "crash before", "crash after", "429", "reauth", "no")


class CrashingAgent(FakeAgent):
    """Ends the worker before or after a create."""

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


class Sending(AnyOrder):
    """With a fake agent behind the port `BlueskyAgent`."""

    @initialize(thread=st.booleans())
    def begin(self, thread):
        self.agent = CrashingAgent(author_did="did:plc:host")
        self.start(thread, factory.use(self.agent))

    def posts(self):
        return {key: post.record for key, post in self.agent.posts.items()}

    def late(self):
        return bool(self.agent._late)

    def land_late(self):
        self.agent.land()

    def delete(self, did, rkey):
        self.agent.posts.pop((did, rkey), None)

    def mend(self):
        self.agent.moods, self.agent.delete_moods, self.agent.ready = [], [], None
        hooks.on_ready.fire(self.alice.pk, "did:plc:host")

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

    @rule(able=st.booleans())
    def posting(self, able):
        ready = Readiness(False, "did:plc:host", "alice.example", "compose", "", "app_password_missing", "")
        self.agent.ready = None if able else ready
        if able:
            hooks.on_ready.fire(self.alice.pk, "did:plc:host")


@pytest.mark.promise("one-post")
@pytest.mark.parametrize("examples", [40])
def test_whatever_happens(alice, make_event, clock, examples):
    Sending.clock, Sending.alice, Sending.make_event = clock, alice, staticmethod(make_event)
    run(Sending, examples)
