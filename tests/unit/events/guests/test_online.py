"""Coming online: places of its own, and a link that nobody else reads."""

import json

import pytest

from elonara.events import actions, location, web_previews
from elonara.events.guests import places, rsvps
from elonara.events.models import Rsvp
from elonara.members.errors import Invalid
from elonara.members.queries import open_notices

LINK = "https://meet.example/secret-room"


@pytest.fixture
def hybrid(make_event):
    """One place on site, one online; a guest may bring somebody."""
    return make_event(
        capacity=1, online_capacity=1, attendance="both", online_link=LINK, location="The oak", plus_ones_allowed=1
    )


def answer(event, who, online=False, choice="going", **more):
    return rsvps.respond(event, choice=choice, did=f"did:plc:{who}", invited=True, online=online, **more)


def state():
    return {row.did[8:]: (row.choice, row.online) for row in Rsvp.objects.all()}


def test_each_way_has_its_own_places_and_its_own_list(hybrid):
    for who, online in (("a", False), ("b", True), ("c", False), ("d", True), ("e", True)):
        answer(hybrid, who, online)
    assert state() == {
        "a": ("going", False), "b": ("going", True), "c": ("waiting", False), "d": ("waiting", True),
        "e": ("waiting", True),
    }  # fmt: skip
    assert [places.position(row) for row in Rsvp.objects.filter(choice="waiting").order_by("pk")] == [1, 1, 2]
    answer(hybrid, "b", choice="cant")
    assert state()["d"] == ("going", True)
    assert state()["c"] == ("waiting", False)


def test_who_has_a_place_keeps_it_where_the_other_way_is_full(hybrid, alice):
    answer(hybrid, "a")
    answer(hybrid, "b", online=True)
    with pytest.raises(Invalid, match="All places online are taken"):
        answer(hybrid, "a", online=True)
    assert state()["a"] == ("going", False)
    answer(hybrid, "c")
    actions.change(hybrid, by=alice, online_capacity=2)
    assert answer(hybrid, "a", online=True).online
    assert state() == {"a": ("going", True), "b": ("going", True), "c": ("going", False)}


def test_who_waits_and_changes_the_way_waits_at_the_end_of_the_other(hybrid):
    for who in "abc":
        answer(hybrid, who)
    answer(hybrid, "d", online=True)
    answer(hybrid, "e", online=True)
    assert answer(hybrid, "b", online=True).choice == "waiting"
    assert places.position(Rsvp.objects.get(did="did:plc:b")) == 2
    assert places.position(Rsvp.objects.get(did="did:plc:c")) == 1


@pytest.mark.parametrize(("attendance", "online"), [("place", False), ("online", True)])
def test_where_an_event_leaves_no_choice_there_is_none(hybrid, alice, attendance, online):
    answer(hybrid, "a", online=not online)
    actions.change(hybrid, by=alice, attendance=attendance)
    assert state()["a"] == ("going", online)
    assert answer(hybrid, "a", online=not online).online == online


@pytest.mark.promise("hidden-place")
@pytest.mark.parametrize(("choice", "online", "seen"), [
    ("going", True, True), ("going", False, False), ("maybe", True, False), ("waiting", True, False),
    ("asked", True, False),
])  # fmt: skip
def test_the_link_is_for_who_comes_online_alone(hybrid, alice, choice, online, seen):
    row = Rsvp(choice=choice, online=online)
    assert location.link(hybrid, row) == (LINK if seen else "")
    assert location.for_calendar(hybrid, row) == (LINK if seen else "The oak")
    assert location.link(hybrid, None) == ""
    assert location.link(hybrid, None, manages=True) == LINK
    actions.change(hybrid, by=alice, attendance="place")
    assert location.link(hybrid, row, manages=True) == ""


def test_a_hidden_place_is_not_for_who_comes_online(hybrid, alice):
    actions.change(hybrid, by=alice, place_hidden=True)
    assert location.where(hybrid, Rsvp(choice="going", online=True)) == ""
    assert location.where(hybrid, Rsvp(choice="going", online=False)) == "The oak"


def test_previews_name_the_page_in_place_of_the_link(hybrid):
    preview = web_previews.web_preview(hybrid, url="https://x.example/e", site_name="X")
    assert "secret-room" not in repr(preview)
    found = json.loads(preview.json_ld)
    assert found["eventAttendanceMode"] == "https://schema.org/MixedEventAttendanceMode"
    assert [each["@type"] for each in found["location"]] == ["Place", "VirtualLocation"]


def test_a_new_link_is_told_to_who_comes_online_and_not_shown(
    hybrid, alice, make_member, django_capture_on_commit_callbacks
):
    bob, carol = make_member("bob"), make_member("carol")
    rsvps.respond(hybrid, choice="going", member=bob, online=True)
    rsvps.respond(hybrid, choice="going", member=carol)
    with django_capture_on_commit_callbacks(execute=True):
        actions.change(hybrid, by=alice, online_link=f"{LINK}-2")
    assert "The link of Picnic for those who join online is new" in open_notices(bob).get().text
    assert "secret-room" not in open_notices(bob).get().text
    assert not open_notices(carol).exists()


@pytest.mark.parametrize(
    "link", ["meet.example", "javascript:alert(1)", "ftp://meet.example/x", f"https://x.example/{'x' * 500}"]
)
def test_a_link_is_a_web_address(make_event, link):
    with pytest.raises(Invalid):
        make_event(attendance="online", online_link=link)
