"""Messages to guests, and what one wants by e-mail, over the API."""

import pytest

from elonara.events.guests import rsvps
from elonara.events.messages.models import GuestMessage, MessageOptOut


@pytest.fixture
def bob(picnic, make_member):
    member = make_member("bob", "did:plc:bob")
    rsvps.respond(picnic, choice="going", member=member)
    return member


def test_a_message_is_seen_then_sent_once(picnic, bob, program):
    shown = program.post("/events/picnic/messages/preview", {"to": "going", "text": "Bring bread."}).json()
    assert (shown["people"], shown["unreachable"], shown["refusal"]) == (1, 1, None)
    body = {"to": "going", "text": "Bring bread.", "preview_id": shown["preview_id"], "idempotency_key": "k"}
    for _ in range(2):
        response = program.post("/events/picnic/messages", body)
        assert response.status_code == 202
    [sent] = program.get("/events/picnic/messages").json()["messages"]
    assert sent == response.json()
    assert (sent["by"], sent["to"], sent["text"], sent["people"]) == (sent["by"], "going", "Bring bread.", 1)
    assert GuestMessage.objects.count() == 1


def test_another_text_than_was_shown_is_not_sent(picnic, bob, program, problem):
    shown = program.post("/events/picnic/messages/preview", {"to": "going", "text": "Bring bread."}).json()
    body = {"to": "going", "text": "Bring money.", "preview_id": shown["preview_id"]}
    problem(program.post("/events/picnic/messages", body), 409, "preview_changed")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"to": "cant", "text": "x"}, "invalid_input"),
        ({"to": "going", "text": "x" * 2001}, "note_too_long"),
        ({"to": "going", "text": " "}, "no_text"),
        ({"to": "maybe", "text": "x"}, "nobody_to_write_to"),
    ],
)
def test_what_cannot_be_sent_says_why(picnic, bob, program, problem, body, code):
    problem(program.post("/events/picnic/messages", body), 422, code)


def test_only_hosts_write_and_read(picnic, bob, program_of, problem):
    guest = program_of(bob)
    problem(guest.post("/events/picnic/messages", {"to": "going", "text": "x"}), 403, "not_allowed")
    problem(guest.post("/events/picnic/messages/preview", {"to": "going", "text": "x"}), 403, "not_allowed")
    problem(guest.get("/events/picnic/messages"), 403, "not_allowed")


def test_what_one_wants_by_e_mail_is_ones_own(picnic, bob, program_of, alice):
    guest = program_of(bob)
    chosen = {"changes": True, "reminders": False}
    assert guest._call("PUT", "/events/picnic/emails", chosen).json() == chosen
    assert guest.get("/events/picnic/emails").json() == chosen
    assert guest.get("/me/emails").json() == {"changes": True, "reminders": True, "answers": True}
    none = {"changes": False, "reminders": False}
    assert guest._call("PUT", "/me/emails", none).json() == none | {"answers": True}
    assert guest._call("PUT", "/me/emails", none | {"answers": False}).json() == none | {"answers": False}
    assert guest._call("PUT", "/me/emails", none).json() == none | {"answers": False}
    assert set(MessageOptOut.objects.values_list("member", flat=True)) == {bob.pk}


def test_replies_to_the_host_are_an_option_of_the_event(picnic, program):
    assert program.get("/events/picnic").json()["replies_to_host"] is False
    assert program.patch("/events/picnic", {"replies_to_host": True}).json()["replies_to_host"] is True
