"""What one browser has shown: a random name of its own, and the DIDs proven in it.

A proof belongs to the browser session, so that a second invitation takes one press. It ends with the session,
with signing out, and when somebody else signs in.

A newcomer is a proof with an offer: the account that nobody here has can become a new member's, or be added to the
member who signs in next. The offer is short, for that member may be somebody else at the same screen.
"""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from elonara.web.shortcuts import member_of

NAME, PROVEN, NEWCOMER = "browser", "proven", "newcomer"
PROOF_SECONDS = 14 * 24 * 3600
NEWCOMER_SECONDS = 10 * 60


@dataclass(frozen=True)
class Proof:
    """Somebody who showed, in this browser, that a Bluesky account is theirs."""

    did: str
    handle: str
    name: str
    at: float


def browser_of(request: HttpRequest) -> str:
    """The random value that binds an OAuth trip to this browser session."""
    if NAME not in request.session:
        request.session[NAME] = secrets.token_urlsafe(24)
    return str(request.session[NAME])


def remember(request: HttpRequest, did: str, handle: str, name: str) -> None:
    """Keep a fresh proof."""
    kept = request.session.get(PROVEN, {})
    kept[did] = asdict(Proof(did, handle, name, timezone.now().timestamp()))
    request.session[PROVEN] = kept


def welcome(request: HttpRequest, did: str, handle: str, name: str, back: str) -> None:
    """Keep the offer to a newcomer."""
    at = timezone.now().timestamp()
    request.session[NEWCOMER] = {"did": did, "handle": handle, "name": name, "next": back, "at": at}


def newcomer(request: HttpRequest) -> dict[str, Any] | None:
    """Whom the offer is to, while it stands."""
    who: dict[str, Any] | None = request.session.get(NEWCOMER)
    if who is not None and who.get("at", 0) < timezone.now().timestamp() - NEWCOMER_SECONDS:
        end_offer(request)
        return None
    return who


def end_offer(request: HttpRequest) -> None:
    """The newcomer has decided, or is somebody else."""
    request.session.pop(NEWCOMER, None)


def forget(request: HttpRequest, keep: str = "") -> None:
    """Drop every proof of this browser, except that of `keep`."""
    kept = {did: proof for did, proof in request.session.get(PROVEN, {}).items() if did == keep}
    request.session[PROVEN] = kept


def proofs(request: HttpRequest) -> dict[str, Proof]:
    """DID → proof: the member's own account and those shown in this browser, newest last."""
    oldest = timezone.now().timestamp() - PROOF_SECONDS
    found = {}
    if PROVEN in request.session:
        for did, kept in request.session[PROVEN].items():
            if kept["at"] >= oldest:
                found[did] = Proof(**kept)
    member = member_of(request)
    identity = getattr(member, "bluesky", None) if member else None
    if identity is not None and member is not None:
        found[identity.bsky_did] = Proof(
            identity.bsky_did, identity.bsky_handle, identity.display_name or member.name, timezone.now().timestamp()
        )
    return found
