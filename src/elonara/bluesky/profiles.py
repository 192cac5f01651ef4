"""What anybody may read about an account: the public AppView, without a viewer."""

from __future__ import annotations

import logging

from elonara.atproto.errors import AtprotoError
from elonara.bluesky import network
from elonara.bluesky.people import Person

log = logging.getLogger(__name__)

PROFILE_SECONDS = 4.0  # a name and a picture are not worth a longer wait


def public_profile(actor: str, *, deadline: float = PROFILE_SECONDS) -> Person | None:
    """The public profile of a DID or handle, None where it cannot be read. Never raises for the network."""
    try:
        answer = network.xrpc().query(
            network.appview_url(), "app.bsky.actor.getProfile", {"actor": actor}, deadline=deadline
        )
        return Person.from_profile(answer, known=False)
    except (AtprotoError, KeyError, TypeError) as fault:
        log.info("no public profile of %s: %s", actor, fault)
        return None
