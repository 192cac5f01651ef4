"""Whom the site's own account (the relay) may mention, by the operator's choice in `bluesky.relay.audience`.

Bluesky's rule for bots asks that people opt in before a bot mentions them. Who follows a host is asked of the public
AppView and not of the host's own server, which could claim it of everybody.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from django.conf import settings

from elonara.atproto.errors import AtprotoError
from elonara.bluesky import network
from elonara.bluesky.identity.people import Person
from elonara.invitations.opt_out_models import RelayConsent
from elonara.members.models import Member

RELATIONSHIPS_BATCH = 30  # `others` in one app.bsky.graph.getRelationships

log = logging.getLogger(__name__)


def relay_audience(relay_did: str, host: Member, people: Mapping[str, Person]) -> set[str]:
    """Those of `people` (by DID) whom the relay account may mention. May ask the public AppView.

    Raises nothing: a person of whom it is not known counts as not allowed.
    """
    match settings.ELONARA.bluesky.relay.audience:
        case "all":
            return set(people)
        case "followers_of_host":
            claimed = [did for did, person in people.items() if person.follows_you]
            allowed = {did for own in own_dids(host) for did in _followers(own, claimed)} & set(claimed)
        case _:
            allowed = set()
    rest = [did for did in people if did not in allowed]
    allowed |= set(RelayConsent.objects.filter(did__in=rest).values_list("did", flat=True))
    if settings.ELONARA.bluesky.relay.audience == "opted_in":
        allowed |= _followers(relay_did, [did for did in rest if did not in allowed])
    return allowed


def _followers(of: str, dids: list[str]) -> set[str]:
    """Those who follow an account, as the public AppView knows (app.bsky.graph.getRelationships, at most 30 a call)."""
    found: set[str] = set()
    for start in range(0, len(dids), RELATIONSHIPS_BATCH):
        asked = {"actor": of, "others": dids[start : start + RELATIONSHIPS_BATCH]}
        try:
            response = network.xrpc().query(network.appview_url(), "app.bsky.graph.getRelationships", asked)
        except AtprotoError as fault:
            # Fails closed: nobody counts as a follower until Bluesky says so.
            log.warning("who follows %s could not be read: %s", of, fault)
            return found
        found |= {
            item["did"]
            for item in response.get("relationships", [])
            if isinstance(item, dict) and item.get("followedBy") and isinstance(item.get("did"), str)
        }
    return found


def own_dids(host: Member) -> set[str]:
    """The DID of the host's connected account, if there is one."""
    identity = getattr(host, "bluesky", None)
    return {identity.bsky_did} if identity is not None else set()
