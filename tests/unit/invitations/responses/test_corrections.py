"""After an edit, posts that are out tell old facts: the host is told, and posts one update or takes them back."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from tests.fakes.agent import refused
from tests.fakes.graph import somebody

from elonara.bluesky.writing.agent import Readiness
from elonara.communities import actions as communities
from elonara.events import actions as events
from elonara.events import share_pictures
from elonara.invitations import actions, queries, registration
from elonara.invitations.consent import pauses, spam_labels
from elonara.invitations.models import Announcement, Correction, HostSending, Invitation, State
from elonara.invitations.outbox import restored
from elonara.invitations.planning import compose
from elonara.invitations.results import InvitationRefused
from elonara.invitations.targets import Target
from elonara.options import Relay

HOST = "did:plc:host"


@pytest.fixture
def out(picnic, send, deliver):
    """Three invitations below their announcement, on Bluesky."""
    send(picnic, "bob", "carol", "dan")
    deliver()
    return picnic


@pytest.fixture
def edit(alice):
    def go(target, by=None, **fields):
        change = events.change if hasattr(target, "starts_at") else communities.change
        return change(target, by=by or alice, **fields)

    return go


@pytest.fixture
def notice(alice):
    def read(target, by=None):
        target.refresh_from_db()
        return queries.notice(target, by or alice)

    return read


@pytest.fixture
def post(alice, notice):
    """Press the button that the page shows."""

    def press(target, by=None):
        return actions.post_update(target, by or alice, notice(target, by).preview_id)

    return press


@pytest.fixture
def update(agent):
    """The update that stands on Bluesky, as its record."""

    def read():
        (row,) = Correction.objects.filter(state=State.SENT)
        return agent.posts[row.author_did, row.rkey].record

    return read


def later(picnic, hours=1):
    return {"starts_at": picnic.starts_at + timedelta(hours=hours)}


class TestTheNotice:
    def test_is_not_there_while_all_holds(self, out, notice):
        assert notice(out) is None

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"title": "Supper"}, "the old title"),
            ({"location": "At the lake"}, "the old place"),
            ({"starts_at": "later"}, "the old time"),
            ({"starts_at": "later", "location": "At the lake"}, "the old time and place"),
            ({"starts_at": "later", "location": "At the lake", "title": "Supper"}, "the old title, time and place"),
        ],
    )
    def test_says_how_many_posts_tell_what(self, fields, words, out, edit, notice):
        if "starts_at" in fields:
            fields = fields | later(out)
        edit(out, **fields)
        found = notice(out)
        assert (found.why, found.count, found.words) == ("outdated", 4, words)
        assert found.update is not None

    def test_names_a_place_that_was_taken_off(self, make_event, send, deliver, edit, notice):
        lake = make_event(location="At the lake")
        send(lake, "bob")
        deliver()
        edit(lake, location="", description="Bring bread")
        assert notice(lake).words == "the old place"
        assert "The place is not decided yet." in notice(lake).update.text

    @pytest.mark.parametrize(
        "fields",
        [{"description": "Bring bread."}, {"plus_ones_allowed": 3}, {"ends_at": "later"}, {"timezone": "same"}],
    )
    def test_is_not_about_what_no_post_tells(self, fields, out, edit, notice):
        if "ends_at" in fields:
            fields = {"ends_at": out.starts_at + timedelta(hours=3)}
        if "timezone" in fields:  # the same moment in a zone with the same offset
            fields = {"timezone": "Africa/Abidjan"}
        edit(out, **fields)
        assert notice(out) is None

    def test_names_a_time_that_is_another_moment_now(self, out, edit, notice):
        edit(out, timezone="Asia/Tokyo", starts_at=out.starts_at - timedelta(hours=9))
        assert notice(out).words == "the old time"
        assert notice(out).update.text.splitlines()[1].endswith(" Tokyo")

    def test_a_new_name_of_the_host_is_no_edit(self, out, alice, notice):
        alice.display_name = "Alice Moreira"
        alice.save()
        assert notice(out) is None

    def test_goes_when_the_edit_is_taken_back(self, out, edit, notice):
        before = out.starts_at
        edit(out, **later(out), description="Bring bread")
        assert notice(out).count == 4
        edit(out, starts_at=before)
        assert notice(out) is None

    def test_is_about_posts_that_are_out_alone(self, picnic, send, edit, notice):
        send(picnic, "bob")
        edit(picnic, **later(picnic))
        assert notice(picnic) is None

    def test_counts_none_that_was_sent_after_the_edit(self, out, people, send, deliver, edit, notice):
        people.append(somebody("erin"))
        edit(out, **later(out))
        send(out, "erin")
        deliver()
        assert notice(out).count == 4

    def test_a_new_address_of_the_site_is_told_too(self, out, notice, set_options):
        set_options(site={"url": "https://new.example"})
        assert notice(out).words == "the old link"
        assert notice(out).update.text == "Update: Picnic\nNew link: https://new.example/events/" + out.slug

    def test_of_a_community(self, bakers, send, deliver, edit, notice, post, update):
        send(bakers, "bob")
        deliver()
        edit(bakers, description="Rye alone")
        assert notice(bakers) is None
        edit(bakers, name="Millers")
        assert (notice(bakers).count, notice(bakers).words) == (2, "the old name")
        post(bakers)
        deliver()
        assert update()["text"].startswith("Update: Millers (new name)\nhttps://events.example/communities/")

    def test_a_private_event_has_none(self, supper, send, deliver, edit, notice):
        send(supper, "bob")
        deliver()
        edit(supper, **later(supper), title="Breakfast")
        assert notice(supper) is None
        edit(supper, visibility="public")
        assert notice(supper) is None

    def test_posts_of_the_previous_release_are_read_from_their_cards(self, make_event, send, deliver, edit, notice):
        lake = make_event(location="At the lake", description="Bring bread")
        send(lake, "bob")
        deliver()
        for model in (Announcement, Invitation):
            model.objects.update(facts=None)
        assert notice(lake) is None
        edit(lake, description="Bring cake")
        assert notice(lake) is None
        edit(lake, location="At the oak")
        assert (notice(lake).count, notice(lake).words) == (2, "the old place")
        edit(lake, location="At the lake", **later(lake))
        assert notice(lake).words == "the old time"
        edit(lake, starts_at=lake.starts_at - timedelta(hours=1), title="Supper")
        assert notice(lake).words == "the old title"
        edit(lake, title="Picnic", location="x" * 300)
        Invitation.objects.update(record=lake_record(lake))
        assert notice(lake).count == 1  # the announcement alone

    @pytest.mark.promise("private-says-what-stays")
    def test_who_may_not_invite_reads_nothing_and_presses_nothing(self, out, edit, make_member, alice):
        mallory = make_member("mallory", "did:plc:mallory")
        edit(out, **later(out))
        for do in (actions.post_update, lambda to, by: actions.take_back(to, by, only_wrong=True)):
            with pytest.raises(InvitationRefused) as fault:
                do(out, mallory)
            assert fault.value.code == "not_allowed"
        assert not Correction.objects.exists()
        assert set(Invitation.objects.values_list("state", flat=True)) == {State.SENT}


def lake_record(lake):
    row = Invitation.objects.select_related("host__bluesky", "event", "batch").get()
    row.event = lake
    assert Target(lake).card().description.endswith("…")
    return compose.of_row(row, "alice.example").record


class TestTheUpdate:
    @pytest.mark.promise("update-once")
    def test_is_one_reply_without_a_mention(self, out, agent, edit, notice, post, deliver, update, announcement):
        edit(out, **later(out), location="At the lake with @bob.example")
        shown = notice(out)
        assert shown.above == announcement().record["text"]
        post(out)
        deliver()
        record = update()
        assert record["text"] == shown.update.text
        assert record["text"].splitlines() == [
            "Update: Picnic", f"New time: {shown.update.text.splitlines()[1].partition(': ')[2]}",
            "New place: At the lake with @bob.example", f"https://events.example/events/{out.slug}",
        ]  # fmt: skip
        assert [facet["features"][0]["$type"] for facet in record["facets"]] == ["app.bsky.richtext.facet#link"]
        root = {"uri": announcement().uri, "cid": announcement().cid}
        assert record["reply"] == {"root": root, "parent": root}
        assert notice(out) is None
        assert len(agent.posts) == 5

    def test_is_posted_once_however_often_it_is_pressed(self, out, alice, edit, notice, deliver, agent):
        edit(out, **later(out))
        shown = notice(out).preview_id
        first = actions.post_update(out, alice, shown)
        assert actions.post_update(out, alice, shown).pk == first.pk
        deliver()
        assert actions.post_update(out, alice, shown).pk == first.pk
        deliver()
        assert len(agent.posts) == 5

    @pytest.mark.promise("update-once")
    def test_two_presses_at_once_make_one(self, out, alice, edit, notice, deliver, agent):
        edit(out, **later(out))
        shown, barrier = notice(out).preview_id, threading.Barrier(2)

        def press():
            try:
                barrier.wait(5)
                actions.post_update(out, alice, shown)
            finally:
                connection.close()

        threads = [threading.Thread(target=press) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        deliver()
        assert Correction.objects.count() == 1
        assert len(agent.posts) == 5

    def test_each_real_change_has_one(self, out, edit, notice, post, deliver, agent):
        before = out.starts_at
        edit(out, **later(out))
        post(out)
        deliver()
        edit(out, **later(out))
        assert notice(out).count == 5  # the first update tells an old time too
        post(out)
        deliver()
        edit(out, starts_at=before)  # four posts are true again, and the last word is not
        assert notice(out).count == 2
        post(out)
        deliver()
        assert notice(out) is None
        assert [text.split()[1] for text in agent.texts() if text.startswith("Update:")] == ["Picnic"] * 3

    def test_an_edit_before_it_left_ends_it_and_offers_the_newest(self, out, alice, edit, notice, post, deliver, agent):
        edit(out, **later(out))
        post(out)
        edit(out, **later(out))
        assert (Correction.objects.get().state, Correction.objects.get().reason) == (State.CANCELLED, "changed")
        deliver()
        assert len(agent.posts) == 4
        post(out)
        deliver()
        assert len(agent.posts) == 5
        assert "Update" in agent.texts()[-1]

    def test_an_edit_taken_back_before_it_left_ends_it(self, out, edit, notice, post, deliver, agent):
        before = out.starts_at
        edit(out, **later(out))
        post(out)
        edit(out, starts_at=before)
        deliver()
        assert len(agent.posts) == 4
        assert notice(out) is None

    @pytest.mark.promise("shown-is-sent")
    def test_publishes_what_was_shown_or_nothing(self, out, alice, edit, notice):
        edit(out, **later(out))
        shown = notice(out).preview_id
        for change in ({"title": "Supper"}, {"description": "Bring bread"}, {"location": "At the lake"}):
            edit(out, **change)
            with pytest.raises(InvitationRefused) as fault:
                actions.post_update(out, alice, shown)
            assert fault.value.code == "preview_changed"
        assert not Correction.objects.exists()

    def test_an_edit_that_a_worker_sees_before_the_row_is_cancelled(self, out, edit, post, deliver, agent):
        edit(out, **later(out))
        post(out)
        type(out).objects.filter(pk=out.pk).update(title="Supper")  # no listener hears of it
        deliver()
        assert (Correction.objects.get().state, Correction.objects.get().reason) == (State.CANCELLED, "changed")
        assert len(agent.posts) == 4

    def test_without_an_announcement_it_is_one_post_of_its_own(self, picnic, send, deliver, edit, notice, post, update):
        send(picnic, "bob", "carol", thread=False)
        deliver()
        edit(picnic, **later(picnic))
        assert (notice(picnic).count, notice(picnic).above) == (2, "")
        post(picnic)
        deliver()
        assert "reply" not in update()
        assert [facet["features"][0]["$type"][-5:] for facet in update()["facets"]] == ["#link"]

    def test_an_announcement_taken_back_meanwhile_ends_it(self, out, alice, edit, post, deliver, announcement, notice):
        edit(out, **later(out))
        post(out)
        actions.undo(announcement(), alice)
        deliver()
        assert (Correction.objects.get().state, Correction.objects.get().reason) == (State.CANCELLED, "changed")
        assert notice(out).above == ""

    def test_cannot_be_posted_for_what_is_over_or_private(self, out, alice, edit, notice, clock):
        edit(out, **later(out))
        shown = notice(out).preview_id
        edit(out, visibility="private")
        with pytest.raises(InvitationRefused):
            actions.post_update(out, alice, shown)
        edit(out, visibility="public")
        clock.pass_(days=20)
        with pytest.raises(InvitationRefused) as fault:
            actions.post_update(out, alice, shown)
        assert fault.value.code == "event_over"
        assert notice(out) is None

    @pytest.mark.parametrize("end", ["private", "cancel", "disconnect", "suspend"])
    def test_on_its_way_it_ends_with_its_reason_to_be(self, end, out, alice, edit, post, deliver, agent):
        edit(out, **later(out))
        post(out)
        if end == "private":
            edit(out, visibility="private")
        elif end == "cancel":
            events.cancel(out, alice)
        elif end == "disconnect":
            registration.disconnected(alice.pk, HOST)
        else:
            type(alice).objects.filter(pk=alice.pk).update(standing="suspended")
        deliver()
        assert Correction.objects.get().state == State.CANCELLED
        assert len(agent.posts) == 4

    @pytest.mark.promise("update-once")
    def test_a_cohost_who_edits_cannot_speak_for_the_host(
        self, out, alice, make_member, edit, notice, post, deliver, agent
    ):
        zoe = make_member("zoe", "did:plc:zoe", display_name="Zoe")
        events.add_cohost(out, by=alice, member=zoe)
        events.accept_cohost(out, by=zoe)
        edit(out, by=zoe, **later(out))
        seen = notice(out, zoe)
        assert (seen.count, seen.update, seen.others) == (4, None, ("Alice",))
        with pytest.raises(InvitationRefused) as fault:
            actions.post_update(out, zoe)
        assert fault.value.code == "wrong_state"
        assert notice(out).others == ()
        post(out)
        deliver()
        assert notice(out, zoe) is None


class TestItsDelivery:
    @pytest.fixture
    def queued(self, out, edit, post):
        edit(out, **later(out))
        return post(out)

    @pytest.mark.parametrize("mood", ["lost", "late", "server"])
    def test_an_unknown_outcome_leaves_one(self, mood, queued, agent, deliver, clock):
        agent.moods = [mood]
        deliver()
        assert Correction.objects.get().ambiguous
        if mood == "late":
            clock.pass_(minutes=3)
            agent.land()
        clock.pass_(minutes=5)
        deliver()
        assert Correction.objects.get().state == State.SENT
        assert len(agent.posts) == 5

    def test_a_late_write_after_an_undo_does_not_stay(self, queued, alice, agent, deliver, clock):
        agent.moods = ["late"]
        deliver()
        actions.cancel(Correction.objects.get(), alice)
        deliver()
        agent.land()
        for _ in range(7):
            clock.pass_(minutes=1)
            deliver()
        assert Correction.objects.get().state == State.UNDONE
        assert len(agent.posts) == 4

    def test_taken_back_it_is_offered_again_and_is_a_new_post(self, queued, out, alice, notice, post, deliver, clock):
        deliver()
        actions.undo(Correction.objects.get(), alice)
        assert notice(out).count == 4
        with pytest.raises(InvitationRefused) as fault:
            post(out)
        assert fault.value.code == "still_undoing"
        deliver()  # it is deleted, and looked at until nothing can bring it back
        assert post(out).pk != queued.pk
        deliver()
        for _ in range(7):
            clock.pass_(minutes=1)
            deliver()
        assert sorted(Correction.objects.values_list("state", flat=True)) == [State.SENT, State.UNDONE]

    def test_one_that_is_being_written_is_waited_for(self, queued, out, alice, agent, deliver, edit, notice):
        agent.moods = ["late"]
        deliver()
        edit(out, **later(out))
        with pytest.raises(InvitationRefused) as fault:
            actions.post_update(out, alice, notice(out).preview_id)
        assert fault.value.code == "update_under_way"

    def test_a_refused_one_is_offered_again_on_the_same_row(self, queued, out, agent, deliver, notice, post):
        agent.moods = [refused("record_refused")]
        deliver()
        assert Correction.objects.get().state == State.FAILED
        assert post(out).pk == queued.pk
        deliver()
        assert Correction.objects.get().state == State.SENT
        assert len(agent.posts) == 5

    def test_one_that_may_stand_is_read_before_it_goes_again(
        self, queued, out, alice, agent, deliver, clock, notice, post
    ):
        agent.moods = ["late"]
        deliver()
        clock.pass_(minutes=30)
        deliver()
        assert (Correction.objects.get().state, Correction.objects.get().reason) == (State.FAILED, "unsure")
        alice.display_name = "Somebody"
        alice.save()
        agent.land()  # far later than any server does
        assert post(out).pk == queued.pk
        deliver()
        assert Correction.objects.get().state == State.SENT
        assert len(agent.posts) == 5

    def test_pauses_and_labels_hold_it(self, queued, out, alice, agent, friends, deliver, make_member, clock):
        friends.account_labels = {HOST: ("spam",)}
        spam_labels.forget_labels()
        deliver()
        assert len(agent.posts) == 4
        assert HostSending.objects.get(host=alice).paused_at is not None
        friends.account_labels = {}
        pauses.resume_sending(alice, alice)
        deliver()
        assert Correction.objects.get().state == State.SENT

    def test_it_takes_no_place_of_anybody(self, queued, out, alice, deliver):
        before = queries.caps_left(alice)
        deliver()
        assert queries.caps_left(alice) == before
        assert Correction.objects.get().counted_on is None

    def test_from_another_account_it_is_shown_anew(self, queued, out, alice, agent, deliver, notice):
        agent.author_did = "did:plc:other"
        deliver()
        assert (Correction.objects.get().state, Correction.objects.get().reason) == (State.CANCELLED, "author_changed")
        assert notice(out).above == ""

    def test_it_waits_for_a_permission_and_goes_on(self, out, alice, agent, edit, post, deliver):
        agent.ready = Readiness(False, HOST, "alice.example", "host", "", "app_password_missing", "Not yet.")
        edit(out, **later(out))
        assert post(out).state == State.WAITING
        agent.ready = None
        registration.ready(alice.pk, HOST)
        deliver()
        assert Correction.objects.get().state == State.SENT


class TestByTheRelay:
    @pytest.fixture(autouse=True)
    def relay(self, set_options, appview, agent):
        set_options(bluesky={"relay": Relay(per_day=3)})
        agent.ready = Readiness(True, "did:plc:relay", "relay.example", "relay", "relay", "", "Ready.")

    def test_it_names_the_host_and_takes_a_place_of_the_relays_day(
        self, picnic, send, deliver, edit, post, agent, clock, update
    ):
        send(picnic, "bob", "carol")
        deliver()
        edit(picnic, **later(picnic))
        post(picnic)
        deliver()
        assert len(agent.posts) == 3
        assert (Correction.objects.get().state, Correction.objects.get().reason) == (State.QUEUED, "relay_cap")
        clock.pass_(days=1, hours=12)  # later days begin at nine
        deliver()
        assert update()["text"].splitlines()[0] == "Update: Picnic, by Alice (@alice.example)"
        assert not any(facet["features"][0]["$type"].endswith("#mention") for facet in update()["facets"])

    def test_places_of_the_day_are_taken_from_invitations_too(self, picnic, send, deliver, edit, post, people):
        people.append(somebody("erin"))
        send(picnic, "bob", thread=False)
        deliver()
        edit(picnic, **later(picnic))
        post(picnic)
        deliver()
        sent = send(picnic, "carol", "erin", thread=False)
        assert (sent.today, sum(number for _, number in sent.later)) == (1, 1)


def test_after_a_restore_it_is_read_before_it_goes(out, alice, edit, post, deliver, agent):
    edit(out, **later(out))
    post(out)
    before = Correction.objects.values().get()
    deliver()
    Correction.objects.update(
        **{name: before[name] for name in ("state", "attempts", "uri", "cid", "sent_at", "facts")}
    )
    assert restored.mark_ambiguous() == 1
    deliver()
    assert Correction.objects.get().state == State.SENT
    assert len(agent.posts) == 5


def test_long_words_are_shortened_and_the_link_is_not(make_event, send, deliver, edit, notice, post, update):
    event = make_event(title="🥖" * 120)
    send(event, "bob")
    deliver()
    edit(event, location="👩‍👩‍👧‍👦" * 40, title="🥐" * 120, **later(event))
    assert notice(event).update.graphemes <= 300
    post(event)
    deliver()
    assert update()["text"].endswith(f"/events/{event.slug}")


class TestTakingBack:
    def test_takes_those_that_are_wrong_and_no_others(self, out, alice, people, send, edit, deliver, clock, agent):
        people.append(somebody("erin"))
        edit(out, **later(out))
        send(out, "erin")
        deliver()
        assert actions.take_back(out, alice, only_wrong=True) == 3
        for _ in range(7):
            deliver()
            clock.pass_(minutes=1)
        assert len(agent.posts) == 2  # erin's, and the announcement above it
        assert queries.notice(out, alice).count == 1
        assert actions.take_back(out, alice, only_wrong=False) == 2

    def test_takes_the_announcement_with_the_last(self, out, alice, edit, deliver, clock, agent, notice):
        edit(out, **later(out))
        assert actions.take_back(out, alice, only_wrong=True) == 4
        for _ in range(7):
            deliver()
            clock.pass_(minutes=1)
        assert agent.posts == {}
        assert notice(out) is None

    def test_takes_a_post_that_may_stand_too(self, picnic, alice, send, agent, deliver, edit, clock):
        agent.moods = ["late"]
        send(picnic, "bob", thread=False)
        deliver()
        edit(picnic, visibility="private")
        assert actions.take_back(picnic, alice, only_wrong=True) == 1
        deliver()
        agent.land()
        for _ in range(7):
            clock.pass_(minutes=1)
            deliver()
        assert agent.posts == {}


def test_a_row_keeps_what_was_written_though_an_edit_came_between(picnic, alice, send, deliver, agent, friends, row):
    """The worker has checked the text and asks Bluesky about the person; the edit puts a newer text into the row."""
    confirm = friends.confirm
    send(picnic, "bob", thread=False)

    def confirm_while_edited(*args, **options):
        if not picnic.description:
            events.change(picnic, by=alice, description="Bring bread")
            picnic.refresh_from_db()
        return confirm(*args, **options)

    friends.confirm = confirm_while_edited
    deliver()
    one = row("bob")
    written = agent.posts[HOST, one.rkey].record
    assert written["embed"]["external"]["description"] == one.record["embed"]["external"]["description"]


def test_the_picture_is_drawn_between_an_edit_and_the_update(out, edit, notice, alice, monkeypatch, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    monkeypatch.setattr(share_pictures, "_draw", lambda facts: b"JPEG")
    edit(out, location="The oak")
    shown = notice(out).preview_id
    share_pictures.poll(str(out.pk))
    out.refresh_from_db()
    assert share_pictures.current(out)
    assert actions.post_update(out, alice, shown).state == State.QUEUED
