"""The fingerprint of a preview: what was shown, in a short string that the button which publishes it sends back.

It covers everything that reaches other people: who is mentioned, the texts, the card, the account that posts, and the
announcement that the posts reply to. It is compared under the locks under which the rows are written, so nothing can
change in between. It is no secret and needs no key: a host who forges one deceives herself alone.

A preview of many people has one digest per person beside the common one. So somebody who is left out meanwhile (by a
block, an opt-out, an answer) is told apart from somebody who was added or whose text has changed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from elonara.invitations.results import InvitationRefused
from elonara.invitations.targets import Target

CODE = "preview_changed"
MAX_LENGTH = 20_000  # characters of a fingerprint; one of a hundred people has 3,800
_DIGEST, _NAME = 16, 12  # bytes: of a digest, and of the hash that names a person in a fingerprint


@dataclass(frozen=True)
class Fingerprint:
    """What one preview showed: the digest of what all share, and by person the digest of what she gets."""

    common: bytes
    people: Mapping[bytes, bytes]

    @classmethod
    def of(cls, common: Any, people: Mapping[str, Any]) -> Fingerprint:
        """The fingerprint of these values (JSON); `people` by DID, or by the hash of an e-mail address."""
        return cls(_digest(common), {_name(who): _digest([who, what]) for who, what in people.items()})

    @classmethod
    def parse(cls, text: str) -> Fingerprint | None:
        """Read `str(fingerprint)` back; None where it is none."""
        try:
            raw = base64.urlsafe_b64decode(text.encode("ascii")) if len(text) <= MAX_LENGTH else b""
        except (UnicodeEncodeError, binascii.Error):
            return None
        common, rest, step = raw[:_DIGEST], raw[_DIGEST:], _NAME + _DIGEST
        if len(common) < _DIGEST or len(rest) % step:
            return None
        parts = [rest[at : at + step] for at in range(0, len(rest), step)]
        return cls(common, {part[:_NAME]: part[_NAME:] for part in parts})

    def __str__(self) -> str:
        raw = self.common + b"".join(name + self.people[name] for name in sorted(self.people))
        return base64.urlsafe_b64encode(raw).decode()

    def allows(self, now: Fingerprint, left_out: Collection[str]) -> bool:
        """Whether `now` publishes nothing but what this one showed, and misses only people who are `left_out`."""
        if now.people and now.common != self.common:
            return False
        if any(self.people.get(name) != digest for name, digest in now.people.items()):
            return False
        return self.people.keys() - now.people.keys() <= {_name(who) for who in left_out}


def require(preview_id: str | None, now: Fingerprint, left_out: Collection[str]) -> None:
    """Raises InvitationRefused where something else would go than the preview showed. None: nobody asks."""
    if preview_id is None:
        return
    shown = Fingerprint.parse(preview_id)
    if shown is None or not shown.allows(now, left_out):
        raise InvitationRefused(CODE)


def of_one(*what: Any) -> str:
    """The fingerprint of a single post or e-mail."""
    return _digest(list(what)).hex()


def require_one(preview_id: str | None, now: str) -> None:
    """`require` for a single post or e-mail."""
    if preview_id is not None and not hmac.compare_digest(preview_id.encode(), now.encode()):
        raise InvitationRefused(CODE)


def picture_of(target: Target) -> str:
    """What the card's picture shows, "" for none.

    Not whether the job has drawn it by now: that happens between a preview and its Send after each edit.
    """
    return target.card().picture_source


def _digest(what: Any) -> bytes:
    text = json.dumps(what, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).digest()[:_DIGEST]


def _name(who: str) -> bytes:
    return hashlib.sha256(who.encode("utf-8", "surrogatepass")).digest()[:_NAME]
