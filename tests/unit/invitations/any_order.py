"""The base of both state-machine tests: what a host does, in any order, and the invariants.

A subclass defines its Bluesky (`posts`, `late`, `land_late`, `mend`) and adds what can go wrong there.
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
from elonara.invitations import actions, queries, states
from elonara.invitations.account_models import (
    PastInvitation,
    SendingAccount,
    SendingAccountHolder,
    SendingAccountKey,
)
from elonara.invitations.models import Announcement, Batch, Correction, HostSending, Invitation, State
from elonara.invitations.results import InvitationRefused
from elonara.invitations.transitions import MODELS

NAMES = ("bob", "carol")
LATEST = timedelta(minutes=4)  # until then a PDS has finished a request that the client stopped waiting for


class AnyOrder(RuleBasedStateMachine):
    """Alice, her friends, and a Bluesky with every fault."""

    clock = alice = make_event = None
    friends = NAMES  # whom she knows
    stack = None

    def start(self, thread, *uses):
        """Start a run: no rows, no time passed. `uses` are context managers for the length of the run."""
        # What an account keeps for good goes last: deleting an invitation leaves a `PastInvitation`.
        rows = (Invitation, Batch, Correction, Announcement, HostSending, AccountLane, Event)
        for model in (*rows, PastInvitation, SendingAccountKey, SendingAccountHolder, SendingAccount):
            model.objects.all().delete()
        self.clock.ahead = timedelta()
        self.stack = ExitStack()
        for use in (*uses, graph_service.use(FakeGraph([somebody(name) for name in self.friends]))):
            self.stack.enter_context(use)
        self.event = self.make_event(starts_at=self.clock.now() + timedelta(days=300))
        self.thread = thread
        self.late_since = None
        self.deleted = set()  # (DID, key) of announcements that were deleted elsewhere

    def teardown(self):
        if self.stack is not None:
            with self.stack:
                self.finish()

    def posts(self):
        """The record of every post that exists, by (DID, key)."""
        raise NotImplementedError

    def late(self):
        """Whether a write may still land."""
        raise NotImplementedError

    def land_late(self):
        """Let it land."""
        raise NotImplementedError

    def delete(self, did, rkey):
        """Delete a post, if it exists, without this site."""
        raise NotImplementedError

    def mend(self):
        """End all faults, and do what only the host can do."""
        raise NotImplementedError

    def drain(self):
        try:
            jobs.drain()
        except Crash:
            # The lease of a killed worker expires.
            AccountLane.objects.update(lease_until=None)
        if self.late() and self.late_since is None:
            self.late_since = self.clock.now()
        if not self.late():
            self.late_since = None

    def rows(self):
        return list(Invitation.objects.select_related("host", "event", "community", "batch", "announcement"))

    @rule(name=st.sampled_from(NAMES))
    def send(self, name):
        with suppress(Crash):  # of the web server's process; she tries again later
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
    def act(self, name, what):
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
    def undo_the_announcement(self):
        for row in Announcement.objects.select_related("host", "event", "community"):
            try:
                actions.undo(row, self.alice)
            except InvitationRefused:
                continue

    @rule()
    def delete_the_announcement_in_the_app(self):
        for did, rkey in Announcement.objects.values_list("author_did", "rkey"):
            self.delete(did, rkey)
            self.deleted.add((did, rkey))

    @rule()
    def rename(self):
        self.event.refresh_from_db()
        events.change(self.event, by=self.alice, title=f"{self.event.title}!"[-40:])

    @rule()
    def move(self):
        """To another hour, or back."""
        self.event.refresh_from_db()
        hours = 1 if self.event.starts_at.hour % 2 else -1
        events.change(self.event, by=self.alice, starts_at=self.event.starts_at + timedelta(hours=hours))

    @rule()
    def post_the_update(self):
        with suppress(InvitationRefused, Crash):
            actions.post_update(self.event, self.alice)

    @rule()
    def take_the_update_back(self):
        for row in Correction.objects.select_related("host", "event", "community"):
            with suppress(InvitationRefused):
                actions.undo(row, self.alice)

    @invariant()
    def nobody_is_mentioned_twice(self):
        if self.stack is not None:
            mentioned = Counter(record["text"].split()[0] for record in self.posts().values())
            assert all(number == 1 for who, number in mentioned.items() if who.startswith("@")), mentioned

    def finish(self):
        """After the end of all faults, rows and repository agree."""
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
        for model in MODELS:
            for row in model.objects.all():
                exists = (row.author_did, row.rkey) in posts
                if (row.author_did, row.rkey) in self.deleted and row.state == State.SENT:
                    continue  # nobody has looked since, for nothing more was sent
                assert exists == (row.state == State.SENT), (row.state, row.reason, row.ambiguous)
                assert row.state not in {State.SENDING, State.UNDOING, State.WAITING}, (row.state, row.reason)
        assert set(posts) <= keys()  # no post without a row
        self.event.refresh_from_db()
        # What is offered can be had, and then all is said. Below an announcement that was deleted in the app nothing
        # goes, which is noticed only now: then a post of its own is offered.
        for _ in range(2 if self.deleted else 1):
            notice = queries.notice(self.event, self.alice)
            if notice is not None and notice.update is not None:
                actions.post_update(self.event, self.alice, notice.preview_id)
                self.drain()
        notice = queries.notice(self.event, self.alice)
        assert notice is None or notice.update is None
        unexplained = Invitation.objects.filter(needs_confirmation=True, reason="")
        assert not unexplained.exists()  # a row that needs confirmation says why


def keys():
    """(DID, record key) of all rows."""
    return {where for model in MODELS for where in model.objects.values_list("author_did", "rkey")}


def run(machine, examples):
    """Run a machine with so many examples, or as many as ELONARA_TEST_EXAMPLES says."""
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
