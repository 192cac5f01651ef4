"""Where covers stand: at the head of events and invitations, and in every list of events."""

import io
import itertools
import re
from datetime import timedelta

import pytest
from django.utils import timezone
from PIL import Image
from tests.fakes.oauth import BOB

from elonara.communities import pictures
from elonara.covers.choice import cover_of
from elonara.events import actions
from elonara.events.models import Event

COVER = re.compile(r'<img[^>]* src="/static/(covers/[\w-]+\.svg)\?v=\w+"[^>]*>')


def read(browser, address):
    response = browser.get(address)
    assert response.status_code == 200
    return response.content.decode()


@pytest.fixture
def make_event(alice):
    def make(title, **fields):
        values = {"starts_at": timezone.now() + timedelta(days=3), "timezone": "Europe/Lisbon"}
        return actions.create(alice, title=title, **values | fields)

    return make


def test_an_event_is_led_by_its_cover_in_its_colours(client, make_event):
    event = make_event("Walk", mood="calm")
    page, cover = read(client, f"/events/{event.slug}"), cover_of("Walk", "calm")
    assert COVER.findall(page) == [cover.file]
    assert f'<body class="glow hue-{cover.palette}">' in page
    # It has its size before it is loaded, and says nothing to who cannot see it.
    assert 'width="1200" height="900" alt=""' in COVER.search(page)[0]


def test_her_picture_takes_the_place_of_the_cover(client, make_event, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    file = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(file, "JPEG")
    event = make_event("Walk", picture=file.getvalue(), picture_alt="Two boats")
    page = read(client, f"/events/{event.slug}")
    assert COVER.findall(page) == []
    assert f'src="/events/{event.slug}/picture" alt="Two boats"' in page
    assert "hue-" not in page


def test_an_invitation_shows_the_cover(client, invited, picnic, circle):
    page, cover = read(client, f"/i/{invited(picnic).ref}"), cover_of(picnic.title)
    assert COVER.findall(page) == [cover.file]
    assert f'<body class="glow hue-{cover.palette}">' in page
    community = read(client, f"/i/{invited(circle).ref}")
    assert (COVER.findall(community), "hue-" in community) == ([], False)


def test_the_form_shows_the_cover_of_now(signed_in, alice, make_event):
    event = make_event("Walk", mood="lively")
    page = read(signed_in(alice), f"/events/{event.slug}/edit")
    assert COVER.findall(page) == [cover_of("Walk", mood).file for mood in Event.Mood.values]
    assert re.search(r'value="lively"[^>]* checked', page)
    new = read(signed_in(alice), "/events/create")
    assert COVER.findall(new) == [cover_of("", mood).file for mood in Event.Mood.values]


@pytest.mark.parametrize("address", ["/", "/events", "/@alice", "/communities/walkers", "/profile"])
def test_lists_show_covers_and_no_two_neighbours_alike(client, signed_in, alice, make_event, address):
    from elonara.communities import actions as communities

    walkers = communities.create(alice, name="Walkers")
    for number in range(5):
        make_event("Walk", mood="evening", community=walkers, starts_at=timezone.now() + timedelta(days=number + 1))
    shown = COVER.findall(read(signed_in(alice) if address == "/profile" else client, address))
    assert len(shown) == 5
    assert all(one != other for one, other in itertools.pairwise(shown))
    own = cover_of("Walk", "evening")
    assert {re.split("[/-]", name)[1] for name in shown} == {own.drawing}  # as on their own pages
    assert shown[0] == own.file


def test_a_private_event_shows_strangers_no_cover(client, make_event):
    event = make_event("Walk", visibility="private")
    refused = client.get(f"/events/{event.slug}")
    assert (refused.status_code, COVER.findall(refused.content.decode())) == (404, [])
    assert COVER.findall(read(client, "/events")) == []


def test_lists_show_her_picture_made_small(client, make_event, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    file = io.BytesIO()
    Image.effect_noise((1600, 1200), 90).convert("RGB").save(file, "JPEG", quality=95)
    event = make_event("Walk", picture=file.getvalue(), picture_alt="Two boats")
    address = re.search(r'<img class="cover" src="([^"]+)"', read(client, "/events"))[1].replace("&amp;", "&")
    assert address.startswith(f"/events/{event.slug}/picture?small=")
    small = client.get(address)
    assert (small["Content-Type"], Image.open(io.BytesIO(small.content)).size) == ("image/jpeg", (480, 360))
    assert len(small.content) <= 60_000
    assert "private" in small["Cache-Control"]
    event.refresh_from_db()
    actions.change(event, by=event.created_by, visibility="private")
    assert client.get(address).status_code == 404


def test_a_picture_of_which_no_small_one_can_be_made_now_is_shown_whole(client, make_event, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    file = io.BytesIO()
    Image.new("RGB", (800, 600), "teal").save(file, "JPEG")
    event = make_event("Walk", picture=file.getvalue())
    with pictures._turn(0):  # somebody uploads one
        whole = client.get(f"/events/{event.slug}/picture?small=x")
    assert Image.open(io.BytesIO(b"".join(whole.streaming_content))).size == (800, 600)


def test_an_invitation_in_the_inbox_shows_the_cover(client, authorize, invited, picnic):
    invited(picnic)
    authorize(client, client.post("/invitations/prove", {"handle": "bob.example.com"}), BOB)
    assert COVER.findall(read(client, "/invitations")) == [cover_of(picnic.title).file]


def test_a_picture_whose_file_is_lost_is_not_found(client, make_event, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    file = io.BytesIO()
    Image.new("RGB", (800, 600), "teal").save(file, "JPEG")
    event = make_event("Walk", picture=file.getvalue())
    event.picture.storage.delete(event.picture.name)
    assert client.get(f"/events/{event.slug}/picture?small=x").status_code == 404
    assert client.get(f"/events/{event.slug}/picture").status_code == 404
