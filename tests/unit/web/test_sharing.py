"""How an event looks where its address is shared, and what an anonymous program may read there."""

import json
import re
from datetime import timedelta
from html import unescape

import pytest
from django.utils import timezone

from elonara.events import actions, share_pictures
from elonara.events.models import Event

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


@pytest.fixture
def drawn(settings, tmp_path, monkeypatch):
    """Makes the pictures of all events, as the job does."""
    settings.MEDIA_ROOT = tmp_path / "media"
    monkeypatch.setattr(share_pictures, "_draw", lambda wanted: b"JPEG")

    def draw():
        for key, _ in share_pictures.sweep():
            share_pictures.poll(key)

    return draw


def test_a_shared_link_shows_the_picture_of_the_event_as_it_is(client, alice, make_event, drawn):
    event = make_event(location="Park")
    assert "og:image" not in tags(client, f"/events/{event.slug}")[1]
    drawn()
    page, found = tags(client, f"/events/{event.slug}")
    path, _, version = found["og:image"].partition("?v=")
    assert path.endswith(f"/events/{event.slug}/share.jpg")
    assert (found["og:image:width"], found["og:image:height"]) == ("1200", "630")
    assert found["og:image:alt"].startswith("Picnic. ")
    assert "Park" in found["og:image:alt"]
    assert found["twitter:card"] == "summary_large_image"
    assert json_ld(page)["image"] == [found["og:image"]]
    actions.change(event, by=alice, title="Lunch")
    assert "og:image" not in tags(client, f"/events/{event.slug}")[1]
    drawn()
    assert tags(client, f"/events/{event.slug}")[1]["og:image"].partition("?v=")[2] != version


def test_the_picture_is_served_to_anybody_and_asked_for_once(client, make_event, drawn):
    address = f"/events/{make_event().slug}/share.jpg"
    assert client.get(address).status_code == 404
    drawn()
    response = client.get(address)
    assert (response.status_code, response["Content-Type"], response.getvalue()) == (200, "image/jpeg", b"JPEG")
    assert response["Cache-Control"] == "public, no-cache"  # what was hidden since is not shown by a cache
    assert client.get(address, HTTP_IF_NONE_MATCH=response["ETag"]).status_code == 304
    assert client.head(address).status_code == 200


def test_a_picture_of_what_is_private_or_was_is_not_there(signed_in, alice, make_event, drawn):
    event = make_event()
    drawn()
    client, address = signed_in(alice), f"/events/{event.slug}/share.jpg"
    actions.change(event, by=alice, visibility="private")
    refused = client.get(address)
    assert (refused.status_code, "If-None-Match" in refused.headers) == (404, False)
    actions.change(event, by=alice, visibility="public", location="Secret", place_hidden=True)
    drawn()
    assert client.get(address).status_code == 200
    Event.objects.update(hidden_at=timezone.now())
    assert client.get(address).status_code == 404


def test_a_picture_whose_file_is_lost_is_not_there(client, make_event, drawn):
    event = make_event()
    drawn()
    Event.objects.get().share_picture.delete(save=False)
    assert client.get(f"/events/{event.slug}/share.jpg").status_code == 404


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
