"""While an operator hides an event nobody gets a place at it: nobody would be told."""

import pytest

from elonara.events import actions
from elonara.events.guests import approval, places, rsvps
from elonara.events.messages.models import GuestMessage
from elonara.events.models import Rsvp
from elonara.members.errors import NotAllowed


def answer(event, who):
    return rsvps.respond(event, choice="going", did=f"did:plc:{who}", invited=True)


def choices():
    return list(Rsvp.objects.order_by("pk").values_list("choice", flat=True))


@pytest.fixture
def operator(make_member):
    return make_member("operator", is_superuser=True)


def test_a_host_decides_nothing(make_event, alice, operator):
    event, full = make_event(approval=True), make_event(capacity=1)
    asked = answer(event, "a")
    answer(full, "b")
    waits = answer(full, "c")
    for one in (event, full):
        actions.hide(one, operator)
    for act in (approval.accept, approval.decline):
        with pytest.raises(NotAllowed, match="hidden"):
            act(event, alice, asked.pk)
    with pytest.raises(NotAllowed, match="hidden"):
        places.give(full, alice, waits.pk)
    assert choices() == ["asked", "going", "waiting"]


def test_who_asked_is_admitted_and_told_once_it_is_shown_again(make_event, alice, operator):
    event = make_event(approval=True)
    answer(event, "a")
    actions.hide(event, operator)
    actions.change(event, by=alice, approval=False)
    assert approval.admit_all() == 0
    assert choices() == ["asked"]
    actions.unhide(event, operator)
    assert approval.admit_all() == 1
    assert choices() == ["going"]
    assert GuestMessage.objects.filter(kind="accepted").count() == 1
