"""A fake graph service: people and labels without a network."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

from django.utils import timezone

from elonara.bluesky.graph.service import (
    BAD_CURSOR,
    BAD_CURSOR_SENTENCE,
    PROFILES_PER_CALL,
    GraphPage,
    GraphUnavailable,
)
from elonara.bluesky.identity.people import Person


def somebody(name, **fields):
    """A mutual follow; `fields` override that."""
    fields = {"follows_you": True, "you_follow": True} | fields
    return Person(f"did:plc:{name}", f"{name}.example", name.title(), **fields)


@dataclass
class FakeGraph:
    """Behaves like elonara.bluesky.graph.service.BlueskyGraphService. If `down` is set, every request raises it.

    `known`: whether blocks and mutes are known, as they are with a valid session. As in the real service a known view
    is stored, and used again as long as its age allows.
    """

    people: list[Person] = field(default_factory=list)
    down: GraphUnavailable | None = None
    known: bool = True
    account_labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    asked: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)  # the requests of `confirm`, in order
    _views: dict = field(default_factory=dict)  # (member, DID) → the person, and when she was looked up

    def forget(self):
        """Let the stored views expire."""
        self._views.clear()

    def _seen(self):
        if self.down:
            raise self.down
        return [person if self.known else replace(person, known=False) for person in self.people]

    def _page(self, people, cursor, limit):
        if not (cursor or "0").isascii() or not (cursor or "0").isdigit():
            raise GraphUnavailable(BAD_CURSOR, BAD_CURSOR_SENTENCE)
        start = int(cursor or 0)
        has_more = len(people) > start + limit
        return GraphPage(people[start : start + limit], str(start + limit) if has_more else None, self.known)

    def get_followers(self, member_id, cursor=None, limit=50):
        return self._page([person for person in self._seen() if person.follows_you], cursor, limit)

    def get_follows(self, member_id, cursor=None, limit=50):
        return self._page([person for person in self._seen() if person.you_follow], cursor, limit)

    def get_mutuals(self, member_id, cursor=None, limit=50):
        return self._page([person for person in self._seen() if person.mutual], cursor, limit)

    def search(self, member_id, q, limit=25):
        wanted = q.strip().removeprefix("@").lower()
        found = [p for p in self._seen() if p.handle.lower().startswith(wanted) or wanted in p.display_name.lower()]
        return found[:limit] if wanted else []

    def stored(self, member_id, dids, *, since):
        now = timezone.now()
        views = {did: self._views.get((member_id, did)) for did in dids}
        return {did: view[0] for did, view in views.items() if view and since <= view[1] <= now}

    def confirm(self, member_id, actors, *, max_age=600):
        names = {actor: actor.removeprefix("@") for actor in actors}
        dids = [name for name in names.values() if name.startswith("did:")] if max_age > 0 else []
        stored = self.stored(member_id, dids, since=timezone.now() - timedelta(seconds=max_age))
        found = {actor: stored[name] for actor, name in names.items() if name in stored}
        missing = [actor for actor in names if actor not in found]
        for start in range(0, len(missing), PROFILES_PER_CALL):
            batch = missing[start : start + PROFILES_PER_CALL]
            self.asked.append((member_id, tuple(batch)))
            by_name = {name: person for person in self._seen() for name in (person.did, person.handle)}
            for actor in batch:
                if (person := by_name.get(names[actor])) is not None:
                    found[actor] = person
                    if person.known:
                        self._views[member_id, person.did] = (person, timezone.now())
        return found

    def labels(self, did):
        if self.down:
            raise self.down
        return self.account_labels.get(did, ())
