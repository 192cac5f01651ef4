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
        handle = _text(profile, "handle")
        viewer = profile.get("viewer")
        viewer = viewer if isinstance(viewer, dict) else {}
        return cls(
            did=did,
            handle=handle if is_handle(handle) else INVALID_HANDLE,
            display_name=_text(profile, "displayName")[:MAX_NAME_LENGTH],
            avatar=_text(profile, "avatar") if _text(profile, "avatar").startswith(("https://", "http://")) else "",
            follows_you=bool(viewer.get("followedBy")),
            you_follow=bool(viewer.get("following")),
            blocked_by=bool(viewer.get("blockedBy")),
            blocking=bool(viewer.get("blocking") or viewer.get("blockingByList")),
            muted=bool(viewer.get("muted") or viewer.get("mutedByList")),
            known=known,
            labels=label_values(profile.get("labels")),
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


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    return _UNSTORABLE.sub("", value) if isinstance(value, str) else ""
