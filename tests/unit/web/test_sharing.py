"""How an event looks where its address is shared, and what an anonymous program may read there."""

import json
import re
from datetime import timedelta
from html import unescape

import pytest
from django.utils import timezone

from elonara.events import actions

SOON = timedelta(days=12)
HOSTILE = '</script><script>alert(1)</script> "&<!--'


@pytest.fixture
def make_event(alice):
    def make(**fields):
        values = {"title": "Picnic", "starts_at": timezone.now() + SOON, "timezone": "Europe/Berlin"}
        return actions.create(alice, **values | fields)

    return make


def tags(client, address):
    page = client.get(address).content.decode()
    found = re.findall(r'<meta (?:property|name)="([^"]+)" content="([^"]*)">', page)
    return page, {name: unescape(content) for name, content in found}


def json_ld(page):
    (text,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    return json.loads(text)


def test_a_public_event_tells_date_place_and_site(client, make_event):
    event = make_event(title="Picnic", location="Park", description="Bring cake.", timezone="Europe/Berlin")
    page, found = tags(client, f"/events/{event.slug}")
    assert found["og:title"] == "Picnic"
    assert found["og:site_name"]
    assert "Berlin time · Park. Bring cake." in found["og:description"] == found["description"]
    assert found["og:url"].endswith(f"/events/{event.slug}")
    assert found["twitter:data2"] == "Park"
    data = json_ld(page)
    assert (data["@type"], data["name"], data["location"]["name"]) == ("Event", "Picnic", "Park")
    assert data["startDate"] < data["endDate"]
    assert f'<link rel="alternate" type="text/calendar" href="/events/{event.slug}.ics"' in page


def test_text_of_a_host_cannot_leave_its_place(client, make_event):
    event = make_event(title=HOSTILE, location=HOSTILE, description=HOSTILE)
    page, found = tags(client, f"/events/{event.slug}")
    assert "<script>alert" not in page
    assert json_ld(page)["name"] == found["og:title"] == HOSTILE


def test_a_cancelled_event_says_so_elsewhere(client, alice, make_event):
    event = make_event()
    actions.cancel(event, alice)
    page, found = tags(client, f"/events/{event.slug}")
    assert found["og:description"].startswith("Cancelled. ")
    assert json_ld(page)["eventStatus"].endswith("EventCancelled")


@pytest.mark.parametrize("who", ["host", "operator"])
def test_a_private_or_hidden_event_says_nothing_to_programs(client, signed_in, alice, make_member, make_event, who):
    operator = make_member("olga", is_superuser=True, is_staff=True)
    private = make_event(visibility="private")
    hidden = make_event()
    actions.hide(hidden, operator)
    signed_in({"host": alice, "operator": operator}[who])
    for event in (private, hidden):
        page, found = tags(client, f"/events/{event.slug}")
        assert not [name for name in found if name.startswith(("og:", "twitter:"))]
        assert "ld+json" not in page


def test_the_calendar_file_answers_head(client, make_event):
    event = make_event()
    response = client.head(f"/events/{event.slug}.ics")
    assert (response.status_code, response["Content-Type"]) == (200, "text/calendar; charset=utf-8")
    assert client.head("/events/not-there.ics").status_code == 404
