"""Delivery: at most one live post per invitation, and none lost."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from tests.fakes.agent import needs_member, rate_limited, refused
from tests.fakes.graph import somebody

from elonara.bluesky import hooks
from elonara.bluesky.models import AccountLane
from elonara.bluesky.writing.agent import Readiness
from elonara.events import actions as events
from elonara.events.times import short_phrase
from elonara.invitations import actions
from elonara.invitations.models import Announcement, State
from elonara.invitations.outbox import delivery
from elonara.members.models import Notice

ALICE = "did:plc:host"
WAITING = Readiness(False, "did:plc:host", "alice.example", "compose", "", "app_password_missing", "Not yet.")


def test_the_announcement_goes_first_and_the_invitations_are_its_replies(picnic, send, deliver, agent, row):
    send(picnic, "bob", "carol", "dan")
    deliver()
    announced = Announcement.objects.get()
    assert announced.state == State.SENT
    assert len(agent.posts) == 4
    for name in ("bob", "carol", "dan"):
        one = row(name)
        assert one.state == State.SENT
        reply = agent.posts[one.author_did, one.rkey].record["reply"]
        assert reply["root"] == reply["parent"] == {"uri": announced.uri, "cid": announced.cid}
    assert agent.calls[0] == ("create", announced.rkey)


def test_a_second_send_uses_the_existing_announcement(picnic, send, deliver, agent):
    send(picnic, "bob")
    deliver()
    send(picnic, "carol")
    deliver()
    assert Announcement.objects.count() == 1
    assert len(agent.posts) == 3


def test_separate_posts_are_no_replies(picnic, send, deliver, agent, row):
    send(picnic, "bob", thread=False)
    deliver()
    assert not Announcement.objects.exists()
    assert "reply" not in agent.posts[row("bob").author_did, row("bob").rkey].record


def test_a_private_event_gets_no_announcement_and_no_post_names_it(supper, send, deliver, agent):
    send(supper, "bob")
    deliver()
    (post,) = agent.posts.values()
    for secret in ("Secret", "supper", "oak", "Hush", "14:00"):
        assert secret not in str(post.record)


def test_while_another_worker_has_the_lane_nothing_is_sent(picnic, send, agent, row):
    send(picnic, "bob", thread=False)
    AccountLane.objects.update_or_create(
        author_did="did:plc:host", defaults={"lease_until": timezone.now() + timedelta(seconds=60), "fence": 5}
    )
    assert delivery.poll("did:plc:host") > timezone.now()
    assert not agent.calls


def test_too_many_requests_pause_the_account_until_the_server_says(picnic, send, deliver, agent, row, clock):
    agent.moods = [rate_limited(timezone.now() + timedelta(minutes=30))]
    send(picnic, "bob", "carol", thread=False)
    deliver()
    assert len(agent.calls) == 1
    assert row("bob").reason == "rate_limited"
    clock.pass_(minutes=31)
    deliver()
    assert {row("bob").state, row("carol").state} == {State.SENT}
    assert row("bob").attempts == 1  # a 429 is not counted as an attempt


def test_a_row_is_attempted_eight_times_within_a_day_and_then_given_up(picnic, alice, send, deliver, agent, row, clock):
    agent.moods = ["down"] * 20
    send(picnic, "bob", thread=False)
    deliver()
    for _ in range(60):
        clock.pass_(minutes=25)
        deliver()
    one = row("bob")
    assert (one.state, one.reason, one.attempts) == (State.FAILED, "gave_up", 8)
    agent.moods = []
    actions.retry(one, alice)
    deliver()
    assert row("bob").state == State.SENT


def test_a_final_refusal_is_not_repeated(picnic, send, deliver, agent, row):
    agent.moods = [refused("record_refused")]
    send(picnic, "bob", thread=False)
    deliver()
    assert (row("bob").state, row("bob").reason) == (State.FAILED, "record_refused")
    assert len(agent.calls) == 1


def test_what_only_the_host_can_fix_waits_and_then_goes_on_by_itself(picnic, alice, send, deliver, agent, row):
    agent.moods = [needs_member("app_password_refused")]
    send(picnic, "bob", "carol")
    deliver()
    assert {row("bob").state, Announcement.objects.get().state} == {State.WAITING}
    assert Notice.objects.filter(member=alice, kind="sending", dismissed_at=None).count() == 1
    hooks.on_ready.fire(alice.pk, "did:plc:host")
    deliver()
    assert {row("bob").state, row("carol").state} == {State.SENT}
    assert not Notice.objects.filter(member=alice, kind="sending", dismissed_at=None).exists()


@pytest.mark.parametrize(("hours", "state"), [(1, State.SENT), (4, State.CANCELLED)])
def test_what_waited_goes_while_the_event_is_on_and_not_after_it(
    picnic, send, deliver, agent, row, clock, hours, state
):
    agent.ready = WAITING
    send(picnic, "bob", thread=False)
    deliver()
    clock.pass_(seconds=(picnic.starts_at - clock.now()).total_seconds() + hours * 3600)
    agent.ready = None
    deliver()
    assert row("bob").state == state


def test_without_an_app_password_rows_wait_from_the_start_and_expire_with_the_event(
    picnic, send, deliver, agent, row, clock
):
    agent.ready = WAITING
    sent = send(picnic, "bob")
    assert sent.waiting == 1
    deliver()
    assert (row("bob").state, row("bob").reason) == (State.WAITING, "app_password_missing")
    clock.pass_(days=13)
    deliver()
    assert (row("bob").state, row("bob").reason) == (State.CANCELLED, "event_over")


def test_waiting_rows_notice_by_themselves_that_posting_works_again(picnic, send, deliver, agent, row, clock):
    agent.ready = WAITING
    send(picnic, "bob", thread=False)
    deliver()
    agent.ready = None
    clock.pass_(hours=2)
    deliver()
    assert row("bob").state == State.SENT


@pytest.mark.parametrize("notified", [True, False])
def test_a_row_that_changed_while_it_waited_is_queued_with_the_reason_for_confirming(
    picnic, alice, send, deliver, agent, row, clock, notified
):
    agent.ready = WAITING
    send(picnic, "bob", thread=False)
    events.change(picnic, by=alice, title="Feast")
    agent.ready = None
    if notified:
        hooks.on_ready.fire(alice.pk, "did:plc:host")
    else:
        clock.pass_(hours=2)
    deliver()
    bob = row("bob")
    assert (bob.state, bob.needs_confirmation, bob.reason) == (State.QUEUED, True, "changed")


def test_another_last_day_asks_the_host_as_it_stands_in_the_post(make_event, alice, send, deliver, agent, row, soon):
    agent.ready = WAITING
    fair = make_event(starts_at=soon, ends_at=soon + timedelta(days=1), all_day=True)
    send(fair, "bob", thread=False)
    before = row("bob").record["text"]
    events.change(fair, by=alice, ends_at=soon + timedelta(days=3))
    assert row("bob").needs_confirmation
    assert short_phrase(fair) in row("bob").record["text"] != before


def test_disconnecting_cancels_what_was_not_sent(picnic, alice, send, deliver, row):
    send(picnic, "bob")
    hooks.on_disconnect.fire(alice.pk, "did:plc:host")
    deliver()
    assert (row("bob").state, row("bob").reason) == (State.CANCELLED, "host_disconnected")


def test_two_posts_of_one_account_keep_their_distance(set_options, picnic, send, deliver, agent, clock):
    set_options(invitations={"spacing_seconds": 20})
    send(picnic, "bob", "carol", "dan", thread=False)
    deliver()
    assert len(agent.posts) == 1
    clock.pass_(seconds=30)
    deliver()
    assert len(agent.posts) == 2


def test_a_failed_announcement_fails_its_replies_and_a_retry_tries_both(picnic, alice, send, deliver, agent, row):
    agent.moods = [refused("record_refused")]
    send(picnic, "bob")
    deliver()
    assert (row("bob").state, row("bob").reason) == (State.FAILED, "announcement_failed")
    actions.retry(row("bob"), alice)
    deliver()
    assert row("bob").state == State.SENT
    assert Announcement.objects.get().state == State.SENT


def test_a_post_costs_few_statements(picnic, friends, people, send, states):
    names = [f"guest{number}" for number in range(24)]
    people += [somebody(name) for name in names]
    send(picnic, *names[:4])
    with CaptureQueriesContext(connection) as four:
        delivery.poll(ALICE)
    send(picnic, *names[4:])
    with CaptureQueriesContext(connection) as twenty:
        delivery.poll(ALICE)
    assert set(states().values()) == {"sent"}
    # The lane, the row, role, pause, consent, the attempt and its outcome; what rows share is read once.
    each = (len(twenty) - len(four)) / 16
    assert each <= 14, each
