"""`BlueskyGraphService`: whom a member knows, through her own PDS with her own OAuth session.

Always through the PDS, which passes the read on to the AppView (`atproto-proxy`): a DPoP token sent to the AppView
itself is answered as if nobody had asked, without a viewer. Where the session or the permission is missing, the public
AppView still shows people (`known` false): they can be seen, not invited. No read here ever uses an app password.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from elonara.atproto.errors import AtprotoError, ErrorKind, IdentityError, NetworkError, XrpcError
from elonara.atproto.xrpc import Authorizer
from elonara.bluesky import network
from elonara.bluesky.graph import actor_views
from elonara.bluesky.identity.identities import identity_row
from elonara.bluesky.identity.people import Person
from elonara.bluesky.identity.profiles import public_profile
from elonara.bluesky.models import MemberIdentity
from elonara.bluesky.oauth import sessions as oauth_sessions
from elonara.bluesky.rate_budgets import BudgetedAuthorizer
from elonara.bluesky.refresh_lease import SessionEnded, TryLater

__all__ = ["BlueskyGraphService", "GraphPage", "GraphUnavailable", "Person", "current", "use"]

log = logging.getLogger(__name__)

PROFILES_PER_CALL = 25  # app.bsky.actor.getProfiles
MAX_PAGE_SIZE = 100  # app.bsky.graph.getFollowers, getFollows
LOOKUP_DEADLINE_SECONDS = 15.0  # for all handles of one question that the AppView does not know
MAX_PAGES_FOR_MUTUALS = 5  # pages of followers read for one page of mutuals

GONE = {ErrorKind.ACCOUNT_DEACTIVATED: "deactivated", ErrorKind.ACCOUNT_TAKENDOWN: "takendown"}
# Answers that say "not with this session": the public view still shows people.
NOT_ALLOWED = {ErrorKind.SCOPE_MISSING, ErrorKind.TOKEN_INVALID, ErrorKind.TOKEN_EXPIRED}
MALFORMED_RESPONSE = "Bluesky answered in a way that cannot be read."


@dataclass(frozen=True)
class GraphPage:
    """People in the order of the network, newest first. Only a page without a `cursor` is the last.

    A page can be short or empty in the middle. `known`: the viewer's state (blocks, mutes) came with it.
    """

    people: list[Person]
    cursor: str | None
    known: bool


@dataclass
class GraphUnavailable(Exception):
    """The graph cannot be read now. Reasons: not_connected, rate_limited, unreachable, server, account_deactivated."""

    reason: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.reason}: {self.sentence}"


@dataclass(frozen=True)
class _Viewer:
    """Who looks: with a session at a PDS, or (no `auth`) anybody at the public AppView."""

    did: str
    service: str
    auth: Authorizer | None

    @property
    def known(self) -> bool:
        return self.auth is not None

    def read(self, nsid: str, params: dict[str, Any]) -> dict[str, Any]:
        proxy = network.appview_proxy() if self.auth else None
        return network.xrpc().query(self.service, nsid, params, auth=self.auth, proxy=proxy)


class BlueskyGraphService:
    """Followers, follows, mutuals and what Bluesky says about single people, as one member sees them."""

    def get_followers(self, member_id: int, cursor: str | None = None, limit: int = 50) -> GraphPage:
        """One page of the people who follow the member. Raises GraphUnavailable."""
        return self._page(member_id, "app.bsky.graph.getFollowers", "followers", cursor, limit)

    def get_follows(self, member_id: int, cursor: str | None = None, limit: int = 50) -> GraphPage:
        """One page of the people whom the member follows. Raises GraphUnavailable."""
        return self._page(member_id, "app.bsky.graph.getFollows", "follows", cursor, limit)

    def get_mutuals(self, member_id: int, cursor: str | None = None, limit: int = 50) -> GraphPage:
        """Followers whom the member follows back; none where the viewer is not known. Raises GraphUnavailable.

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
        """People whose name or handle begins like `q`, those the member knows first. Raises GraphUnavailable."""
        wanted = q.strip().removeprefix("@")[:100]
        if not wanted:
            return []
        params = {"q": wanted, "limit": min(limit, MAX_PAGE_SIZE)}
        answer, viewer = self._read(member_id, "app.bsky.actor.searchActorsTypeahead", params)
        people = _people(answer.get("actors"), known=viewer.known)
        return sorted(people, key=lambda person: not (person.follows_you or person.you_follow))

    def confirm(self, member_id: int, actors: Sequence[str], *, max_age: float = 600) -> dict[str, Person]:
        """What Bluesky says now about each of `actors` (DIDs or handles), by the name that was asked for.

        An answer of up to `max_age` seconds ago counts (0 asks in any case). Somebody whom Bluesky does not show is
        there with `gone`; a handle that leads to nobody is absent. Raises GraphUnavailable.
        """
        wanted = {actor: actor.strip().removeprefix("@") for actor in actors}
        names = {name if name.startswith("did:") else name.lower() for name in wanted.values()}
        found = actor_views.fresh(member_id, names, max_age) if max_age > 0 else {}
        missing = sorted(names - found.keys())
        asked: list[Person] = []
        patience = _Patience()
        for batch in _batches(missing, PROFILES_PER_CALL):
            answer, viewer = self._read(member_id, "app.bsky.actor.getProfiles", {"actors": batch})
            people = _people(answer.get("profiles"), known=viewer.known)
            asked += people
            shown = {name for person in people for name in (person.did, person.handle.lower())}
            asked += [person for name in batch if name not in shown and (person := patience.over(_absent, name))]
        actor_views.keep(member_id, asked)
        found |= {name: person for person in asked for name in (person.did, person.handle.lower())}
        by_name = {actor: name if name.startswith("did:") else name.lower() for actor, name in wanted.items()}
        return {actor: found[name] for actor, name in by_name.items() if name in found}

    def labels(self, did: str) -> tuple[str, ...]:
        """The moderation labels on an account (such as `spam`), as anybody sees them. Raises GraphUnavailable."""
        with _sentences():
            try:
                answer = network.xrpc().query(network.appview_url(), "app.bsky.actor.getProfile", {"actor": did})
            except XrpcError as fault:
                if fault.kind is ErrorKind.ACCOUNT_TAKENDOWN:
                    # No profile is left to carry the label; a PDS that is not Bluesky's own still takes posts.
                    return ("!takedown",)
                raise
            return Person.from_profile(answer, known=False).labels

    def _page(self, member_id: int, nsid: str, field: str, cursor: str | None, limit: int) -> GraphPage:
        params = {"actor": None, "cursor": cursor, "limit": max(1, min(limit, MAX_PAGE_SIZE))}
        answer, viewer = self._read(member_id, nsid, params)
        following = answer.get("cursor")
        following = following if isinstance(following, str) and following else None
        return GraphPage(_people(answer.get(field), known=viewer.known), following, viewer.known)

    def _read(self, member_id: int, nsid: str, params: dict[str, Any]) -> tuple[dict[str, Any], _Viewer]:
        """Read as the member, else as anybody. A parameter `actor` that is None stands for the member."""
        with _sentences():
            viewer = self._viewer(member_id)
            if "actor" in params:
                params = params | {"actor": viewer.did}
            try:
                return viewer.read(nsid, params), viewer
            except (SessionEnded, XrpcError) as fault:
                if not viewer.known or (isinstance(fault, XrpcError) and fault.kind not in NOT_ALLOWED):
                    raise
                log.info("%s for member %s without a viewer: %s", nsid, member_id, fault)
                anybody = _Viewer(viewer.did, network.appview_url(), None)
                return anybody.read(nsid, params), anybody

    def _viewer(self, member_id: int) -> _Viewer:
        identity = identity_row(member_id)
        if identity is None:
            raise GraphUnavailable("not_connected", "Connect your Bluesky account to see the people you know there.")
        if identity.state == MemberIdentity.State.ACTIVE:
            with contextlib.suppress(SessionEnded):
                pds_url, auth = oauth_sessions.authorizer(identity)
                return _Viewer(identity.bsky_did, pds_url, BudgetedAuthorizer(auth, identity.bsky_did, pds_url))
        return _Viewer(identity.bsky_did, network.appview_url(), None)


_substitute: BlueskyGraphService | None = None


def current() -> BlueskyGraphService:
    """The graph service, or a test's."""
    return _substitute or BlueskyGraphService()


@contextlib.contextmanager
def use(graph: BlueskyGraphService) -> Iterator[None]:
    """Make every thread that asks for `service()` read this graph, for tests."""
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
        # One broken profile is no reason to show nobody.
        with contextlib.suppress(KeyError, TypeError, AttributeError):
            people.append(Person.from_profile(item, known=known))
    return people


class _Patience:
    """Time for looking up names one after the other: their servers are strangers', and may be slow on purpose."""

    def __init__(self) -> None:
        self._spent = 0.0

    def over(self, look: Callable[[str], Person | None], name: str) -> Person | None:
        """One look. Raises GraphUnavailable once all of them have taken too long."""
        if self._spent > LOOKUP_DEADLINE_SECONDS:
            raise GraphUnavailable(
                "unreachable", "Some of these accounts are on servers that do not answer. Try again with fewer of them."
            )
        began = time.monotonic()
        with _sentences():
            found = look(name)
        self._spent += time.monotonic() - began
        return found


def _absent(name: str) -> Person | None:
    """Why Bluesky shows nobody under a name. A handle is looked up first: it may be new to the AppView."""
    did = name
    if not name.startswith("did:"):
        try:
            did = network.resolver().resolve_handle(name)
        except IdentityError:
            return None
    handle = name if did != name else ""
    try:
        network.xrpc().query(network.appview_url(), "app.bsky.actor.getProfile", {"actor": did})
    except XrpcError as fault:
        if fault.kind in GONE:
            return Person(did, handle, gone=GONE[fault.kind])
        if fault.kind in {ErrorKind.BAD_REQUEST, ErrorKind.ACCOUNT_NOT_FOUND}:
            return Person(did, handle, gone="deleted")
        raise
    # Shown to anybody, but not to the member: seen, and not to be invited.
    shown = public_profile(did)
    return shown or Person(did, handle, known=False)


@contextlib.contextmanager
def _sentences() -> Iterator[None]:
    try:
        yield
    except TryLater as fault:
        raise GraphUnavailable(fault.reason, "Bluesky could not be asked just now. Try again in a minute.") from fault
    except XrpcError as fault:
        match fault.kind:
            case ErrorKind.RATE_LIMITED:
                sentence = "Bluesky asks this site to wait. Try again in a few minutes."
            case ErrorKind.ACCOUNT_DEACTIVATED:
                sentence = "Your Bluesky account is deactivated. Activate it in the Bluesky app."
            case _:
                sentence = "Bluesky had a fault of its own. Try again in a minute."
        known = {ErrorKind.RATE_LIMITED, ErrorKind.ACCOUNT_DEACTIVATED}
        raise GraphUnavailable(fault.kind.value if fault.kind in known else "server", sentence) from fault
    except NetworkError as fault:
        raise GraphUnavailable("unreachable", "Your server does not answer. Try again in a minute.") from fault
    except (AtprotoError, KeyError, TypeError) as fault:
        raise GraphUnavailable("server", MALFORMED_RESPONSE) from fault


def _batches(items: Sequence[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(items), size):
        yield list(items[start : start + size])
