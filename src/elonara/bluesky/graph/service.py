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

from elonara.atproto.errors import ErrorKind, XrpcError
from elonara.atproto.xrpc import Authorizer
from elonara.bluesky import network
from elonara.bluesky.graph import actor_views
from elonara.bluesky.graph.failures import MALFORMED_RESPONSE, GraphUnavailable, as_graph_unavailable
from elonara.bluesky.graph.name_lookups import NameLookups
from elonara.bluesky.identity.identities import identity_row
from elonara.bluesky.identity.people import Person
from elonara.bluesky.models import MemberIdentity
from elonara.bluesky.oauth import ended_sessions
from elonara.bluesky.oauth import sessions as oauth_sessions
from elonara.bluesky.rate_budgets import BudgetedAuthorizer
from elonara.bluesky.refresh_lease import SessionEnded

__all__ = ["BAD_CURSOR", "BlueskyGraphService", "GraphPage", "GraphUnavailable", "Person", "current", "use"]

log = logging.getLogger(__name__)

PROFILES_PER_CALL = 25  # the most that app.bsky.actor.getProfiles takes
MAX_PAGE_SIZE = 100  # people: the most that app.bsky.graph.getFollowers and getFollows return
MAX_PAGES_FOR_MUTUALS = 5  # pages of followers read for one page of mutuals
MAX_QUERY_LENGTH = 100  # characters

BAD_CURSOR = "bad_cursor"
BAD_CURSOR_SENTENCE = "Bluesky does not know this place in the list any more. Begin again at the top of the list."

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


@dataclass(frozen=True)
class _Viewer:
    """As whom the graph is read: as the member at her PDS, or (no `auth`) anonymously at the public AppView."""

    did: str
    service: str
    auth: Authorizer | None
    identity: MemberIdentity | None = None

    @property
    def known(self) -> bool:
        return self.auth is not None

    def read(self, nsid: str, params: dict[str, Any]) -> dict[str, Any]:
        proxy = network.appview_proxy() if self.auth else None
        return network.xrpc().query(self.service, nsid, params, auth=self.auth, proxy=proxy)


class BlueskyGraphService:
    """Followers, follows, mutuals, search and single people, as one member sees them."""

    def get_followers(self, member_id: int, cursor: str | None = None, limit: int = 50) -> GraphPage:
        """One page of the people who follow the member. Raises GraphUnavailable."""
        return self._page(member_id, "app.bsky.graph.getFollowers", "followers", cursor, limit)

    def get_follows(self, member_id: int, cursor: str | None = None, limit: int = 50) -> GraphPage:
        """One page of the people whom the member follows. Raises GraphUnavailable."""
        return self._page(member_id, "app.bsky.graph.getFollows", "follows", cursor, limit)

    def get_mutuals(self, member_id: int, cursor: str | None = None, limit: int = 50) -> GraphPage:
        """Followers whom the member follows back; none without her viewer state. Raises GraphUnavailable.

        Reads several pages of followers for one of mutuals, so a page can be longer or shorter than `limit`.
        """
        found: list[Person] = []
        for _ in range(MAX_PAGES_FOR_MUTUALS):
            page = self.get_followers(member_id, cursor, MAX_PAGE_SIZE)
            found += [person for person in page.people if person.mutual]
            cursor = page.cursor
            if not cursor or not page.known or len(found) >= limit:
                break
        return GraphPage(found, cursor if page.known else None, page.known)

    def search(self, member_id: int, q: str, limit: int = 25) -> list[Person]:
        """People whose name or handle begins with `q`, those the member knows first. Raises GraphUnavailable."""
        wanted = q.strip().removeprefix("@")[:MAX_QUERY_LENGTH]
        if not wanted:
            return []
        params = {"q": wanted, "limit": min(limit, MAX_PAGE_SIZE)}
        response, viewer = self._read(member_id, "app.bsky.actor.searchActorsTypeahead", params)
        people = _people(response.get("actors"), known=viewer.known)
        return sorted(people, key=lambda person: not (person.follows_you or person.you_follow))

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
                raise GraphUnavailable(BAD_CURSOR, BAD_CURSOR_SENTENCE) from fault
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

    def _read(self, member_id: int, nsid: str, params: dict[str, Any]) -> tuple[dict[str, Any], _Viewer]:
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
                anonymous = _Viewer(viewer.did, network.appview_url(), None)
                return anonymous.read(nsid, params), anonymous

    def _viewer(self, member_id: int) -> _Viewer:
        identity = identity_row(member_id)
        if identity is None:
            raise GraphUnavailable("not_connected", "Connect your Bluesky account to see the people you know there.")
        if identity.state == MemberIdentity.State.ACTIVE:
            with contextlib.suppress(SessionEnded):
                pds_url, auth = oauth_sessions.authorizer(identity)
                budgeted = BudgetedAuthorizer(auth, identity.bsky_did, pds_url)
                return _Viewer(identity.bsky_did, pds_url, budgeted, identity)
        return _Viewer(identity.bsky_did, network.appview_url(), None)


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


def _people(items: object, *, known: bool) -> list[Person]:
    if not isinstance(items, list):
        raise GraphUnavailable("server", MALFORMED_RESPONSE)
    people = []
    for item in items:
        # A malformed profile is left out; the others are shown.
        with contextlib.suppress(KeyError, TypeError, AttributeError):
            people.append(Person.from_profile(item, known=known))
    return people


def _batches(items: Sequence[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(items), size):
        yield list(items[start : start + size])
