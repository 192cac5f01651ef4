"""Pictures that people upload: decoded, turned upright, shrunk, stripped of everything else, stored as JPEG."""

import io
import secrets
import threading
import warnings
from typing import IO, Any

from django.core.files.base import ContentFile

from elonara.members.errors import Invalid

MAX_FILE_BYTES = 10 * 1024 * 1024  # bytes
MAX_SIDE_PIXELS = 2000  # pixels, as stored
# A baseline JPEG is decoded shrunk, so its own size matters little.
MAX_PIXELS_SHRUNK = 50_000_000
# What decoding may hold at once, and what it holds per pixel (measured as the peak of the process, Pillow 13).
MAX_DECODED_BYTES = 64_000_000
MEMORY_PER_PIXEL = {"1": 1, "L": 1, "P": 1, "RGB": 5}  # by mode; 11 for the others, which have to be converted
MEMORY_PER_PIXEL_WEBP = 16
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
# One picture at a time: it bounds the memory of the process whatever the number of threads.
_one_at_a_time = threading.Lock()

NOT_A_PICTURE = "This file is not a picture that can be read. Choose a JPEG, PNG, WebP or GIF."
TOO_HEAVY = "The picture is larger than 10 MB. Choose a smaller one."
TOO_MANY_PIXELS = "The picture has too many pixels. Save it as a JPEG, or at 2000 by 2000 or smaller, and try again."


def prepare(upload: bytes | IO[bytes] | Any, field: str = "picture") -> "ContentFile[bytes]":
    """An uploaded picture as it will be stored: JPEG, ≤ 2000 px, no EXIF, a name that says nothing.

    Takes bytes or a file. Raises Invalid({field: sentence}).
    """
    data = upload if isinstance(upload, bytes) else _read(upload)
    if len(data) > MAX_FILE_BYTES:
        raise Invalid({field: TOO_HEAVY})
    with _one_at_a_time:
        return ContentFile(_reencoded(data, field), name=f"{secrets.token_hex(12)}.jpg")


def shrunk(data: bytes, *, side: int, most_bytes: int) -> bytes:
    """One of our stored pictures as a smaller JPEG of at most `most_bytes`."""
    from PIL import Image  # noqa: PLC0415  # 15 MB that most processes need late or never

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
                # In place: a copy of the pixels would be what the process needs most memory for.
                ImageOps.exif_transpose(image, in_place=True)
                return _jpeg(_flat(image), 85)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as fault:
        raise Invalid({field: TOO_MANY_PIXELS}) from fault
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, MemoryError) as fault:
        raise Invalid({field: NOT_A_PICTURE}) from fault


def _refuse_bombs(image: Any, field: str) -> None:
    # The size comes from the header: nothing was decoded yet.
    pixels, each = image.width * image.height, MEMORY_PER_PIXEL.get(image.mode, 11)
    if image.format == "WEBP":
        each = MEMORY_PER_PIXEL_WEBP
    elif image.format == "JPEG" and not image.info.get("progressive"):  # a progressive one is held whole
        if pixels > MAX_PIXELS_SHRUNK:
            raise Invalid({field: TOO_MANY_PIXELS})
        image.draft("RGB", (MAX_SIDE_PIXELS // 2, MAX_SIDE_PIXELS // 2))
        pixels, each = image.width * image.height, 4
    if pixels * each > MAX_DECODED_BYTES:
        raise Invalid({field: TOO_MANY_PIXELS})


def _flat(image: Any) -> Any:
    """RGB on white, where the picture was transparent."""
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
    # A short colour profile stays (a phone's pictures turn pale without it); EXIF, comments and the rest go.
    profile = image.info.get("icc_profile") or b""
    out = io.BytesIO()
    kept = profile if image.mode == "RGB" and len(profile) <= 4096 else None
    image.save(out, "JPEG", quality=quality, optimize=True, exif=b"", comment=b"", icc_profile=kept)
    return out.getvalue()
