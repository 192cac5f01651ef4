"""The card under a post about an event or a community: title, description, thumb."""

import hashlib
import logging
import os
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from elonara.communities.models import Community, Visibility
from elonara.communities.pictures import shrunk
from elonara.communities.validation import one_line
from elonara.events.models import Event
from elonara.events.times import short_phrase

THUMB_SIDE_PIXELS = 1000  # pixels, the longer side
MAX_THUMB_BYTES = 950_000  # Bluesky takes 1,000,000
KEPT_SECONDS = 30 * 86_400
DESCRIPTION_LENGTH = 280
MIME = "image/jpeg"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Card:
    """What the card says. `thumb` is read when asked for: a JPEG below 1,000,000 bytes, or None."""

    title: str
    description: str
    alt: str = ""
    mime: str = MIME
    target: Event | Community | None = field(default=None, repr=False, compare=False)

    @property
    def has_thumb(self) -> bool:
        """Whether there is a picture to show."""
        return self.target is not None and bool(self.target.picture)

    @property
    def thumb(self) -> bytes | None:
        """The small picture, made once and kept on disk."""
        return thumb_for(self.target) if self.target is not None else None


def card_for(target: Event | Community) -> Card:
    """The card of a public target; of a private one, a card that names nothing."""
    if target.visibility == Visibility.PRIVATE:
        kind = "event" if isinstance(target, Event) else "community"
        return Card(title=f"A private {kind}", description="Open the invitation to see it.")
    if isinstance(target, Event):
        parts = [short_phrase(target), target.location, one_line(target.description)]
        return Card(target.title, _short(" · ".join(part for part in parts if part)), target.picture_alt, target=target)
    return Card(target.name, _short(one_line(target.description)), target.picture_alt, target=target)


def thumb_for(target: Event | Community) -> bytes | None:
    """The target's picture as a thumb, from the disk where it was made before. None where there is none to read."""
    if not target.picture or target.visibility == Visibility.PRIVATE:
        return None
    name = hashlib.sha256(f"{target.picture.name} {THUMB_SIDE_PIXELS} {MAX_THUMB_BYTES}".encode()).hexdigest()[:32]
    kept = _folder() / f"{name}.jpg"
    with suppress(OSError):  # not made yet, or not to be read: it is made anew
        return kept.read_bytes()
    try:
        with target.picture.open("rb") as file:
            small = shrunk(file.read(), side=THUMB_SIDE_PIXELS, most_bytes=MAX_THUMB_BYTES)
    except (OSError, ValueError):
        # A post without a thumb is better than no post; the file was lost or is not one of ours.
        log.exception("the picture of %s cannot be made a thumb", target.slug)
        return None
    _keep(kept, small)
    return small


def forget_old_thumbs() -> int:
    """Delete thumbs made a month ago; how many. Nobody says when a picture goes, and a thumb is soon made again."""
    count, then = 0, time.time() - KEPT_SECONDS
    for path in _folder().glob("*"):
        # Another process clears away, too.
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < then:
                path.unlink()
                count += 1
    return count


def _folder() -> Path:
    return Path(settings.ELONARA.data_dir) / "cache" / "cards"


def _keep(path: Path, data: bytes) -> None:
    # Written beside and renamed, so that no other thread reads half a picture.
    beside = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent)
        beside = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        beside.replace(path)
    except OSError:
        # A full disk must not hold back the post: its picture goes along, and is made again for the next one.
        log.exception("the thumb cannot be kept; it will be made again")
        if beside is not None:
            with suppress(OSError):
                beside.unlink(missing_ok=True)


def _short(text: str) -> str:
    return text if len(text) <= DESCRIPTION_LENGTH else f"{text[: DESCRIPTION_LENGTH - 1].rstrip()}…"
