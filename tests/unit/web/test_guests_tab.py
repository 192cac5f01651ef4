"""The Guests tab: setting answers, adding, merging, closing; and what guests see of it."""

import re

import pytest
from tests.pages import page_text

from elonara.events import actions
from elonara.events.guests import rsvps
from elonara.events.models import Event, Rsvp


@pytest.fixture
def bobs(picnic, make_member):
    """Bob's answer."""
    return rsvps.respond(picnic, choice="maybe", member=make_member("bob"))


def test_a_host_sets_adds_merges_and_removes(client, signed_in, alice, picnic, bobs):
    signed_in(alice)
    tab = f"/events/{picnic.slug}/manage?tab=guests"
    assert f"/events/{picnic.slug}/guests/{bobs.pk}" in client.get(tab).content.decode()
    address = f"/events/{picnic.slug}/guests"
    page = page_text(client.post(f"{address}/{bobs.pk}", {"answer": "going", "plus_ones": "1"}, follow=True))
    assert "The answer is saved." in page
    assert "Cora is on the list." in page_text(client.post(address, {"name": "Cora"}, follow=True))
    cora = Rsvp.objects.get(name="Cora")
    assert "Remove from the list" in page_text(client.get(f"{address}/{cora.pk}"))
    page = page_text(client.post(f"{address}/{cora.pk}", {"do": "merge", "other": bobs.pk}, follow=True))
    assert "They are one guest now." in page
    client.post(address, {"name": "Dora"})
    dora = Rsvp.objects.get(name="Dora")
    assert "Removed." in page_text(client.post(f"{address}/{dora.pk}", {"do": "remove"}, follow=True))
    assert "Enter the name" in page_text(client.post(address, {"name": " "}, follow=True))
    assert client.get(f"{address}/{dora.pk}").status_code == 404
    assert [row.pk for row in Rsvp.objects.all()] == [bobs.pk]


def test_others_reach_none_of_it(client, signed_in, picnic, bobs):
    signed_in(bobs.member)
    address = f"/events/{picnic.slug}/guests"
    assert client.get(f"{address}/{bobs.pk}").status_code == 403
    for path in (f"{address}/{bobs.pk}", address, f"{address}/close", f"{address}/accept"):
        assert client.post(path, {"answer": "going", "name": "Cora", "rsvp": bobs.pk}).status_code == 403
    assert Rsvp.objects.get().choice == "maybe"


def test_answers_are_closed_and_opened(client, signed_in, alice, picnic, bobs, make_member):
    signed_in(alice).post(f"/events/{picnic.slug}/guests/close")
    page = page_text(signed_in(bobs.member).get(f"/events/{picnic.slug}"))
    assert "Answers are closed." in page
    assert 'value="cant"' in page
    assert 'value="going"' not in page
    signed_in(make_member("carol"))
    page = page_text(client.get(f"/events/{picnic.slug}"))
    assert 'name="answer"' not in page
    page = page_text(client.post(f"/events/{picnic.slug}/answer", {"answer": "going"}, follow=True))
    assert "Answers closed on" in page
    signed_in(alice).post(f"/events/{picnic.slug}/guests/close", {"open": "1"})
    assert Event.objects.get().answers_until is None


def test_hidden_numbers_are_not_on_the_page(client, signed_in, alice, picnic, bobs, make_member):
    actions.change(picnic, by=alice, count_hidden=True, guest_list_hidden=True, capacity=10)
    rsvps.respond(picnic, choice="going", member=bobs.member)
    signed_in(make_member("carol"))
    for path in (f"/events/{picnic.slug}", "/events"):
        page = page_text(client.get(path))
        for word in ("1 person is going", "Nobody has said yes", "Be the first", "of 10 places", "1 going"):
            assert word not in page, path
    page = page_text(signed_in(bobs.member).get(f"/events/{picnic.slug}"))
    assert "Only the hosts can see who’s coming." in page


@pytest.mark.parametrize("choice", ["asked", "refused"])
def test_changing_only_the_number_decides_nothing(client, signed_in, alice, picnic, bobs, choice):
    """Going must not be what is chosen where the guest's answer is none of the buttons."""
    Rsvp.objects.filter(pk=bobs.pk).update(choice=choice)
    signed_in(alice)
    address = f"/events/{picnic.slug}/guests/{bobs.pk}"
    page = page_text(client.get(address))
    assert page.count("selected") == 1
    assert re.search(r'<option value="" selected>[^<]+, as it is</option>', page)
    client.post(address, {"answer": "", "plus_ones": "1"})
    bobs.refresh_from_db()
    assert (bobs.choice, bobs.plus_ones) == (choice, 1)


def test_how_a_guest_comes_is_chosen_where_there_are_two_ways(client, signed_in, alice, picnic, bobs):
    actions.change(picnic, by=alice, attendance="both", online_link="https://call.example/x", location="The lawn")
    signed_in(alice)
    address = f"/events/{picnic.slug}/guests"
    for answer, online in (("online", True), ("maybe", True), ("going", False)):
        client.post(f"{address}/{bobs.pk}", {"answer": answer, "plus_ones": "0", "ways": "both"})
        bobs.refresh_from_db()
        assert bobs.online is online
    client.post(address, {"name": "Cora", "answer": "online"})
    assert Rsvp.objects.get(name="Cora").online


def test_a_couple_takes_two_places_with_one_press(client, signed_in, picnic, alice, make_member):
    actions.change(picnic, by=alice, plus_ones_allowed=1)
    signed_in(make_member("eve"))
    assert 'name="plus_ones"' in page_text(client.get(f"/events/{picnic.slug}"))
    client.post(f"/events/{picnic.slug}/answer", {"answer": "going", "plus_ones": "1"})
    assert Rsvp.objects.get(member__username="eve").plus_ones == 1
