"""An event at a place and online, on the pages and in the API's pages of guests."""

from datetime import timedelta

import pytest
from django.utils import timezone
from tests.pages import page_text

from elonara.events import actions
from elonara.events.models import Event, Rsvp

LINK = "https://meet.example/secret-room"


@pytest.fixture
def hybrid(alice):
    return actions.create(
        alice, title="Talk", starts_at=timezone.now() + timedelta(days=5), timezone="Europe/Lisbon", location="The oak",
        attendance="both", online_link=LINK, capacity=5, online_capacity=1,
    )  # fmt: skip


def test_a_guest_chooses_how_to_come_and_reads_what_belongs_to_it(client, signed_in, make_member, hybrid):
    address = f"/events/{hybrid.slug}"
    signed_in(make_member("bob"))
    page = page_text(client.get(address))
    assert "5 of 5 places on site are left. 1 of 1 places online is left." in page
    assert ">Going in person</button>" in page
    assert ">Going online</button>" in page
    assert "secret-room" not in page
    page = page_text(client.post(f"{address}/answer", {"answer": "online"}, follow=True))
    assert "You are going." in page
    assert LINK in client.get(address).content.decode()
    assert "secret-room" in client.get(f"{address}.ics").content.decode().replace("\r\n ", "")
    page = page_text(client.post(f"{address}/answer", {"answer": "going"}, follow=True))
    assert not Rsvp.objects.get().online
    assert "secret-room" not in client.get(address).content.decode()
    assert "secret-room" not in client.get(f"{address}.ics").content.decode().replace("\r\n ", "")


def test_the_other_way_being_full_says_so_and_changes_nothing(client, signed_in, make_member, hybrid):
    address = f"/events/{hybrid.slug}"
    signed_in(make_member("bob")).post(f"{address}/answer", {"answer": "online"})
    signed_in(make_member("carol")).post(f"{address}/answer", {"answer": "going"})
    page = page_text(client.get(address))
    assert ">Join the waiting list online</button>" in page
    refused = client.post(f"{address}/answer", {"answer": "online"})
    assert refused.status_code == 400
    assert "All places online are taken. You keep yours." in page_text(refused)


def test_who_waits_for_one_way_reads_that_the_other_is_free(client, signed_in, make_member, hybrid, alice):
    actions.change(hybrid, by=alice, capacity=1)
    signed_in(make_member("bob")).post(f"/events/{hybrid.slug}/answer", {"answer": "going"})
    signed_in(make_member("carol")).post(f"/events/{hybrid.slug}/answer", {"answer": "going"})
    page = page_text(client.get(f"/events/{hybrid.slug}"))
    assert ">Waiting list</button>" in page
    assert ">Going online</button>" in page


def test_the_form_takes_both(client, signed_in, alice):
    start = f"{timezone.now() + timedelta(days=5):%Y-%m-%dT18:00}"
    form = {"title": "Talk", "starts_at": start, "timezone": "UTC", "visibility": "public", "attendance": "both"}
    signed_in(alice).post("/events/create", form | {"online_link": LINK, "online_capacity": "7"})
    event = Event.objects.get()
    assert (event.attendance, event.online_link, event.online_capacity) == ("both", LINK, 7)
    assert LINK in client.get(f"/events/{event.slug}/edit").content.decode()
    refused = client.post("/events/create", form | {"online_link": "meet.example"})
    assert "Enter the whole address" in page_text(refused)
