"""The picture that other sites show, and covers as pixels."""

import base64
import dataclasses
import io
import subprocess
import sys

import pytest
from PIL import Image, ImageChops

from elonara.covers.choice import PALETTES_OF
from elonara.covers.palettes import BY_NAME
from elonara.covers.raster import drawn, lines_of
from elonara.covers.shapes import Area, Halo, Oval, Stroke, Wash, box, path
from elonara.covers.share_facts import HEIGHT, MAX_BYTES, WIDTH, ShareFacts
from elonara.covers.share_picture import COVER_WIDTH, composed, jpeg

WANTED = ShareFacts("Winter picnic", "Saturday 5 December, 15:00", "Boathouse lawn", "Elonara", "lake", "dawn")
WORDS = (56, 40, WIDTH - COVER_WIDTH - 56, HEIGHT - 40)


def differs(one, other, where):
    return ImageChops.difference(one.crop(where), other.crop(where)).getbbox() is not None


def test_it_is_what_open_graph_and_bluesky_show():
    image = composed(WANTED)
    assert image.size == (1200, 630)
    data = jpeg(image)
    assert len(data) < MAX_BYTES
    assert Image.open(io.BytesIO(data)).format == "JPEG"


@pytest.mark.parametrize(
    "change", [{"title": "Summer picnic"}, {"when": "Sunday"}, {"place": "The oak"}, {"place": ""}, {"site": "Bread"}]
)
def test_every_word_is_drawn(change):
    assert differs(composed(WANTED), composed(dataclasses.replace(WANTED, **change)), WORDS)


def test_the_cover_is_to_the_right_of_words_from_the_left_and_to_the_left_of_others():
    left = composed(WANTED)
    right = composed(dataclasses.replace(WANTED, title="ערב משחקים"))
    cover = left.crop((WIDTH - COVER_WIDTH, 0, WIDTH, HEIGHT))
    assert not ImageChops.difference(cover, right.crop((0, 0, COVER_WIDTH, HEIGHT))).getbbox()


def test_her_picture_takes_the_place_of_the_cover():
    file = io.BytesIO()
    Image.new("RGB", (300, 200), "#008080").save(file, "JPEG", quality=95)
    image = composed(dataclasses.replace(WANTED, picture=base64.b64encode(file.getvalue()).decode()))
    found = image.getpixel((WIDTH - 100, 300))
    assert all(abs(one - other) < 6 for one, other in zip(found, (0, 128, 128), strict=True))


@pytest.mark.parametrize("title", ["W" * 120, "漢" * 120, "🎉" * 60, "한국어 모임", "ص" * 120, ""])
def test_no_title_breaks_it(title):
    image = composed(dataclasses.replace(WANTED, title=title, place=title * 2))
    assert image.size == (WIDTH, HEIGHT)


def test_a_picture_that_compresses_badly_stays_below_what_bluesky_takes():
    assert len(jpeg(Image.effect_noise((WIDTH, HEIGHT), 200).convert("RGB"))) < MAX_BYTES


def test_it_is_made_by_a_process_that_knows_no_site():
    command = [sys.executable, "-I", "-m", "elonara.covers.share_picture"]
    made = subprocess.run(command, input=WANTED.as_json(), capture_output=True, env={}, check=True)
    assert Image.open(io.BytesIO(made.stdout)).size == (WIDTH, HEIGHT)


@pytest.mark.parametrize("drawing", PALETTES_OF)
def test_every_drawing_has_pixels(drawing):
    from elonara.covers.drawings import shapes_of

    image = drawn(shapes_of(drawing, PALETTES_OF[drawing][0]), 120, 90)
    assert len(image.getcolors(20_000)) > 50
    assert BY_NAME[PALETTES_OF[drawing][0]]


def test_shapes_are_where_their_data_says():
    image = drawn(
        [
            Wash(0, 0, 1200, 900, "#ffffff", "#000000"),
            Area(box(0, 0, 300, 300), "#ff0000"),
            Oval(600, 450, 100, "#00ff00"),
            Stroke(path((900, 800), (1100, 800), closed=False), "#0000ff", 60),
            Area(box(0, 600, 300, 300), "#ff0000", 0.5),
        ],
        600,
        450,
    )
    assert image.getpixel((60, 60)) == (255, 0, 0)
    assert image.getpixel((300, 225)) == (0, 255, 0)
    assert image.getpixel((500, 400)) == (0, 0, 255)
    assert image.getpixel((300, 10))[0] > 240 > 20 > image.getpixel((300, 445))[0]
    red, green, _ = image.getpixel((60, 400))
    assert red > 130 > 60 > green


def test_a_halo_ends_in_a_circle():
    image = drawn([Wash(0, 0, 1200, 900, "#000000", "#000000"), Halo(600, 450, 400, "#ffffff", 1)], 600, 450)
    assert image.getpixel((300, 225))[0] > 245
    assert image.getpixel((300, 30))[0] < 10
    assert image.getpixel((110, 40)) == image.getpixel((490, 410)) == (0, 0, 0)


def test_outlines_are_read_as_svg_reads_them():
    (line,) = lines_of("M0 0C0 10 10 10 10 0L20 -5Z")
    assert line[1] is True
    assert (line[0][0], line[0][-1]) == ((0, 0), (20, -5))
    assert line[0][7] == pytest.approx((5, 7.5))
    assert [closed for _, closed in lines_of("M0 0L1 1ZM5 5L6 6")] == [True, False]
