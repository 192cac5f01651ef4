"""The picture of an event that other sites show: `python -m elonara.covers.share_picture`, 1200 by 630 pixels.

A process of its own, because Pillow and the font take 20 MB that the site then does not keep. What is drawn comes as
JSON by standard input (the fields of `ShareFacts`), the JPEG goes to standard output. No Django, no settings, no
database: it knows nothing but what it was told, and whoever tells it decides what anybody may read.
"""

from __future__ import annotations

import base64
import io
import json
import sys
from typing import Any, Final

from PIL import Image, ImageDraw, ImageOps

from elonara.covers.drawings import shapes_of
from elonara.covers.lettering import Lettering, fitted, font, writable
from elonara.covers.palettes import BY_NAME
from elonara.covers.raster import drawn
from elonara.covers.share_facts import HEIGHT, MAX_BYTES, WIDTH, ShareFacts

COVER_WIDTH: Final = 480
MARGIN: Final = 56
TEXT_WIDTH: Final = WIDTH - COVER_WIDTH - 2 * MARGIN
TITLE_SIZES: Final = (76, 68, 60, 54, 48, 42)
FACT_SIZES: Final = (32, 28)
SITE_SIZE: Final = 26
INK, QUIET = "#1c1b20", "#5b5862"
QUALITIES: Final = (88, 75, 60)


def main() -> int:
    """Read what is wanted, write the JPEG."""
    wanted = ShareFacts(**json.loads(sys.stdin.buffer.read()))
    sys.stdout.buffer.write(jpeg(composed(wanted)))
    return 0


def composed(wanted: ShareFacts) -> Any:
    """The picture. The cover is beside the words: to the right of them, to the left where they run from the right."""
    cover = _cover(wanted)  # first, because what it takes to draw it is free again for the rest
    page = BY_NAME[wanted.palette].light
    image = Image.new("RGB", (WIDTH, HEIGHT), page.glow)
    image.paste(page.warmth, (0, 0, WIDTH, HEIGHT), Image.linear_gradient("L").resize((WIDTH, HEIGHT)))
    title = fitted(writable(wanted.title), TEXT_WIDTH, TITLE_SIZES, 4)
    image.paste(cover, (0 if title.rtl else WIDTH - COVER_WIDTH, 0))
    pen = ImageDraw.Draw(image)
    left = COVER_WIDTH + MARGIN if title.rtl else MARGIN
    facts = [(wanted.when, page.accent, 2), (wanted.place, QUIET, 2)]
    written = [(fitted(text, TEXT_WIDTH, FACT_SIZES, most), ink) for words, ink, most in facts
               if (text := writable(words))]  # fmt: skip
    tall = sum(_height(one) + 16 for one, _ in written)
    site = fitted(writable(wanted.site), TEXT_WIDTH, (SITE_SIZE,), 1)
    bottom = HEIGHT - MARGIN - _height(site)
    _write(pen, site, left, bottom, QUIET, from_right=title.rtl)
    top = max(MARGIN - 12, (bottom - 24 - tall - 28 - _height(title)) // 2)
    _write(pen, title, left, top, INK, from_right=title.rtl)
    top += _height(title) + 28
    for lettering, ink in written:
        _write(pen, lettering, left, top, ink, from_right=title.rtl)
        top += _height(lettering) + 16
    return image


def jpeg(image: Any) -> bytes:
    """The picture as a JPEG of less than `MAX_BYTES`."""
    data = b""
    for quality in QUALITIES:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality, optimize=True)
        data = file.getvalue()
        if len(data) < MAX_BYTES:
            break
    return data


def _cover(wanted: ShareFacts) -> Any:
    if not wanted.picture:
        return drawn(shapes_of(wanted.drawing, wanted.palette), COVER_WIDTH, HEIGHT)
    with Image.open(io.BytesIO(base64.b64decode(wanted.picture)), formats=("JPEG",)) as picture:
        return ImageOps.fit(picture if picture.mode == "RGB" else picture.convert("RGB"), (COVER_WIDTH, HEIGHT))


def _write(pen: Any, lettering: Lettering, left: int, top: int, ink: str, *, from_right: bool) -> None:
    """Each line has its own direction; all of them begin at the side where the title begins."""
    for number, line in enumerate(lettering.lines):
        at = (left + TEXT_WIDTH if from_right else left, top + number * _line_height(lettering.size))
        pen.text(at, line, font=font(lettering.size), fill=ink, anchor="ra" if from_right else "la",
                 **({"direction": "rtl"} if lettering.rtl else {}))  # fmt: skip


def _height(lettering: Lettering) -> int:
    return len(lettering.lines) * _line_height(lettering.size)


def _line_height(size: int) -> int:
    return round(size * 1.26)


if __name__ == "__main__":
    sys.exit(main())
