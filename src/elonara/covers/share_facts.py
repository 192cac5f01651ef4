"""What the picture that other sites show holds: what is told to the process that draws it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Final

WIDTH: Final = 1200  # pixels
HEIGHT: Final = 630  # what Open Graph and app.bsky.embed.external show without cutting
MAX_BYTES: Final = 1_000_000  # of a card's picture on Bluesky


@dataclass(frozen=True)
class ShareFacts:
    """What is drawn. `picture` is a JPEG in base64 that takes the place of the cover, "" for none."""

    title: str
    when: str
    place: str
    site: str
    drawing: str
    palette: str
    picture: str = ""

    def as_json(self) -> bytes:
        """What the process reads."""
        return json.dumps(asdict(self)).encode()
