"""What anybody may read about an account: the public AppView, without a viewer.

The names and pictures of connected members are read by a job, so that a slow AppView delays nobody's connect.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from elonara import jobs
from elonara.atproto.errors import AtprotoError
from elonara.bluesky import network
from elonara.bluesky.identity.people import Person
from elonara.bluesky.models import MemberIdentity

JOB_KIND: Final = "profile"
PROFILE_SECONDS = 4.0  # a name and a picture are not worth a longer wait
PROFILE_MAX_AGE: Final = timedelta(days=7)
RETRY_AFTER_FAILURE: Final = timedelta(hours=1)
SWEEP_BATCH: Final = 50  # of one sweep; the next one goes on

log = logging.getLogger(__name__)


def install() -> None:
    """Register the job. Doing it twice changes nothing."""
    jobs.register(JOB_KIND, refresh_profile, sweep)


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


def refresh_profile(did: str) -> datetime | None:
    """Read the name and the picture of a connected DID, where that is due. What cannot be read stays as it is."""
    row = MemberIdentity.objects.filter(bsky_did=did, profile_due_at__lte=timezone.now()).first()
    if row is None:
        return None
    profile = public_profile(did)
    # Spread, so that members who came in one hour are not asked about in one hour for ever.
    after = PROFILE_MAX_AGE * random.uniform(0.9, 1.1) if profile else RETRY_AFTER_FAILURE  # noqa: S311
    values = {"display_name": profile.display_name, "avatar_url": profile.avatar[:1000]} if profile else {}
    # Whoever disconnected meanwhile has no name here any more; whoever connected anew is read once more.
    rows = MemberIdentity.objects.filter(pk=row.pk, profile_due_at=row.profile_due_at)
    rows.update(profile_due_at=timezone.now() + after, **values)
    return None  # the sweep finds the next time


def sweep() -> Iterator[tuple[str, datetime | None]]:
    """Connected DIDs whose profile is due, the longest waiting first."""
    rows = MemberIdentity.objects.filter(profile_due_at__lte=timezone.now()).order_by("profile_due_at")
    yield from rows.values_list("bsky_did", "profile_due_at")[:SWEEP_BATCH]
