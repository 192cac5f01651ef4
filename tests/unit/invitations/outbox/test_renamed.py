"""Handles that change while invitations wait: texts and pages follow, the mention's DID stays."""

import dataclasses

from elonara.bluesky.identity import handles
from elonara.events.models import Rsvp
from elonara.invitations.models import Announcement, Invitation, State, Voice
from elonara.invitations.planning import compose

BOB, NEW = "did:plc:bob", "bob.in.lisbon.example"


def mention(record):
    raw = record["text"].encode()
    (facet,) = [one for one in record["facets"] if "did" in one["features"][0]]
    index = facet["index"]
    return raw[index["byteStart"] : index["byteEnd"]].decode(), facet["features"][0]["did"]


def test_a_queued_post_shows_the_new_handle_and_mentions_the_same_account(alice, send, picnic, agent, deliver):
    send(picnic, "bob", thread=False)
    assert mention(Invitation.objects.get().record) == ("@bob.example", BOB)
    handles.store(BOB, NEW)
    row = Invitation.objects.get()
    assert (row.invitee_handle, row.needs_confirmation) == (NEW, False)
    assert mention(row.record) == (f"@{NEW}", BOB)


def test_pages_show_the_new_handle_of_somebody_who_was_invited(alice, send, picnic, agent, deliver):
    send(picnic, "bob", thread=False)
    deliver()
    before = Invitation.objects.get()
    assert before.state == State.SENT
    handles.store(BOB, NEW)
    row = Invitation.objects.get()
    assert (row.invitee_handle, row.record) == (NEW, before.record)


def test_a_post_that_was_attempted_keeps_its_words(alice, send, picnic, agent, deliver):
    send(picnic, "bob", thread=False)
    Invitation.objects.update(attempts=1, ambiguous=True)
    before = Invitation.objects.get().record
    handles.store(BOB, NEW)
    assert Invitation.objects.get().record == before


def test_a_handle_that_does_not_work_is_no_new_name(alice, send, picnic, agent):
    send(picnic, "bob", thread=False)
    handles.store(BOB, "handle.invalid")
    assert Invitation.objects.get().invitee_handle == "bob.example"


def test_the_sites_own_account_names_the_host_by_her_new_handle(alice, send, picnic, agent):
    send(picnic, "bob")
    for model in (Announcement, Invitation):
        model.objects.update(voice=Voice.RELAY)
    handles.store(alice.bluesky.bsky_did, "alice.in.porto.example")
    row = Invitation.objects.get()
    assert "@alice.in.porto.example" in row.record["text"]
    assert not row.needs_confirmation
    assert "@alice.in.porto.example" in Announcement.objects.get().record["text"]


def test_an_answer_shows_the_new_handle(picnic, agent):
    Rsvp.objects.create(event=picnic, did=BOB, handle="bob.example", name="Bob", choice="going")
    answered = Rsvp.objects.get().answered_at
    handles.store(BOB, NEW)
    assert (Rsvp.objects.get().handle, Rsvp.objects.get().answered_at) == (NEW, answered)


def test_a_change_that_nobody_told_of_is_found_before_the_post_is_written(alice, send, picnic, agent, friends, deliver):
    send(picnic, "bob", thread=False)
    friends.people = [dataclasses.replace(one, handle=NEW) if one.did == BOB else one for one in friends.people]
    deliver()
    row = Invitation.objects.get()
    assert (row.state, row.invitee_handle) == (State.SENT, NEW)
    assert mention(row.record) == (f"@{NEW}", BOB)


def test_a_post_of_the_previous_release_keeps_its_words_with_the_new_handle(alice, send, picnic, agent):
    """Its host has seen those, and is not asked about a handle."""
    send(picnic, "bob", thread=False)
    row = Invitation.objects.get()
    Invitation.objects.update(record=compose.of_row(row, "alice.example", earlier=True).record)
    handles.store(BOB, NEW)
    row.refresh_from_db()
    assert row.record["text"].startswith(f"@{NEW} ")
    assert "You're invited to" in row.record["text"]
    assert not row.needs_confirmation
