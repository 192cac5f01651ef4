"""`BlueskyGraphService`: whom a member knows, read through her own PDS with her own OAuth session.

Always through the PDS, which passes the read on to the AppView (`atproto-proxy`): the AppView itself treats a request
with a DPoP token as anonymous and returns no viewer state. Where the session or the scope is missing, the public
AppView still returns profiles (`known` false): such people can be seen, not invited. No read uses an app password.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from elonara.atproto.errors import ErrorKind, XrpcError
from elonara.bluesky import network
from elonara.bluesky.graph import actor_views
from elonara.bluesky.graph.failures import MALFORMED_RESPONSE, GraphUnavailable, as_graph_unavailable
from elonara.bluesky.graph.name_lookups import NameLookups
from elonara.bluesky.graph.viewer import Viewer
from elonara.bluesky.identity.identities import identity_row
from elonara.bluesky.identity.people import Person
from elonara.bluesky.models import MemberIdentity
from elonara.bluesky.oauth import ended_sessions
from elonara.bluesky.oauth import sessions as oauth_sessions
from elonara.bluesky.rate_budgets import BudgetedAuthorizer, syncs_rest_until
from elonara.bluesky.refresh_lease import SessionEnded

__all__ = ["BAD_CURSOR", "BlueskyGraphService", "GraphPage", "GraphUnavailable", "Person", "current", "use"]

log = logging.getLogger(__name__)

PROFILES_PER_CALL = 25  # the most that app.bsky.actor.getProfiles takes
MAX_PAGE_SIZE = 100  # people: the most that app.bsky.graph.getFollowers and getFollows return
MAX_COUNT = 2**30  # of the people in one list, as a profile counts them

BAD_CURSOR = "bad_cursor"
BAD_CURSOR_SENTENCE = gettext_noop(
    "Bluesky no longer knows this place in the list. Start again at the top of the list."
)

# The session or its scope does not allow the read; the public AppView still does.
NOT_ALLOWED = {ErrorKind.SCOPE_MISSING, ErrorKind.TOKEN_INVALID, ErrorKind.TOKEN_EXPIRED}


@dataclass(frozen=True)
class GraphPage:
    """People in the order of the network, newest first. Only a page without a `cursor` is the last.

    A page can be short or empty in the middle. `known`: the viewer's state (blocks, mutes) came with it.
    """

    people: list[Person]
    cursor: str | None
    known: bool


class BlueskyGraphService:
    """Followers, follows and single people, as one member sees them."""

    def get_followers(self, member_id: int, cursor: str | None = None, limit: int = 50) -> GraphPage:
        """One page of the people who follow the member. Raises GraphUnavailable."""
        return self._page(member_id, "app.bsky.graph.getFollowers", "followers", cursor, limit)

    def get_follows(self, member_id: int, cursor: str | None = None, limit: int = 50) -> GraphPage:
        """One page of the people whom the member follows. Raises GraphUnavailable."""
        return self._page(member_id, "app.bsky.graph.getFollows", "follows", cursor, limit)

    def stored(self, member_id: int, dids: Collection[str], *, since: datetime) -> dict[str, Person]:
        """Those of `dids` of whom a view is stored that was fetched at `since` or later. Asks nobody."""
        return actor_views.fetched_since(member_id, dids, since)

    def confirm(
        self, member_id: int, actors: Sequence[str], *, max_age: float = actor_views.MAX_AGE_SECONDS
    ) -> dict[str, Person]:
        """What Bluesky says about each of `actors` (DIDs or handles), by the name as it was given.

        A handle is resolved anew, since it may belong to another account by now. A stored view of up to `max_age`
        seconds ago is used (0: every profile is fetched). Somebody without a profile is there with `gone`; a handle
        that leads to no account is left out. Raises GraphUnavailable.
        """
        wanted = {actor: actor.strip().removeprefix("@") for actor in actors}
        names = {actor: name if name.startswith("did:") else name.lower() for actor, name in wanted.items()}
        lookups = NameLookups()
        owners = lookups.owners({name for name in names.values() if not name.startswith("did:")})
        keys = {owners.get(name, name) for name in names.values()} - {""}
        found = actor_views.fresh(member_id, keys, max_age) if max_age > 0 else {}
        not_stored = sorted(keys - found.keys())
        fetched: list[Person] = []
        for batch in _batches(not_stored, PROFILES_PER_CALL):
            response, viewer = self._read(member_id, "app.bsky.actor.getProfiles", {"actors": batch})
            people = _people(response.get("profiles"), known=viewer.known)
            fetched += people
            shown = {name for person in people for name in (person.did, person.handle.lower())}
            absent = [name for name in batch if name not in shown]
            fetched += [person for name in absent if (person := lookups.without_profile(name))]
        actor_views.keep(member_id, fetched)
        found |= {person.did: person for person in fetched}
        # Only of those whose owner could not be asked for: what the AppView says about the handle.
        found |= {person.handle.lower(): person for person in fetched if person.handle.lower() in not_stored}
        people_by_name = {actor: found.get(owners.get(name, name)) for actor, name in names.items()}
        return {
            actor: replace(person, handle=names[actor]) if owners.get(names[actor]) else person
            for actor, person in people_by_name.items()
            if person is not None
        }

    def profiles(self, member_id: int, actors: Sequence[str]) -> list[Person]:
        """What Bluesky shows the member of these accounts, at most PROFILES_PER_CALL; who has no profile is left out.

        A handle is whosever the AppView takes it for, maybe its former owner's: `confirm` resolves it anew. Raises
        GraphUnavailable.
        """
        response, viewer = self._read(member_id, "app.bsky.actor.getProfiles", {"actors": list(actors)})
        people = _people(response.get("profiles"), known=viewer.known)
        actor_views.keep(member_id, people)
        return people

    def read(self, member_id: int, nsid: str, params: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        """What a query answers to the member, and whether it was read as her. Raises GraphUnavailable.

        A parameter `actor` that is None stands for the member.
        """
        response, viewer = self._read(member_id, nsid, params)
        return response, viewer.known

    def read_public(self, nsid: str, params: dict[str, Any], *, max_bytes: int = 1 << 20) -> dict[str, Any]:
        """What a query answers to anybody, at the public AppView. Raises GraphUnavailable."""
        with as_graph_unavailable():
            return network.xrpc().query(network.appview_url(), nsid, params, max_bytes=max_bytes)

    def labels(self, did: str) -> tuple[str, ...]:
        """The public moderation labels on an account (such as `spam`). Raises GraphUnavailable."""
        with as_graph_unavailable():
            try:
                response = network.xrpc().query(network.appview_url(), "app.bsky.actor.getProfile", {"actor": did})
            except XrpcError as fault:
                if fault.kind is ErrorKind.ACCOUNT_TAKENDOWN:
                    # The AppView has no profile left to carry a label; another PDS than Bluesky's still accepts posts.
                    return ("!takedown",)
                raise
            return Person.from_profile(response, known=False).labels

    def _page(self, member_id: int, nsid: str, field: str, cursor: str | None, limit: int) -> GraphPage:
        params = {"actor": None, "cursor": cursor, "limit": max(1, min(limit, MAX_PAGE_SIZE))}
        try:
            response, viewer = self._read(member_id, nsid, params)
        except GraphUnavailable as fault:
            if cursor and self._cursor_is_at_fault(fault, member_id, nsid):
                raise GraphUnavailable(BAD_CURSOR, _(BAD_CURSOR_SENTENCE)) from fault
            raise
        next_cursor = response.get("cursor")
        next_cursor = next_cursor if isinstance(next_cursor, str) and next_cursor else None
        return GraphPage(_people(response.get(field), known=viewer.known), next_cursor, viewer.known)

    def _cursor_is_at_fault(self, fault: GraphUnavailable, member_id: int, nsid: str) -> bool:
        """Whether a list could not be read because of the place in it that was asked for.

        The AppView answers some cursors with 400 and others with 500. A server that is down answers so without any
        cursor, so the beginning of the list tells which it was.
        """
        refused = fault.__cause__
        if not isinstance(refused, XrpcError) or refused.kind is not ErrorKind.SERVER_ERROR:
            return isinstance(refused, XrpcError) and refused.kind is ErrorKind.BAD_REQUEST
        try:
            self._read(member_id, nsid, {"actor": None, "limit": 1})
        except GraphUnavailable:
            return False
        return True

    def _read(self, member_id: int, nsid: str, params: dict[str, Any]) -> tuple[dict[str, Any], Viewer]:
        """Read as the member, or else anonymously. A parameter `actor` that is None stands for the member."""
        with as_graph_unavailable():
            viewer = self._viewer(member_id)
            if "actor" in params:
                params = params | {"actor": viewer.did}
            try:
                return viewer.read(nsid, params), viewer
            except (SessionEnded, XrpcError) as refusal:
                fault: Exception = refusal
                if viewer.identity is not None and isinstance(refusal, XrpcError):
                    fault = ended_sessions.reconsider(viewer.identity, refusal)
                ended = isinstance(fault, SessionEnded)
                if not viewer.known or not (ended or (isinstance(fault, XrpcError) and fault.kind in NOT_ALLOWED)):
                    if fault is refusal:
                        raise
                    raise fault from refusal
                log.info("%s for member %s is read anonymously: %s", nsid, member_id, fault)
                anonymous = Viewer.anonymous(viewer.did)
                return anonymous.read(nsid, params), anonymous

    def _viewer(self, member_id: int) -> Viewer:
        identity = identity_row(member_id)
        if identity is None:
            raise GraphUnavailable("not_connected", _("Connect your Bluesky account to see the people you know there."))
        if identity.state == MemberIdentity.State.ACTIVE:
            with contextlib.suppress(SessionEnded):
                pds_url, auth = oauth_sessions.authorizer(identity)
                budgeted = BudgetedAuthorizer(auth, identity.bsky_did, pds_url)
                return Viewer(identity.bsky_did, pds_url, budgeted, identity)
        return Viewer.anonymous(identity.bsky_did)

    def reader(self, member_id: int) -> GraphReader:
        """Reads many pages in a row, for a few seconds, by one thread: session and permission are looked at once."""
        return GraphReader(member_id)


class GraphReader(BlueskyGraphService):
    """See `BlueskyGraphService.reader`."""

    def __init__(self, member_id: int) -> None:
        self._member_id = member_id
        self._pinned: Viewer | None = None

    def followers(self, cursor: str | None) -> GraphPage:
        """The longest page of the member's followers. Raises GraphUnavailable."""
        return self.get_followers(self._member_id, cursor, MAX_PAGE_SIZE)

    def follows(self, cursor: str | None) -> GraphPage:
        """The longest page of those whom the member follows. Raises GraphUnavailable."""
        return self.get_follows(self._member_id, cursor, MAX_PAGE_SIZE)

    def total(self) -> int | None:
        """How many people are in both lists, as the member's profile counts them, those whom no list shows included."""
        did = self._viewer(self._member_id).did
        with contextlib.suppress(GraphUnavailable):
            # Not our own `_read`: a missing permission for this method says nothing about those of the lists.
            response, _ = super()._read(self._member_id, "app.bsky.actor.getProfiles", {"actors": [did]})
            return _counted(response.get("profiles"))
        return None

    def rests_until(self) -> datetime | None:
        """Until when a sync leaves the rate limit of the server to others; None where it may read on.

        Raises GraphUnavailable.
        """
        return syncs_rest_until(self._viewer(self._member_id).service)

    def _viewer(self, member_id: int) -> Viewer:
        if self._pinned is None:
            # Not only `_read` asks: a token that cannot be refreshed now is no fault of the job that reads.
            with as_graph_unavailable():
                self._pinned = super()._viewer(member_id)
        return self._pinned

    def _read(self, member_id: int, nsid: str, params: dict[str, Any]) -> tuple[dict[str, Any], Viewer]:
        response, self._pinned = super()._read(member_id, nsid, params)  # anonymous from now on, where it had to be
        return response, self._pinned


_substitute: BlueskyGraphService | None = None


def current() -> BlueskyGraphService:
    """The graph service, or the one that a test has put in its place."""
    return _substitute or BlueskyGraphService()


@contextlib.contextmanager
def use(graph: BlueskyGraphService) -> Iterator[None]:
    """Make `current()` return this graph in every thread, for tests."""
    global _substitute  # noqa: PLW0603
    before, _substitute = _substitute, graph
    try:
        yield
    finally:
        _substitute = before


def _counted(profiles: object) -> int | None:
    if not isinstance(profiles, list) or len(profiles) != 1 or not isinstance(profiles[0], dict):
        return None
    counts = [profiles[0].get("followersCount"), profiles[0].get("followsCount")]
    numbers = [count for count in counts if isinstance(count, int) and 0 <= count < MAX_COUNT]
    return sum(numbers) if len(numbers) == len(counts) else None


def _people(items: object, *, known: bool) -> list[Person]:
    if not isinstance(items, list):
        raise GraphUnavailable("server", _(MALFORMED_RESPONSE))
    people = []
    for item in items:
        # A malformed profile is left out; the others are shown.
        with contextlib.suppress(KeyError, TypeError, AttributeError):
            people.append(Person.from_profile(item, known=known))
    return people


def _batches(items: Sequence[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(items), size):
        yield list(items[start : start + size])
