"""A backup came back: what was queued in it may stand by now, and is looked for before it is written."""

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
    """Bob's row is queued, as in the backup, and his post stands; Carol's is queued and does not."""
    send(picnic, "bob", "carol", thread=False)
    one = row("bob")
    agent.create_post_for_member(1, one.record, author_did=one.author_did, rkey=one.rkey)
    agent.calls.clear()
    assert restored.mark_ambiguous() == 2
    return one


def test_what_stands_counts_as_sent_and_what_does_not_is_written_once(sent_after_the_backup, deliver, agent, row):
    deliver()
    assert (row("bob").state, row("carol").state) == (State.SENT, State.SENT)
    assert [key for what, key in agent.calls if what == "create"] == [row("carol").rkey]
    assert len(agent.posts) == 2
    assert not row("carol").ambiguous


def test_an_announcement_that_stands_keeps_its_replies(picnic, send, deliver, agent, row):
    send(picnic, "bob")
    root = Announcement.objects.get()
    agent.create_post_for_member(1, root.record, author_did=root.author_did, rkey=root.rkey)
    assert restored.mark_ambiguous() == 2
    deliver()
    assert len(agent.posts) == 2
    post = agent.posts[ALICE, row("bob").rkey]
    assert (
        post.record["reply"]["root"]["uri"]
        == Announcement.objects.get().uri
        == f"at://{ALICE}/app.bsky.feed.post/{root.rkey}"
    )


def test_cancelling_takes_back_what_stands(sent_after_the_backup, alice, deliver, agent, row):
    actions.cancel(row("bob"), alice)
    deliver()
    assert row("bob").state == State.UNDOING
    assert sent_after_the_backup.rkey not in {key for _, key in agent.posts}


def test_never_again_takes_back_what_stands(sent_after_the_backup, alice, deliver, agent, row):
    actions.opt_out("did:plc:bob", alice)
    deliver()
    assert sent_after_the_backup.rkey not in {key for _, key in agent.posts}


def test_a_changed_event_asks_the_host_about_what_did_not_go_alone(
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


def test_what_waited_for_the_host_is_found_without_her(picnic, send, deliver, agent, row, clock):
    agent.moods = [needs_member("needs_reauth")]
    send(picnic, "bob", "carol", thread=False)
    deliver()
    one = row("bob")
    agent.create_post_for_member(1, one.record, author_did=one.author_did, rkey=one.rkey)
    restored.mark_ambiguous()
    clock.pass_(hours=2)
    deliver()
    assert row("bob").state == State.SENT


class Away(FakeAgent):
    """A server whose posts cannot be read for a while."""

    looks = 0

    def find_post(self, member_id, author_did, rkey):
        if self.looks:
            self.looks -= 1
            return refused("unreachable", retryable=True)
        return super().find_post(member_id, author_did, rkey)


@pytest.mark.parametrize(("looks", "state"), [(6, State.SENT), (100, State.FAILED)])
def test_a_server_that_is_away_is_asked_for_a_day(looks, state, picnic, send, deliver, row, clock):
    send(picnic, "bob", thread=False)
    restored.mark_ambiguous()
    agent = Away(author_did=ALICE)
    agent.looks = looks
    with factory.use(agent):
        for _ in range(40):
            deliver()
            clock.pass_(minutes=73)
    assert row("bob").state == state
    # Looking is no trying: the post goes like any other.
    assert row("bob").attempts == (1 if state == State.SENT else 29)


def test_who_is_invited_anew_after_a_failure_keeps_the_key_that_a_post_may_have(
    picnic, send, deliver, agent, row, clock
):
    """In the backup it had failed; between the backup and the loss of the site it was sent again, and stands."""
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
