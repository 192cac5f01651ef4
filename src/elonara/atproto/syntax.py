"""The syntax of AT Protocol identifiers: DIDs, handles, NSIDs, record keys and AT URIs.

Specs: https://atproto.com/specs/did, /handle, /nsid, /record-key, /at-uri-scheme
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

MAX_DID = 2048
MAX_HANDLE = 253

_DID = re.compile(r"did:[a-z]+:[a-zA-Z0-9._:%-]*[a-zA-Z0-9._-]")
_PLC = re.compile(r"did:plc:[a-z2-7]{24}")
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_HANDLE = re.compile(rf"(?:{_LABEL}\.)+[a-zA-Z](?:[a-zA-Z0-9-]{{0,61}}[a-zA-Z0-9])?")
_NSID = re.compile(rf"[a-zA-Z](?:[a-zA-Z0-9-]{{0,61}}[a-zA-Z0-9])?(?:\.{_LABEL})+\.[a-zA-Z][a-zA-Z0-9]{{0,62}}")
_RKEY = re.compile(r"[a-zA-Z0-9._:~-]{1,512}")

# Characters that apps put around a copied handle: marks of writing direction and zero-width characters.
_INVISIBLE = dict.fromkeys([*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF])
_PREFIXES = ("https://bsky.app/profile/", "https://main.bsky.dev/profile/", "at://", "@")


def is_did(text: str) -> bool:
    """Whether this is syntactically a DID, of whatever method."""
    return len(text) <= MAX_DID and _DID.fullmatch(text) is not None


def is_did_plc(text: str) -> bool:
    """Whether this is a DID of the PLC directory."""
    return _PLC.fullmatch(text) is not None


def is_handle(text: str) -> bool:
    """Whether this is syntactically a handle: a host name of at least two labels, without `@`."""
    return len(text) <= MAX_HANDLE and _HANDLE.fullmatch(text) is not None


def normalize_handle(text: str) -> str:
    """The normal form, bare and in lower case, of a handle that somebody typed or pasted.

    Accepts `@alice.example`, `at://…` and the URL of a Bluesky profile. Checks nothing: see `is_handle`.
    """
    bare = text.translate(_INVISIBLE).strip()
    for prefix in _PREFIXES:
        bare = bare.removeprefix(prefix)
    return bare.rstrip("/").lower()


def normalize_identifier(text: str) -> str:
    """Like `normalize_handle`, for where a DID is accepted too (a DID keeps its case)."""
    bare = text.translate(_INVISIBLE).strip()
    for prefix in _PREFIXES:
        bare = bare.removeprefix(prefix)
    bare = bare.rstrip("/")
    return bare if bare.startswith("did:") else bare.lower()


def is_nsid(text: str) -> bool:
    """Whether this is syntactically a namespaced identifier, such as `app.bsky.feed.post`."""
    return len(text) <= 317 and _NSID.fullmatch(text) is not None


def is_record_key(text: str) -> bool:
    """Whether this is syntactically a record key."""
    return text not in {".", ".."} and _RKEY.fullmatch(text) is not None


@dataclass(frozen=True)
class AtUri:
    """The URI of a record: `at://authority/collection/rkey`. The authority is a DID (or a handle)."""

    authority: str
    collection: str = ""
    rkey: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an AT URI. Raises ValueError when it is not one."""
        parts = text.removeprefix("at://").split("/")
        if not text.startswith("at://") or len(parts) > 3:
            raise ValueError("not an at:// address")
        uri = cls(*parts)
        if not (is_did(uri.authority) or is_handle(uri.authority)):
            raise ValueError("an at:// address begins with a DID or a handle")
        if len(parts) > 1 and not is_nsid(uri.collection):
            raise ValueError("the collection of an at:// address is an NSID")
        if len(parts) > 2 and not is_record_key(uri.rkey):
            raise ValueError("the record key of an at:// address is not one")
        return uri

    def __str__(self) -> str:
        return "at://" + "/".join(part for part in (self.authority, self.collection, self.rkey) if part)
