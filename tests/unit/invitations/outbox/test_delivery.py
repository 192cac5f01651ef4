"""Delivery: at most one live post per invitation, and none lost."""

from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from tests.fakes.agent import needs_member, rate_limited, refused
from tests.fakes.graph import somebody

from elonara.bluesky import hooks
from elonara.bluesky.models import AccountLane
from elonara.bluesky.writing.agent import Readiness
from elonara.events import actions as events
from elonara.invitations import actions, queries
from elonara.invitations.models import Announcement, HostSending, Invitation, State
from elonara.invitations.outbox import delivery
from elonara.invitations.results import InvitationRefused
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


def test_disconnecting_cancels_what_was_not_sent(picnic, alice, send, deliver, row):
    send(picnic, "bob")
    hooks.on_disconnect.fire(alice.pk, "did:plc:host")
    deliver()
    assert (row("bob").state, row("bob").reason) == (State.CANCELLED, "host_disconnected")


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


def test_a_pause_also_holds_rows_that_were_attempted_before(picnic, alice, send, deliver, agent, row, clock):
    agent.moods = ["late"]
    send(picnic, "bob", thread=False)
    deliver()
    HostSending.objects.filter(host=alice).update(paused_at=clock.now(), pause_reason="operator")
    clock.pass_(minutes=2)
    deliver()
    assert [what for what, _ in agent.calls].count("create") == 1


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


class TestPictures:
    @pytest.fixture
    def pictured(self, make_event):
        import io

        from PIL import Image

        data = io.BytesIO()
        Image.new("RGB", (800, 600), "teal").save(data, "JPEG")
        return make_event(picture=data.getvalue(), picture_alt="Teal")

    def thumbs(self, agent):
        return [post.record["embed"]["external"].get("thumb") for post in agent.posts.values()]

    def test_the_picture_is_uploaded_once_for_all_posts_of_an_author(self, pictured, send, deliver, agent):
        send(pictured, "bob", "carol")
        deliver()
        assert len(agent.blobs) == 1
        assert agent.blobs[0][2] == "image/jpeg"
        assert all(self.thumbs(agent))

    def test_a_picture_that_the_server_lost_is_uploaded_again_once(self, pictured, send, deliver, agent):
        agent.moods = [refused("blob_not_found", retryable=True)]
        send(pictured, "bob", thread=False)
        deliver()
        assert len(agent.blobs) == 2
        assert all(self.thumbs(agent))

    def test_a_card_goes_without_a_picture_that_stays_lost(self, pictured, send, deliver, agent, row):
        agent.moods = [refused("blob_not_found", retryable=True)] * 2
        send(pictured, "bob", thread=False)
        deliver()
        assert row("bob").state == State.SENT
        assert self.thumbs(agent) == [None]

    def test_a_private_event_shows_no_picture(self, pictured, alice, send, deliver, agent):
        events.change(pictured, by=alice, visibility="private")
        send(pictured, "bob")
        deliver()
        assert not agent.blobs
        assert self.thumbs(agent) == [None]


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


class TestUnforeseenErrors:
    """An unexpected exception concerns one row: the others of the account do not wait for it."""

    @pytest.fixture
    def broken(self, agent, monkeypatch):
        """Record keys for which the agent raises an exception."""
        keys = set()

        def broken(ask):
            def asked(member_id, *rest, rkey="", **words):
                if (rkey or rest[-1]) in keys:
                    raise ValueError("nobody thought of this")
                return ask(member_id, *rest, **({"rkey": rkey} if rkey else {}), **words)

            return asked

        for call in ("create_post_for_member", "find_post", "delete_post"):
            monkeypatch.setattr(agent, call, broken(getattr(agent, call)))
        return keys

    def test_while_it_is_sent(self, picnic, send, deliver, agent, row, broken, clock, caplog):
        send(picnic, "bob", "carol", "dan", thread=False)
        broken.add(row("bob").rkey)
        deliver()
        assert (row("bob").state, row("bob").reason, row("bob").ambiguous) == (State.QUEUED, "unforeseen", True)
        assert (row("carol").state, row("dan").state) == (State.SENT, State.SENT)
        assert "is set aside" in caplog.text
        assert "nobody thought of this" in caplog.text
        broken.clear()
        clock.pass_(minutes=5)
        deliver()
        assert row("bob").state == State.SENT
        assert len(agent.posts) == 3

    def test_while_it_is_undone(self, picnic, alice, send, deliver, agent, row, broken, clock):
        send(picnic, "bob", "carol", thread=False)
        deliver()
        broken.add(row("bob").rkey)
        for name in ("bob", "carol"):
            actions.undo(row(name), alice)
        deliver()
        assert set(agent.posts) == {(ALICE, row("bob").rkey)}
        broken.clear()
        clock.pass_(minutes=5)
        deliver()
        assert not agent.posts

    def test_a_database_error_is_not_blamed_on_the_row(self, picnic, send, agent, row, monkeypatch):
        send(picnic, "bob", thread=False)

        def away(*_, **__):
            raise OperationalError("the connection is closed")

        monkeypatch.setattr(agent, "create_post_for_member", away)
        with pytest.raises(OperationalError):
            delivery.poll(ALICE)
        assert row("bob").state == State.SENDING
