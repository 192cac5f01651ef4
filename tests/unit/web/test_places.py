"""Places on the pages: what a guest reads when an event is full, and what its host can do."""

from datetime import timedelta

import pytest
from django.utils import timezone
from tests.pages import page_text

from elonara.events import actions
from elonara.events.guests import rsvps
from elonara.events.models import Event, Rsvp


@pytest.fixture
def small(alice):
    start = timezone.now() + timedelta(days=5)
    return actions.create(alice, title="Dinner", starts_at=start, timezone="Europe/Lisbon", capacity=2)


def fill(event, count):
    for number in range(count):
        rsvps.respond(event, choice="going", did=f"did:plc:guest{number}", name=f"Guest {number}", invited=True)


def test_a_guest_reads_how_many_places_are_left(client, small):
    fill(small, 1)
    assert "1 of 2 places is left." in page_text(client.get(f"/events/{small.slug}"))


def test_when_it_is_full_a_guest_joins_the_waiting_list_and_reads_her_place(client, signed_in, make_member, small):
    fill(small, 3)
    signed_in(make_member("bob"))
    page = page_text(client.get(f"/events/{small.slug}"))
    assert "All 2 places are taken." in page
    assert ">Join the waiting list</button>" in page
    response = client.post(f"/events/{small.slug}/answer", {"answer": "going"}, follow=True)
    page = page_text(response)
    assert "You are number 2 on the waiting list." in page
    assert ">Waiting list</button>" in page
    assert "Guest 2" not in page  # others who wait are not named to guests


def test_the_host_sees_who_waits_and_gives_a_place(client, signed_in, alice, make_member, small):
    fill(small, 3)
    signed_in(alice)
    page = page_text(client.get(f"/events/{small.slug}/manage?tab=guests"))
    assert "2 going of 2, 1 waiting," in page
    assert "Give a place" in page
    row = Rsvp.objects.get(did="did:plc:guest2")
    client.post(f"/events/{small.slug}/place", {"rsvp": row.pk})
    assert Rsvp.objects.get(pk=row.pk).choice == "going"


@pytest.mark.parametrize("value", ["", "x", "-1", "9" * 40, "٣"])
def test_a_place_for_nobody_is_a_sentence(client, signed_in, alice, small, value):
    signed_in(alice)
    response = client.post(f"/events/{small.slug}/place", {"rsvp": value}, follow=True)
    assert "is no longer waiting" in page_text(response)


def test_others_cannot_give_places(client, signed_in, make_member, small):
    fill(small, 3)
    row = Rsvp.objects.get(did="did:plc:guest2")
    signed_in(make_member("mallory"))
    assert client.post(f"/events/{small.slug}/place", {"rsvp": row.pk}).status_code == 403
    assert Rsvp.objects.get(pk=row.pk).choice == "waiting"


@pytest.mark.parametrize(
    ("capacity", "status"), [("12", 302), ("", 302), ("0", 200), ("-3", 200), ("100001", 200), ("x", 200)]
)
def test_the_form_takes_a_number_of_places(client, signed_in, alice, capacity, status):
    start = f"{timezone.now() + timedelta(days=5):%Y-%m-%dT18:00}"
    form = {"title": "Dinner", "starts_at": start, "timezone": "UTC", "visibility": "public", "fills": "itself"}
    response = signed_in(alice).post("/events/create", form | {"capacity": capacity})
    assert response.status_code == status
    found = list(Event.objects.values_list("capacity", "fills_by_itself"))
    assert found == ([(int(capacity) if capacity else None, True)] if status == 302 else [])


@pytest.fixture
def offering(small, alice, make_member):
    """Two places; bob waits for one, and has an offer for a day once a guest has left."""
    actions.change(small, by=alice, offer_hours=24)
    fill(small, 2)
    bob = make_member("bob")
    rsvps.respond(small, choice="going", member=bob)
    rsvps.withdraw(small, did="did:plc:guest0")
    assert rsvps.rsvp_of(small, bob).choice == "offered"
    return bob


def test_an_offered_place_is_taken_with_one_press(client, signed_in, small, offering):
    page = page_text(signed_in(offering).get(f"/events/{small.slug}"))
    assert "A place is kept for you until " in page
    assert ">Take the place</button>" in page
    page = page_text(client.post(f"/events/{small.slug}/answer", {"answer": "going"}, follow=True))
    assert "You are going." in page
    assert "Take the place" not in page


def test_after_the_time_an_offered_place_is_asked_for_again(client, signed_in, small, offering, clock):
    clock.pass_(hours=25)
    fill(small, 1)  # the place goes to the next who asks
    page = page_text(signed_in(offering).get(f"/events/{small.slug}"))
    assert "The time to take your place ran out on " in page
    assert ">I still want a place</button>" in page
    page = page_text(client.post(f"/events/{small.slug}/answer", {"answer": "going"}, follow=True))
    assert "it went to the next. You are next on the waiting list." in page


def test_the_host_sees_who_has_an_offer(signed_in, alice, small, offering):
    page = page_text(signed_in(alice).get(f"/events/{small.slug}/manage?tab=guests"))
    assert "1 offered a place," in page
    assert "Place offered" in page


@pytest.mark.parametrize(
    ("fills", "hours", "stored"),
    [("itself", "5", (True, 0)), ("offer", "5", (True, 5)), ("offer", "", (True, 24)), ("hand", "", (False, 0))],
)
def test_the_form_offers_three_ways_to_fill_a_place(client, signed_in, alice, fills, hours, stored):
    start = f"{timezone.now() + timedelta(days=5):%Y-%m-%dT18:00}"
    form = {"title": "Dinner", "starts_at": start, "timezone": "UTC", "visibility": "public", "fills": fills}
    signed_in(alice).post("/events/create", form | {"offer_hours": hours})
    event = Event.objects.get()
    assert (event.fills_by_itself, event.offer_hours) == stored
    page = client.get(f"/events/{event.slug}/edit")
    assert page.context["form"].initial["fills"] == fills


def waiting_page(client, event):
    return page_text(client.get(f"/events/{event.slug}"))


def test_who_waits_reads_what_happens_to_a_free_place(client, signed_in, alice, make_member, small, clock):
    fill(small, 2)
    bob = make_member("bob")
    rsvps.respond(small, choice="going", member=bob)
    signed_in(bob)
    assert "You get a place when one becomes free." in waiting_page(client, small)
    actions.change(small, by=alice, offer_hours=5)
    assert "You are offered a place when one becomes free." in waiting_page(client, small)
    actions.change(small, by=alice, fill_cutoff_hours=24 * 28)
    page = waiting_page(client, small)
    assert "Nobody moves up automatically now; the hosts can still give you a place." in page
    actions.change(small, by=alice, fills_by_itself=False)
    assert "When a place becomes free, the hosts decide who gets it." in waiting_page(client, small)


def test_places_that_are_left_while_others_wait_are_not_called_taken(client, alice, small):
    event = actions.change(small, by=alice, plus_ones_allowed=3)
    fill(event, 1)
    rsvps.respond(event, choice="going", did="did:plc:carol", plus_ones=1, invited=True)
    page = waiting_page(client, event)
    assert "Other people are waiting for the places that are left." in page
    assert "places are taken" not in page
    assert ">Join the waiting list</button>" in page


def test_until_when_an_answer_can_be_changed(client, signed_in, alice, small, clock):
    signed_in(alice)
    assert "You can change it until the event is over." in waiting_page(client, small)
    actions.change(small, by=alice, answers_until=small.starts_at - timedelta(hours=2))
    assert "You can change it until " in waiting_page(client, small)
    assert "until the event is over" not in waiting_page(client, small)
    actions.change(small, by=alice, answers_until=clock.now())
    page = waiting_page(client, small)
    assert "You can change it" not in page
    assert "Answers are closed." in page
    assert "Be the first." not in page
