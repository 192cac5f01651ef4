"""A fake graph service: people and labels without a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.utils import timezone
from tests.fakes.circles import Circles

from elonara.bluesky.graph import store, sync
from elonara.bluesky.graph.models import StoredGraph
from elonara.bluesky.graph.service import (
    BAD_CURSOR,
    BAD_CURSOR_SENTENCE,
    MAX_PAGE_SIZE,
    PROFILES_PER_CALL,
    GraphPage,
    GraphUnavailable,
)
from elonara.bluesky.identity.people import Person

MAX_RUNS = 1000


def somebody(name, **fields):
    """A mutual follow; `fields` override that."""
    fields = {"follows_you": True, "you_follow": True} | fields
    return Person(f"did:plc:{name}", f"{name}.example", name.title(), **fields)


@dataclass
class FakeGraph(Circles):
    """Behaves like elonara.bluesky.graph.service.BlueskyGraphService. If `down` is set, every request raises it.

    `known`: whether blocks and mutes are known, as they are with a valid session. As in the real service a known view
    is stored, and used again as long as its age allows.
    """

    people: list[Person] = field(default_factory=list)
    down: GraphUnavailable | None = None
    known: bool = True
    account_labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    asked: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)  # the requests of `confirm`, in order
    rests_until: datetime | None = None  # as the rate limit of a server
    pages: list[tuple[str, str | None]] = field(default_factory=list)  # read by syncs, in order: list and cursor
    on_page: Callable[[], None] | None = None  # called when a sync reads a page
    sparse: bool = False  # many pages are short or empty
    endless: bool = False  # there is always another empty page
    former: dict[str, Person] = field(default_factory=dict)  # handles that profiles are still found by: former owners
    answers_left: int | None = None  # after so many answers about people the time of the request is over
    refused: set[str] = field(default_factory=set)  # cursors
    _views: dict = field(default_factory=dict)  # (member, DID) → the person, and when she was looked up

    def forget(self):
        """Let the stored views expire."""
        self._views.clear()

    def _seen(self):
        if self.down:
            raise self.down
        return [person if self.known else replace(person, known=False) for person in self.people]

    def reader(self, member_id):
        return FakeReader(self, member_id)

    def _page(self, people, cursor, limit):
        if not (cursor or "0").isascii() or not (cursor or "0").isdigit() or cursor in self.refused:
            raise GraphUnavailable(BAD_CURSOR, BAD_CURSOR_SENTENCE)
        start = int(cursor or 0)
        if self.endless:
            return GraphPage([], str(start + 1), self.known)
        if self.sparse:
            # As where many accounts are deactivated: of three pages one is empty, one short.
            third, rest = divmod(start, 3)
            shown = [people[5 * third : 5 * third + 4], [], people[5 * third + 4 : 5 * third + 5]][rest]
            return GraphPage(shown, str(start + 1) if 5 * third < len(people) else None, self.known)
        has_more = len(people) > start + limit
        return GraphPage(people[start : start + limit], str(start + limit) if has_more else None, self.known)

    def get_followers(self, member_id, cursor=None, limit=50):
        return self._page([person for person in self._seen() if person.follows_you], cursor, limit)

    def get_follows(self, member_id, cursor=None, limit=50):
        return self._page([person for person in self._seen() if person.you_follow], cursor, limit)

    def stored(self, member_id, dids, *, since):
        now = timezone.now()
        views = {did: self._views.get((member_id, did)) for did in dids}
        return {did: view[0] for did, view in views.items() if view and since <= view[1] <= now}

    def profiles(self, member_id, actors):
        assert len(actors) <= PROFILES_PER_CALL
        self._ask(member_id, actors)
        now = [person for person in self._seen() if person.handle not in self.former]
        found = [person for person in now if {person.did, person.handle} & set(actors)]
        found += [replace(one, handle=handle) for handle, one in self.former.items() if handle in actors]
        self._views |= {(member_id, person.did): (person, timezone.now()) for person in found if person.known}
        store.note(member_id, found)
        return found

    def confirm(self, member_id, actors, *, max_age=600):
        names = {actor: actor.removeprefix("@") for actor in actors}
        dids = [name for name in names.values() if name.startswith("did:")] if max_age > 0 else []
        stored = self.stored(member_id, dids, since=timezone.now() - timedelta(seconds=max_age))
        found = {actor: stored[name] for actor, name in names.items() if name in stored}
        missing = [actor for actor in names if actor not in found]
        for start in range(0, len(missing), PROFILES_PER_CALL):
            batch = missing[start : start + PROFILES_PER_CALL]
            self._ask(member_id, batch)
            by_name = {name: person for person in self._seen() for name in (person.did, person.handle)}
            for actor in batch:
                if (person := by_name.get(names[actor])) is not None:
                    found[actor] = person
                    if person.known:
                        self._views[member_id, person.did] = (person, timezone.now())
        if missing:
            store.note(member_id, [found[actor] for actor in missing if actor in found])
        return found

    def _ask(self, member_id, actors):
        if self.answers_left is not None:
            if not self.answers_left:
                raise GraphUnavailable("unreachable", "This page waited 3 seconds and gave up.")
            self.answers_left -= 1
        self.asked.append((member_id, tuple(actors)))

    def labels(self, did):
        if self.down:
            raise self.down
        return self.account_labels.get(did, ())


@dataclass
class FakeReader:
    """Behaves like elonara.bluesky.graph.service.GraphReader."""

    graph: FakeGraph
    member_id: int

    def followers(self, cursor):
        self._asked("followers", cursor)
        return self.graph.get_followers(self.member_id, cursor, MAX_PAGE_SIZE)

    def follows(self, cursor):
        self._asked("follows", cursor)
        return self.graph.get_follows(self.member_id, cursor, MAX_PAGE_SIZE)

    def read(self, member_id, nsid, params):
        assert member_id == self.member_id
        return self.graph.read(member_id, nsid, params)

    def _asked(self, side, cursor):
        self.graph.pages.append((side, cursor))
        if self.graph.on_page:
            self.graph.on_page()

    def total(self):
        return sum(person.follows_you + person.you_follow for person in self.graph.people)

    def rests_until(self):
        return self.graph.rests_until


def stored(member, did="did:plc:host"):
    """Read everybody whom the fake graph in use shows into the member's stored graph; returns its row."""
    graph, _ = StoredGraph.objects.get_or_create(member=member, defaults={"bsky_did": did})
    StoredGraph.objects.filter(pk=graph.pk).update(
        state="running", full=True, side="followers", cursor="", read=0, started_at=None, due_at=timezone.now(),
        pass_number=graph.pass_number + (graph.full_read_at is not None),
    )  # fmt: skip
    for _ in range(MAX_RUNS):
        sync.poll(str(graph.pk))
        graph.refresh_from_db()
        if graph.state != "running":
            return graph
    raise AssertionError(f"the sync has not ended: {graph.side} {graph.cursor} {graph.reason}")
