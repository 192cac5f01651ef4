"""Undoing posts: deleted, and read until no late write can bring them back."""

import pytest
from tests.fakes.agent import needs_member

from elonara.bluesky.writing.agent import BlueskyResult, Readiness
from elonara.invitations import actions
from elonara.invitations.models import State
from elonara.invitations.results import InvitationRefused

ALICE = "did:plc:host"
WAITING = Readiness(False, "did:plc:host", "alice.example", "compose", "", "app_password_missing", "Not yet.")


class TestUndo:
    def test_a_post_is_deleted_and_its_key_read_until_nothing_can_land(
        self, picnic, alice, send, deliver, agent, row, clock
    ):
        send(picnic, "bob", thread=False)
        deliver()
        actions.undo(row("bob"), alice)
        deliver()
        assert not agent.posts
        assert row("bob").state == State.UNDOING
        for _ in range(7):
            clock.pass_(minutes=1)
            deliver()
        assert row("bob").state == State.UNDONE

    @pytest.mark.promise("taken-back")
    def test_a_late_write_does_not_bring_it_back(self, picnic, alice, send, deliver, agent, row, clock):
        agent.moods = ["late"]
        send(picnic, "bob", thread=False)
        deliver()
        actions.cancel(row("bob"), alice)
        deliver()
        assert row("bob").state == State.UNDOING
        clock.pass_(minutes=4)
        agent.land()
        assert len(agent.posts) == 1
        for _ in range(4):
            clock.pass_(minutes=1)
            deliver()
        assert row("bob").state == State.UNDONE
        assert not agent.posts

    def test_cancelling_before_anything_went_out_just_cancels(self, picnic, alice, send, deliver, agent, row):
        send(picnic, "bob")
        actions.cancel(row("bob"), alice)
        deliver()
        assert row("bob").state == State.CANCELLED
        assert not agent.posts  # and no announcement for nobody

    def test_a_failed_delete_is_retried(self, picnic, alice, send, deliver, agent, row, clock):
        send(picnic, "bob", thread=False)
        deliver()
        agent.delete_moods = ["down", needs_member()]
        actions.undo(row("bob"), alice)
        for _ in range(12):
            deliver()
            clock.pass_(minutes=20)
        assert row("bob").state == State.UNDONE
        assert not agent.posts

    @pytest.mark.parametrize("said", ["record_refused", "needs_reauth", "app_password_refused"])
    def test_a_delete_that_was_refused_counts_where_the_post_is_gone(
        self, picnic, alice, send, deliver, agent, row, clock, said
    ):
        """By a server that deletes and answers with an error, or by the host in the app."""
        refusal = BlueskyResult(False, reason=said, needs_reauth=said != "record_refused")
        send(picnic, "bob", thread=False)
        deliver()
        agent.delete_moods = [refusal] * 20
        actions.undo(row("bob"), alice)
        deliver()
        assert row("bob").state == State.UNDOING
        agent.posts.clear()
        for _ in range(7):
            clock.pass_(hours=1)
            deliver()
        assert row("bob").state == State.UNDONE

    def test_a_delete_that_is_refused_for_good_is_not_taken_for_done(
        self, picnic, alice, send, deliver, agent, row, clock
    ):
        send(picnic, "bob", thread=False)
        deliver()
        agent.delete_moods = [BlueskyResult(False, reason="record_refused", error_message="No.")] * 20
        actions.undo(row("bob"), alice)
        for _ in range(7):
            clock.pass_(minutes=5)
            deliver()
        assert (row("bob").state, row("bob").reason) == (State.UNDOING, "record_refused")
        assert agent.posts

    def test_an_undone_invitation_is_sent_once_more_with_a_new_key_after_the_host_confirms(
        self, picnic, alice, send, deliver, agent, row, clock
    ):
        send(picnic, "bob", thread=False)
        deliver()
        first = row("bob").rkey
        for turn in range(2):
            actions.undo(row("bob"), alice)
            for _ in range(7):
                deliver()
                clock.pass_(minutes=1)
            assert row("bob").state == State.UNDONE
            assert [one.reason for one in send(picnic, "bob").skipped] == [
                "undone_once" if not turn else "undone_for_good"
            ]
            if not turn:
                actions.confirm(row("bob"), alice)
                deliver()
                assert row("bob").state == State.SENT
                assert row("bob").rkey != first
        with pytest.raises(InvitationRefused):
            actions.confirm(row("bob"), alice)

    def test_a_post_that_stands_after_its_delete_is_not_undone(self, picnic, alice, send, deliver, agent, row, clock):
        send(picnic, "bob", thread=False)
        deliver()
        # The server is away until no write of ours can land any more; then it says yes, and deletes nothing.
        agent.delete_moods = ["down"] * 6 + [BlueskyResult(True)]
        actions.undo(row("bob"), alice)
        while agent.delete_moods:
            deliver()
            clock.pass_(minutes=5)
            assert agent.posts
            assert row("bob").state == State.UNDOING
        for _ in range(2):
            deliver()
            clock.pass_(minutes=1)
        assert row("bob").state == State.UNDONE
        assert not agent.posts
