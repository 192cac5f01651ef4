"""What a hostile host, or her own PDS, tries with the posts."""

import json

import pytest
from tests.fakes.graph import somebody

from elonara.atproto.rich_text import TextBuilder
from elonara.bluesky.agent import Readiness
from elonara.bluesky.people import Person
from elonara.invitations import actions
from elonara.invitations.models import State
from elonara.invitations.results import InvitationRefused


def facets_of(record):
    raw = record["text"].encode()
    return [raw[f["index"]["byteStart"] : f["index"]["byteEnd"]].decode() for f in record["facets"]]


@pytest.mark.parametrize(
    "handle",
    [
        "everyone win coins at https://evil.example",
        "bob.example\n@carol.example",
        "",
        "b",
        "bob.example\u202e",
        None,
        7,
    ],
)
def test_a_handle_that_is_none_never_gets_into_a_post(handle):
    """The profile comes from the host's own PDS, which may say anything; the relay would post it."""
    bob = Person.from_profile({"did": "did:plc:bob", "handle": handle}, known=True)
    assert bob.handle == "handle.invalid"


@pytest.mark.parametrize("did", ["bob", "did:plc:", "did:plc:bob\n", "did:plc:" + "b" * 300, 7, None])
def test_somebody_without_a_proper_did_is_nobody(did):
    with pytest.raises(TypeError):
        Person.from_profile({"did": did, "handle": "bob.example"}, known=True)


class TestTheRelayTrustsNoPds:
    @pytest.fixture(autouse=True)
    def relay(self, agent):
        agent.ready = Readiness(True, "did:plc:relay", "relay.example", "relay", "relay", "", "Ready.")

    def test_who_follows_the_host_is_asked_of_the_public_appview(self, appview, picnic, people, send):
        people.append(somebody("eve"))  # "follows you", says the host's PDS
        appview.strangers.add("did:plc:eve")
        sent = send(picnic, "bob", "eve")
        assert {item.did: item.reason for item in sent.skipped} == {"did:plc:eve": "relay_audience"}

    def test_nobody_is_mentioned_while_the_appview_is_silent(self, appview, picnic, send):
        appview.silent()
        assert send(picnic, "bob").queued == 0

    def test_asked_again_before_the_post(self, appview, picnic, send, deliver, row):
        send(picnic, "bob")
        appview.strangers.add("did:plc:bob")
        deliver()
        assert (row("bob").state, row("bob").reason) == (State.SUPPRESSED, "relay_audience")


def test_words_make_neither_mentions_nor_links(picnic, alice, make_event, send, row):
    alice.display_name = "Al @carol.example\n\u202ehttps://evil.example"
    alice.save()
    event = make_event(title="Picnic @dan.example https://evil.example \u2066x")
    send(event, "bob", note="see @carol.example and https://evil.example #tag", lines={"did:plc:bob": "@dan.example"})
    record = row("bob").record
    assert len(record["facets"]) == 2
    mention, link = facets_of(record)
    assert mention == "@bob.example"
    assert link.startswith("https://events.example/i/")
    first = record["text"].split("\n")[0]
    assert link in first, "a name with a line break does not push the link away"
    assert not {"\u202e", "\u2066"} & set(json.dumps(record, ensure_ascii=False))


@pytest.mark.parametrize("words", ["a\u202eb", "a\u2066b\u2069", "a\x1bb"])
def test_notes_turn_no_writing_around(picnic, send, row, words):
    send(picnic, "bob", note=words, lines={"did:plc:bob": words})
    assert words not in row("bob").record["text"]


def test_only_the_host_sets_her_own_posts_going(picnic, alice, make_member, send, row):
    from elonara.events import actions as events

    carla = make_member("carla", "did:plc:carla")
    events.add_cohost(picnic, by=alice, member=carla)
    send(picnic, "bob")
    actions.cancel(row("bob"), carla)
    for action in (actions.retry, actions.confirm):
        with pytest.raises(InvitationRefused) as refused:
            action(row("bob"), carla)
        assert refused.value.code == "not_allowed"
        assert "Alice" in refused.value.sentence
    assert actions.retry(row("bob"), alice).state == State.QUEUED


def test_another_hosts_idempotency_key_is_no_key(picnic, alice, make_event, make_member, send):
    zoe = make_member("zoe", "did:plc:zoe")
    first = send(picnic, "bob", idempotency_key="k")
    hers = send(make_event(zoe), "carol", host=zoe, idempotency_key="k")
    assert (hers.repeated, hers.batch.host) == (False, zoe)
    assert send(picnic, "bob", idempotency_key="k").batch == first.batch


def test_the_facets_of_a_builder_count_bytes():
    assert facets_of({"text": (rich := TextBuilder().text("é ").mention("@b.example", "did:plc:b").build()).text,
                      "facets": rich.facets}) == ["@b.example"]  # fmt: skip
