"""Pictures that members upload: no page decodes them in the site's own process, and a refusal is a sentence."""

import sys
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from PIL import Image
from tests.pages import page_text
from tests.unit.communities import bad_pictures

from elonara.communities import pictures
from elonara.events.models import Event


@pytest.fixture
def addresses(picnic, circle):
    """Every page that takes a picture, with the other fields it asks for."""
    event = {
        "title": "Picnic",
        "starts_at": (timezone.now() + timedelta(days=9)).strftime("%Y-%m-%dT15:00"),
        "timezone": "Europe/Lisbon",
        "visibility": "public",
        "plus_ones_allowed": "0",
    }
    community = {"name": "Bakers", "visibility": "public"}
    return {
        "/events/create": event,
        f"/events/{picnic.slug}/edit": event,
        "/communities/create": community,
        f"/communities/{circle.slug}/edit": community,
    }


def test_a_picture_made_to_cost_much_is_refused_with_a_sentence_on_every_page(signed_in, alice, addresses, monkeypatch):
    client, opened = signed_in(alice), []
    real = Image.open
    monkeypatch.setattr(Image, "open", lambda *args, **more: opened.append(args) or real(*args, **more))
    data = bad_pictures.jpeg_with_scans(400)
    for address, fields in addresses.items():
        response = client.post(address, fields | {"picture": SimpleUploadedFile("p.jpg", data, "image/jpeg")})
        assert pictures.TOO_COMPLEX in page_text(response), address
    assert not opened, "a page decoded it in this process"


def test_pages_go_on_while_a_picture_is_decoded(signed_in, alice, addresses, monkeypatch):
    monkeypatch.setattr(pictures, "MAX_SECONDS", 0.3)
    monkeypatch.setattr(pictures, "DECODER", (sys.executable, "-I", "-c", "while True: pass"))
    client = signed_in(alice)
    fields = addresses["/events/create"]
    response = client.post("/events/create", fields | {"picture": SimpleUploadedFile("p.jpg", b"x", "image/jpeg")})
    assert pictures.TOO_COMPLEX in page_text(response)
    assert Event.objects.count() == 1, "only the one of the fixture"
