"""The link card in a post about an event or a community (`app.bsky.embed.external`): title, description, thumb."""

import hashlib
import logging
import os
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from elonara.communities.models import Community, Visibility
from elonara.communities.pictures import Busy, shrunk
from elonara.communities.validation import one_line
from elonara.events import share_pictures
from elonara.events.models import Event
from elonara.events.times import short_phrase
from elonara.markup import plain_of

THUMB_SIDE_PIXELS = 1000  # of the longer side
MAX_THUMB_BYTES = 950_000  # the lexicon allows 1,000,000
SMALL_SIDE_PIXELS = 480  # in lists: 132 CSS pixels wide, on screens with three pixels for one
MAX_SMALL_BYTES = 60_000
THUMB_KEPT_SECONDS = 30 * 86_400
MAX_DESCRIPTION_LENGTH = 280
MIME = "image/jpeg"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Card:
    """The contents of a link card. `thumb` is loaded lazily: a JPEG of at most `MAX_THUMB_BYTES`, or None."""

    title: str
    description: str
    alt: str = ""
    mime: str = MIME
    target: Event | Community | None = field(default=None, repr=False, compare=False)

    @property
    def picture_name(self) -> str:
        """Which picture is shown, "" for none: another picture has another name.

        Of an event it is the one that other sites show, once the job has made it; else what was uploaded.
        """
        if drawn := self._drawn:
            return f"share {drawn}"
        return str(self.target.picture.name) if self.target is not None and self.target.picture else ""

    @property
    def picture_source(self) -> str:
        """What the picture shows, "" for none: it stays the same while the job draws what is to be seen."""
        if isinstance(self.target, Event):
            return f"share {share_pictures.version(self.target)}"
        return self.picture_name

    @property
    def has_thumb(self) -> bool:
        """Whether there is a picture to show."""
        return bool(self.picture_name)

    @property
    def thumb(self) -> bytes | None:
        """The picture that `picture_name` names; an upload scaled down, and cached on disk."""
        if isinstance(self.target, Event) and self._drawn:
            try:
                with self.target.share_picture.open("rb") as file:
                    return bytes(file.read())
            except OSError:  # made anew at this moment, or lost: a post without a picture is better than no post
                log.warning("the picture of %s for other sites cannot be read", self.target.slug)
                return None
        return thumb_for(self.target) if self.target is not None else None

    @property
    def _drawn(self) -> str:
        return share_pictures.current(self.target) if isinstance(self.target, Event) else ""


def card_for(target: Event | Community) -> Card:
    """The card of a public target; for a private one a card that reveals nothing about it."""
    if target.visibility == Visibility.PRIVATE:
        title = _("A private event") if isinstance(target, Event) else _("A private community")
        return Card(title=title, description=_("Open the invitation to see it."))
    if isinstance(target, Event):
        parts = [short_phrase(target), target.public_location, one_line(plain_of(target.description))]
        return Card(target.title, _short(" · ".join(part for part in parts if part)), target.picture_alt, target=target)
    return Card(target.name, _short(one_line(plain_of(target.description))), target.picture_alt, target=target)


def thumb_for(target: Event | Community) -> bytes | None:
    """The target's picture scaled down, from the cache on disk or made now. None if there is no readable picture."""
    if target.visibility == Visibility.PRIVATE:
        return None
    return _scaled(target, THUMB_SIDE_PIXELS, MAX_THUMB_BYTES, waits=True)


def small_picture(event: Event) -> bytes | None:
    """The uploaded picture as lists show it, from the cache on disk or made now, for whoever may see the event.

    None if there is no readable picture, or another one is being scaled down at this moment.
    """
    with suppress(Busy):
        return _scaled(event, SMALL_SIDE_PIXELS, MAX_SMALL_BYTES, waits=False)
    return None


def _scaled(target: Event | Community, side: int, most_bytes: int, *, waits: bool) -> bytes | None:
    if not target.picture:
        return None
    name = hashlib.sha256(f"{target.picture.name} {side} {most_bytes}".encode()).hexdigest()[:32]
    cached = _folder() / f"{name}.jpg"
    with suppress(OSError):  # not cached yet, or not readable: made again
        return cached.read_bytes()
    try:
        with target.picture.open("rb") as file:
            small = shrunk(file.read(), side=side, most_bytes=most_bytes, waits=waits)
    except (OSError, ValueError) as fault:
        # The file is lost or damaged. A post without a thumb is better than no post.
        log.warning("cannot make a thumb of the picture of %s: %s", target.slug, fault)
        return None
    _store(cached, small)
    return small


def forget_old_thumbs() -> int:
    """Delete thumbs that were made over a month ago; returns how many.

    By age, because nothing tells this cache when a picture is replaced. One that is still needed is made again.
    """
    count, oldest = 0, time.time() - THUMB_KEPT_SECONDS
    for path in _folder().glob("*"):
        # Another process may delete it at the same time.
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < oldest:
                path.unlink()
                count += 1
    return count


def _folder() -> Path:
    return Path(settings.ELONARA.data_dir) / "cache" / "cards"


def _store(path: Path, data: bytes) -> None:
    # Written to a temporary file and renamed, so that no other thread reads half a picture.
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent)
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        temporary.replace(path)
    except OSError:
        # A full disk must not stop the post. It has its thumb; only the next post has to make it again.
        log.exception("cannot cache a thumb; it will be made again")
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def _short(text: str) -> str:
    return text if len(text) <= MAX_DESCRIPTION_LENGTH else f"{text[: MAX_DESCRIPTION_LENGTH - 1].rstrip()}…"
