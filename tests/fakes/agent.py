"""A Bluesky in memory behind the port `BlueskyAgent`: repositories, and faults of the server on request."""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from elonara.atproto.text_limits import UNITS, TextLimit
from elonara.atproto.tid import new_tid
from elonara.bluesky.reasons import sentence
from elonara.bluesky.writing.agent import POSTS, BlueskyResult, Readiness

READY = Readiness(
    True, "did:plc:host", "alice.example", "host", "app_password", "", "Ready to post: yes, from @alice.example."
)


@dataclass
class Post:
    """One record in a repository."""

    did: str
    rkey: str
    record: dict
    cid: str

    @property
    def uri(self):
        return f"at://{self.did}/{POSTS}/{self.rkey}"


@dataclass
class FakeAgent:
    """Implements elonara.bluesky.writing.agent.BlueskyAgent. A second create at an existing key fails, as at a PDS.

    `moods` are the outcomes of the next creates: "ok"; "lost" (the post is written, but no response comes); "late" (no
    response, and the post is written when `land()` is called); "down" (the request is not sent); "server" (500, not
    written); a BlueskyResult is returned as it is. After the last one everything works. `delete_moods` and
    `upload_moods` are the same for deletes and uploads.
    """

    author_did: str = READY.author_did
    moods: list = field(default_factory=list)
    posts: dict[tuple[str, str], Post] = field(default_factory=dict)
    blobs: list[tuple[str, bytes, str]] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)  # ("create", rkey) and so on, in order
    ready: Readiness | None = None
    delete_moods: list = field(default_factory=list)
    upload_moods: list = field(default_factory=list)
    takes: TextLimit | None = None  # what its server takes of a text; `says` is how it refuses a longer one
    says: str = "Invalid app.bsky.feed.post record: grapheme too big (maximum {most}, got {got}) at $.record.text"
    silent: set[str] = field(default_factory=set)  # accounts of which nothing can be read: deactivated, or no answer
    _late: list[Post] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def create_post_for_member(self, member_id, record, *, author_did=None, rkey=None):
        did, key = author_did or self.author_did, rkey or new_tid()
        with self._lock:
            self.calls.append(("create", key))
            mood = self.moods.pop(0) if self.moods else "ok"
            if isinstance(mood, BlueskyResult):
                return mood
            if mood == "down":
                return refused("unreachable", retryable=True)
            if self.takes is not None and not self.takes.allows(record["text"]):
                said = self.says.format(most=self.takes.most, got=UNITS[self.takes.unit](record["text"]))
                return replace(
                    refused(
                        "text_too_long", response_payload={"status": 400, "error": "InvalidRecord", "message": said}
                    ),
                    error_message=f"pds.example does not accept a text of this length. It said: {said}",
                )
            if mood == "server" or (did, key) in self.posts:
                return refused("server", retryable=True, ambiguous=True)
            value = {"$type": POSTS, "createdAt": datetime.now(UTC).isoformat()} | json.loads(json.dumps(dict(record)))
            post = Post(did, key, value, "bafyrei" + hashlib.sha256(json.dumps(value).encode()).hexdigest()[:52])
            if mood == "late":
                self._late.append(post)
                return refused("no_answer", retryable=True, ambiguous=True)
            self.posts[did, key] = post
            if mood == "lost":
                return refused("no_answer", retryable=True, ambiguous=True)
            return existing(post)

    def find_post(self, member_id, author_did, rkey):
        with self._lock:
            self.calls.append(("find", rkey))
            post = self.posts.get((author_did, rkey))
            return existing(post) if post else refused("record_not_found", absent=True)

    def post_is_gone(self, member_id, author_did, rkey):
        with self._lock:
            self.calls.append(("look", rkey))
            return author_did not in self.silent and (author_did, rkey) not in self.posts

    def delete_post(self, member_id, author_did, rkey):
        with self._lock:
            self.calls.append(("delete", rkey))
            mood = self.delete_moods.pop(0) if self.delete_moods else "ok"
            if isinstance(mood, BlueskyResult):
                return mood
            if mood == "down":
                return refused("unreachable", retryable=True)
            self.posts.pop((author_did, rkey), None)
            return refused("no_answer", retryable=True, ambiguous=True) if mood == "lost" else BlueskyResult(True)

    def upload_image(self, member_id, author_did, data, mime):
        with self._lock:
            self.calls.append(("upload", mime))
            mood = self.upload_moods.pop(0) if self.upload_moods else "ok"
            if isinstance(mood, BlueskyResult):
                return mood
            self.blobs.append((author_did, data, mime))
            blob = {
                "$type": "blob",
                "ref": {"$link": "bafkrei" + hashlib.sha256(data).hexdigest()[:52]},
                "mimeType": mime,
                "size": len(data),
            }
            return BlueskyResult(True, response_payload={"blob": blob})

    def readiness(self, member_id, known=None):
        return self.ready or Readiness(**{**READY.__dict__, "author_did": self.author_did})

    def land(self):
        """Write the late posts now, however long ago their requests were."""
        with self._lock:
            for post in self._late:
                self.posts.setdefault((post.did, post.rkey), post)
            self._late.clear()

    def texts(self):
        """The texts of all posts, oldest key first."""
        return [post.record["text"] for _, post in sorted(self.posts.items(), key=lambda item: item[0][1])]


def existing(post):
    """The result for a post that exists."""
    return BlueskyResult(True, response_payload={"uri": post.uri, "cid": post.cid}, uri=post.uri, cid=post.cid)


def refused(reason, **fields):
    """The result of a call that failed."""
    return BlueskyResult(False, error_message=sentence(reason), reason=reason, **fields)


def rate_limited(resets_at):
    """The result of a 429 with a reset time in its headers."""
    return refused("rate_limited", retryable=True, resets_at=resets_at)


def needs_member(reason="revoked"):
    """The result where only the member can help."""
    return refused(reason, needs_reauth=True)
