"""The picture of an event that other sites show (Open Graph): its cover with title, time and place, made by a job.

Only for what an anonymous visitor may read: a private event has none, a hidden place is not in it. The name of the file
begins with a hash of what was drawn (`version`), so that a picture of an earlier title, time or place is never shown
as that of now; until the job has made the new one there is none.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import logging
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Final

from django.conf import settings
from django.core.files.base import ContentFile
from django.utils import timezone
from django.utils.translation import gettext as _

from elonara import jobs
from elonara.communities.models import Visibility
from elonara.communities.pictures import shrunk
from elonara.covers.choice import cover_of
from elonara.covers.share_facts import ShareFacts
from elonara.events import hooks
from elonara.events.models import Event
from elonara.events.queries import is_cancelled, is_over
from elonara.events.times import with_zone

JOB_KIND: Final = "share"
FOLDER: Final = "share"  # below the media files
DESIGN: Final = 1  # to be raised when the same words are drawn in another way
DRAWER: Final = (sys.executable, "-I", "-m", "elonara.covers.share_picture")
# Bytes. For glibc: pictures are freed to the system at once, which keeps the peak 4 MB lower (mallopt(3)).
DRAWER_ENVIRONMENT: Final = {"MALLOC_MMAP_THRESHOLD_": "131072"}
MAX_SECONDS: Final = 30.0  # for one picture; it takes one
WAIT_FOR_TURN: Final = timedelta(seconds=2)
RETRY_AFTER_FAILURE: Final = timedelta(minutes=10)
MAX_SEARCH_SECONDS: Final = 60.0  # of one run of `find_outdated`
SWEEP_BATCH: Final = 20  # events a sweep; the next sweep takes the next ones
PICTURE_SIDE_PIXELS: Final = 1000  # of her own picture, of which a part is drawn
MAX_PICTURE_BYTES: Final = 600_000

_one_at_a_time = threading.Lock()  # each takes 20 MB for a moment

log = logging.getLogger(__name__)


def install() -> None:
    """Register the job and what wakes it. Doing it twice changes nothing."""
    jobs.register(JOB_KIND, poll, sweep)
    hooks.on_change(_changed)


def version(event: Event) -> str:
    """What is drawn for the event as it is now, as a short hash: another one when anything of it changes."""
    drawn = dataclasses.asdict(_wanted(event))
    text = repr([DESIGN, sorted(drawn.items()), str(event.picture.name) if event.picture else ""])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def current(event: Event) -> str:
    """The version of the stored picture, where it is that of the event as it is now and anybody may see it; else ""."""
    if not event.share_picture or event.visibility == Visibility.PRIVATE or event.hidden_at is not None:
        return ""
    now = version(event)
    return now if PurePosixPath(str(event.share_picture.name)).name.startswith(f"{now}-") else ""


def poll(key: str) -> datetime | None:
    """Job handler: make the picture of an event if that is due."""
    row = Event.objects.filter(pk=key, share_picture_due_at__isnull=False).first()
    if row is None or row.share_picture_due_at is None:
        return None
    if row.share_picture_due_at > timezone.now():
        return row.share_picture_due_at
    if not _one_at_a_time.acquire(blocking=False):
        return timezone.now() + WAIT_FOR_TURN  # a thread that waited here would send no invitations meanwhile
    try:
        return _make(row)
    finally:
        _one_at_a_time.release()


def _make(row: Event) -> datetime | None:
    """Make the picture of an event that is due."""
    storage, before, name = row.share_picture.storage, str(row.share_picture.name or ""), ""
    if row.visibility == Visibility.PUBLIC and not is_over(row):
        try:
            kept = current(row) and storage.exists(before)
            name = before if kept else storage.save(_file_name(row), ContentFile(_jpeg(row)))
        except (OSError, ValueError, subprocess.SubprocessError):
            log.exception("cannot make the picture of %s that other sites show", row.slug)
            again = timezone.now() + RETRY_AFTER_FAILURE
            Event.objects.filter(pk=row.pk, share_picture_due_at=row.share_picture_due_at).update(
                share_picture_due_at=again
            )
            return again
    elif is_over(row) and row.visibility == Visibility.PUBLIC:
        name = before  # nobody waits for another one
    # Only if nothing has changed meanwhile: a change has set another time, and the job runs once more.
    rows = Event.objects.filter(pk=row.pk, share_picture_due_at=row.share_picture_due_at)
    stored = rows.update(share_picture=name, share_picture_due_at=None)
    unused = before if stored else name
    if unused and unused != (name if stored else before):
        with suppress(OSError):
            storage.delete(unused)
    return None


def sweep() -> Iterator[tuple[str, datetime | None]]:
    """Events whose picture is due, those that have waited longest first."""
    rows = Event.objects.filter(share_picture_due_at__lte=timezone.now()).order_by("share_picture_due_at")
    for pk, due_at in rows.values_list("pk", "share_picture_due_at")[:SWEEP_BATCH]:
        yield str(pk), due_at


def find_outdated() -> int:
    """Make those of events to come due that are drawn as they would not be now: the site has another name, or DESIGN
    was raised. For a periodic task; returns how many.
    """
    now, found, began = timezone.now(), 0, time.monotonic()
    events = Event.objects.filter(starts_at__gt=now, visibility=Visibility.PUBLIC, share_picture_due_at=None)
    for event in events.order_by("starts_at").iterator(chunk_size=500):
        if jobs.stopping() or time.monotonic() - began > MAX_SEARCH_SECONDS:
            break
        if event.hidden_at is None and not current(event):
            found += Event.objects.filter(pk=event.pk, share_picture_due_at=None).update(share_picture_due_at=now)
    return found


def _changed(event: Event, fields: frozenset[str]) -> None:
    if fields - {"hosts", "hidden_at"}:  # neither is drawn
        jobs.wake(JOB_KIND, str(event.pk))


def _wanted(event: Event) -> ShareFacts:
    """What is drawn, without the picture of her own."""
    cover = cover_of(event.title, event.mood, event.cover_shift)
    # As if read on the day it was made: whether the year is named must not depend on today.
    when = with_zone(event, now=event.created_at)
    online = _("Online") if event.attendance == Event.Attendance.ONLINE else ""
    return ShareFacts(
        title=event.title,
        when=_("Cancelled. {when}").format(when=when) if is_cancelled(event) else when,
        place=event.public_location or online,
        site=settings.ELONARA.site.name,
        drawing=cover.drawing,
        palette=cover.palette,
    )


def _file_name(event: Event) -> str:
    return f"{FOLDER}/{version(event)}-{secrets.token_hex(6)}.jpg"


def _jpeg(event: Event) -> bytes:
    """The picture: of the cover where her own cannot be read. Raises OSError, ValueError and SubprocessError."""
    wanted = _wanted(event)
    if event.picture:
        try:
            with event.picture.open("rb") as file:
                small = shrunk(file.read(), side=PICTURE_SIDE_PIXELS, most_bytes=MAX_PICTURE_BYTES)
        except (OSError, ValueError) as fault:
            log.warning("the drawn cover is taken for %s, whose own picture cannot be read: %s", event.slug, fault)
        else:
            wanted = dataclasses.replace(wanted, picture=base64.b64encode(small).decode("ascii"))
    return _draw(wanted)


def _draw(wanted: ShareFacts) -> bytes:
    made = subprocess.run(  # noqa: S603 - the words are ours
        DRAWER,
        input=wanted.as_json(),
        capture_output=True,
        timeout=MAX_SECONDS,
        env=DRAWER_ENVIRONMENT,  # not that of this process, which holds the site's secrets
        cwd="/",
        check=False,
    )
    if made.returncode:
        raise ValueError(
            f"the drawing program ended with {made.returncode}: {made.stderr[-500:].decode(errors='replace')}"
        )
    return made.stdout
