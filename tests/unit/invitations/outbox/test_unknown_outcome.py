"""After an attempt whose outcome is unknown: the key is read first, and nothing is written twice."""

import pytest
from django.utils import timezone

from elonara.bluesky.writing.agent import Readiness
from elonara.events import actions as events
from elonara.invitations import actions
from elonara.invitations.models import Announcement, Invitation, State
from elonara.invitations.results import InvitationRefused

ALICE = "did:plc:host"
WAITING = Readiness(False, "did:plc:host", "alice.example", "compose", "", "app_password_missing", "Not yet.")


def test_a_lost_response_leaves_one_post_and_it_counts_as_sent(picnic, send, deliver, agent, row, clock):
    agent.moods = ["lost"]
    send(picnic, "bob", thread=False)
    deliver()
    assert row("bob").state == State.QUEUED
    assert row("bob").ambiguous
    clock.pass_(seconds=30)
    deliver()
    assert row("bob").state == State.SENT
    assert [what for what, _ in agent.calls] == ["create", "find"]
    assert len(agent.posts) == 1


def test_a_post_that_is_absent_soon_after_an_unknown_outcome_is_written_again(picnic, send, deliver, agent, row, clock):
    agent.moods = ["late"]
    send(picnic, "bob", thread=False)
    deliver()
    clock.pass_(minutes=2)
    deliver()
    assert row("bob").state == State.SENT
    agent.land()
    assert len(agent.posts) == 1


def test_a_post_that_is_absent_long_after_an_unknown_outcome_is_asked_about(
    picnic, alice, send, deliver, agent, row, clock
):
    agent.moods = ["late"]
    send(picnic, "bob", thread=False)
    deliver()
    clock.pass_(minutes=11)
    deliver()
    assert row("bob").state == State.FAILED
    assert (row("bob").reason, row("bob").needs_confirmation) == ("unsure", True)
    assert not agent.posts
    with pytest.raises(InvitationRefused):
        actions.retry(row("bob"), alice)
    actions.confirm(row("bob"), alice)
    deliver()
    assert row("bob").state == State.SENT
    assert len(agent.posts) == 1


def test_while_the_clock_is_set_back_no_ambiguous_row_is_written_again(picnic, send, deliver, agent, row, clock):
    agent.moods = ["late"]
    send(picnic, "bob", thread=False)
    deliver()
    # The worker has died, and the next one starts with a clock that was set back.
    Invitation.objects.update(state=State.SENDING)
    clock.pass_(hours=-1)
    for _ in range(12):
        deliver()
        clock.pass_(minutes=1)
    assert [what for what, _ in agent.calls].count("create") == 1
    assert (row("bob").state, row("bob").ambiguous) == (State.QUEUED, True)
    clock.pass_(hours=1)
    deliver()
    assert row("bob").state == State.FAILED
    assert row("bob").reason == "unsure"
    assert not agent.posts


def test_a_row_that_a_dead_worker_left_is_read_before_it_is_written(picnic, send, deliver, agent, row):
    send(picnic, "bob", thread=False)
    one = row("bob")
    agent.create_post_for_member(1, one.record, author_did=one.author_did, rkey=one.rkey)
    Invitation.objects.update(state=State.SENDING, attempts=1, first_attempt_at=timezone.now())
    deliver()
    assert row("bob").state == State.SENT
    assert [what for what, _ in agent.calls] == ["create", "find"]


def test_an_ambiguous_reply_is_read_even_when_its_announcement_was_undone(
    picnic, alice, send, deliver, agent, row, clock
):
    agent.moods = ["ok", "lost"]
    send(picnic, "bob")
    deliver()
    actions.undo(Announcement.objects.get(), alice)
    clock.pass_(minutes=1)
    deliver()
    assert row("bob").state == State.SENT


def test_an_unknown_outcome_is_resolved_even_when_the_changed_text_waits_for_the_host(
    picnic, alice, send, deliver, agent, row, clock
):
    agent.moods = ["late"]
    send(picnic, "bob", thread=False)
    deliver()
    events.change(picnic, by=alice, title="Winter picnic")
    clock.pass_(minutes=1)
    deliver()
    assert row("bob").needs_confirmation
    agent.land()
    clock.pass_(minutes=15)
    deliver()
    assert row("bob").state == State.SENT


def test_a_write_that_lands_after_the_ten_minutes_is_found(picnic, send, deliver, agent, row, clock):
    agent.moods = ["lost"]
    send(picnic, "bob", thread=False)
    deliver()
    agent.posts.clear()  # the first attempt wrote nothing
    agent.moods = ["late"]
    clock.pass_(minutes=9)
    deliver()
    clock.pass_(minutes=2)
    deliver()
    assert (row("bob").state, row("bob").reason) == (State.QUEUED, "asking")
    clock.pass_(minutes=2)
    agent.land()
    clock.pass_(minutes=3)
    deliver()
    assert row("bob").state == State.SENT
    assert len(agent.posts) == 1
