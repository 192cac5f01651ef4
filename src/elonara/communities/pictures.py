"""Uploaded pictures: decoded, turned upright, shrunk, stripped of metadata, stored as JPEG.

Each is decoded by a process of its own (`picture_decoder`), which is ended when it takes too long or too much memory.
"""

from __future__ import annotations

import logging
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, Final

from django.core.files.base import ContentFile
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from elonara.members.errors import Invalid

MAX_FILE_BYTES: Final = 20 * 1024 * 1024
# Seconds for one picture, also while the machine is busy. The process itself may take 10 of processor time.
MAX_SECONDS = 20.0
# One picture at a time, so that the memory is bounded whatever the number of threads. As many threads may wait for it;
# the web server has 8, and the others go on serving pages.
MAX_WAITING: Final = 3
DECODER: Final = (sys.executable, "-I", "-m", "elonara.communities.picture_decoder")

NOT_A_PICTURE = gettext_noop("This file is not a picture that can be read here. Choose a JPEG, PNG or WebP.")
TOO_HEAVY = gettext_noop("The picture is larger than 20 MB. Choose a smaller one.")
TOO_MANY_PIXELS = gettext_noop(
    "The picture has too many pixels. Save it at 2000 by 2000 or smaller, as a JPEG, PNG or WebP, and try again."
)
TOO_COMPLEX = gettext_noop(
    "This picture takes too long to read. Save it as an ordinary JPEG, PNG or WebP, and try again."
)
BUSY = gettext_noop(
    "Many pictures are being uploaded at this moment. Wait a minute, choose the picture again, and save."
)
# By the exit status of the decoder: the constants of `picture_decoder`, which is not imported because it loads Pillow.
SENTENCES: Final = {10: NOT_A_PICTURE, 11: TOO_MANY_PIXELS, 12: TOO_COMPLEX}

_one_at_a_time = threading.Lock()
_waiting = threading.BoundedSemaphore(1 + MAX_WAITING)

log = logging.getLogger(__name__)


class Busy(Exception):
    """Another picture is being decoded."""


class _Failed(Exception):
    """No picture came of it; the argument is the sentence."""


def prepare(upload: bytes | IO[bytes] | Any, field: str = "picture") -> ContentFile[bytes]:
    """An uploaded picture as it will be stored: JPEG, at most 2000 px a side, no EXIF, a random file name.

    Accepts bytes or a file. Raises Invalid({field: sentence}).
    """
    file = _large_file(upload)
    data = b"" if file else upload if isinstance(upload, bytes) else _read(upload)
    if (file.stat().st_size if file else len(data)) > MAX_FILE_BYTES:
        raise Invalid({field: _(TOO_HEAVY)})
    if not _waiting.acquire(blocking=False):
        raise Invalid({field: _(BUSY)})
    try:
        return ContentFile(_decoded(file or data, "prepare", patience=MAX_SECONDS), name=f"{secrets.token_hex(12)}.jpg")
    except _Failed as fault:
        raise Invalid({field: _(str(fault))}) from fault
    finally:
        _waiting.release()


def shrunk(data: bytes, *, side: int, most_bytes: int, waits: bool = True) -> bytes:
    """One of our stored pictures as a smaller JPEG of at most `most_bytes`.

    A worker waits for its turn as long as it takes: uploads come and go, and nobody looks at a page meanwhile. A page
    does not (`waits`). Raises Busy (another picture is decoded at this moment), ValueError.
    """
    try:
        return _decoded(data, "shrink", str(side), str(most_bytes), patience=-1 if waits else 0)
    except _Failed as fault:
        if str(fault) == BUSY:
            raise Busy from fault
        raise ValueError(f"the picture cannot be shrunk to {most_bytes} bytes: {fault}") from fault


def _large_file(upload: Any) -> Path | None:
    # What Django has put into a file is not read into memory here as well: the decoder reads it.
    path = getattr(upload, "temporary_file_path", None)
    return Path(path()) if path else None


def _read(upload: Any) -> bytes:
    upload.seek(0)
    data: bytes = upload.read(MAX_FILE_BYTES + 1)
    return data


def _decoded(source: bytes | Path, *command: str, patience: float) -> bytes:
    """What the decoder makes of the file. Raises _Failed."""
    with ExitStack() as stack:
        stack.enter_context(_turn(patience))
        given: dict[str, Any] = (
            {"input": source}
            if isinstance(source, bytes)
            else {"stdin": stack.enter_context(source.open("rb", buffering=0))}
        )
        try:
            ended = subprocess.run(  # noqa: S603 - the words are ours
                [*DECODER, *command],
                **given,
                capture_output=True,
                timeout=MAX_SECONDS,
                env={},  # the variables of this process hold the site's secrets
                cwd="/",
                check=False,
            )
        except subprocess.TimeoutExpired:  # `run` has killed it
            log.warning("decoding a picture took more than %d seconds", MAX_SECONDS)
            raise _Failed(TOO_COMPLEX) from None
    if ended.returncode == 0:
        return bytes(ended.stdout)
    if ended.returncode in SENTENCES:
        raise _Failed(SENTENCES[ended.returncode])
    said = ended.stderr.decode(errors="replace").strip()[-500:]
    log.error("the picture decoder ended with %d: %s", ended.returncode, said)
    # Below zero: a signal, of which the common one is the limit of processor time.
    raise _Failed(TOO_COMPLEX if ended.returncode < 0 else NOT_A_PICTURE)


@contextmanager
def _turn(patience: float) -> Iterator[None]:
    """Hold the lock; wait for it at most `patience` seconds, or for ever (-1). Raises _Failed."""
    if not _one_at_a_time.acquire(timeout=patience):
        raise _Failed(BUSY)
    try:
        yield
    finally:
        _one_at_a_time.release()
