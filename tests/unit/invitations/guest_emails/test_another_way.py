"""An event that takes place another way than until now: whoever comes the old way hears of it."""

import pytest
from tests.unit.invitations.email.mail import SENT

from elonara.events import actions
from elonara.events.guests import rsvps
from elonara.members.queries import open_notices

LINK = "https://meet.example/one"


@pytest.fixture
def hybrid(make_event):
    return make_event(attendance="both", online_link=LINK, location="The oak")


def test_who_comes_to_the_place_hears_that_it_is_online_alone(hybrid, alice, with_address, going, settle):
    bob = with_address("bob")
    going(hybrid, bob)
    actions.change(hybrid, by=alice, attendance="online")
    settle()
    assert [message.subject for message in SENT] == ["[Elonara] New link: Picnic"]
    assert f"Online: {LINK}" in SENT[0].body
    assert open_notices(bob).count() == 1


@pytest.mark.parametrize("before", ["both", "online"])
def test_who_comes_online_hears_that_the_place_alone_is_left(make_event, alice, with_address, settle, before):
    event, bob = make_event(attendance=before, online_link=LINK, location="The oak"), with_address("bob")
    rsvps.respond(event, choice="going", member=bob, online=True)
    actions.change(event, by=alice, attendance="place")
    settle()
    assert len(SENT) == 1
    assert "new link" not in (SENT[0].subject + SENT[0].body).lower()
    assert "Where: The oak" in SENT[0].body
    assert LINK not in SENT[0].body
    [notice] = open_notices(bob)
    assert "The oak" in notice.text


def test_who_comes_as_before_hears_nothing(hybrid, alice, with_address, going, settle):
    going(hybrid, with_address("bob"))
    rsvps.respond(hybrid, choice="going", member=with_address("carol"), online=True)
    actions.change(hybrid, by=alice, attendance="place")
    settle()
    assert [message.to for message in SENT] == [["carol <carol@example.org>"]]
