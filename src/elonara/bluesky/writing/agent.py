"""The port through which posts are written. Callers know this file and `factory.py`, never a backend.

A backend (`legacy_agent`, `oauth_agent`) returns a `BlueskyResult`, whatever the network did. Delivery decides from its
fields alone, without knowing which backend wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from elonara.bluesky.models import AppPasswordSession, MemberIdentity

POSTS = "app.bsky.feed.post"

type PostRecord = Mapping[str, Any]
type PostingVoice = Literal["host", "relay", "compose"]
type Backend = Literal["app_password", "relay", "oauth", ""]


@dataclass(frozen=True)
class BlueskyResult:
    """The result of one call.

    `retryable`: the same call may succeed later, not before `retry_after` seconds or `resets_at`. `ambiguous`: the
    server may have done it although no usable response came; read the key with `find_post` before trying again.
    `absent`: the server said that no such record exists. `needs_reauth`: only the member can help, by reauthorizing or
    with a new app password. `reason` is a stable code (see `elonara.bluesky.reasons`), `error_message` a sentence for
    a person.
    """

    success: bool
    error_message: str | None = None
    response_payload: dict[str, Any] | None = None
    retryable: bool = False
    retry_after: float | None = None
    resets_at: datetime | None = None
    needs_reauth: bool = False
    ambiguous: bool = False
    absent: bool = False
    uri: str = ""
    cid: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Readiness:
    """Whether the member's posts can be written now and from which account; if not, `sentence` says what to do.

    With voice `compose` no backend can post: the page offers the text to copy.
    """

    can_post: bool
    author_did: str
    handle: str
    voice: PostingVoice
    backend: Backend
    reason: str
    sentence: str


@dataclass(frozen=True)
class MemberRows:
    """What is stored of a member's accounts, for a page that has read it; None where there is none."""

    identity: MemberIdentity | None
    app_password: AppPasswordSession | None


class BlueskyAgent(Protocol):
    """Writes posts into the repository of one account. Nothing raises for what a server or the network does."""

    def create_post_for_member(
        self, member_id: int, record: PostRecord, *, author_did: str | None = None, rkey: str | None = None
    ) -> BlueskyResult:
        """Write one `app.bsky.feed.post`; the result has its uri and cid.

        `author_did` defaults to the account that would post for this member now, `rkey` to a new TID. `createdAt`
        is set to now where the record has none. An author whom this backend has no credential for is refused.
        """
        ...

    def find_post(self, member_id: int, author_did: str, rkey: str) -> BlueskyResult:
        """Read the post at this key: `success` with uri and cid, or `absent`, or the failure to read it."""
        ...

    def post_is_gone(self, member_id: int, author_did: str, rkey: str) -> bool:
        """Whether the server says that it has no such post, though the account is active there.

        A server that does not answer says nothing, and of an account that is deactivated, taken down or elsewhere
        nothing is known: False.
        """
        ...

    def delete_post(self, member_id: int, author_did: str, rkey: str) -> BlueskyResult:
        """Delete the post at this key. A post that does not exist counts as deleted, as it does for the PDS."""
        ...

    def upload_image(self, member_id: int, author_did: str, data: bytes, mime: str) -> BlueskyResult:
        """Upload a picture into the author's repository; `response_payload` is `{"blob": …}` for an embed."""
        ...

    def readiness(self, member_id: int, known: MemberRows | None = None) -> Readiness:
        """Whether this member's posts can be written, and from which account. `known`: her rows, read already."""
        ...
