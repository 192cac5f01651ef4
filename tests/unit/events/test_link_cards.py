"""Link cards of posts."""

import io
import os
import time

import pytest
from PIL import Image

from elonara.communities import actions as communities
from elonara.events import actions
from elonara.events.link_cards import card_for, forget_old_thumbs


def test_a_card_says_what_when_and_where(make_event):
    card = card_for(make_event(location="Park", description="Bring\ncake."))
    assert card.title == "Picnic"
    assert card.description.endswith(":00 · Park · Bring cake.")
    assert card.thumb is None


def test_the_thumb_is_a_small_jpeg_and_is_cached(make_event, photo, tmp_path, alice):
    event = make_event(picture=photo((2400, 1800)))
    card = card_for(event)
    assert card.has_thumb
    assert len(card.thumb) < 1_000_000
    image = Image.open(io.BytesIO(card.thumb))
    assert (image.format, max(image.size) <= 1000) == ("JPEG", True)
    cached = list((tmp_path / "cache" / "cards").iterdir())
    assert [path.read_bytes() for path in cached] == [card.thumb]
    cached[0].write_bytes(b"from the disk")
    assert card_for(event).thumb == b"from the disk"
    actions.change(event, by=alice, picture=photo((500, 400)))
    assert card_for(event).thumb != b"from the disk"


def test_a_thumb_that_cannot_be_cached_is_used_all_the_same(make_event, photo, tmp_path):
    (tmp_path / "cache").write_text("no folder can be made here, as on a full disk")
    event = make_event(picture=photo((500, 400)))
    assert Image.open(io.BytesIO(card_for(event).thumb)).format == "JPEG"


def test_an_old_thumb_is_deleted_and_made_again_when_needed(make_event, photo, tmp_path):
    old, fresh = make_event(picture=photo((500, 400))), make_event(picture=photo((400, 500)))
    assert card_for(old).thumb
    (cached,) = (tmp_path / "cache" / "cards").iterdir()
    os.utime(cached, (time.time() - 31 * 86_400,) * 2)
    assert card_for(fresh).thumb

    assert forget_old_thumbs() == 1

    assert not cached.exists()
    assert len(list((tmp_path / "cache" / "cards").iterdir())) == 1
    assert card_for(old).thumb


@pytest.mark.promise("private-not-named")
def test_the_card_of_a_private_event_or_community_reveals_nothing(make_event, photo, alice):
    event = make_event(
        title="Secret supper",
        visibility="private",
        location="Oak",
        description="Come",
        picture=photo((300, 200)),
        picture_alt="Oak",
    )
    card = card_for(event)
    text = f"{card.title} {card.description} {card.alt}"
    assert text == "A private event Open the invitation to see it. "
    assert not card.has_thumb
    assert card.thumb is None
    assert card_for(communities.create(alice, name="Plotters", visibility="private")).title == "A private community"


def test_a_community_has_a_card_too(alice, photo):
    card = card_for(
        communities.create(
            alice, name="Bakers", description="Bread " * 100, picture=photo((300, 200)), picture_alt="A loaf"
        )
    )
    assert (card.title, card.alt) == ("Bakers", "A loaf")
    assert len(card.description) <= 280
    assert card.description.endswith("…")
    assert card.thumb


def test_a_lost_file_leaves_a_card_without_a_thumb(make_event, photo, media):
    event = make_event(picture=photo((300, 200)))
    (media / event.picture.name).unlink()
    assert card_for(event).thumb is None


def test_a_damaged_file_leaves_a_card_without_a_thumb(make_event, photo, media):
    event = make_event(picture=photo((300, 200)))
    (media / event.picture.name).write_bytes(b"broken")
    assert card_for(event).thumb is None
