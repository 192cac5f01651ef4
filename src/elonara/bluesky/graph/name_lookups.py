"""Whose a handle is, and why Bluesky returns no profile for a name: one after the other, within a time limit."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Iterator

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from elonara.atproto.errors import ErrorKind, IdentityError, XrpcError
from elonara.bluesky import network
from elonara.bluesky.graph.failures import GraphUnavailable, as_graph_unavailable
from elonara.bluesky.identity.people import Person
from elonara.bluesky.identity.profiles import public_profile

MAX_LOOKUP_SECONDS = 15.0  # for all names of one question
GONE = {ErrorKind.ACCOUNT_DEACTIVATED: "deactivated", ErrorKind.ACCOUNT_TAKENDOWN: "takendown"}
TOO_SLOW = gettext_noop("Some of these accounts are on servers that do not answer. Try again with fewer of them.")


class NameLookups:
    """Looks names up one after the other. Their servers are chosen by strangers, and may be slow on purpose.

    Raises GraphUnavailable once the lookups together have taken too long.
    """

    def __init__(self) -> None:
        self._seconds_spent = 0.0

    def owners(self, handles: Collection[str]) -> dict[str, str]:
        """The DID of each handle, `""` where it leads to no account; left out where that cannot be found out now.

        Never from a cache: within minutes a handle can belong to somebody else.
        """
        found: dict[str, str] = {}
        for handle in handles:
            with self._timed():
                try:
                    found[handle] = network.resolver().resolve(handle, fresh=True).did
                except IdentityError as fault:
                    if fault.reason != "unreachable":
                        found[handle] = ""
        return found

    def without_profile(self, name: str) -> Person | None:
        """Who is behind a DID or handle without a profile, None for a handle that leads to no account.

        Raises GraphUnavailable.
        """
        with self._timed(), as_graph_unavailable():
            return _person_without_profile(name)

    @contextlib.contextmanager
    def _timed(self) -> Iterator[None]:
        if self._seconds_spent > MAX_LOOKUP_SECONDS:
            raise GraphUnavailable("unreachable", _(TOO_SLOW))
        began = time.monotonic()
        try:
            yield
        finally:
            self._seconds_spent += time.monotonic() - began


def _person_without_profile(name: str) -> Person | None:
    # A handle is resolved first: the account may be new to the AppView, or have changed its handle.
    did = name
    if not name.startswith("did:"):
        try:
            did = network.resolver().resolve_handle(name, fresh=True)
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
