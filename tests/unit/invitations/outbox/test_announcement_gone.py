"""The announcement was deleted in the app between two invitations: nothing goes below it, and its host is asked."""

from datetime import timedelta

import pytest
from tests.fakes.agent import refused
from tests.fakes.graph import somebody

from elonara.bluesky import hooks
from elonara.bluesky.writing.agent import Readiness
from elonara.events import actions as events
from elonara.invitations import actions, queries
from elonara.invitations.models import Announcement, Invitation, State
from elonara.invitations.outbox import timing
from elonara.invitations.results import InvitationRefused
from elonara.members.models import Notice

ALICE = "did:plc:host"
RELAY = Readiness(True, "did:plc:relay", "relay.example", "relay", "relay", "", "Ready.")


@pytest.fixture(autouse=True)
def slowly(set_options, agent):
    """A post a minute, so that something happens between two."""
    set_options(invitations={"spacing_seconds": 60})


@pytest.fixture
def later(clock, deliver):
    """Two minutes pass, and the next post is due."""

    def go(**time):
        clock.pass_(**(time or {"minutes": 2}))
        deliver()

    return go


def delete(agent, announcement):
    """As the host does in the app, or the server's administrator."""
    del agent.posts[announcement.author_did, announcement.rkey]


def only(state):
    return Invitation.objects.get(state=state)


def replies(agent):
    return [post.record for post in agent.posts.values() if "reply" in post.record]


@pytest.fixture(params=["event", "community"])
def target(request, picnic, bakers):
    return picnic if request.param == "event" else bakers


@pytest.fixture
def deleted(target, send, deliver, agent, later, announcement):
    """The announcement and one reply went; then it was deleted, with two invitations still to go."""
    send(target, "bob", "carol", "dan")
    deliver()
    later()
    assert Invitation.objects.filter(state=State.SENT).count() == 1
    delete(agent, announcement())
    later(minutes=7)
    return target


@pytest.mark.promise("thread-stands")
def test_nothing_more_goes_and_the_host_is_asked(deleted, agent, alice):
    waiting = Invitation.objects.filter(state=State.QUEUED)
    assert [(row.reason, row.needs_confirmation, row.announcement) for row in waiting] == [
        ("announcement_gone", True, None)
    ] * 2
    assert len(agent.posts) == 1
    shown = [row for row in queries.progress(deleted, alice).rows if row.state == State.QUEUED]
    assert {row.sentence for row in shown} == {
        "The announcement is no longer on Bluesky, and nobody would see a reply to it."
    }
    assert all(row.needs_host and "confirm" in row.can for row in shown)
    notice = Notice.objects.get(member=alice, dismissed_at=None)
    assert "no longer on Bluesky" in notice.text
    assert notice.link.endswith("/manage?tab=invite&step=watch")


@pytest.mark.promise("thread-stands")
def test_confirm_sends_posts_of_their_own(deleted, agent, alice, later):
    shown = {str(row.id): row.preview_id for row in queries.progress(deleted, alice).rows if row.needs_confirmation}
    assert actions.confirm_all(deleted, alice, shown) == 2
    for _ in range(3):
        later()
    assert set(Invitation.objects.values_list("state", flat=True)) == {State.SENT}
    assert len(replies(agent)) == 1, "the one from before"
    assert not Notice.objects.filter(member=alice, dismissed_at=None).exists()


def test_what_was_shown_below_the_announcement_is_not_confirmed_without_it(
    picnic, send, deliver, agent, later, announcement, alice
):
    send(picnic, "bob", "carol")
    deliver()
    later()
    events.change(picnic, by=alice, title="Winter picnic")
    row = only(State.QUEUED)
    before = next(one.preview_id for one in queries.progress(picnic, alice).rows if one.id == row.pk)
    send(picnic, "dan")
    delete(agent, announcement())
    later()
    with pytest.raises(InvitationRefused) as refusal:
        actions.confirm(row, alice, before)
    assert refusal.value.code == "preview_changed"


def test_it_is_settled_and_a_later_send_announces_anew(deleted, agent, alice, send, later, people, announcement):
    first = announcement()
    assert (first.state, first.reason) == (State.UNDONE, "announcement_gone")
    people.append(somebody("erin"))
    preview = actions.preview(alice, deleted, ["did:plc:erin"])
    assert preview.announcement is not None
    actions.invite(alice, deleted, ["did:plc:erin"], preview_id=preview.preview_id)
    for _ in range(3):
        later()
    again = announcement()
    assert (again.state, again.pk) == (State.SENT, first.pk)
    assert again.rkey != first.rkey
    erin = Invitation.objects.get(invitee_did="did:plc:erin")
    assert agent.posts[ALICE, erin.rkey].record["reply"]["root"]["uri"] == again.uri


def test_soon_after_its_write_the_key_is_read_until_nothing_can_land(
    picnic, send, deliver, agent, later, announcement, clock
):
    agent.moods = ["late"]
    send(picnic, "bob")
    deliver()
    later()  # it was absent, and is written again
    assert announcement().state == State.SENT
    delete(agent, announcement())
    later()
    assert announcement().state == State.UNDOING
    agent.land()  # the first attempt comes late, and brings back what the host deleted
    for _ in range(8):
        later(minutes=1)
    assert announcement().state == State.UNDONE
    assert not agent.posts


@pytest.mark.parametrize("about", ["the account is deactivated", "the server does not answer"])
def test_a_server_that_says_nothing_has_not_said_that_it_is_gone(
    about, picnic, send, deliver, agent, later, announcement
):
    send(picnic, "bob", "carol")
    deliver()
    later()
    removed = agent.posts.pop((ALICE, announcement().rkey))
    agent.silent.add(ALICE)
    agent.moods = [refused("account_deactivated", retryable=True) if about.startswith("the account") else "down"]
    later()
    row = Invitation.objects.exclude(state=State.SENT).get()
    assert (row.needs_confirmation, row.announcement) == (False, announcement())
    assert announcement().state == State.SENT
    agent.silent.clear()
    agent.posts[ALICE, removed.rkey] = removed
    hooks.on_ready.fire(row.host_id, ALICE)
    later()
    assert {one["reply"]["root"]["uri"] for one in replies(agent)} == {removed.uri}
    assert len(replies(agent)) == 2


def test_it_is_looked_at_once_a_turn(set_options, picnic, people, send, deliver, agent, clock):
    people += [somebody(f"p{number}") for number in range(20)]
    set_options(invitations={"spacing_seconds": 0})
    send(picnic, *(f"p{number}" for number in range(10)))
    deliver()
    assert [what for what, _ in agent.calls].count("look") == 0, "it was written in this very turn"
    send(picnic, *(f"p{number}" for number in range(10, 20)))
    deliver()
    assert [what for what, _ in agent.calls].count("look") == 1
    assert len(replies(agent)) == 20


def test_posts_of_their_own_look_at_nothing(picnic, supper, send, deliver, agent, later):
    send(picnic, "bob", thread=False)
    send(supper, "carol")
    deliver()
    later()
    assert "look" not in [what for what, _ in agent.calls]


def test_somebody_elses_announcement_is_another(appview, picnic, alice, make_member, send, deliver, agent, later):
    zoe = make_member("zoe", "did:plc:zoe", display_name="Zoe")
    events.add_cohost(picnic, by=alice, member=zoe)
    events.accept_cohost(picnic, by=zoe)
    agent.ready = RELAY
    send(picnic, "bob")
    send(picnic, "carol", host=zoe)
    deliver()
    later()
    assert Announcement.objects.filter(state=State.SENT).count() == 2
    assert not Invitation.objects.exclude(state=State.QUEUED).exists()
    delete(agent, Announcement.objects.get(host=zoe))
    for _ in range(4):
        later()
    asked, gone_out = Invitation.objects.get(host=zoe), Invitation.objects.get(host=alice)
    assert (asked.state, asked.reason) == (State.QUEUED, "announcement_gone")
    assert gone_out.state == State.SENT
    assert len(replies(agent)) == 1
    assert [one.member for one in Notice.objects.filter(kind="announcement gone")] == [zoe]


def test_what_waited_for_the_host_meanwhile_asks_when_it_goes_on(
    picnic, send, deliver, agent, later, announcement, alice, clock
):
    send(picnic, "bob", "carol", "dan")
    deliver()
    later()
    held = Invitation.objects.filter(state=State.QUEUED).first()
    Invitation.objects.filter(pk=held.pk).update(
        state=State.WAITING, reason="app_password_missing", next_attempt_at=clock.now() + timedelta(hours=1)
    )
    delete(agent, announcement())
    later(minutes=7)
    held.refresh_from_db()
    assert held.state == State.WAITING
    hooks.on_ready.fire(alice.pk, ALICE)
    later()
    held.refresh_from_db()
    assert (held.state, held.reason, held.needs_confirmation) == (State.QUEUED, "announcement_gone", True)
    assert len(agent.posts) == 1


def test_one_whose_outcome_is_unknown_is_not_written_below_it(picnic, send, deliver, agent, later, announcement, row):
    send(picnic, "bob")
    deliver()
    agent.moods = ["late"]
    later()
    assert row("bob").ambiguous
    agent._late.clear()  # it never lands
    delete(agent, announcement())
    later()
    assert (row("bob").needs_confirmation, row("bob").announcement) == (True, None)
    for _ in range(4):
        later(minutes=6)
    assert not agent.posts
    assert (row("bob").state, row("bob").reason) == (State.FAILED, "unsure")
    actions.confirm(row("bob"), row("bob").host)
    for _ in range(4):
        later()
    assert row("bob").state == State.SENT
    assert not replies(agent)


def test_as_she_chose_beforehand_the_rest_goes_alone(target, send, deliver, agent, later, announcement, alice):
    send(target, "bob", "carol", "dan", alone_if_gone=True)
    deliver()
    later()
    delete(agent, announcement())
    for _ in range(3):
        later(minutes=7)
    assert set(Invitation.objects.values_list("state", flat=True)) == {State.SENT}
    assert len(replies(agent)) == 1, "the one from before"
    assert announcement().state == State.UNDONE
    assert not Notice.objects.filter(member=alice, dismissed_at=None).exists()


def test_the_choice_is_that_of_each_send(picnic, send, deliver, agent, later, announcement):
    send(picnic, "bob", "carol")
    send(picnic, "dan", alone_if_gone=True)
    deliver()
    later()
    delete(agent, announcement())
    for _ in range(3):
        later(minutes=7)
    asked = Invitation.objects.get(reason="announcement_gone")
    assert (asked.invitee_did, asked.state) == ("did:plc:carol", State.QUEUED)
    assert Invitation.objects.filter(state=State.SENT).count() == 2
    assert Notice.objects.filter(kind="announcement gone").exists()


def test_one_that_is_retried_goes_alone(picnic, send, deliver, agent, later, announcement, alice):
    send(picnic, "bob", "carol")
    deliver()
    agent.moods = [refused("record_refused")]
    later()
    delete(agent, announcement())
    later(minutes=7)
    failed = only(State.FAILED)
    actions.retry(failed, alice)
    for _ in range(3):
        later()
    failed.refresh_from_db()
    assert failed.state == State.SENT
    assert not replies(agent)


def test_an_announcement_that_the_host_takes_back_here_asks_nobody(picnic, send, deliver, agent, later, announcement):
    send(picnic, "bob", "carol")
    deliver()
    later()
    actions.undo(announcement(), announcement().host)
    for _ in range(3):
        later()
    assert set(Invitation.objects.values_list("state", flat=True)) == {State.SENT}
    assert len(replies(agent)) == 1


def test_the_window_of_a_late_write_is_that_of_an_undo():
    assert timedelta(minutes=7) > timing.LATE_WRITE_WINDOW
