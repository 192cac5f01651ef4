"""Builds records of `app.bsky.feed.post`, with its link cards and reply references, as the lexicons define them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from elonara.atproto.rich_text import fits

POST = "app.bsky.feed.post"
MAX_LANGS = 3

Record = dict[str, Any]


def timestamp(moment: datetime) -> str:
    """A datetime as records hold it: UTC, milliseconds, `Z`. Raises ValueError for a naive datetime."""
    if moment.tzinfo is None:
        raise ValueError("a record's time has a time zone")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def post(
    text: str,
    facets: Sequence[Mapping[str, Any]],
    langs: Sequence[str],
    *,
    embed: Mapping[str, Any] | None = None,
    reply: Mapping[str, Any] | None = None,
    created_at: datetime,
) -> Record:
    """A post. Raises ValueError when the text is too long or there are more than three languages."""
    if not fits(text):
        raise ValueError("a post has at most 300 characters and 3,000 bytes")
    if len(langs) > MAX_LANGS:
        raise ValueError("a post has at most three languages")
    record: Record = {"$type": POST, "text": text, "createdAt": timestamp(created_at)}
    if facets:
        record["facets"] = [dict(facet) for facet in facets]
    if langs:
        record["langs"] = list(langs)
    if embed:
        record["embed"] = dict(embed)
    if reply:
        record["reply"] = dict(reply)
    return record


def external(uri: str, title: str, description: str, thumb: Mapping[str, Any] | None = None) -> Record:
    """A link card. `thumb` is the blob that uploadBlob returned (an image of at most 1,000,000 bytes)."""
    card: Record = {"uri": uri, "title": title, "description": description}
    if thumb:
        card["thumb"] = dict(thumb)
    return {"$type": "app.bsky.embed.external", "external": card}


def reply_ref(root_uri: str, root_cid: str, parent_uri: str, parent_cid: str) -> Record:
    """The `reply` field of a post: the first post of the thread, and the post replied to."""
    return {"root": {"uri": root_uri, "cid": root_cid}, "parent": {"uri": parent_uri, "cid": parent_cid}}
