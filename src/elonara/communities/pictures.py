"""Uploaded pictures: decoded, turned upright, shrunk, stripped of metadata, stored as JPEG."""

import io
import secrets
import threading
import warnings
from typing import IO, Any

from django.core.files.base import ContentFile

from elonara.members.errors import Invalid

MAX_FILE_BYTES = 10 * 1024 * 1024
MAX_SIDE_PIXELS = 2000  # of the stored picture
# For a baseline JPEG, which Pillow can decode at a smaller scale, so that it takes little memory.
MAX_PIXELS_SHRUNK = 50_000_000
# Memory that decoding may take, and what it takes per pixel (measured as the peak of the process, Pillow 13).
MAX_DECODED_BYTES = 64_000_000
BYTES_PER_PIXEL = {"1": 1, "L": 1, "P": 1, "RGB": 5}  # by Pillow mode
BYTES_PER_PIXEL_CONVERTED = 11  # of every other mode, which has to be converted
BYTES_PER_PIXEL_WEBP = 16
BYTES_PER_PIXEL_SHRUNK = 4  # of a baseline JPEG
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
# One picture at a time, so that the memory is bounded whatever the number of threads.
_one_at_a_time = threading.Lock()

NOT_A_PICTURE = "This file is not a picture that can be read. Choose a JPEG, PNG, WebP or GIF."
TOO_HEAVY = "The picture is larger than 10 MB. Choose a smaller one."
TOO_MANY_PIXELS = "The picture has too many pixels. Save it as a JPEG, or at 2000 by 2000 or smaller, and try again."


def prepare(upload: bytes | IO[bytes] | Any, field: str = "picture") -> "ContentFile[bytes]":
    """An uploaded picture as it will be stored: JPEG, at most 2000 px a side, no EXIF, a random file name.

    Accepts bytes or a file. Raises Invalid({field: sentence}).
    """
    data = upload if isinstance(upload, bytes) else _read(upload)
    if len(data) > MAX_FILE_BYTES:
        raise Invalid({field: TOO_HEAVY})
    with _one_at_a_time:
        return ContentFile(_reencoded(data, field), name=f"{secrets.token_hex(12)}.jpg")


def shrunk(data: bytes, *, side: int, most_bytes: int) -> bytes:
    """One of our stored pictures as a smaller JPEG of at most `most_bytes`."""
    from PIL import Image  # noqa: PLC0415  # takes 15 MB, which most processes never need

    with _one_at_a_time, Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
        image.draft("RGB", (side, side))
        for step in (1.0, 0.75, 0.5, 0.35):
            image.thumbnail((round(side * step), round(side * step)))
            for quality in (82, 70, 55):
                small = _jpeg(image, quality)
                if len(small) <= most_bytes:
                    return small
    raise ValueError(f"the picture cannot be shrunk to {most_bytes} bytes")


def _read(upload: Any) -> bytes:
    upload.seek(0)
    data: bytes = upload.read(MAX_FILE_BYTES + 1)
    return data


def _reencoded(data: bytes, field: str) -> bytes:
    from PIL import Image, ImageOps, UnidentifiedImageError  # noqa: PLC0415  # as in shrunk

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                _refuse_bombs(image, field)
                image.thumbnail((MAX_SIDE_PIXELS, MAX_SIDE_PIXELS))
                # In place, because a copy of the pixels would be the peak of the memory.
                ImageOps.exif_transpose(image, in_place=True)
                return _jpeg(_flat(image), 85)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as fault:
        raise Invalid({field: TOO_MANY_PIXELS}) from fault
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, MemoryError) as fault:
        raise Invalid({field: NOT_A_PICTURE}) from fault


def _refuse_bombs(image: Any, field: str) -> None:
    # Before anything is decoded: the size comes from the header.
    pixels = image.width * image.height
    bytes_per_pixel = BYTES_PER_PIXEL.get(image.mode, BYTES_PER_PIXEL_CONVERTED)
    if image.format == "WEBP":
        bytes_per_pixel = BYTES_PER_PIXEL_WEBP
    elif image.format == "JPEG" and not image.info.get("progressive"):  # progressive ones are decoded at full scale
        if pixels > MAX_PIXELS_SHRUNK:
            raise Invalid({field: TOO_MANY_PIXELS})
        image.draft("RGB", (MAX_SIDE_PIXELS // 2, MAX_SIDE_PIXELS // 2))
        pixels, bytes_per_pixel = image.width * image.height, BYTES_PER_PIXEL_SHRUNK
    if pixels * bytes_per_pixel > MAX_DECODED_BYTES:
        raise Invalid({field: TOO_MANY_PIXELS})


def _flat(image: Any) -> Any:
    """The image in RGB, on white where it is transparent."""
    from PIL import Image  # noqa: PLC0415  # as in shrunk

    if image.mode == "RGB":
        return image
    if "A" in image.getbands() or "transparency" in image.info:
        layered = image.convert("RGBA")
        white = Image.new("RGB", layered.size, "white")
        white.paste(layered, mask=layered.getchannel("A"))
        return white
    return image.convert("RGB")


def _jpeg(image: Any, quality: int) -> bytes:
    # Keeps a short colour profile, without which pictures of phones turn pale; drops EXIF, comments and the rest.
    profile = image.info.get("icc_profile") or b""
    out = io.BytesIO()
    kept = profile if image.mode == "RGB" and len(profile) <= 4096 else None
    image.save(out, "JPEG", quality=quality, optimize=True, exif=b"", comment=b"", icc_profile=kept)
    return out.getvalue()
