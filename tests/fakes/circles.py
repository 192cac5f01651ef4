"""What the AppView says of somebody's posts and lists, in the shapes measured at the real one (tests/contract)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from elonara.atproto.errors import ErrorKind, XrpcError
from elonara.bluesky.graph.failures import as_graph_unavailable
from elonara.bluesky.identity.people import Person

START = datetime(2025, 3, 1, 12, tzinfo=UTC)
_numbers = itertools.count(1)


def profile_of(person: Person, *, known: bool = False) -> dict[str, Any]:
    """`app.bsky.actor.defs#profileView`; with the viewer state where it is read by the member."""
    profile: dict[str, Any] = {"did": person.did, "handle": person.handle, "displayName": person.display_name}
    if person.avatar:
        profile["avatar"] = person.avatar
    if known:
        names = {"followedBy": person.follows_you, "following": person.you_follow, "blocking": person.blocking}
        profile["viewer"] = {name: "at://x" for name, is_so in names.items() if is_so}
        profile["viewer"] |= {"blockedBy": person.blocked_by, "muted": person.muted}
    return profile


@dataclass
class FakeList:
    """A list on Bluesky. `purpose`: curatelist, modlist or referencelist."""

    name: str
    people: list[Person] = field(default_factory=list)
    purpose: str = "curatelist"
    uri: str = ""

    def __post_init__(self) -> None:
        self.uri = self.uri or f"at://did:plc:host/app.bsky.graph.list/{next(_numbers)}"

    def view(self) -> dict[str, Any]:
        return {
            "uri": self.uri,
            "cid": "bafy",
            "name": self.name,
            "purpose": f"app.bsky.graph.defs#{self.purpose}",
            "listItemCount": len(self.people),
        }


def post(
    author: str,
    text: str = "Hello",
    *,
    answers: Person | None = None,
    mentions: tuple[Person, ...] = (),
    hours: float = 0,
    parent: str = "",
    reposted_by: str = "",
    uri: str = "",
) -> dict[str, Any]:
    """An item of a feed. `parent`: what became of the post it answers, `blockedPost` or `notFoundPost`."""
    at = (START + timedelta(hours=hours)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    facets = [
        {
            "index": {"byteStart": 0, "byteEnd": 5},
            "features": [{"$type": "app.bsky.richtext.facet#mention", "did": person.did}],
        }
        for person in mentions
    ]
    record: dict[str, Any] = {"$type": "app.bsky.feed.post", "text": text, "createdAt": at, "facets": facets}
    item: dict[str, Any] = {
        "post": {
            "uri": uri or f"at://{author}/app.bsky.feed.post/{next(_numbers)}",
            "cid": "bafy",
            "author": {"did": author, "handle": "somebody.example"},
            "record": record,
            "indexedAt": at,
        }
    }
    if answers is not None:
        above = f"at://{answers.did}/app.bsky.feed.post/{next(_numbers)}"
        record["reply"] = {"root": {"uri": above, "cid": "bafy"}, "parent": {"uri": above, "cid": "bafy"}}
        if parent:
            view = {"$type": f"app.bsky.feed.defs#{parent}", "uri": above}
        else:
            view = {"$type": "app.bsky.feed.defs#postView", "uri": above, "author": profile_of(answers)}
        item["reply"] = {"root": view, "parent": view}
    if reposted_by:
        item["reason"] = {"$type": "app.bsky.feed.defs#reasonRepost", "by": {"did": reposted_by}}
    return item


@dataclass(kw_only=True)
class Circles:
    """The part of a fake graph that answers `read` and `read_public`: lists, feeds and public profiles.

    `short`: pages have this many entries, and the last one has none.
    """

    lists: list[FakeList] = field(default_factory=list)
    feeds: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # by the DID of the author
    public: list[Person] = field(default_factory=list)  # others who have a profile
    short: int = 0
    reads: list[str] = field(default_factory=list)  # the methods that were called

    def read(self, member_id, nsid, params):
        self._seen()  # raises while it is down
        self.reads.append(nsid)
        with as_graph_unavailable():
            match nsid:
                case "app.bsky.graph.getLists":
                    assert params["actor"] is None
                    return self._part([one.view() for one in self.lists], "lists", params), self.known
                case "app.bsky.graph.getList":
                    one = next((one for one in self.lists if one.uri == params["list"]), None)
                    if one is None:
                        message = f"Could not find list: {params['list']}"
                        raise XrpcError(400, "InvalidRequest", message, kind=ErrorKind.BAD_REQUEST)
                    items = [
                        {"uri": "at://x", "subject": profile_of(person, known=self.known)} for person in one.people
                    ]
                    return self._part(items, "items", params) | {"list": one.view()}, self.known
        raise AssertionError(nsid)

    def read_public(self, nsid, params, *, max_bytes=1 << 20):
        self._seen()
        self.reads.append(nsid)
        match nsid:
            case "app.bsky.feed.getAuthorFeed":
                return self._part(self.feeds.get(params["actor"], []), "feed", params)
            case "app.bsky.actor.getProfiles":
                assert len(params["actors"]) <= 25
                found = {person.did: person for person in [*self.people, *self.public]}
                return {"profiles": [profile_of(found[did]) for did in params["actors"] if did in found]}
        raise AssertionError(nsid)

    def _part(self, items, name, params):
        assert 1 <= params["limit"] <= 100
        size, start = self.short or params["limit"], int(params.get("cursor") or 0)
        has_more = start + size < len(items) or (self.short and start < len(items))
        return {name: items[start : start + size]} | ({"cursor": str(start + size)} if has_more else {})
