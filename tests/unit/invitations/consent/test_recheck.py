"""Invited people are asked about once more just before the first post of each send, all of them in one request."""

from dataclasses import replace

import pytest
from tests.fakes.agent import refused
from tests.fakes.graph import somebody

from elonara.bluesky.graph.service import GraphUnavailable
from elonara.bluesky.writing.agent import Readiness
from elonara.events import actions as events
from elonara.invitations import actions
from elonara.invitations.models import Announcement, Invitation, State

RELAY = Readiness(True, "did:plc:relay", "relay.example", "relay", "relay", "", "Ready.")
CHANGES = {
    "blocked_by": {"blocked_by": True},
    "blocking": {"blocking": True},
    "muted": {"muted": True},
    "gone_deactivated": {"gone": "deactivated"},
    "gone_takendown": {"gone": "takendown"},
    "gone_deleted": {"gone": "deleted"},
    "handle_invalid": {"handle": "handle.invalid"},
    "stranger": {"follows_you": False, "you_follow": False},
}


@pytest.fixture
def crowd(people):
    """Thirty more people: more than one request asks about."""
    people += [somebody(f"p{number}") for number in range(30)]
    return [f"p{number}" for number in range(30)]


def change(people, name, **fields):
    """Something becomes otherwise on Bluesky."""
    did = f"did:plc:{name}"
    people[:] = [replace(one, **fields) if one.did == did else one for one in people]


@pytest.fixture(params=["host", "relay"])
def voice(request, agent, appview):
    """Who posts: the host's own account, or the site's."""
    if request.param == "relay":
        agent.ready = RELAY
    return request.param


@pytest.mark.every_value_on_postgres
@pytest.mark.promise("blocks")
@pytest.mark.parametrize("thread", [True, False])
@pytest.mark.parametrize("reason", CHANGES)
def test_what_changes_between_preview_and_send_counts(reason, thread, voice, picnic, people, send, deliver, agent, row):
    actions.preview(picnic.created_by, picnic, ["did:plc:bob", "did:plc:carol"])
    send(picnic, "bob", "carol", thread=thread)
    change(people, "bob", **CHANGES[reason])
    deliver()
    assert (row("bob").state, row("bob").reason) == (State.SUPPRESSED, reason)
    assert row("carol").state == State.SENT
    assert not any("@bob" in text for text in agent.texts())


def test_an_account_that_bluesky_does_not_know_any_more_gets_nothing(picnic, people, send, deliver, agent, row):
    send(picnic, "bob", thread=False)
    del people[0]
    deliver()
    assert (row("bob").state, row("bob").reason) == (State.SUPPRESSED, "gone_deleted")
    assert not agent.posts


def test_a_community_is_no_different(bakers, people, send, deliver, agent, row):
    send(bakers, "bob")
    change(people, "bob", blocked_by=True)
    deliver()
    assert (row("bob").state, row("bob").reason) == (State.SUPPRESSED, "blocked_by")
    assert not agent.posts


@pytest.mark.parametrize("thread", [True, False])
def test_a_send_costs_one_request_for_each_twenty_five_people(thread, picnic, crowd, send, deliver, friends, states):
    send(picnic, *crowd[:25], thread=thread)
    friends.asked.clear()
    deliver()
    assert set(states().values()) == {State.SENT}
    assert [len(dids) for _, dids in friends.asked] == [25]


def test_a_slow_send_asks_no_more_often_than_a_fast_one(set_options, picnic, crowd, send, deliver, friends, clock):
    set_options(invitations={"spacing_seconds": 10})
    send(picnic, *crowd)
    friends.asked.clear()
    for _ in range(31):
        deliver()
        clock.pass_(seconds=15)
    assert Invitation.objects.filter(state=State.SENT).count() == 30
    assert [len(dids) for _, dids in friends.asked] == [25, 5]


def test_an_answer_from_before_send_holds_for_nobody(picnic, people, crowd, send, deliver, row):
    """The last ones are not in the first request: they have only the answer that the preview got."""
    send(picnic, *crowd)
    for name in ("p24", "p25", "p29"):
        change(people, name, blocked_by=True)
    deliver()
    assert {row(name).state for name in ("p24", "p25", "p29")} == {State.SUPPRESSED}
    assert row("p28").state == State.SENT


def test_an_answer_holds_for_later_posts_of_the_same_send_and_for_ten_minutes(
    set_options, picnic, people, send, deliver, row, clock
):
    set_options(invitations={"spacing_seconds": 120})
    send(picnic, "bob", "carol", "dan", thread=False)
    deliver()
    change(people, "carol", muted=True)
    change(people, "dan", muted=True)
    clock.pass_(minutes=4)
    deliver()
    assert row("carol").state == State.SENT
    clock.pass_(minutes=7)
    deliver()
    assert (row("dan").state, row("dan").reason) == (State.SUPPRESSED, "muted")


def test_each_send_asks_for_itself(picnic, make_event, people, send, deliver, friends, row):
    other = make_event(title="Supper")
    send(picnic, "bob", "carol", thread=False)
    deliver()
    change(people, "carol", blocked_by=True)
    send(other, "carol", thread=False)
    friends.asked.clear()
    deliver()
    assert len(friends.asked) == 1
    stopped = Invitation.objects.get(event=other)
    assert (stopped.state, stopped.reason) == (State.SUPPRESSED, "blocked_by")


def test_two_sends_that_wait_together_ask_once_each(picnic, make_event, send, deliver, friends, states):
    send(picnic, "bob", "carol", thread=False)
    send(make_event(title="Supper"), "dan", thread=False)
    friends.asked.clear()
    deliver()
    assert set(states().values()) == {State.SENT}
    assert len(friends.asked) == 2


def test_confirm_asks_again(set_options, picnic, alice, people, send, deliver, row, clock):
    set_options(invitations={"spacing_seconds": 60})
    send(picnic, "bob", "carol", thread=False)
    deliver()  # both were asked about, one post went
    events.change(picnic, by=alice, title="Winter picnic")
    change(people, "carol", blocked_by=True)
    clock.pass_(minutes=2)
    actions.confirm(row("carol"), alice)
    deliver()
    assert (row("carol").state, row("carol").reason) == (State.SUPPRESSED, "blocked_by")


def test_retry_asks_again(picnic, alice, people, send, deliver, agent, row):
    agent.moods = ["ok", refused("record_refused")]
    send(picnic, "bob", "carol", thread=False)
    deliver()
    failed = next(row(name) for name in ("bob", "carol") if row(name).state == State.FAILED)
    change(people, failed.invitee_did.removeprefix("did:plc:"), blocking=True)
    actions.retry(failed, alice)
    deliver()
    failed.refresh_from_db()
    assert (failed.state, failed.reason) == (State.SUPPRESSED, "blocking")


def test_nothing_is_announced_when_nobody_is_left(picnic, people, send, deliver, agent, states, announcement):
    send(picnic, "bob", "carol")
    for name in ("bob", "carol"):
        change(people, name, blocked_by=True)
    deliver()
    assert set(states().values()) == {State.SUPPRESSED}
    assert (announcement().state, announcement().reason) == (State.CANCELLED, "nobody")
    assert not agent.calls


def test_nothing_is_announced_while_nobody_can_be_asked(picnic, send, deliver, agent, friends, states, clock):
    send(picnic, "bob")
    friends.down = GraphUnavailable("unreachable", "Your server does not answer.")
    deliver()
    assert Announcement.objects.get().reason == "graph_unavailable"
    assert not agent.calls
    friends.down = None
    clock.pass_(minutes=6)
    deliver()
    assert states() == {"bob": State.SENT}


def test_a_server_that_does_not_answer_is_asked_once_for_all(picnic, crowd, send, deliver, agent, friends, monkeypatch):
    send(picnic, *crowd, thread=False)
    friends.down = GraphUnavailable("unreachable", "Your server does not answer.")
    friends.asked.clear()
    deliver()
    assert set(Invitation.objects.values_list("state", "reason")) == {(State.QUEUED, "graph_unavailable")}
    assert len(friends.asked) == 1
    assert not agent.calls


def test_a_clock_that_was_set_back_makes_no_old_answer_young(picnic, people, send, deliver, clock, row):
    send(picnic, "bob", thread=False)
    change(people, "bob", blocked_by=True)
    Invitation.objects.update(queued_at=clock.now().replace(year=2030))
    deliver()
    assert row("bob").state == State.SUPPRESSED


class TestTheRelaysAudience:
    @pytest.fixture(autouse=True)
    def relay(self, agent, appview):
        agent.ready = RELAY

    @pytest.mark.promise("relay-consent")
    def test_who_unfollows_the_host_after_send_is_not_mentioned(self, picnic, send, deliver, appview, agent, row):
        send(picnic, "bob", "carol")
        appview.strangers.add("did:plc:bob")
        deliver()
        assert (row("bob").state, row("bob").reason) == (State.SUPPRESSED, "relay_audience")
        assert row("carol").state == State.SENT

    def test_is_asked_in_one_request(self, picnic, crowd, send, deliver, appview, states):
        send(picnic, *crowd[:25])
        appview.asked.clear()
        deliver()
        assert set(states().values()) == {State.SENT}
        assert [len(dids) for dids in appview.asked] == [25]

    def test_is_asked_no_more_often_when_posts_go_slowly(
        self, set_options, picnic, crowd, send, deliver, appview, clock
    ):
        set_options(invitations={"spacing_seconds": 10})
        send(picnic, *crowd)
        appview.asked.clear()
        for _ in range(31):
            deliver()
            clock.pass_(seconds=15)
        assert Invitation.objects.filter(state=State.SENT).count() == 30
        assert [len(dids) for dids in appview.asked] == [25, 5]

    def test_who_withdraws_the_consent_is_not_mentioned_whatever_was_asked(
        self, set_options, picnic, send, deliver, appview, row, clock
    ):
        set_options(invitations={"spacing_seconds": 60})
        appview.strangers = {"did:plc:bob", "did:plc:carol"}
        for name in ("bob", "carol"):
            actions.relay_opt_in(f"did:plc:{name}")
        send(picnic, "bob", "carol", thread=False)
        deliver()
        waiting = Invitation.objects.get(state=State.QUEUED)
        actions.relay_opt_out(waiting.invitee_did)
        clock.pass_(minutes=2)
        deliver()
        waiting.refresh_from_db()
        assert (waiting.state, waiting.reason) == (State.SUPPRESSED, "relay_audience")
