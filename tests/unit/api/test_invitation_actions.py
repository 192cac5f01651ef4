"""`/invitations/{id}`: retry, cancel, undo and confirm."""

from uuid import uuid4

import pytest
from tests.fakes.agent import refused
from tests.unit.api.conftest import ROW, rows

from elonara import jobs
from elonara.invitations.models import Invitation


@pytest.mark.promise("others-rows")
def test_an_invitation_does_not_exist_for_strangers(program, program_of, mallory, place, problem):
    program.post(f"{place}/invitations", {"dids": ["did:plc:bob"]})
    one = Invitation.objects.get()
    for what in ("retry", "cancel", "undo", "confirm"):
        hers = problem(program_of(mallory).post(f"/invitations/{one.pk}/{what}"), 404, "not_found")
        none = problem(program_of(mallory).post(f"/invitations/{uuid4()}/{what}"), 404, "not_found")
        assert hers == none
        problem(program.post(f"/invitations/not-an-id/{what}"), 422, "invalid_input")
    one.refresh_from_db()
    assert one.state == "queued"


def test_cancel_and_retry(program, place, agent):
    program.post(f"{place}/invitations", {"dids": ["did:plc:bob"]})
    one = rows(program, place)["did:plc:bob"]
    cancelled = program.post(f"/invitations/{one['id']}/cancel").json()
    assert (cancelled["state"], cancelled["reason"]) == ("cancelled", "by_host")
    assert set(cancelled) == ROW
    jobs.drain()
    assert not any("bob" in text for text in agent.texts())
    assert program.post(f"/invitations/{one['id']}/retry").json()["state"] == "queued"
    jobs.drain()
    assert rows(program, place)["did:plc:bob"]["state"] == "sent"


def test_an_action_in_the_wrong_state_is_409(program, place, problem):
    program.post(f"{place}/invitations", {"dids": ["did:plc:bob"]})
    one = rows(program, place)["did:plc:bob"]["id"]
    problem(program.post(f"/invitations/{one}/undo"), 409, "wrong_state")
    problem(program.post(f"/invitations/{one}/confirm"), 409, "wrong_state")
    jobs.drain()
    problem(program.post(f"/invitations/{one}/cancel"), 409, "wrong_state")
    problem(program.post(f"/invitations/{one}/retry"), 409, "wrong_state")


def test_an_event_that_changes_waits_for_a_confirmation(program, picnic):
    place = f"/events/{picnic.slug}"
    program.post(f"{place}/invitations", {"dids": ["did:plc:bob"]})
    program.patch(place, {"title": "Supper"})
    jobs.drain()
    one = rows(program, place)["did:plc:bob"]
    assert (one["state"], one["can"]) == ("queued", ["confirm", "cancel", "compose"])
    program.post(f"/invitations/{one['id']}/confirm")
    jobs.drain()
    assert rows(program, place)["did:plc:bob"]["state"] == "sent"


def test_a_failed_invitation_says_why_and_can_be_retried(program, place, agent):
    agent.moods = ["ok", refused("record_refused")]
    program.post(f"{place}/invitations", {"dids": ["did:plc:bob"]})
    jobs.drain()
    one = rows(program, place)["did:plc:bob"]
    assert (one["state"], one["reason"]) == ("failed", "record_refused")
    assert one["sentence"]
    assert "retry" in one["can"]
    program.post(f"/invitations/{one['id']}/retry")
    jobs.drain()
    assert rows(program, place)["did:plc:bob"]["state"] == "sent"


def test_a_preview_id_sends_exactly_that_or_nothing(program, place, friends, problem):
    choice = {"dids": ["did:plc:bob"], "note": "Just us two"}
    seen = program.post(f"{place}/invitations/preview", choice).json()["preview_id"]
    for other in ({"note": "Other"}, {"dids": ["did:plc:bob", "did:plc:dan"]}, {"notes": {"did:plc:bob": "You"}}):
        problem(program.post(f"{place}/invitations", choice | other | {"preview_id": seen}), 409, "preview_changed")
    problem(program.post(f"{place}/invitations", choice | {"preview_id": ""}), 409, "preview_changed")
    problem(program.post(f"{place}/invitations", choice | {"preview_id": "x" * 20_001}), 422, "invalid_input")
    assert not Invitation.objects.exists()
    sent = program.post(f"{place}/invitations", choice | {"preview_id": seen, "idempotency_key": "once"})
    assert (sent.status_code, sent.json()["queued"]) == (202, 1)
    again = program.post(f"{place}/invitations", choice | {"preview_id": "gone", "idempotency_key": "once"})
    assert again.json()["batch"] == sent.json()["batch"], "the first outcome, whatever is shown now"


def test_retry_and_confirm_take_the_preview_id_of_the_row(program, picnic, problem):
    place = f"/events/{picnic.slug}"
    program.post(f"{place}/invitations", {"dids": ["did:plc:bob"]})
    program.patch(place, {"title": "Supper"})
    one = rows(program, place)["did:plc:bob"]
    assert "Supper" in one["text"]
    program.patch(place, {"title": "Breakfast"})
    path = f"/invitations/{one['id']}/confirm"
    problem(program.post(path, {"preview_id": one["preview_id"]}), 409, "preview_changed")
    now = rows(program, place)["did:plc:bob"]["preview_id"]
    assert program.post(path, {"preview_id": now}).status_code == 200
    program.post(f"/invitations/{one['id']}/cancel")
    program.patch(place, {"title": "Brunch"})
    path = f"/invitations/{one['id']}/retry"
    problem(program.post(path, {"preview_id": now}), 409, "preview_changed")
    now = rows(program, place)["did:plc:bob"]["preview_id"]
    assert program.post(path, {"preview_id": now}).json()["state"] == "queued"
