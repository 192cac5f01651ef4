"""After a restore: what was queued in the backup may exist by now, so its key is read before it is written."""

import pytest
from tests.fakes.agent import FakeAgent, needs_member, refused

from elonara.bluesky.writing import factory
from elonara.events import actions as events
from elonara.invitations import actions
from elonara.invitations.models import Announcement, State
from elonara.invitations.outbox import restored

ALICE = "did:plc:host"


@pytest.fixture
def sent_after_the_backup(picnic, send, agent, row):
    """Bob's row is queued, as in the backup, and his post exists; Carol's is queued and does not."""
    send(picnic, "bob", "carol", thread=False)
    one = row("bob")
    agent.create_post_for_member(1, one.record, author_did=one.author_did, rkey=one.rkey)
    agent.calls.clear()
    assert restored.mark_ambiguous() == 2
    return one


@pytest.mark.promise("restore")
def test_an_existing_post_counts_as_sent_and_an_absent_one_is_written_once(sent_after_the_backup, deliver, agent, row):
    deliver()
    assert (row("bob").state, row("carol").state) == (State.SENT, State.SENT)
    assert [key for what, key in agent.calls if what == "create"] == [row("carol").rkey]
    assert len(agent.posts) == 2
    assert not row("carol").ambiguous


def test_an_existing_announcement_keeps_its_replies(picnic, send, deliver, agent, row):
    send(picnic, "bob")
    announced = Announcement.objects.get()
    agent.create_post_for_member(1, announced.record, author_did=announced.author_did, rkey=announced.rkey)
    assert restored.mark_ambiguous() == 2
    deliver()
    assert len(agent.posts) == 2
    post = agent.posts[ALICE, row("bob").rkey]
    assert (
        post.record["reply"]["root"]["uri"]
        == Announcement.objects.get().uri
        == f"at://{ALICE}/app.bsky.feed.post/{announced.rkey}"
    )


def test_cancelling_undoes_an_existing_post(sent_after_the_backup, alice, deliver, agent, row):
    actions.cancel(row("bob"), alice)
    deliver()
    assert row("bob").state == State.UNDOING
    assert sent_after_the_backup.rkey not in {key for _, key in agent.posts}


def test_opting_out_undoes_an_existing_post(sent_after_the_backup, alice, deliver, agent, row):
    actions.opt_out("did:plc:bob", alice)
    deliver()
    assert sent_after_the_backup.rkey not in {key for _, key in agent.posts}


def test_after_a_change_of_the_event_only_absent_posts_need_confirmation(
    sent_after_the_backup, picnic, alice, deliver, agent, row, clock
):
    events.change(picnic, by=alice, title="Winter picnic")
    deliver()
    assert row("bob").state == State.SENT
    assert (row("carol").state, row("carol").needs_confirmation) == (State.QUEUED, True)
    clock.pass_(minutes=30)
    deliver()
    assert (row("carol").state, row("carol").reason) == (State.QUEUED, "changed")
    actions.confirm(row("carol"), alice)
    deliver()
    assert "Winter picnic" in agent.posts[ALICE, row("carol").rkey].record["text"]
    assert len(agent.posts) == 2


def test_a_post_that_waited_for_the_host_is_found_without_her(picnic, send, deliver, agent, row, clock):
    agent.moods = [needs_member("needs_reauth")]
    send(picnic, "bob", "carol", thread=False)
    deliver()
    one = row("bob")
    agent.create_post_for_member(1, one.record, author_did=one.author_did, rkey=one.rkey)
    restored.mark_ambiguous()
    clock.pass_(hours=2)
    deliver()
    assert row("bob").state == State.SENT


class Unreadable(FakeAgent):
    """A server whose posts cannot be read for a while."""

    failed_reads = 0

    def find_post(self, member_id, author_did, rkey):
        if self.failed_reads:
            self.failed_reads -= 1
            return refused("unreachable", retryable=True)
        return super().find_post(member_id, author_did, rkey)


@pytest.mark.parametrize(("failed_reads", "state"), [(6, State.SENT), (100, State.FAILED)])
def test_an_unreadable_server_is_asked_for_a_day(failed_reads, state, picnic, send, deliver, row, clock):
    send(picnic, "bob", thread=False)
    restored.mark_ambiguous()
    agent = Unreadable(author_did=ALICE)
    agent.failed_reads = failed_reads
    with factory.use(agent):
        for _ in range(40):
            deliver()
            clock.pass_(minutes=73)
    assert row("bob").state == state
    # Failed reads of the key are no attempts to write: the post goes like any other.
    assert row("bob").attempts == (1 if state == State.SENT else 29)


def test_an_invitation_queued_again_after_a_failure_keeps_the_key_that_a_post_may_have(
    picnic, send, deliver, agent, row, clock
):
    """In the backup it had failed; between the backup and the loss of the site it was sent again, and exists."""
    agent.moods = [refused("record_refused")]
    send(picnic, "bob", thread=False)
    deliver()
    one = row("bob")
    assert one.state == State.FAILED
    agent.create_post_for_member(1, one.record, author_did=one.author_did, rkey=one.rkey)
    restored.mark_ambiguous()
    send(picnic, "bob", thread=False)
    deliver()
    clock.pass_(minutes=1)
    deliver()
    assert row("bob").state == State.SENT
    assert len(agent.posts) == 1
