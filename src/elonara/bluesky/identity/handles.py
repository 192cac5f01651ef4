"""Which handle an account has now. A handle is a name that changes its owner; the DID stays.

A stored handle is only for showing. Whoever is to be identified by one is looked up anew, never in a cache.
"""

from __future__ import annotations

import logging

from django.db import transaction

from elonara.atproto.errors import IdentityError
from elonara.bluesky import hooks, network
from elonara.bluesky.identity.people import INVALID_HANDLE
from elonara.bluesky.models import AppPasswordSession, MemberIdentity

log = logging.getLogger(__name__)


def current(did: str, stored: str) -> str:
    """The handle of a DID now: as its document and the handle itself say, both read anew.

    `handle.invalid` where it has none any more. Where that cannot be found out now it is `stored`.
    """
    resolver = network.resolver()
    try:
        named = resolver.resolve_did(did, fresh=True).handle
        owner = resolver.resolve_handle(named, fresh=True) if named else ""
    except IdentityError as fault:
        log.info("the handle of %s could not be read: %s", did, fault)
        return stored
    return named if owner == did else INVALID_HANDLE


def store(did: str, handle: str) -> None:
    """Store the handle of a DID wherever it is shown; nobody else is shown with it any more.

    Floors above hear of it through `hooks.on_handle`.
    """
    with transaction.atomic():
        if handle != INVALID_HANDLE:
            MemberIdentity.objects.filter(bsky_handle__iexact=handle).exclude(bsky_did=did).update(
                bsky_handle=INVALID_HANDLE
            )
        changed = MemberIdentity.objects.filter(bsky_did=did).exclude(bsky_handle=handle).update(bsky_handle=handle)
        # The relay's handle stays as it is in the settings, by which its session is found.
        AppPasswordSession.objects.filter(did=did, member__isnull=False).exclude(handle=handle).update(handle=handle)
    if changed:
        log.info("%s is called %s now", did, handle)
    if handle != INVALID_HANDLE:
        hooks.on_handle.fire(did, handle)
