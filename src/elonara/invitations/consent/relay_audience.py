"""Whom the site's own account (the relay) may mention, by the operator's choice in `bluesky.relay.audience`.

Bluesky's rule for bots asks that people opt in before a bot mentions them. Who follows a host is asked of the public
AppView and not of the host's own server, which could claim it of everybody. Its answers are remembered for a while, so
that a worker can ask for many people at once and need not repeat it for each of them. Consents are our own rows, and
are read each time.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections.abc import Mapping

from django.conf import settings
from django.utils import timezone

from elonara.atproto.errors import AtprotoError
from elonara.bluesky import network
from elonara.bluesky.identity.people import Person
from elonara.invitations.opt_out_models import RelayConsent
from elonara.members.models import Member

RELATIONSHIPS_BATCH = 30  # `others` in one app.bsky.graph.getRelationships
MAX_REMEMBERED = 5_000  # answers; about 1 MB

log = logging.getLogger(__name__)

# (followed, follower): whether she follows, and when that was asked. Of this process, as a turn in a lane is.
_answers: dict[tuple[str, str], tuple[bool, dt.datetime]] = {}
_lock = threading.Lock()


def relay_audience(
    relay_did: str, host: Member, people: Mapping[str, Person], *, since: dt.datetime | None = None
) -> set[str]:
    """Those of `people` (by DID) whom the relay account may mention. May ask the public AppView.

    An answer that was asked for at `since` or later is used again; None: everybody is asked about. Raises nothing: a
    person of whom it is not known counts as not allowed.
    """
    match settings.ELONARA.bluesky.relay.audience:
        case "all":
            return set(people)
        case "followers_of_host":
            claimed = [did for did, person in people.items() if person.follows_you]
            allowed = {did for own in own_dids(host) for did in _followers(own, claimed, since)} & set(claimed)
        case _:
            allowed = set()
    rest = [did for did in people if did not in allowed]
    allowed |= set(RelayConsent.objects.filter(did__in=rest).values_list("did", flat=True))
    if settings.ELONARA.bluesky.relay.audience == "opted_in":
        allowed |= _followers(relay_did, [did for did in rest if did not in allowed], since)
    return allowed


def _followers(of: str, dids: list[str], since: dt.datetime | None) -> set[str]:
    """Those who follow an account, as the public AppView knows (app.bsky.graph.getRelationships, at most 30 a call)."""
    known = _remembered(of, dids, since) if since is not None else {}
    found = {did for did, follows in known.items() if follows}
    unknown = [did for did in dids if did not in known]
    for start in range(0, len(unknown), RELATIONSHIPS_BATCH):
        batch, now = unknown[start : start + RELATIONSHIPS_BATCH], timezone.now()
        asked = {"actor": of, "others": batch}
        try:
            response = network.xrpc().query(network.appview_url(), "app.bsky.graph.getRelationships", asked)
        except AtprotoError as fault:
            # Fails closed: nobody counts as a follower until Bluesky says so.
            log.warning("who follows %s could not be read: %s", of, fault)
            return found
        following = {
            item["did"]
            for item in response.get("relationships", [])
            if isinstance(item, dict) and item.get("followedBy") and isinstance(item.get("did"), str)
        } & set(batch)
        _remember(of, batch, following, now)
        found |= following
    return found


def _remembered(of: str, dids: list[str], since: dt.datetime) -> dict[str, bool]:
    now = timezone.now()
    with _lock:
        answers = {did: _answers.get((of, did)) for did in dids}
    return {did: answer[0] for did, answer in answers.items() if answer is not None and since <= answer[1] <= now}


def _remember(of: str, dids: list[str], following: set[str], now: dt.datetime) -> None:
    with _lock:
        for did in dids:
            _answers.pop((of, did), None)  # the newest stand last
            _answers[of, did] = (did in following, now)
        while len(_answers) > MAX_REMEMBERED:
            del _answers[next(iter(_answers))]


def forget_answers() -> None:
    """Ask about everybody anew, as a process does that has just begun."""
    with _lock:
        _answers.clear()


def own_dids(host: Member) -> set[str]:
    """The DID of the host's connected account, if there is one."""
    identity = getattr(host, "bluesky", None)
    return {identity.bsky_did} if identity is not None else set()
