"""Attacks on the posts by a hostile host or her PDS."""

import json

import pytest
from django.utils import timezone
from tests.fakes.graph import somebody

from elonara.atproto.rich_text import TextBuilder
from elonara.bluesky.identity.people import Person
from elonara.bluesky.writing.agent import Readiness
from elonara.invitations import actions
from elonara.invitations.models import Invitation, State
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
def test_an_invalid_handle_never_gets_into_a_post(handle):
    """The profile comes from the host's own PDS, which may say anything; the relay would post it."""
    bob = Person.from_profile({"did": "did:plc:bob", "handle": handle}, known=True)
    assert bob.handle == "handle.invalid"


@pytest.mark.parametrize("did", ["bob", "did:plc:", "did:plc:bob\n", "did:plc:" + "b" * 300, 7, None])
def test_a_profile_without_a_valid_did_is_refused(did):
    with pytest.raises(TypeError):
        Person.from_profile({"did": did, "handle": "bob.example"}, known=True)


class TestTheRelayTrustsNoPds:
    @pytest.fixture(autouse=True)
    def relay(self, agent):
        agent.ready = Readiness(True, "did:plc:relay", "relay.example", "relay", "relay", "", "Ready.")

    @pytest.mark.promise("relay-consent")
    def test_who_follows_the_host_is_asked_of_the_public_appview(self, appview, picnic, people, send):
        people.append(somebody("eve"))  # "follows you", says the host's PDS
        appview.strangers.add("did:plc:eve")
        sent = send(picnic, "bob", "eve")
        assert {item.did: item.reason for item in sent.skipped} == {"did:plc:eve": "relay_audience"}

    @pytest.mark.promise("relay-consent")
    def test_nobody_is_mentioned_while_the_appview_does_not_respond(self, appview, picnic, send):
        appview.silent()
        assert send(picnic, "bob").queued == 0

    def test_asked_again_before_the_post(self, appview, picnic, send, deliver, row):
        send(picnic, "bob")
        appview.strangers.add("did:plc:bob")
        deliver()
        assert (row("bob").state, row("bob").reason) == (State.SUPPRESSED, "relay_audience")


@pytest.mark.promise("plain-words")
def test_typed_text_makes_neither_mentions_nor_links(picnic, alice, make_event, send, row):
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
def test_control_characters_are_removed_from_notes(picnic, send, row, words):
    send(picnic, "bob", note=words, lines={"did:plc:bob": words})
    assert words not in row("bob").record["text"]


def test_a_stranger_stops_nothing(picnic, alice, make_member, send, deliver, row, agent):
    stranger = make_member("sam", "did:plc:sam")
    send(picnic, "bob")
    for action in (actions.cancel, actions.undo):
        with pytest.raises(InvitationRefused) as refused:
            action(row("bob"), stranger)
        assert refused.value.code == "not_allowed"
    deliver()
    with pytest.raises(InvitationRefused) as refused:
        actions.undo(row("bob"), stranger)
    assert (refused.value.code, row("bob").state) == ("not_allowed", State.SENT)


@pytest.mark.promise("own-voice")
def test_only_the_host_can_send_her_own_posts(picnic, alice, make_member, send, row):
    from elonara.events import actions as events

    carla = make_member("carla", "did:plc:carla")
    events.add_cohost(picnic, by=alice, member=carla)
    events.accept_cohost(picnic, by=carla)
    send(picnic, "bob")
    actions.cancel(row("bob"), carla)
    for action in (actions.retry, actions.confirm):
        with pytest.raises(InvitationRefused) as refused:
            action(row("bob"), carla)
        assert refused.value.code == "not_allowed"
        assert "Alice" in refused.value.sentence
    assert actions.retry(row("bob"), alice).state == State.QUEUED


def test_an_idempotency_key_belongs_to_one_host(picnic, alice, make_event, make_member, send):
    zoe = make_member("zoe", "did:plc:zoe")
    first = send(picnic, "bob", idempotency_key="k")
    hers = send(make_event(zoe), "carol", host=zoe, idempotency_key="k")
    assert (hers.repeated, hers.batch.host) == (False, zoe)
    assert send(picnic, "bob", idempotency_key="k").batch == first.batch


def test_the_facets_of_a_builder_count_bytes():
    assert facets_of({"text": (rich := TextBuilder().text("é ").mention("@b.example", "did:plc:b").build()).text,
                      "facets": rich.facets}) == ["@b.example"]  # fmt: skip


class TestThePersonsCap:
    """The weekly cap of a person over all hosts: cancelling and sending again must not get around it."""

    @pytest.fixture(autouse=True)
    def cap(self, set_options, alice):
        set_options(invitations={"per_person_per_week": 2})

    def cancelled_ones_and_full_week(self, make_event, send, alice):
        old = [make_event(title=f"Old {number}") for number in range(2)]
        for event in old:
            send(event, "bob")
            actions.cancel(Invitation.objects.get(event=event), alice)
        for number in range(2):
            assert send(make_event(title=f"New {number}"), "bob").queued == 1
        return old

    def test_a_cancelled_one_sent_again_waits_for_next_week(self, make_event, send, alice, deliver):
        for event in self.cancelled_ones_and_full_week(make_event, send, alice):
            actions.retry(Invitation.objects.get(event=event), alice)
        deliver()
        assert Invitation.objects.filter(state=State.SENT, invitee_did="did:plc:bob").count() == 2

    def test_inviting_again_does_not_get_around_the_cap(self, make_event, send, alice, deliver):
        for event in self.cancelled_ones_and_full_week(make_event, send, alice):
            assert {item.reason for item in send(event, "bob").skipped} == {"person_cap"}
        deliver()
        assert Invitation.objects.filter(state=State.SENT, invitee_did="did:plc:bob").count() == 2

    def test_a_failed_invitation_that_was_counted_takes_no_second_place(self, make_event, send, alice):
        first, second = make_event(title="First"), make_event(title="Second")
        send(first, "bob")
        send(second, "bob")
        Invitation.objects.filter(event=first).update(state=State.FAILED, reason="gave_up")
        assert actions.retry(Invitation.objects.get(event=first), alice).counted_on is not None
        row = Invitation.objects.get(event=first)
        assert row.next_attempt_at <= timezone.now()
