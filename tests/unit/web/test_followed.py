"""What pages say of the people whom the viewer follows and who are going."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from tests.fakes.graph import somebody
from tests.fakes.known import graph_with
from tests.pages import page_text

from elonara.bluesky.models import MemberIdentity
from elonara.events import actions
from elonara.events.models import Rsvp

LINE = "People you follow are going:"


@pytest.fixture
def vera(make_member):
    """A member with a graph: she follows five people."""
    member = make_member("vera")
    MemberIdentity.objects.create(member=member, bsky_did="did:plc:vera", bsky_handle="vera.example", state="active")
    graph_with(member, [somebody(f"guest{number}", known=True) for number in range(5)])
    return member


@pytest.fixture
def guests(picnic):
    def go(count):
        Rsvp.objects.bulk_create(
            Rsvp(event=picnic, did=f"did:plc:guest{number}", name=f"Guest {number}", choice="going")
            for number in range(count)
        )

    return go


@pytest.mark.parametrize("address", ["/events/{slug}", "/events"])
@pytest.mark.parametrize(
    ("count", "sentence"),
    [
        (1, "Guest 0, who you follow, is going"),
        (2, f"{LINE} Guest 0 and Guest 1"),
        (3, f"{LINE} Guest 0, Guest 1 and Guest 2"),
        (4, f"{LINE} Guest 0, Guest 1, Guest 2 and 1 other you follow"),
        (5, f"{LINE} Guest 0, Guest 1, Guest 2 and 2 others you follow"),
    ],
)
def test_the_sentence(signed_in, vera, picnic, guests, address, count, sentence):
    guests(count)
    html = signed_in(vera).get(address.format(slug=picnic.slug)).content.decode()
    assert f" {sentence} " in " ".join(re.sub(r"</?(?!p\b)[^>]*>", "", html).split()).replace("</p>", "")


@pytest.mark.parametrize("address", ["/events/{slug}", "/events"])
def test_it_is_for_those_alone_who_connected_bluesky(client, signed_in, vera, make_member, picnic, guests, address):
    guests(4)
    address = address.format(slug=picnic.slug)
    for browser in (client, signed_in(make_member("wim"))):
        page = page_text(browser.get(address))
        assert "you follow" not in page
        assert "Guest 0" not in page
    assert "you follow" in page_text(signed_in(vera).get(address))


def test_it_is_not_where_names_are_for_others(signed_in, alice, vera, picnic, guests):
    guests(4)
    for change in ({"guest_list_hidden": True}, {"guest_list_hidden": False, "count_hidden": True}):
        actions.change(picnic, by=alice, **change)
        for address in (f"/events/{picnic.slug}", "/events"):
            assert "Guest 0" not in page_text(signed_in(vera).get(address))
    actions.change(picnic, by=alice, count_hidden=False, approval=True)
    address = f"/events/{picnic.slug}"
    assert "you follow" not in page_text(signed_in(vera).get(address))
    Rsvp.objects.create(event=picnic, member=vera, choice="maybe")
    assert "you follow" not in page_text(signed_in(vera).get(address))
    Rsvp.objects.filter(member=vera).update(choice="going")
    assert "you follow" in page_text(signed_in(vera).get(address))
    assert "you follow" not in page_text(signed_in(vera).get("/events"))


def test_a_private_event_is_not_in_the_list_of_a_stranger(signed_in, vera, supper):
    Rsvp.objects.create(event=supper, did="did:plc:guest0", name="Guest 0", choice="going")
    for address in (f"/events/{supper.slug}", "/events", "/events?show=mine", "/events?show=past"):
        assert "Guest 0" not in page_text(signed_in(vera).get(address))


@pytest.mark.parametrize("address", ["/events/{slug}", "/events"])
def test_it_takes_one_query(signed_in, vera, picnic, guests, address):
    browser, numbers = signed_in(vera), []
    for count in (0, 5):
        guests(count)
        browser.get(address.format(slug=picnic.slug))
        with CaptureQueriesContext(connection) as seen:
            browser.get(address.format(slug=picnic.slug))
        numbers.append(len(seen))
        assert len([query for query in seen if "knownperson" in query["sql"]]) == 1
    assert numbers[0] == numbers[1]
