"""Card pictures, uploaded as blobs into the author's repository before the post that shows them."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from elonara.bluesky.writing.agent import BlueskyAgent
from elonara.invitations.targets import target_of
from elonara.invitations.transitions import Deliverable

log = logging.getLogger(__name__)

MAX_CACHED_BLOBS = 200
# Forty invitations show the same picture, so it is uploaded once per author and process. If the PDS has deleted the
# blob meanwhile it answers BlobNotFound, and the picture is uploaded again.
_blobs: OrderedDict[tuple[str, str], dict[str, Any]] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True)
class CardPicture:
    """The blob to name in the card, or None for a card without a picture."""

    blob: dict[str, Any] | None


def for_row(agent: BlueskyAgent, row: Deliverable, *, anew: bool = False) -> CardPicture:
    """The picture of the row's target, uploaded if needed. After a failed upload the card has none.

    `anew`: upload it even where it was uploaded before.
    """
    target = target_of(row)
    card = target.card()
    if target.is_private or not card.has_thumb:
        return CardPicture(None)
    key = (row.author_did, card.picture_name)
    with _lock:
        found = _blobs.get(key)
    if found is not None and not anew:
        return CardPicture(found)
    data = card.thumb
    if data is None:
        return CardPicture(None)
    result = agent.upload_image(row.host_id, row.author_did, data, card.mime)
    blob = (result.response_payload or {}).get("blob")
    if not result.success or not isinstance(blob, dict):
        log.warning("the card picture of %s could not be uploaded: %s", target.of.slug, result.error_message)
        return CardPicture(None)
    with _lock:
        _blobs[key] = blob
        while len(_blobs) > MAX_CACHED_BLOBS:
            _blobs.popitem(last=False)
    return CardPicture(blob)


def forget() -> None:
    """Clear the cache, for tests."""
    with _lock:
        _blobs.clear()
