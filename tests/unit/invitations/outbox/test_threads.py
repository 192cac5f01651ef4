"""Announcements and their replies: no reply waits for ever, and no host waits for another."""

import threading
from collections import Counter
from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import connection, transaction
from django.utils import timezone
from tests.fakes.agent import rate_limited, refused
from tests.fakes.graph import somebody

from elonara import jobs
from elonara.bluesky.models import AccountLane
from elonara.bluesky.writing.agent import Readiness
from elonara.events import actions as events
from elonara.invitations import actions, registration
from elonara.invitations.consent import pauses, spam_labels
from elonara.invitations.models import Announcement, Invitation, State
from elonara.invitations.outbox import delivery, outcomes
from elonara.invitations.responses.progress import progress
from elonara.members.models import Member, Notice
from elonara.options import Relay

RELAY = Readiness(True, "did:plc:relay", "relay.example", "relay", "relay", "", "Ready.")
NOT_YET = Readiness(False, "did:plc:host", "alice.example", "host", "", "app_password_missing", "Not yet.")


@pytest.fixture
def zoe(appview, picnic, alice, make_member, agent):
    """A co-host; the relay posts for both."""
    member = make_member("zoe", "did:plc:zoe", display_name="Zoe")
    events.add_cohost(picnic, by=alice, member=member)
    events.accept_cohost(picnic, by=member)
    agent.ready = RELAY
    return member


@pytest.fixture
def both(zoe, picnic, send):
    send(picnic, "bob")
    send(picnic, "carol", host=zoe)
    return zoe


def test_two_hosts_of_one_event_have_announcements_of_their_own(both, agent, deliver, alice):
    deliver()
    hosts = [announcement.host for announcement in Announcement.objects.order_by("host_id")]
    assert hosts == [alice, both]
    assert len([text for text in agent.texts() if text.startswith("Alice (@alice.example) is inviting people")]) == 1
    assert len([text for text in agent.texts() if text.startswith("Zoe (@zoe.example) is inviting people")]) == 1


def test_disconnecting_ends_nothing_of_the_other_host(both, deliver, states, alice):
    registration.disconnected(alice.pk, "did:plc:host")
    deliver()
    assert states() == {"bob": State.CANCELLED, "carol": State.SENT}


def test_a_suspension_ends_nothing_of_the_other_host(both, deliver, states, alice):
    Member.objects.filter(pk=alice.pk).update(standing=Member.Standing.SUSPENDED)
    deliver()
    assert states() == {"bob": State.CANCELLED, "carol": State.SENT}


def test_a_pause_holds_up_nothing_of_the_other_host(both, deliver, states, alice):
    pauses.pause_host(alice, "opt_outs")
    deliver()
    assert states() == {"bob": State.QUEUED, "carol": State.SENT}


def test_the_host_reads_that_replies_wait_for_their_announcement(picnic, send, deliver, agent, alice, clock):
    agent.moods = [rate_limited(clock.now() + timedelta(minutes=10))]
    send(picnic, "bob", "carol")
    deliver()
    assert {row.reason for row in progress(picnic, alice).rows} == {"announcement_waits"}
    clock.pass_(minutes=11)
    deliver()
    assert {row.reason for row in progress(picnic, alice).rows} == {""}


@pytest.mark.parametrize("state", [State.CANCELLED, State.UNDONE, State.SUPPRESSED])
def test_a_reply_whose_announcement_will_never_exist_goes_alone(state, picnic, send, deliver, states, agent, row):
    send(picnic, "bob")
    Announcement.objects.update(state=state)
    deliver()
    assert states() == {"bob": State.SENT}
    assert "reply" not in agent.posts["did:plc:host", row("bob").rkey].record


def test_replies_that_waited_for_the_host_fail_with_their_announcement(
    picnic, people, send, agent, deliver, states, clock, alice, announcement
):
    people += [somebody(f"p{number}") for number in range(40)]
    agent.ready = NOT_YET
    send(picnic, *(f"p{number}" for number in range(40)))
    agent.ready = None
    agent.moods = [refused("record_refused")]
    clock.pass_(minutes=61)  # no event said that she can post now: the hourly poll finds out
    deliver()
    assert announcement().state == State.FAILED
    assert Counter(states().values()) == {State.FAILED: 40}
    assert set(Invitation.objects.values_list("reason", flat=True)) == {"announcement_failed"}
    assert jobs.due("deliver", clock.now() + timedelta(days=9)) == []
    assert actions.retry_all(picnic, alice) == 40
    deliver()
    assert Counter(states().values()) == {State.SENT: 40}


def test_an_invitation_added_while_an_announcement_without_replies_ends_is_not_lost(
    picnic, alice, send, deliver, states, agent, monkeypatch
):
    send(picnic, "bob")
    actions.cancel_all(picnic, alice)
    end = outcomes.end

    def just_before_the_end(post, transition, reason):
        if reason == "nobody":
            send(picnic, "carol")
        end(post, transition, reason)

    # Patched, because no fake can stop the worker between the check and the end.
    monkeypatch.setattr(outcomes, "end", just_before_the_end)
    deliver()
    assert states() == {"bob": State.CANCELLED, "carol": State.SENT}
    assert len(agent.posts) == 2


class TestTheRelaysCap:
    @pytest.fixture(autouse=True)
    def three_a_day(self, set_options, appview, agent):
        set_options(bluesky={"relay": Relay(per_day=3)})
        agent.ready = RELAY

    def test_counts_every_post_of_the_day(self, make_event, send, agent, deliver, clock):
        for name in ("bob", "carol", "dan"):
            send(make_event(title=name), name)
        deliver()
        assert len(agent.posts) <= 3
        counts = [len(agent.posts)]
        for _ in range(4):
            clock.pass_(days=1)
            deliver()
            counts.append(len(agent.posts))
        assert all(after - before <= 3 for before, after in pairwise(counts))
        assert counts[-1] == 6

    def test_leaves_room_for_the_announcement(self, picnic, send, deliver, agent, states, clock):
        sent = send(picnic, "bob", "carol", "dan")
        assert (sent.today, sum(number for _, number in sent.later)) == (2, 1)
        deliver()
        assert sorted(states().values()) == [State.QUEUED, State.SENT, State.SENT]
        assert len(agent.posts) == 3
        clock.pass_(days=1, hours=12)  # later days begin at nine
        deliver()
        assert set(states().values()) == {State.SENT}


def test_a_label_on_the_relay_stops_its_posts_and_not_its_undos(
    appview, picnic, send, agent, deliver, friends, row, clock, alice, make_member
):
    operator = make_member("olga", is_superuser=True)
    agent.ready = RELAY
    send(picnic, "bob", thread=False)
    deliver()
    friends.account_labels = {"did:plc:relay": ("spam",)}
    spam_labels.forget_labels()
    send(picnic, "dan", thread=False)
    deliver()
    assert row("dan").state == State.QUEUED
    assert "site's own account has stopped" in Notice.objects.get(member=operator).text
    actions.undo(row("bob"), alice)
    for _ in range(8):
        deliver()
        clock.pass_(minutes=1)
    assert row("bob").state == State.UNDONE
    assert row("dan").state == State.QUEUED
    assert [(did, rkey) for did, rkey in agent.posts] == []


def test_undoing_and_sending_again_takes_another_place_of_the_day(
    set_options, picnic, alice, send, deliver, agent, clock, row
):
    set_options(invitations={"per_day": 2, "first_week_per_day": 2, "spacing_seconds": 0})
    clock.pass_(hours=(36 - clock.now().hour) % 24)  # noon: what follows takes minutes, and is to be one day
    send(picnic, "bob", "carol", thread=False)
    deliver()
    for name in ("bob", "carol"):
        actions.undo(row(name), alice)
    for _ in range(8):
        deliver()
        clock.pass_(minutes=1)
    for name in ("bob", "carol"):
        actions.confirm(row(name), alice)
    deliver()
    assert [what for what, _ in agent.calls].count("create") == 2
    clock.pass_(days=1, hours=12)  # later days begin at nine
    deliver()
    assert [what for what, _ in agent.calls].count("create") == 4


def test_the_notice_about_a_label_closes_when_the_label_is_gone(
    appview, picnic, send, agent, deliver, friends, clock, make_member
):
    operator = make_member("olga", is_superuser=True)
    agent.ready = RELAY
    friends.account_labels = {"did:plc:relay": ("spam",)}
    send(picnic, "bob", thread=False)
    deliver()
    rests = AccountLane.objects.get(author_did="did:plc:relay").rests_until(clock.now())
    assert timedelta(minutes=55) < rests - clock.now() < timedelta(minutes=65)
    assert Notice.objects.filter(member=operator, dismissed_at=None).exists()
    friends.account_labels = {}
    clock.pass_(minutes=61)
    deliver()
    assert not Notice.objects.filter(member=operator, dismissed_at=None).exists()
    assert len(agent.posts) == 1


def test_while_the_relay_is_unavailable_posts_wait_and_no_host_is_notified(
    appview, picnic, send, agent, deliver, clock, states, alice
):
    agent.ready = RELAY
    agent.moods = [refused("relay_unavailable", retryable=True)] * 30
    send(picnic, "bob")
    for _ in range(30):
        deliver()
        clock.pass_(minutes=61)
    deliver()
    assert states() == {"bob": State.SENT}
    assert not Notice.objects.filter(member=alice).exists()


def test_an_announcement_whose_replies_wait_for_their_host_is_not_polled_in_a_loop(
    picnic, send, deliver, announcement, states
):
    send(picnic, "bob", "carol")
    Invitation.objects.update(state=State.WAITING, reason="changed", needs_confirmation=True)
    Invitation.objects.update(next_attempt_at=announcement().next_attempt_at + timedelta(hours=9))
    jobs.run("deliver", "did:plc:host")
    assert announcement().state == State.QUEUED
    assert announcement().reason == "changed"
    assert announcement().next_attempt_at > announcement().queued_at + timedelta(minutes=30)


def test_an_ambiguous_reply_waits_for_an_announcement_that_was_queued_again(
    picnic, send, deliver, agent, row, clock, announcement
):
    send(picnic, "bob")
    deliver()
    one = row("bob")
    agent.posts.pop((one.author_did, one.rkey))
    later = clock.now() + timedelta(minutes=5)
    Announcement.objects.update(state=State.QUEUED, next_attempt_at=later, uri="", cid="", attempts=0)
    agent.posts.pop((announcement().author_did, announcement().rkey))
    Invitation.objects.update(state=State.QUEUED, ambiguous=True, first_attempt_at=clock.now())
    deliver()
    assert (row("bob").state, row("bob").reason) == (State.QUEUED, "announcement_waits")
    assert row("bob").announcement == announcement()
    clock.pass_(minutes=6)
    deliver()
    clock.pass_(minutes=2)
    deliver()
    assert row("bob").state == State.SENT
    assert "reply" in agent.posts[one.author_did, one.rkey].record


def test_an_announcement_that_cannot_move_to_another_account_is_not_polled_in_a_loop(
    appview, picnic, send, deliver, agent, row, clock, announcement
):
    send(picnic, "bob")
    deliver()
    Announcement.objects.update(state=State.QUEUED, uri="", cid="", attempts=0)
    Invitation.objects.update(state=State.QUEUED, ambiguous=True, first_attempt_at=clock.now())
    agent.ready = RELAY
    clock.pass_(seconds=1)
    delivery.poll(announcement().author_did)
    assert announcement().next_attempt_at > clock.now()


@pytest.mark.postgres_only
def test_a_host_who_confirms_locks_the_announcement_before_its_reply(picnic, alice, send, row):
    send(picnic, "bob")
    Invitation.objects.update(needs_confirmation=True)
    Announcement.objects.update(next_attempt_at=timezone.now() + timedelta(days=2))

    def confirm():
        try:
            actions.confirm(row("bob"), alice)
        finally:
            connection.close()

    with transaction.atomic():
        Announcement.objects.select_for_update().get()  # as a worker that ends it does
        host = threading.Thread(target=confirm)
        host.start()
        host.join(0.5)
        assert host.is_alive()
        Invitation.objects.select_for_update(nowait=True).get()
    host.join(10)
    assert not row("bob").needs_confirmation
