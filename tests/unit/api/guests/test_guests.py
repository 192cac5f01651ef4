"""`/events/{slug}/answer` and `/events/{slug}/guests`."""

import pytest

from elonara.events.guests import questions, rsvps
from elonara.events.models import Rsvp

NONE = {
    "answer": "",
    "online": False,
    "plus_ones": 0,
    "note": "",
    "position": 0,
    "offered_until": None,
    "word": "",
    "answers": {},
}


@pytest.fixture
def small(make_event):
    return make_event(capacity=1, offer_hours=6)


@pytest.fixture
def bob(make_member, program_of):
    """Bob's client."""
    return program_of(make_member("bob", "did:plc:bob"))


def test_an_answer_says_what_became_of_it(small, bob, program, problem):
    assert bob.get(f"/events/{small.slug}/answer").json() == NONE
    problem(bob.post(f"/events/{small.slug}/answer", {"answer": "waiting"}), 422, "invalid_input")
    rsvps.respond(small, choice="going", did="did:plc:carol", invited=True)
    given = bob.post(f"/events/{small.slug}/answer", {"answer": "going", "note": "Hello"}).json()
    assert given == NONE | {"answer": "waiting", "note": "Hello", "position": 1}
    rsvps.withdraw(small, did="did:plc:carol")
    offered = bob.get(f"/events/{small.slug}/answer").json()
    assert offered["answer"] == "offered"
    assert offered["offered_until"]
    assert bob.post(f"/events/{small.slug}/answer", {"answer": "going"}).json() == NONE | {"answer": "going"}


def test_a_place_that_ran_out_is_waited_for(small, bob, clock):
    rsvps.respond(small, choice="going", did="did:plc:carol", invited=True)
    bob.post(f"/events/{small.slug}/answer", {"answer": "going"})
    rsvps.withdraw(small, did="did:plc:carol")
    clock.pass_(hours=7)
    found = bob.get(f"/events/{small.slug}/answer").json()
    assert (found["answer"], found["offered_until"]) == ("waiting", None)


def test_only_hosts_give_places(small, bob, program, problem):
    rsvps.respond(small, choice="going", did="did:plc:carol", invited=True)
    bob.post(f"/events/{small.slug}/answer", {"answer": "going"})
    row = Rsvp.objects.get(did="did:plc:bob")
    problem(bob.post(f"/events/{small.slug}/guests/{row.pk}/place"), 403, "not_host")
    assert program.post(f"/events/{small.slug}/guests/{row.pk}/place").json() == {
        "id": row.pk, "answer": "going", "plus_ones": 0,
    }  # fmt: skip
    problem(program.post(f"/events/{small.slug}/guests/{2**62}/place"), 403, "not_waiting")


def test_a_host_accepts_and_declines_with_a_word(make_event, bob, program, problem):
    event = make_event(approval=True, place_hidden=True, location="The oak")
    assert bob.post(f"/events/{event.slug}/answer", {"answer": "going"}).json()["answer"] == "asked"
    row = Rsvp.objects.get()
    address = f"/events/{event.slug}/guests/{row.pk}"
    problem(bob.post(f"{address}/accept", {}), 403, "not_host")
    assert bob.get(f"/events/{event.slug}").json()["location"] == ""
    assert program.get(f"/events/{event.slug}").json()["location"] == "The oak"
    assert program.post(f"{address}/decline", {"word": "Not yet."}).json()["answer"] == "refused"
    assert bob.get(f"/events/{event.slug}/answer").json() == NONE | {"answer": "refused", "word": "Not yet."}
    problem(bob.post(f"/events/{event.slug}/answer", {"answer": "going"}), 403, "refused")
    assert program.post(f"{address}/accept", {"word": "Now."}).json()["answer"] == "going"
    problem(program.post(f"{address}/decline", {}), 403, "not_asked")
    assert bob.get(f"/events/{event.slug}").json()["location"] == "The oak"


def test_hosts_add_set_merge_and_remove(picnic, bob, program, problem):
    address = f"/events/{picnic.slug}/guests"
    problem(bob.post(address, {"name": "Cora", "answer": "going"}), 403, "not_host")
    cora = program.post(address, {"name": "Cora", "answer": "going"})
    assert (cora.status_code, cora.json()["answer"]) == (201, "going")
    assert program.patch(f"{address}/{cora.json()['id']}", {"answer": "maybe"}).json()["answer"] == "maybe"
    bob.post(f"/events/{picnic.slug}/answer", {"answer": "going"})
    row = Rsvp.objects.get(did="did:plc:bob")
    problem(bob.patch(f"{address}/{row.pk}", {"answer": "cant"}), 403, "not_host")
    problem(program.post(f"{address}/{row.pk}/remove"), 403, "not_added")
    merged = program.post(f"{address}/{cora.json()['id']}/merge", {"other": row.pk}).json()
    assert merged == {"id": row.pk, "answer": "going", "plus_ones": 0}
    dora = program.post(address, {"name": "Dora", "answer": "going"}).json()
    assert program.post(f"{address}/{dora['id']}/remove").json() == {"removed": dora["id"]}
    assert Rsvp.objects.count() == 1


def test_answers_are_closed_and_numbers_hidden(make_event, bob, program, problem):
    event = make_event(capacity=5, count_hidden=True, guest_list_hidden=True)
    assert bob.get(f"/events/{event.slug}").json()["places_left"] is None
    assert program.get(f"/events/{event.slug}").json()["places_left"] == 5
    until = "2026-01-01T12:00:00+00:00"
    assert program.patch(f"/events/{event.slug}", {"guests": {"answers_until": until}}).status_code == 200
    problem(bob.post(f"/events/{event.slug}/answer", {"answer": "going"}), 403, "answers_closed")


def test_questions_are_asked_and_answered(make_event, bob, program, problem):
    address = f"/events/{make_event().slug}"
    wanted = {"text": "Diet?", "kind": "choice", "options": ["All", "Vegan"], "required": True}
    problem(bob.post(f"{address}/questions", {"questions": [wanted]}), 403, "not_host")
    (asked,) = program.post(f"{address}/questions", {"questions": [wanted]}).json()["questions"]
    assert bob.get(f"{address}/questions").json() == {"questions": [wanted | {"id": asked["id"]}]}
    field = f"question_{asked['id']}"
    refused = problem(bob.post(f"{address}/answer", {"answer": "going"}), 422, "invalid_input")
    assert refused["errors"] == [{"field": field, "problem": "Diet? Please answer."}]
    given = bob.post(f"{address}/answer", {"answer": "going", "answers": {str(asked["id"]): "Vegan"}}).json()
    assert given["answers"] == {str(asked["id"]): "Vegan"}
    problem(bob.get(f"{address}/guests"), 403, "not_host")
    (guest,) = program.get(f"{address}/guests").json()["guests"]
    assert (guest["did"], guest["answer"], guest["answers"]) == ("did:plc:bob", "going", given["answers"])


def test_a_private_event_is_answered_by_who_is_invited_alone(supper, bob, problem):
    problem(bob.get(f"/events/{supper.slug}/answer"), 404, "not_found")
    problem(bob.post(f"/events/{supper.slug}/answer", {"answer": "going"}), 404, "not_found")


def test_settings_of_places_are_read_and_changed_one_by_one(make_event, program):
    event = make_event()
    change = program.patch(f"/events/{event.slug}", {"guests": {"offer_hours": 12}}).json()
    assert (change["guests"]["offer_hours"], change["guests"]["fills_by_itself"]) == (12, True)
    change = program.patch(f"/events/{event.slug}", {"guests": {"fills_by_itself": False}}).json()
    assert (change["guests"]["offer_hours"], change["guests"]["fills_by_itself"]) == (12, False)


def test_the_list_has_the_filters_of_the_page(picnic, bob, program, problem, make_member):
    member = make_member("cora", display_name="Çora")
    rsvps.respond(picnic, choice="maybe", member=member)
    address = f"/events/{picnic.slug}/guests"
    for name, answer in (("Dora", "going"), ("Dan", "cant")):
        program.post(address, {"name": name, "answer": answer})

    def names(**params):
        return [guest["name"] for guest in program.get(address, **params).json()["guests"]]

    assert names() == ["Dora", "Çora", "Dan"]
    assert names(q="CORA") == ["Çora"]
    assert names(answer="cant", by="name") == ["Dan"]
    assert names(by="member", answer="maybe") == ["Çora"]
    questions.ask(picnic, picnic.created_by, [{"text": "Diet?", "required": True}])
    assert names(unanswered="true") == ["Dora"]
    for params in ({"answer": "offered"}, {"by": "post"}, {"unanswered": "x"}, {"q": "x" * 101}, {"page": "0"}):
        document = problem(program.get(address, **params), 422, "invalid_input")
        assert [error["field"].rpartition(".")[2] for error in document["errors"]] == list(params)
    problem(bob.get(address, q="cora"), 403, "not_host")
