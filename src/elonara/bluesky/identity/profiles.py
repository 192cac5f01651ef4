"""Public profiles, read anonymously from the AppView, and the job that keeps those of connected members up to date.

A job reads them, so that a slow AppView delays nobody's connecting.
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
from elonara.bluesky.identity import handles
from elonara.bluesky.identity.people import Person
from elonara.bluesky.models import MemberIdentity

JOB_KIND: Final = "profile"
PROFILE_DEADLINE_SECONDS = 4.0  # a name and a picture are not worth a longer wait
PROFILE_MAX_AGE: Final = timedelta(days=7)
JITTER: Final = 0.1  # of that age
RETRY_AFTER_FAILURE: Final = timedelta(hours=1)
SWEEP_BATCH: Final = 50  # rows a sweep; the next sweep takes the next ones
MAX_URL_LENGTH: Final = 1000  # characters, as in our columns

log = logging.getLogger(__name__)


def install() -> None:
    """Register the job. Doing it twice changes nothing."""
    jobs.register(JOB_KIND, refresh_profile, sweep)


def public_profile(actor: str, *, deadline: float = PROFILE_DEADLINE_SECONDS) -> Person | None:
    """The public profile of a DID or handle, None where it cannot be read. Never raises for the network."""
    try:
        response = network.xrpc().query(
            network.appview_url(), "app.bsky.actor.getProfile", {"actor": actor}, deadline=deadline
        )
        return Person.from_profile(response, known=False)
    except (AtprotoError, KeyError, TypeError) as fault:
        log.info("no public profile of %s: %s", actor, fault)
        return None


def refresh_profile(did: str) -> datetime | None:
    """Update name, picture and handle of a connected DID, if that is due. What cannot be read stays as it is.

    Name and picture are what the AppView says. The handle is proved: its owner and the DID must name each other.
    """
    row = MemberIdentity.objects.filter(bsky_did=did, profile_due_at__lte=timezone.now()).first()
    if row is None:
        return None
    profile = public_profile(did)
    # With jitter: members who connected in the same hour are not all read in the same hour ever after.
    after = PROFILE_MAX_AGE * random.uniform(1 - JITTER, 1 + JITTER) if profile else RETRY_AFTER_FAILURE  # noqa: S311
    values = {"display_name": profile.display_name, "avatar_url": profile.avatar[:MAX_URL_LENGTH]} if profile else {}
    # Only if nothing has changed meanwhile: a member who disconnected keeps no name, one who connected is read again.
    rows = MemberIdentity.objects.filter(pk=row.pk, profile_due_at=row.profile_due_at)
    handle = handles.current(did, row.bsky_handle)
    if rows.update(profile_due_at=timezone.now() + after, **values):
        handles.store(did, handle)
    return None  # `sweep` finds the row when it is due again


def sweep() -> Iterator[tuple[str, datetime | None]]:
    """Connected DIDs whose profile is due, those that have waited longest first."""
    rows = MemberIdentity.objects.filter(profile_due_at__lte=timezone.now()).order_by("profile_due_at")
    yield from rows.values_list("bsky_did", "profile_due_at")[:SWEEP_BATCH]
