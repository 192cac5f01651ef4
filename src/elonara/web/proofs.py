"""The DIDs that a visitor has proved to control by OAuth, kept in the browser session.

A second invitation to the same DID then needs no further authorization request. A proof ends with the session, when
the member signs out, and when another member signs in.

For a DID that no member has, the session also keeps an offer: create a member with it, or link it to the member who
signs in next. The offer expires after ten minutes, because the next person at the same screen may be somebody else.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from elonara.bluesky.connections import first_session
from elonara.members.queries import registration_is_open
from elonara.web.shortcuts import member_of, safe_next

# Session keys.
BROWSER_ID, PROVEN, NEWCOMER = "browser", "proven", "newcomer"
# A session is read with every page, so what it holds is bounded: together below 4 kB.
MAX_PROVEN_BYTES, MAX_NAME, MAX_HANDLE = 1500, 64, 253
PROOF_SECONDS = 14 * 24 * 3600
NEWCOMER_SECONDS = 10 * 60


@dataclass(frozen=True)
class Proof:
    """A Bluesky account that was proved in this browser. `at` is a POSIX timestamp (seconds)."""

    did: str
    handle: str
    name: str
    at: float


def browser_of(request: HttpRequest) -> str:
    """The random value that binds an authorization request to this browser session.

    For a browser that has none yet it is a new one, which `keep_browser` stores: a request that begins nothing leaves
    no session behind.
    """
    if BROWSER_ID in request.session:
        return str(request.session[BROWSER_ID])
    if not hasattr(request, "new_browser"):
        request.new_browser = secrets.token_urlsafe(24)  # type: ignore[attr-defined]
    return str(request.new_browser)  # type: ignore[attr-defined]


def keep_browser(request: HttpRequest) -> None:
    """Store the value of `browser_of` in the session, for the callback."""
    if BROWSER_ID not in request.session:
        request.session[BROWSER_ID] = browser_of(request)


def names_of_browser(request: HttpRequest) -> set[str]:
    """Under which names a browser is counted: its session's, and the token of its forms, which it has before."""
    return {browser_of(request), *filter(None, [request.COOKIES.get(settings.CSRF_COOKIE_NAME)])}


def remember(request: HttpRequest, did: str, handle: str, name: str) -> None:
    """Store a proof made now."""
    stored = {known: proof for known, proof in request.session.get(PROVEN, {}).items() if known != did}
    stored[did] = asdict(Proof(did, handle[:MAX_HANDLE], name[:MAX_NAME], timezone.now().timestamp()))
    while len(stored) > 1 and len(json.dumps(stored)) > MAX_PROVEN_BYTES:
        del stored[next(iter(stored))]  # the oldest: that account can be proved again
    request.session[PROVEN] = stored


def guest_of(request: HttpRequest) -> Proof | None:
    """The Bluesky account that was proved last in this browser, where nobody is signed in."""
    if member_of(request) is not None:
        return None
    return next(reversed(proofs(request).values()), None)


def keepable(request: HttpRequest) -> Proof | None:
    """The account of a guest for which an account of this site can be made."""
    return guest_of(request) if registration_is_open() else None


def offer_account(request: HttpRequest, did: str, handle: str, name: str, *, back: str, request_id: str = "") -> None:
    """Store the offer to create or link an account for this DID; `back` is the page to go to afterwards.

    `request_id` names the authorization request whose session waits for her confirmation. No token is in the session.
    """
    at = timezone.now().timestamp()
    request.session[NEWCOMER] = {
        "did": did,
        "handle": handle[:MAX_HANDLE],
        "name": name[:MAX_NAME],
        "next": safe_next(request, back),
        "request": request_id,
        "at": at,
    }


def newcomer(request: HttpRequest) -> dict[str, Any] | None:
    """The stored offer (`did`, `handle`, `name`, `next`, `request`, `at`); None where none is good."""
    who: dict[str, Any] | None = request.session.get(NEWCOMER)
    if who is not None and who.get("at", 0) < timezone.now().timestamp() - NEWCOMER_SECONDS:
        end_offer(request)
        return None
    return who


def end_offer(request: HttpRequest) -> None:
    """Delete the offer: it was taken, or somebody else uses this browser now."""
    end_permission(request)
    request.session.pop(NEWCOMER, None)


def end_permission(request: HttpRequest) -> None:
    """Revoke the session that waits for who takes the offer, if there is one: nobody else may have it."""
    if waiting := (request.session.get(NEWCOMER) or {}).get("request"):
        first_session.drop(waiting, browser_of(request))


def forget(request: HttpRequest, keep: str = "") -> None:
    """Delete every proof of this browser, except the one of the DID `keep`."""
    stored = {did: proof for did, proof in request.session.get(PROVEN, {}).items() if did == keep}
    if stored:
        request.session[PROVEN] = stored
    else:
        request.session.pop(PROVEN, None)  # where there is none, no session is made


def proofs(request: HttpRequest) -> dict[str, Proof]:
    """DID → proof: the member's own account and those shown in this browser, newest last."""
    oldest = timezone.now().timestamp() - PROOF_SECONDS
    found = {}
    if PROVEN in request.session:
        for did, stored in request.session[PROVEN].items():
            if stored["at"] >= oldest:
                found[did] = Proof(**stored)
    member = member_of(request)
    identity = getattr(member, "bluesky", None) if member else None
    if identity is not None and member is not None:
        found[identity.bsky_did] = Proof(
            identity.bsky_did, identity.bsky_handle, identity.display_name or member.name, timezone.now().timestamp()
        )
    return found
