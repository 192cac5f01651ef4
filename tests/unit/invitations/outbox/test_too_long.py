"""A server that counts a text longer than we do: shortened once and shown again; a second refusal names the server."""

import pytest
from tests.fakes.bluesky import Bluesky

from elonara import jobs
from elonara.atproto.text_limits import TextLimit
from elonara.bluesky import network
from elonara.bluesky.app_password import app_passwords
from elonara.bluesky.connections.oauth_service import BlueskyOAuthService
from elonara.bluesky.models import AccountLane, MemberIdentity
from elonara.bluesky.writing import factory
from elonara.bluesky.writing.legacy_agent import LegacyBlueskyAgent
from elonara.bluesky.writing.oauth_agent import OAuthBlueskyAgent
from elonara.events import actions as events
from elonara.invitations import actions, queries
from elonara.invitations.models import Announcement, Correction, Invitation, State
from elonara.members.models import Notice

WORDS = "Bring the blue blanket and something to share with everybody. "
NOTE = (WORDS * 5)[:280]
PARTY = "🎉👨‍👩‍👧 " * 40  # few graphemes, many bytes
LIMITS = [
    TextLimit("bytes", 300), TextLimit("utf16", 300), TextLimit("characters", 300), TextLimit("bytes", 200),
    TextLimit("graphemes", 250),
]  # fmt: skip
SAYS = [
    "Invalid app.bsky.feed.post record: grapheme too big (maximum {most}, got {got}) at $.record.text",
    "Invalid field 'text': string length {got} exceeds max_length {most}",
    "text must not be longer than {most} characters",
    "text is too long",
]


def waits(row):
    return row.state, row.reason, row.needs_confirmation


def mentions_and_links(record):
    raw = record["text"].encode()
    return [
        (raw[facet["index"]["byteStart"] : facet["index"]["byteEnd"]].decode(), facet["features"])
        for facet in record["facets"]
    ]


@pytest.mark.parametrize(
    # What a server takes that is less than others and that it does not tell cannot be known.
    ("limit", "says"),
    [(limit, says) for limit in LIMITS for says in SAYS if limit.most == 300 or "{most}" in says],
)
def test_it_is_shortened_once_and_shown_before_it_goes(limit, says, alice, send, picnic, row, deliver, agent):
    agent.takes, agent.says = limit, says
    note = PARTY if limit.unit != "graphemes" else NOTE
    send(picnic, "bob", note=note, thread=False)
    before = row("bob").record
    deliver()
    shown = row("bob")
    assert waits(shown) == (State.QUEUED, "text_shortened", True)
    assert (shown.attempts, shown.ambiguous, shown.first_attempt_at) == (0, False, None)
    assert limit.allows(shown.record["text"])
    assert mentions_and_links(shown.record) == mentions_and_links(before)
    assert "Picnic" in shown.record["text"]
    view = queries.progress(picnic, alice).rows[0]
    assert (view.text, view.needs_host, view.can[:1]) == (shown.record["text"], True, ("confirm",))
    deliver()
    assert agent.texts() == []  # it waits for her
    actions.confirm(shown, alice, view.preview_id)
    deliver()
    assert row("bob").state == State.SENT
    assert agent.texts() == [shown.record["text"]]
    assert len([call for call in agent.calls if call[0] == "create"]) == 2


def test_the_note_gives_way_first_and_the_title_stays(alice, send, make_event, row, deliver, agent):
    agent.takes = TextLimit("characters", 250)
    event = make_event(title="A picnic on the hill behind the old mill, with music")
    send(event, "bob", note=NOTE[:150], thread=False)
    deliver()
    text = row("bob").record["text"]
    assert "behind the old mill, with music" in text
    assert NOTE[:20] in text
    assert text.endswith("…")


def test_unsent_posts_of_the_account_follow_and_the_next_preview_is_right(
    alice, send, picnic, make_event, row, deliver, agent
):
    agent.takes = TextLimit("bytes", 300)
    send(picnic, "bob", "carol", "dan", note=NOTE, thread=False)
    deliver()
    assert {waits(row(name)) for name in ("bob", "carol", "dan")} == {(State.QUEUED, "text_shortened", True)}
    assert len([call for call in agent.calls if call[0] == "create"]) == 1  # the server refused one, not three
    assert actions.confirm_all(picnic, alice) == 3
    deliver()
    assert {row(name).state for name in ("bob", "carol", "dan")} == {State.SENT}
    another = make_event(title="Supper")
    preview = actions.preview(alice, another, ["did:plc:bob"], note=NOTE, thread=False)
    assert agent.takes.allows(preview.posts[0].text)
    actions.invite(alice, another, ["did:plc:bob"], note=NOTE, thread=False, preview_id=preview.preview_id)
    deliver()
    assert Invitation.objects.filter(event=another, state=State.SENT).count() == 1


def test_a_second_refusal_fails_with_the_server_named_and_the_host_not_blamed(alice, send, picnic, row, deliver, agent):
    agent.takes, agent.says = TextLimit("bytes", 120), "text too long (maximum 300, got 290)"
    send(picnic, "bob", note=PARTY, thread=False)
    deliver()
    actions.confirm(row("bob"), alice)
    deliver()
    failed = row("bob")
    assert (failed.state, failed.reason) == (State.FAILED, "text_too_long")
    assert "pds.example does not accept a text of this length" in failed.error
    view = queries.progress(picnic, alice).rows[0]
    assert view.sentence.startswith("Your server does not accept a text of this length")
    for _ in range(3):
        deliver()
    assert len([call for call in agent.calls if call[0] == "create"]) == 2


def test_mention_and_link_are_never_cut_even_if_the_server_takes_neither(alice, send, picnic, row, deliver, agent):
    agent.takes = TextLimit("bytes", 20)
    send(picnic, "bob", note=NOTE, thread=False)
    before = row("bob").record
    deliver()
    assert (row("bob").state, row("bob").reason) == (State.FAILED, "text_too_long")
    assert row("bob").record == before


def test_an_announcement_is_shown_with_its_invitations(alice, send, make_event, row, deliver, agent, announcement):
    agent.takes = TextLimit("bytes", 170)
    event = make_event(title="A picnic on the hill behind the old mill, with music, for everybody who likes hills")
    send(event, "bob", "carol")
    deliver()
    first = announcement()
    assert first.state == State.QUEUED
    assert agent.takes.allows(first.record["text"])
    assert {row(name).needs_confirmation for name in ("bob", "carol")} == {True}
    deliver()
    assert agent.texts() == []
    assert actions.confirm_all(event, alice) == 2
    for _ in range(3):
        deliver()
    assert announcement().state == State.SENT
    assert {row(name).state for name in ("bob", "carol")} == {State.SENT}


def test_an_update_is_offered_again_shorter(alice, send, picnic, deliver, agent, row, clock):
    send(picnic, "bob", thread=False)
    deliver()
    events.change(picnic, by=alice, location="Behind the oak, " * 12)
    agent.takes = TextLimit("bytes", 150)
    actions.post_update(picnic, alice)
    deliver()
    assert (Correction.objects.get().state, Correction.objects.get().reason) == (State.FAILED, "text_shortened")
    actions.post_update(picnic, alice)
    deliver()
    assert Correction.objects.get().state == State.SENT
    assert all(agent.takes.allows(text) for text in agent.texts()[-1:])


def test_who_was_asked_is_told_once_and_no_longer_after_confirming(alice, send, picnic, row, deliver, agent):
    agent.takes = TextLimit("bytes", 300)
    send(picnic, "bob", "carol", note=NOTE, thread=False)
    deliver()
    (notice,) = Notice.objects.filter(member=alice, dismissed_at=None)
    assert "Your server allows less text" in notice.text
    actions.confirm_all(picnic, alice)
    assert not Notice.objects.filter(member=alice, dismissed_at=None).exists()


def test_a_post_that_may_exist_keeps_its_text(alice, send, picnic, row, deliver, agent, clock):
    agent.moods.append("late")
    send(picnic, "bob", note=NOTE, thread=False)
    deliver()
    before = row("bob").record
    agent.takes = TextLimit("bytes", 300)
    clock.pass_(minutes=2)
    deliver()
    assert row("bob").record == before
    assert row("bob").ambiguous
    agent.land()
    clock.pass_(minutes=20)
    deliver()
    assert row("bob").state == State.SENT


@pytest.mark.parametrize("agent_kind", [LegacyBlueskyAgent, OAuthBlueskyAgent])
def test_both_backends_read_the_refusal_of_a_pds(agent_kind, alice, send, picnic, row, clock, set_options):
    set_options(bluesky={"plc_url": "https://plc.example"})
    world = Bluesky(lambda: clock.now().timestamp())
    with network.use(world, dns=world.dns), factory.use(agent_kind()):
        MemberIdentity.objects.all().delete()
        account = world.account("alice.example.com")
        world.server.jwks = BlueskyOAuthService().jwks()
        service = BlueskyOAuthService()
        url = service.begin("connect", account.handle, member=alice, browser="hers", confirmed=True)
        service.finish(world.server.approve(url, account.did), browser="hers")
        app_passwords.connect(alice, "", account.app_password)
        world.pds.text_limit = TextLimit("utf16", 300)
        world.pds.text_words = "Invalid field 'text': string length {got} exceeds max_length {most}"
        send(picnic, "bob", note=PARTY, thread=False)
        jobs.drain()
        assert waits(row("bob")) == (State.QUEUED, "text_shortened", True)
        assert AccountLane.objects.get(author_did=account.did).text_limit == "utf16:300"
        actions.confirm(row("bob"), alice)
        jobs.drain()
        assert row("bob").state == State.SENT
        (record,) = world.pds.records.values()
        assert world.pds.text_limit.allows(record["value"]["text"])
    assert not Announcement.objects.exists()
