"""The host's own sentence between mention and link: what may be in it, and the post that it makes."""

import contextlib
import dataclasses
import time

import pytest
from tests.fakes.graph import somebody

from elonara.bluesky.writing.agent import Readiness
from elonara.events import actions as events
from elonara.invitations import actions, queries
from elonara.invitations.models import Batch, Invitation, Voice
from elonara.invitations.planning import compose, sentences
from elonara.invitations.planning.drafts import MAX_SENTENCE
from elonara.invitations.results import InvitationRefused
from elonara.invitations.targets import Target

BOB = "did:plc:bob"
OWN = "Come swim with us, Bob and all!"


def preview(alice, target, sentence, *names, **options):
    dids = [f"did:plc:{name}" for name in names or ("bob",)]
    return actions.preview(alice, target, dids, sentence=sentence, **options)


def between(text):
    """What stands between the mention and the link."""
    return text.partition(" ")[2].partition(" — https://")[0]


def refusal(alice, target, sentence, *names, **options):
    with pytest.raises(InvitationRefused) as caught:
        preview(alice, target, sentence, *names, **options)
    assert caught.value.field_name == "sentence"
    return caught.value


def test_it_takes_the_place_of_ours_in_every_post_and_nothing_else_changes(alice, picnic):
    ours, hers = (
        preview(alice, picnic, "", "bob", "carol"),
        preview(alice, picnic, OWN, "bob", "carol", note="Bring bread."),
    )
    for before, after in zip(ours.posts, hers.posts, strict=True):
        assert between(after.text) == OWN
        assert after.text.endswith(f"{after.link}\nBring bread.")
        assert [one["features"] for one in after.facets] == [one["features"] for one in before.facets]
    assert hers.announcement == ours.announcement, "it mentions nobody and keeps its words"
    assert hers.preview_id != ours.preview_id
    assert hers.usual_sentence == between(ours.posts[0].text)


@pytest.mark.promise("shown-is-sent")
def test_send_writes_exactly_what_was_shown(alice, picnic, send, row):
    shown = preview(alice, picnic, OWN)
    with pytest.raises(InvitationRefused) as caught:
        send(picnic, "bob", sentence="Another one", preview_id=shown.preview_id)
    assert caught.value.code == "preview_changed"
    assert not Invitation.objects.exists()
    send(picnic, "bob", sentence=OWN, preview_id=shown.preview_id)
    assert row("bob").record["text"] == shown.posts[0].text
    assert Batch.objects.get().sentence == OWN
    assert compose.of_row(row("bob"), "alice.example").record == row("bob").record


@pytest.mark.parametrize("empty", ["", "  \n\t ", "\u200b\u2800\u3164", "\u202e\u200d", "\ufe0f"])
def test_what_nobody_would_see_is_the_usual_sentence(alice, picnic, send, empty):
    assert preview(alice, picnic, empty).posts == preview(alice, picnic, "").posts
    send(picnic, "bob", sentence=empty)
    assert (Batch.objects.get().sentence, Batch.objects.get().sentence_facts) == ("", None)


def test_ours_typed_anew_is_ours(alice, picnic, send):
    send(picnic, "bob", sentence=f" {queries.usual_sentence(picnic)} ")
    assert Batch.objects.get().sentence == ""


def test_controls_and_directions_are_taken_out(alice, picnic):
    (post,) = preview(alice, picnic, "Come\n\u202eto\u2066 us\x00\x07,\u200b please").posts
    assert between(post.text) == "Come to us, please"


@pytest.mark.promise("plain-words")
@pytest.mark.parametrize(
    ("said", "what"),
    [
        ("Bring @carol.example too", "mention"), ("Bring (@carol) too", "mention"),
        ("Bring \uff20carol.example", "mention"), ("Write to alice@example.org", "mention"),
        ("@\ufe0fcarol.example", "mention"),
        ("See https://evil.example/x", "address"), ("See evil.example", "address"), ("See WWW.evil", "address"),
        ("at://did:plc:x/y", "address"), ("See evil\uff0eexample/path", "address"), ("mailto:/x", "address"),
        ("#picnic", "tag"), ("Our \uff03picnic2026", "tag"), ("#1st of all", "tag"), ("#🎉", "tag"),
        ("Buy $TSLA", "tag"),
    ],
)  # fmt: skip
def test_a_mention_a_link_and_a_tag_are_refused(alice, picnic, said, what):
    fault = refusal(alice, picnic, said)
    assert fault.code == "sentence_not_plain"
    assert what in fault.sentence


@pytest.mark.parametrize(
    "said",
    [
        "Come @ 5 p.m. or 3.30pm", "We are #1 and $20 richer…", "Ötzi, e.g. on Saturday. Bring U.S.A. flags",
        "10:30/11:00 is fine", "کتاب\u200cخانه 👩\u200d👩\u200d👧 1\ufe0f\u20e3 #\ufe0f\u20e3",
    ],
)  # fmt: skip
def test_plain_words_stay_as_they_are(alice, picnic, said):
    (post,) = preview(alice, picnic, said).posts
    assert between(post.text) == said
    assert len(post.facets) == 2


def test_the_events_own_title_may_be_in_it(alice, make_event):
    event = make_event(title="Meet at node.js #7a")
    for after in ("!", ".", ", please", ""):
        assert preview(alice, event, f"Come to Meet at node.js #7a{after}").posts
    assert refusal(alice, event, "Come to Meet at node.js #7a and evil.example").code == "sentence_not_plain"


@pytest.mark.parametrize(
    ("title", "said"),
    [
        ("@", "Ask @carol.example"),
        ("@carol", "Ask @carol.example"),
        ("#", "A #tag"),
        ("https://", "https://evil.example"),
    ],
)
def test_a_title_that_begins_something_else_makes_no_way_for_it(alice, make_event, title, said):
    assert refusal(alice, make_event(title=title), said).code == "sentence_not_plain"


class TestLength:
    def test_it_is_counted_beside_the_longest_mention(self, alice, picnic, people):
        handle = f"{'l' * 60}.{'o' * 60}.example"
        people.append(dataclasses.replace(somebody("long"), handle=handle))
        room = preview(alice, picnic, "x", "bob", "long").sentence_room
        fits = preview(alice, picnic, "x" * (room + 1), "bob", "long")
        assert max(post.graphemes for post in fits.posts) == 300
        assert fits.sentence_room == 0
        fault = refusal(alice, picnic, "x" * (room + 3), "bob", "long")
        assert fault.code == "sentence_too_long"
        assert f"@{handle} is 2 characters too long" in fault.sentence
        assert preview(alice, picnic, "x" * (room + 3), "bob").posts, "without that name it fits"

    def test_an_emoji_is_one(self, alice, picnic):
        family = "👨\u200d👩\u200d👧\u200d👦"
        assert preview(alice, picnic, family).sentence_room == preview(alice, picnic, "x").sentence_room

    def test_the_note_gives_way_and_she_reads_that(self, alice, picnic):
        (post,) = (found := preview(alice, picnic, "x" * 180, note="n" * 200)).posts
        assert between(post.text) == "x" * 180
        assert post.shortened == ("note",)
        assert any("Your note is shortened" in one for one in found.warnings)

    def test_more_characters_than_any_post_holds(self, alice, picnic):
        assert refusal(alice, picnic, "x" * 301).code == "sentence_too_long"

    def test_a_server_that_takes_less(self, alice, picnic, monkeypatch):
        monkeypatch.setattr("elonara.invitations.planning.plan.text_limit_of", lambda _: "graphemes:120")
        fault = refusal(alice, picnic, "x" * 150)
        assert fault.sentence.startswith("Your server takes less text")


class TestTheSitesOwnAccount:
    @pytest.fixture(autouse=True)
    def relay(self, agent, appview):
        agent.ready = Readiness(True, "did:plc:relay", "relay.example", "relay", "relay", "", "Ready.")

    def test_it_says_whose_words_they_are(self, alice, picnic):
        (post,) = preview(alice, picnic, OWN).posts
        assert between(post.text) == f"Alice (@alice.example) writes: {OWN}"
        assert len(post.facets) == 2
        assert preview(alice, picnic, "").usual_sentence == queries.usual_sentence(picnic)


@pytest.mark.promise("private-not-named")
@pytest.mark.parametrize(
    "said", ["Come to my secret SUPPER!", "Meet behind the oak.", "See you {when}"], ids=["title", "place", "time"]
)
def test_a_private_event_is_not_named_in_it(alice, supper, said):
    fault = refusal(alice, supper, said.format(when=Target(supper).when()))
    assert fault.code == "sentence_private"
    (post,) = (found := preview(alice, supper, "I have something nice for you")).posts
    assert between(post.text) == "I have something nice for you"
    assert any("Your sentence is public too" in one for one in found.warnings)


def test_a_place_that_guests_alone_read_is_not_named_in_it(alice, make_event):
    event = make_event(location="Behind the oak", place_hidden=True)
    assert refusal(alice, event, "Meet behind the oak").code == "sentence_private"
    assert preview(alice, make_event(location="Behind the oak"), "Meet behind the oak").posts


class TestDrafts:
    def write(self, alice, target, text, proposed=""):
        draft = actions.choose(alice, target, [BOB])
        draft.write_sentence(text, proposed, Target(target))
        actions.write_draft(alice, target, draft)
        return queries.draft(alice, target)

    def test_it_is_kept(self, alice, picnic):
        draft = self.write(alice, picnic, f" {OWN}\n")
        assert draft.sentence_for(Target(picnic)) == OWN
        assert draft.sentence_facts == Target(picnic).facts
        assert queries.caution(draft, picnic) == ""
        assert self.write(alice, picnic, "").sentence == ""

    def test_it_is_bounded(self, alice, picnic):
        assert len(self.write(alice, picnic, "\U0001f35e" * 3000).sentence) == MAX_SENTENCE

    def test_ours_as_the_page_proposed_it_is_ours_though_the_event_has_changed_since(self, alice, picnic):
        proposed = queries.usual_sentence(picnic)
        events.change(picnic, by=alice, title="Barbecue")
        assert self.write(alice, picnic, proposed, proposed).sentence == ""

    def test_she_is_told_when_the_event_has_changed_since_she_wrote_it(self, alice, picnic, soon):
        draft = self.write(alice, picnic, OWN)
        events.change(picnic, by=alice, starts_at=soon.replace(hour=18))
        said = queries.caution(draft, picnic)
        assert said.startswith("You wrote your sentence before the time changed (it was ")
        assert "14:00, and is " in said
        assert draft.sentence_for(Target(picnic)) == OWN
        assert queries.caution(self.write(alice, picnic, OWN), picnic) == said, (
            "saving the same words reads nothing anew"
        )
        assert queries.caution(self.write(alice, picnic, "Come at six"), picnic) == ""

    def test_what_was_written_for_a_public_event_is_not_posted_about_a_private_one(self, alice, picnic):
        draft = self.write(alice, picnic, OWN)
        events.change(picnic, by=alice, visibility="private")
        assert draft.sentence_for(Target(picnic)) == ""
        assert "not used here" in queries.caution(draft, picnic)

    @pytest.mark.parametrize("hidden", [False, True])
    def test_what_was_private_as_she_wrote_it_stays_to_be_changed(self, alice, picnic, hidden):
        change = {"place_hidden": True, "location": "The oak"} if hidden else {"visibility": "private"}
        picnic = events.change(picnic, by=alice, **change)
        words = f"Come to {picnic.location if hidden else picnic.title} with me"
        draft = self.write(alice, picnic, words)
        assert draft.sentence_for(Target(picnic)) == words
        assert queries.caution(draft, picnic) == "", "nothing has become private since"
        with pytest.raises(InvitationRefused) as caught:
            sentences.require_allowed(words, Target(picnic))
        assert caught.value.code == "sentence_private"


def test_somebody_who_posts_by_hand_posts_her_sentence(alice, picnic, send, row):
    send(picnic, "bob", sentence=OWN)
    post = queries.handed_over(row("bob"))
    assert between(post.record["text"]) == OWN
    assert post.voice == Voice.HOST


def test_the_caution_names_what_has_changed(picnic):
    told = Target(picnic).facts | {"title": "Old", "place": "There"}
    assert "before the title and place changed:" not in sentences.caution(OWN, None, Target(picnic))
    assert "before the title and place changed." in sentences.caution(OWN, told, Target(picnic))
    assert sentences.caution(OWN, Target(picnic).facts, Target(picnic)) == ""


@pytest.mark.parametrize("letter", ["a", "ﬃ", "㎉", "a-", "a.", "@", "a+", "1a"])
def test_no_sentence_takes_long_to_read(alice, picnic, letter):
    """The search holds up every thread of the process, so a sentence that is made for it must not take seconds."""
    began = time.process_time()
    with contextlib.suppress(InvitationRefused):
        sentences.require_allowed((letter * sentences.SENTENCE_LENGTH)[: sentences.SENTENCE_LENGTH], Target(picnic))
    assert time.process_time() - began < 0.5


def test_the_whole_word_is_named(alice, picnic):
    for said, word in (
        ("See https://evil.example/x now", "https://evil.example/x"),
        ("for a@b.example too", "a@b.example"),
        ("@carol.example", "@carol.example"),
        ("picnic #bread", "#bread"),
    ):
        with pytest.raises(InvitationRefused) as caught:
            sentences.require_allowed(said, Target(picnic))
        assert f"“{word}”" in caught.value.sentence


@pytest.mark.parametrize("said", ["@carol.example", "https://evil.example", "#tag"])
def test_nothing_hides_behind_characters_that_stand_for_many(alice, picnic, said):
    with pytest.raises(InvitationRefused) as caught:
        sentences.require_allowed(
            "\ufdfa" * 80 + " " + said, Target(picnic)
        )  # each is 18 letters once it is normalized
    assert caught.value.code == "sentence_too_long"
    sentences.require_allowed("\ufdfa" * 60, Target(picnic))
