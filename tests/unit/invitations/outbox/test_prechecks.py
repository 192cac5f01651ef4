"""What is checked before a post is written: host, target, text, invitee and account may have changed since Send."""

import dataclasses

import pytest
from tests.fakes.graph import somebody

from elonara.bluesky.writing.agent import Readiness
from elonara.events import actions as events
from elonara.invitations import actions, queries
from elonara.invitations.models import Announcement, HostSending, Invitation, State
from elonara.invitations.planning import compose
from elonara.invitations.results import InvitationRefused
from elonara.members.models import Notice

ALICE = "did:plc:host"
WAITING = Readiness(False, "did:plc:host", "alice.example", "compose", "", "app_password_missing", "Not yet.")


def test_a_cancelled_event_invites_nobody(picnic, alice, send, deliver, agent, row):
    send(picnic, "bob")
    events.cancel(picnic, alice)
    deliver()
    assert (row("bob").state, row("bob").reason) == (State.CANCELLED, "event_cancelled")
    assert not agent.calls


def test_somebody_who_no_longer_runs_it_invites_nobody(picnic, send, deliver, agent, row):
    send(picnic, "bob", thread=False)
    picnic.hosts.all().delete()
    deliver()
    assert (row("bob").state, row("bob").reason) == (State.CANCELLED, "not_host")
    assert not agent.calls


def test_a_host_who_was_suspended_after_send_invites_nobody(picnic, alice, send, deliver, agent, row):
    send(picnic, "bob", thread=False)
    type(alice).objects.filter(pk=alice.pk).update(standing="suspended")
    deliver()
    assert (row("bob").state, row("bob").reason) == (State.CANCELLED, "suspended")
    assert not agent.calls


def test_a_spam_label_pauses_sending_until_it_is_gone(picnic, alice, send, deliver, agent, friends, row):
    friends.account_labels["did:plc:host"] = ("spam",)
    send(picnic, "bob")
    deliver()
    assert not agent.calls
    assert row("bob").state == State.QUEUED
    assert Notice.objects.filter(member=alice, kind="sending").exists()
    with pytest.raises(InvitationRefused):
        actions.resume_sending(alice, alice)
    deliver()
    assert not agent.calls
    friends.account_labels.clear()
    actions.resume_sending(alice, alice)
    deliver()
    assert row("bob").state == State.SENT


@pytest.mark.promise("shown-is-sent")
def test_a_changed_title_is_confirmed_before_it_is_sent(picnic, alice, send, deliver, agent, row):
    send(picnic, "bob")
    events.change(picnic, by=alice, title="Winter picnic")
    deliver()
    one = row("bob")
    assert (one.state, one.needs_confirmation, one.reason) == (State.QUEUED, True, "changed")
    assert "Winter picnic" in one.record["text"]
    assert not agent.posts
    actions.confirm(one, alice)
    deliver()
    assert row("bob").state == State.SENT
    assert all("Winter picnic" in text for text in agent.texts())


@pytest.mark.parametrize("when", ["sending", "ambiguous"])
def test_a_post_sent_while_the_event_becomes_private_is_outdated_too(
    picnic, alice, send, deliver, agent, row, clock, monkeypatch, when
):
    create = agent.create_post_for_member

    def slow(*args, **names):
        events.change(picnic, by=alice, visibility="private")
        return create(*args, **names)

    send(picnic, "bob", thread=False)
    if when == "sending":
        monkeypatch.setattr(agent, "create_post_for_member", slow)
        deliver()
    else:
        agent.moods = ["lost"]
        deliver()
        events.change(picnic, by=alice, visibility="private")
        clock.pass_(minutes=1)
        deliver()
    assert (row("bob").state, row("bob").outdated) == (State.SENT, True)
    assert "Picnic" in agent.texts()[0]
    assert queries.progress(picnic, alice).rows[0].outdated


def test_a_changed_title_marks_sent_invitations_as_outdated(picnic, alice, send, deliver, row):
    send(picnic, "bob")
    deliver()
    events.change(picnic, by=alice, title="Winter picnic")
    assert row("bob").outdated
    assert "Winter" not in row("bob").record["text"]


def test_an_event_made_private_after_send_is_never_named(picnic, alice, send, deliver, agent, row):
    send(picnic, "bob")
    events.change(picnic, by=alice, visibility="private")
    actions.confirm(row("bob"), alice)
    deliver()
    assert row("bob").state == State.SENT
    assert "Picnic" not in str([post.record for post in agent.posts.values()])
    assert Announcement.objects.get().state == State.CANCELLED


@pytest.mark.promise("blocks")
def test_somebody_who_blocks_after_send_is_suppressed(picnic, people, send, deliver, agent, row):
    send(picnic, "bob", "carol", thread=False)
    people[0] = somebody("bob", blocked_by=True)
    deliver()
    assert (row("bob").state, row("bob").reason) == (State.SUPPRESSED, "blocked_by")
    assert row("carol").state == State.SENT
    assert row("bob").counted_on is None


def test_people_are_looked_up_in_batches(picnic, people, send, deliver, friends):
    people += [somebody(f"p{number}") for number in range(30)]
    send(picnic, *[f"p{number}" for number in range(30)], thread=False)
    friends.asked.clear()
    deliver()
    assert len(friends.asked) == 2


def test_another_account_takes_over_only_rows_that_were_never_attempted(
    appview, picnic, alice, send, deliver, agent, row, clock
):
    agent.moods = ["late"]
    send(picnic, "bob", thread=False)
    deliver()
    send(picnic, "carol", thread=False)
    agent.ready = Readiness(True, "did:plc:relay", "relay.example", "relay", "relay", "", "Ready.")
    clock.pass_(minutes=2)
    deliver()
    assert row("bob").author_did == "did:plc:host"
    carol = row("carol")
    assert (carol.author_did, carol.voice, carol.needs_confirmation) == ("did:plc:relay", "relay", True)
    assert "Alice (@alice.example) invites you" in carol.record["text"]
    actions.confirm(carol, alice)
    deliver()
    assert row("carol").state == State.SENT


def test_a_pause_also_holds_rows_that_were_attempted_before(picnic, alice, send, deliver, agent, row, clock):
    agent.moods = ["late"]
    send(picnic, "bob", thread=False)
    deliver()
    HostSending.objects.filter(host=alice).update(paused_at=clock.now(), pause_reason="operator")
    clock.pass_(minutes=2)
    deliver()
    assert [what for what, _ in agent.calls].count("create") == 1


def test_a_host_who_is_renamed_confirms_what_names_her(picnic, alice, send, deliver, agent, appview, row):
    agent.ready = Readiness(True, "did:plc:relay", "relay.example", "relay", "relay", "", "Ready.")
    send(picnic, "bob", thread=False)
    type(alice).objects.filter(pk=alice.pk).update(display_name="Alicia")
    deliver()
    assert not agent.posts
    assert (row("bob").state, row("bob").needs_confirmation, row("bob").reason) == (State.QUEUED, True, "changed")
    assert "Alicia" in row("bob").record["text"]


def test_a_host_who_is_renamed_confirms_nothing_that_she_posts_herself(picnic, alice, send, deliver, agent, row):
    send(picnic, "bob", thread=False)
    type(alice).objects.filter(pk=alice.pk).update(display_name="Alicia")
    deliver()
    assert row("bob").state == State.SENT


@pytest.mark.parametrize("voice", ["host", "relay"])
@pytest.mark.parametrize("visibility", ["public", "private"])
def test_what_was_queued_in_the_words_of_0_1_0_goes_out_in_them(
    picnic, send, deliver, agent, appview, row, voice, visibility
):
    if voice == "relay":
        agent.ready = Readiness(True, "did:plc:relay", "relay.example", "relay", "relay", "", "Ready.")
    type(picnic).objects.update(visibility=visibility)
    picnic.refresh_from_db()
    send(picnic, "bob")
    for post in (row("bob"), *Announcement.objects.all()):
        words = compose.words_of(post.host, "alice.example", post.voice)
        earlier = compose._of_row(post, dataclasses.replace(words, earlier=True))
        assert earlier.rich.text != post.record["text"] or (voice, visibility) == ("relay", "private")
        type(post).objects.filter(pk=post.pk).update(record=earlier.record)
    seen = row("bob").record["text"]

    deliver()

    assert row("bob").state == State.SENT
    assert seen in agent.texts()


def test_an_edit_writes_it_in_the_words_of_now(picnic, alice, send, row):
    send(picnic, "bob")
    post = row("bob")
    words = compose.words_of(post.host, "alice.example", post.voice)
    earlier = compose._of_row(post, dataclasses.replace(words, earlier=True))
    Invitation.objects.update(record=earlier.record)

    events.change(picnic, by=alice, description="Bring a coat.")
    assert row("bob").record["text"] == earlier.record["text"]
    events.change(picnic, by=alice, title="Summer picnic")

    assert "I'd love you to come to Summer picnic" in row("bob").record["text"]
    assert row("bob").needs_confirmation
