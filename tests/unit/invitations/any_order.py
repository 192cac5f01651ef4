"""What both state-machine tests share: what a host does, in any order, and what must hold whatever happens.

A subclass says what its Bluesky is (`posts`, `late`, `land_late`, `mend`) and adds what can go wrong there.
"""

import os
from collections import Counter
from contextlib import ExitStack, suppress
from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from tests.fakes.bluesky import Crash
from tests.fakes.graph import FakeGraph, somebody

from elonara import jobs
from elonara.bluesky.graph import service as graph_service
from elonara.bluesky.models import AccountLane
from elonara.events import actions as events
from elonara.events.models import Event
from elonara.invitations import actions, states
from elonara.invitations.models import Announcement, Batch, HostSending, Invitation, State
from elonara.invitations.results import InvitationRefused

NAMES = ("bob", "carol")
LATEST = timedelta(minutes=4)  # a PDS is done with a request that nobody waits for


class AnyOrder(RuleBasedStateMachine):
    """Alice, her friends, and a Bluesky in every mood."""

    clock = alice = make_event = None
    friends = NAMES  # whom she knows
    stack = None

    def start(self, thread, *uses):
        """Begin anew: no rows, no time passed. `uses` are entered for as long as this run lasts."""
        for model in (Invitation, Batch, Announcement, HostSending, AccountLane, Event):
            model.objects.all().delete()
        self.clock.ahead = timedelta()
        self.stack = ExitStack()
        for use in (*uses, graph_service.use(FakeGraph([somebody(name) for name in self.friends]))):
            self.stack.enter_context(use)
        self.event = self.make_event(starts_at=self.clock.now() + timedelta(days=300))
        self.thread = thread
        self.late_since = None

    def teardown(self):
        if self.stack is not None:
            with self.stack:
                self.finish()

    def posts(self):
        """The record of every post that stands, by (DID, key)."""
        raise NotImplementedError

    def late(self):
        """Whether a write is on its way."""
        raise NotImplementedError

    def land_late(self):
        """Let it arrive."""
        raise NotImplementedError

    def mend(self):
        """Nothing goes wrong any more, and the host has helped where only she can."""
        raise NotImplementedError

    def drain(self):
        try:
            jobs.drain()
        except Crash:
            # The lease of a killed worker ends by itself.
            AccountLane.objects.update(lease_until=None)
        if self.late() and self.late_since is None:
            self.late_since = self.clock.now()
        if not self.late():
            self.late_since = None

    def rows(self):
        return list(Invitation.objects.select_related("host", "event", "community", "batch", "announcement"))

    @rule(name=st.sampled_from(NAMES))
    def send(self, name):
        with suppress(Crash):  # of the web server's process; she presses again another time
            actions.invite(self.alice, self.event, [f"did:plc:{name}"], thread=self.thread)

    @rule()
    def work(self):
        self.drain()

    @rule(minutes=st.sampled_from([1, 3, 12, 90]))
    def wait(self, minutes):
        if self.late_since is not None and self.clock.now() + timedelta(minutes=minutes) > self.late_since + LATEST:
            self.land()
        self.clock.pass_(minutes=minutes)
        self.drain()

    @precondition(lambda self: self.stack is not None and self.late())
    @rule()
    def land(self):
        self.land_late()
        self.late_since = None

    @rule(name=st.sampled_from(NAMES), what=st.sampled_from(["retry", "confirm", "cancel", "undo", "hand_over"]))
    def press(self, name, what):
        row = next((row for row in self.rows() if row.invitee_did == f"did:plc:{name}"), None)
        if row is None:
            return
        try:
            getattr(actions, what)(row, self.alice)
        except (InvitationRefused, Crash):
            pass
        except states.TransitionNotAllowed as fault:
            raise AssertionError(f"the page offers what the table forbids: {fault}") from fault

    @rule()
    def take_the_announcement_back(self):
        for row in Announcement.objects.select_related("host", "event", "community"):
            try:
                actions.undo(row, self.alice)
            except InvitationRefused:
                continue

    @rule()
    def rename(self):
        self.event.refresh_from_db()
        events.change(self.event, by=self.alice, title=f"{self.event.title}!"[-40:])

    @invariant()
    def nobody_is_mentioned_twice(self):
        if self.stack is not None:
            said = Counter(record["text"].split()[0] for record in self.posts().values())
            assert all(number == 1 for who, number in said.items() if who.startswith("@")), said

    def finish(self):
        """Everything mends; then rows and repository agree."""
        self.land()
        self.mend()
        for _ in range(12):
            self.drain()
            self.clock.pass_(minutes=3)
        for _ in range(10):
            self.drain()
            self.clock.pass_(hours=5)
        self.drain()
        posts = self.posts()
        for model in (Announcement, Invitation):
            for row in model.objects.all():
                stands = (row.author_did, row.rkey) in posts
                assert stands == (row.state == State.SENT), (row.state, row.reason, row.ambiguous)
                assert row.state not in {State.SENDING, State.UNDOING, State.WAITING}, (row.state, row.reason)
        assert set(posts) <= keys()  # no post that no row knows
        unsaid = Invitation.objects.filter(needs_confirmation=True, reason="")
        assert not unsaid.exists()  # whoever is asked to look again reads why


def keys():
    """Where the posts of all rows stand, or would."""
    return {where for model in (Announcement, Invitation) for where in model.objects.values_list("author_did", "rkey")}


def run(machine, examples):
    """Run a machine, this often or as often as ELONARA_TEST_EXAMPLES says."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=int(os.environ.get("ELONARA_TEST_EXAMPLES") or examples),
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=False,
        ),
    )
