"""Uploaded pictures."""

import io
import struct
import zlib

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from elonara.communities import actions, pictures
from elonara.members.errors import Invalid


def opened(data):
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("JPEG", "RGB"), ("JPEG", "CMYK"), ("PNG", "RGBA"), ("PNG", "P"), ("PNG", "1"), ("WEBP", "RGB"), ("GIF", "P")],
)
def test_every_common_format_is_stored_as_an_rgb_jpeg(picture, kind, mode):
    stored = opened(pictures.prepare(picture(kind, mode=mode)).read())
    assert (stored.format, stored.mode, stored.size) == ("JPEG", "RGB", (64, 48))


def test_a_large_picture_is_shrunk_and_keeps_its_aspect_ratio(picture):
    stored = opened(pictures.prepare(picture(size=(4200, 1400), quality=20)).read())
    assert max(stored.size) <= 2000
    assert stored.width / stored.height == pytest.approx(3, abs=0.02)


@pytest.mark.promise("pictures")
def test_exif_is_removed_and_its_rotation_applied(picture):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif.get_ifd(0x8825)[1] = "N"
    exif[0x010F] = "A camera"
    stored = pictures.prepare(picture(exif=exif, comment=b"home")).read()
    assert opened(stored).size == (48, 64)
    assert not opened(stored).getexif()
    assert b"A camera" not in stored
    assert b"home" not in stored


def test_a_transparent_picture_gets_a_white_background():
    out = io.BytesIO()
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(out, "PNG")
    assert opened(pictures.prepare(out.getvalue()).read()).getpixel((4, 4)) == (255, 255, 255)


def test_the_file_name_is_random(picture):
    name = pictures.prepare(SimpleUploadedFile("secret party.jpg", picture())).name
    assert name.endswith(".jpg")
    assert "party" not in name


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\xff\xd8\xff\xe0broken"]
)
def test_what_is_not_a_picture_is_refused(data):
    with pytest.raises(Invalid) as refused:
        pictures.prepare(io.BytesIO(data))
    assert "JPEG, PNG or WebP" in refused.value.errors["picture"]


def camera(width, height, **options):
    """A JPEG with the detail of a photograph, as a camera samples it, and its pixels at a few points."""
    small = Image.effect_noise((width // 8, height // 8), 60).resize((width, height), Image.Resampling.BILINEAR)
    out = io.BytesIO()
    Image.merge("RGB", (small, small.transpose(Image.Transpose.ROTATE_180), small)).save(
        out, "JPEG", **{"quality": 85, "subsampling": "4:2:0"} | options
    )
    return out.getvalue()


def of_two(kind="MPO"):
    first, second = (Image.new("RGB", (1600, 1200), colour) for colour in ("red", "blue"))
    out = io.BytesIO()
    first.save(out, kind, save_all=True, append_images=[second])
    return out.getvalue()


FROM_PHONES = {
    "24 megapixels": lambda: camera(5664, 4248),
    "24 megapixels, progressive": lambda: camera(5664, 4248, progressive=True),
    "two pictures in it": of_two,
}


@pytest.mark.parametrize("make", FROM_PHONES.values(), ids=FROM_PHONES)
def test_whatever_a_phone_makes_is_taken(make):
    with Image.open(pictures.prepare(make())) as stored:
        assert stored.format == "JPEG"
        assert 1416 <= max(stored.size) <= 2000


@pytest.mark.parametrize("name", ["IMG_0001.JPG", "image", "photo.jpeg.tmp", "фото"])
def test_the_name_of_a_file_says_nothing_about_it(picture, name):
    assert pictures.prepare(SimpleUploadedFile(name, picture(), content_type="application/octet-stream"))


def test_of_two_pictures_in_a_file_the_first_one_is_stored():
    with Image.open(pictures.prepare(of_two())) as stored:
        red, _, blue = stored.getpixel((800, 600))
    assert red > 200 > 50 > blue


@pytest.mark.parametrize(
    "data", [b"\0\0\0\x18ftypheic" + bytes(200), b"\0\0\0\x1cftypavif" + bytes(200), b"II*\0" + bytes(99)]
)
def test_what_cannot_be_read_is_told_what_can(data):
    with pytest.raises(Invalid) as refused:
        pictures.prepare(data)
    assert all(kind in refused.value.errors["picture"] for kind in ("JPEG", "PNG", "WebP"))


def test_a_truncated_picture_is_refused(picture):
    data = picture(size=(400, 400))
    with pytest.raises(Invalid):
        pictures.prepare(data[: len(data) // 2])


def test_a_file_over_20_mb_is_refused_without_reading_on():
    class Endless(io.RawIOBase):
        asked = 0

        def seek(self, *where):
            return 0

        def read(self, size=-1):
            assert size > 0
            return b"x" * size

    with pytest.raises(Invalid) as refused:
        pictures.prepare(Endless())
    assert "20 MB" in refused.value.errors["picture"]


@pytest.mark.promise("pictures")
def test_a_decompression_bomb_is_refused_before_it_is_decoded():
    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(100_000)))
        + chunk(b"IEND", b"")
    )
    with pytest.raises(Invalid) as refused:
        pictures.prepare(bomb)
    assert "too many pixels" in refused.value.errors["picture"]


def test_a_new_picture_replaces_the_file_of_the_old(alice, picture, media, django_capture_on_commit_callbacks):
    community = actions.create(alice, name="Bakers", picture=picture(), picture_alt="A loaf")
    first = community.picture.name
    with django_capture_on_commit_callbacks(execute=True):
        actions.change(community, by=alice, picture=picture())
    assert community.picture.name != first
    assert [path.name for path in media.rglob("*.jpg")] == [community.picture.name.split("/")[1]]
    actions.change(community, by=alice, picture=None)
    assert community.picture
    with django_capture_on_commit_callbacks(execute=True):
        actions.change(community, by=alice, picture="")
    assert not community.picture
    assert not list(media.rglob("*.jpg"))


def test_an_invalid_picture_creates_no_community(alice):
    with pytest.raises(Invalid):
        actions.create(alice, name="Bakers", picture=b"hello")
    assert not alice.memberships.exists()
