"""One person on Bluesky, as one member sees them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from elonara.atproto.syntax import is_did, is_handle

INVALID_HANDLE = "handle.invalid"
MAX_DID_LENGTH = 256  # characters, as in our columns
MAX_NAME_LENGTH = 640  # characters, as in our columns
# Control characters and halves of surrogate pairs: anybody may have them in a name, but PostgreSQL refuses them.
_UNSTORABLE = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\ud800-\\udfff]")
_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Person:
    """A profile with the viewer state of one member.

    `known` is false where blocks and mutes could not be read (from the AppView, anonymously): such a person can be
    seen, not invited. `gone` is `""`, `deactivated`, `takendown` or `deleted`. `labels` are the account's moderation
    labels.
    """

    did: str
    handle: str
    display_name: str = ""
    avatar: str = ""
    follows_you: bool = False
    you_follow: bool = False
    blocked_by: bool = False
    blocking: bool = False
    muted: bool = False
    known: bool = True
    gone: str = ""
    labels: tuple[str, ...] = ()

    @property
    def mutual(self) -> bool:
        """Whether both follow each other."""
        return self.follows_you and self.you_follow

    @property
    def name(self) -> str:
        """The display name, or the handle where there is none."""
        return self.display_name or self.handle

    def to_dict(self) -> dict[str, Any]:
        """The values as a JSON column stores them."""
        return dataclasses.asdict(self) | {"labels": list(self.labels)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Person:
        """The opposite of `to_dict`; fields that another version has stored are left out."""
        names = {part.name for part in dataclasses.fields(cls)}
        kept = {name: value for name, value in values.items() if name in names}
        return cls(**kept | {"labels": tuple(kept.get("labels", ()))})

    @classmethod
    def from_profile(cls, profile: Mapping[str, Any], *, known: bool) -> Person:
        """Read any of `app.bsky.actor.defs#profileViewBasic`, `#profileView` and `#profileViewDetailed`.

        Raises KeyError or TypeError where the profile has no DID; any other malformed field counts as absent. Profiles
        come from a server of the member's choice, and their handles are written into posts, also the relay account's.
        """
        did = profile["did"]
        if not isinstance(did, str) or len(did) > MAX_DID_LENGTH or not is_did(did):
            raise TypeError("a profile's did is a DID")
        handle, avatar = _text(profile.get("handle")), _text(profile.get("avatar"))
        viewer, labels = profile.get("viewer"), profile.get("labels")
        state = viewer.get if isinstance(viewer, dict) else _NOTHING.get
        return cls(
            did,
            handle if is_handle(handle) else INVALID_HANDLE,
            _text(profile.get("displayName"))[:MAX_NAME_LENGTH],
            avatar if avatar.startswith(("https://", "http://")) else "",
            bool(state("followedBy")),
            bool(state("following")),
            bool(state("blockedBy")),
            bool(state("blocking") or state("blockingByList")),
            bool(state("muted") or state("mutedByList")),
            known,
            "",
            label_values(labels) if labels else (),
        )


def label_values(labels: object) -> tuple[str, ...]:
    """The values of `com.atproto.label.defs#label` items, without the negated ones."""
    if not isinstance(labels, Sequence):
        return ()
    found = {
        _UNSTORABLE.sub("", label["val"])
        for label in labels
        if isinstance(label, dict) and isinstance(label.get("val"), str) and not label.get("neg")
    }
    return tuple(sorted(found))


def storable(text: str) -> str:
    """A text of somebody else's without what no database stores: control characters, halves of characters."""
    # Pages have a hundred profiles, and hardly any of them needs the expression.
    return text if text.isprintable() else _UNSTORABLE.sub("", text)


def _text(value: object) -> str:
    return storable(value) if isinstance(value, str) else ""
