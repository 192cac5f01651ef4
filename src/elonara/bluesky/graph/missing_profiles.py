"""Why Bluesky returns no profile for a DID or a handle: one name after the other, within a time limit."""

from __future__ import annotations

import time

from elonara.atproto.errors import ErrorKind, IdentityError, XrpcError
from elonara.bluesky import network
from elonara.bluesky.graph.failures import GraphUnavailable, as_graph_unavailable
from elonara.bluesky.identity.people import Person
from elonara.bluesky.identity.profiles import public_profile

MAX_LOOKUP_SECONDS = 15.0  # for all names of one question that the AppView returns no profile for
GONE = {ErrorKind.ACCOUNT_DEACTIVATED: "deactivated", ErrorKind.ACCOUNT_TAKENDOWN: "takendown"}


class MissingProfiles:
    """Looks names up one after the other. Their servers are chosen by strangers, and may be slow on purpose."""

    def __init__(self) -> None:
        self._seconds_spent = 0.0

    def look_up(self, name: str) -> Person | None:
        """Who is behind a DID or handle without a profile, None for a handle that leads to no account.

        Raises GraphUnavailable, also once the lookups together have taken too long.
        """
        if self._seconds_spent > MAX_LOOKUP_SECONDS:
            raise GraphUnavailable(
                "unreachable", "Some of these accounts are on servers that do not answer. Try again with fewer of them."
            )
        began = time.monotonic()
        with as_graph_unavailable():
            found = _person_without_profile(name)
        self._seconds_spent += time.monotonic() - began
        return found


def _person_without_profile(name: str) -> Person | None:
    # A handle is resolved first: the account may be new to the AppView, or have changed its handle.
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
    # Anybody gets a profile, but the member got none: such a person can be seen, not invited.
    return public_profile(did) or Person(did, handle, known=False)
