"""What one browser has shown: a random name of its own, and the DIDs proven in it.

A proof belongs to the browser session, so that a second invitation takes one press. It ends with the session,
with signing out, and when somebody else signs in.
"""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass

from django.http import HttpRequest
from django.utils import timezone

from elonara.web.pages import member_of

NAME, PROVEN = "browser", "proven"
PROOF_SECONDS = 14 * 24 * 3600


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
