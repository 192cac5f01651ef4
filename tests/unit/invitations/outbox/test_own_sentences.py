"""A post with the host's own sentence on its way: new handles, another account, and edits of its event."""

import dataclasses

import pytest
from tests.fakes.graph import somebody

from elonara.atproto.text_limits import TextLimit
from elonara.bluesky.identity import handles
from elonara.bluesky.writing.agent import Readiness
from elonara.events import actions as events
from elonara.invitations import actions, queries
from elonara.invitations.models import Batch, Invitation, State, Voice
from elonara.invitations.targets import Target

OWN = "Come swim with us, Sat 15 Dec or never"
RELAY = Readiness(True, "did:plc:relay", "relay.example", "relay", "relay", "", "Ready.")
HANDLE_AS_LONG_AS_ANY = f"{'x' * 60}.{'y' * 60}.{'z' * 60}.example"


def between(text):
    """What stands between the mention and the link."""
    return text.partition(" ")[2].partition(" — https://")[0]


def view(alice, picnic):
    (row,) = queries.progress(picnic, alice).rows
    return row


def test_bluesky_has_it(alice, send, picnic, agent, deliver):
    send(picnic, "bob", sentence=OWN, thread=False)
    deliver()
    (post,) = agent.posts.values()
    assert between(post.record["text"]) == OWN
    assert [one["features"][0]["$type"].rpartition("#")[2] for one in post.record["facets"]] == ["mention", "link"]


def test_a_new_handle_stands_beside_her_sentence(alice, send, picnic, row):
    send(picnic, "bob", sentence=OWN, thread=False)
    handles.store("did:plc:bob", "bob.in.lisbon.example")
    assert row("bob").record["text"].startswith(f"@bob.in.lisbon.example {OWN} — https://")
    assert not row("bob").needs_confirmation


def test_she_is_asked_where_a_new_handle_leaves_no_room_for_it(alice, send, picnic, row):
    room = actions.preview(alice, picnic, ["did:plc:bob"], sentence="x").sentence_room
    send(picnic, "bob", sentence="x" * room, thread=False)
    handles.store("did:plc:bob", HANDLE_AS_LONG_AS_ANY)
    found = row("bob")
    assert (found.needs_confirmation, found.reason) == (True, "changed")
    assert between(found.record["text"]).endswith("x…")


def test_she_is_asked_too_where_the_worker_finds_that_handle(alice, send, picnic, row, friends, deliver, agent):
    room = actions.preview(alice, picnic, ["did:plc:bob"], sentence="x").sentence_room
    send(picnic, "bob", sentence="x" * room, thread=False)
    friends.people = [dataclasses.replace(somebody("bob"), handle=HANDLE_AS_LONG_AS_ANY)]
    deliver()
    assert (row("bob").state, row("bob").needs_confirmation) == (State.QUEUED, True)
    assert not agent.posts
    actions.confirm(row("bob"), alice, view(alice, picnic).preview_id)
    deliver()
    (post,) = agent.posts.values()
    assert post.record["text"] == row("bob").record["text"]


def test_from_the_sites_own_account_she_confirms_what_it_says(alice, send, picnic, row, agent, deliver, appview):
    send(picnic, "bob", sentence=OWN, thread=False)
    agent.ready = RELAY
    deliver()
    found = row("bob")
    assert (found.voice, found.needs_confirmation, found.reason) == (Voice.RELAY, True, "author_changed")
    assert between(found.record["text"]) == f"Alice (@alice.example) writes: {OWN}"


def test_a_server_that_takes_less_shortens_it_and_she_confirms(alice, send, picnic, row, agent, deliver):
    agent.takes = TextLimit("graphemes", 150)
    send(picnic, "bob", sentence="x" * 120, note="Bring bread.", thread=False)
    deliver()
    found = row("bob")
    assert (found.needs_confirmation, found.reason) == (True, "text_shortened")
    assert len(found.record["text"]) <= 150
    assert between(found.record["text"]).endswith("x…")
    assert found.record["text"].startswith("@bob.example ")
    actions.confirm(row("bob"), alice, view(alice, picnic).preview_id)
    deliver()
    assert row("bob").state == State.SENT


class TestAnEdit:
    def test_leaves_her_words_and_tells_her_before_they_go(self, alice, send, picnic, row, soon, deliver, agent):
        send(picnic, "bob", sentence=OWN, thread=False)
        assert view(alice, picnic).caution == ""
        events.change(picnic, by=alice, starts_at=soon.replace(hour=18))
        found = view(alice, picnic)
        assert between(found.text) == OWN
        assert found.caution.startswith("You wrote your sentence before the time changed")
        assert "confirm" in found.can
        deliver()
        assert not agent.posts, "not before she has confirmed"
        actions.confirm(row("bob"), alice, found.preview_id)
        deliver()
        (post,) = agent.posts.values()
        assert between(post.record["text"]) == OWN
        assert "18:00" in post.record["embed"]["external"]["description"]

    def test_of_a_post_that_is_out_is_told_as_ever(self, alice, send, picnic, soon, deliver):
        send(picnic, "bob", sentence=OWN, thread=False)
        deliver()
        events.change(picnic, by=alice, starts_at=soon.replace(hour=18))
        notice = queries.notice(picnic, alice)
        assert (notice.count, notice.words) == (1, "the old time")
        assert "New time:" in notice.update.text
        assert OWN not in notice.update.text

    @pytest.mark.promise("private-not-named")
    def test_that_makes_it_private_takes_ours_and_says_so(self, alice, send, picnic, row):
        send(picnic, "bob", sentence=OWN, thread=False)
        events.change(picnic, by=alice, visibility="private")
        assert between(row("bob").record["text"]) == "I'd like to invite you to a private event"
        assert row("bob").needs_confirmation
        assert "not used here" in view(alice, picnic).caution

    def test_that_hides_the_place_takes_ours_where_hers_names_it(self, alice, send, make_event, row):
        event = make_event(location="the oak")
        send(event, "bob", sentence="Meet me at the Oak.", thread=False)
        events.change(event, by=alice, place_hidden=True)
        assert "Oak" not in str(row("bob").record)

    def test_that_makes_it_public_leaves_hers(self, alice, send, supper, row):
        send(supper, "bob", sentence="I have something nice for you", thread=False)
        events.change(supper, by=alice, visibility="public")
        assert between(row("bob").record["text"]) == "I have something nice for you"


def test_sent_again_it_is_still_hers(alice, send, picnic, row, deliver, agent):
    send(picnic, "bob", sentence=OWN, thread=False)
    actions.cancel(row("bob"), alice)
    found = view(alice, picnic)
    assert between(found.text) == OWN
    actions.retry(row("bob"), alice, found.preview_id)
    deliver()
    (post,) = agent.posts.values()
    assert between(post.record["text"]) == OWN


def test_a_second_send_has_its_own(alice, send, picnic, row):
    send(picnic, "bob", sentence=OWN)
    send(picnic, "carol")
    assert between(row("bob").record["text"]) == OWN
    assert between(row("carol").record["text"]) == queries.usual_sentence(picnic)
    assert Batch.objects.get(sentence=OWN).sentence_facts == Target(picnic).facts
    assert Invitation.objects.count() == 2
