"""The redirect URI of OAuth: what came back from a server signs in, connects or proves.

The code in the callback works once. So its exchange goes on in the background when the server is slow, and the page
that gave up asks again and again, without holding a thread, until the outcome is there or too late.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final
from uuid import UUID

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from elonara.bluesky import outward
from elonara.bluesky.connections import first_session
from elonara.bluesky.connections.oauth_service import BlueskyOAuthService
from elonara.bluesky.identity.identities import by_did
from elonara.bluesky.oauth.outcomes import (
    AskAgain,
    AuthorizationFailed,
    Connected,
    NeedsConfirmation,
    Outcome,
    Proved,
    SignedIn,
    Verified,
)
from elonara.web.authorization import RedirectToServer, failed
from elonara.web.concurrency import busy_page, limits_callbacks
from elonara.web.events import answering
from elonara.web.invitations import pending_actions
from elonara.web.members import fresh_proof, newcomer
from elonara.web.members.accounts import adopt, sign_in
from elonara.web.proofs import browser_of, remember
from elonara.web.shortcuts import member_of, safe_next, show_message

FINISHING: Final = "finishing"  # session key
OUTCOME_SECONDS: Final = 600
# An exchange has 20 s, and what follows it (revoking, the profile) as much again.
LATEST_SECONDS: Final = 60
LOST: Final = gettext_noop("Your server did not answer. Start again.")


@never_cache
@require_GET
@limits_callbacks
def callback(request: HttpRequest) -> HttpResponse:
    """Exchange the code, then sign in, connect or keep the proof, whatever was asked for."""
    params = request.GET.dict()
    # Removed from the request, so that no page, log line or error report repeats `state` and `code`.
    request.GET, request.META["QUERY_STRING"] = QueryDict(), ""
    browser, member, key = browser_of(request), member_of(request), secrets.token_urlsafe(24)
    try:
        outcome = outward.to_the_end(
            ("callback", key),
            lambda: BlueskyOAuthService().finish(params, browser=browser, member=member),
            late=lambda result, fault: _keep(key, result, fault),
        )
    except outward.StillRunning:
        request.session[FINISHING] = {"key": key, "at": timezone.now().timestamp()}
        return redirect("/auth/bluesky/finishing")
    except outward.NotNow:
        return busy_page(request)
    except AuthorizationFailed as fault:
        return failed(request, fault)
    return _proceed(request, outcome)


@never_cache
@require_GET
def finishing(request: HttpRequest) -> HttpResponse:
    """Say that the server is slow, and go on once the exchange has ended."""
    begun = request.session.get(FINISHING)
    if not begun:
        return redirect("/")
    kept = cache.get(f"callback:{begun['key']}")
    if kept is None and timezone.now().timestamp() < begun["at"] + LATEST_SECONDS:
        page = render(request, "bluesky/finishing.html")
        page["Refresh"] = "3"
        return page
    del request.session[FINISHING]
    if kept is None:
        return failed(request, AuthorizationFailed("unreachable", _(LOST)))
    cache.delete(f"callback:{begun['key']}")
    try:
        outcome = _restored(kept)
    except AuthorizationFailed as fault:
        return failed(request, fault)
    return _proceed(request, outcome)


def _keep(key: str, outcome: Outcome | None, fault: BaseException | None) -> None:
    """Keep what the page that gave up will ask for: who proved what, and no token."""
    if isinstance(fault, AuthorizationFailed):
        found: dict[str, Any] = {"kind": "failed", **asdict(fault)}
    elif isinstance(outcome, Connected):
        found = {"kind": "connected", "did": outcome.identity.bsky_did, "next": outcome.next}
    elif isinstance(outcome, SignedIn):
        names = ("did", "handle", "display_name", "next")
        found = {"kind": "signed_in", **{name: getattr(outcome, name) for name in names}}
        found["request_id"] = str(outcome.request_id or "")
    elif isinstance(outcome, NeedsConfirmation):
        found = {"kind": "confirm", **asdict(outcome), "request_id": str(outcome.request_id)}
    elif isinstance(outcome, Proved):
        found = {"kind": "proved", **asdict(outcome)}
    elif isinstance(outcome, AskAgain):
        found = {"kind": "again", **asdict(outcome)}
    elif isinstance(outcome, Verified):
        found = {"kind": "verified", **asdict(outcome)}
    else:
        found = {"kind": "failed", **asdict(AuthorizationFailed("server", _(LOST)))}
    cache.set(f"callback:{key}", found, OUTCOME_SECONDS)


def _restored(kept: Mapping[str, Any]) -> Outcome:
    """The outcome that was kept. Raises AuthorizationFailed where that is what it was."""
    fields = {name: value for name, value in kept.items() if name != "kind"}
    match kept["kind"]:
        case "signed_in":
            # Absent in what the release before has kept.
            waits = UUID(fields["request_id"]) if fields.get("request_id") else None
            return SignedIn(**(fields | {"request_id": waits}), identity=by_did(fields["did"]))
        case "proved":
            return Proved(**fields)
        case "again":
            return AskAgain(**fields)
        case "verified":
            return Verified(**fields)
        case "confirm":
            return NeedsConfirmation(**(fields | {"request_id": UUID(fields["request_id"])}))
        case "connected" if (identity := by_did(fields["did"])) is not None:
            return Connected(identity, fields["next"])
        case "failed":
            raise AuthorizationFailed(**fields)
    raise AuthorizationFailed("server", _(LOST))


def _proceed(request: HttpRequest, outcome: Outcome) -> HttpResponse:
    match outcome:
        case SignedIn():
            return _signed_in(request, outcome)
        case Connected():
            adopt(outcome.identity.member, outcome.identity.bsky_did)
            show_message(request, _("Connected as @{handle}.").format(handle=outcome.identity.bsky_handle))
            return redirect(safe_next(request, outcome.next, "/profile/edit"))
        case NeedsConfirmation():
            return redirect(f"/auth/bluesky/confirm/{outcome.request_id}")
        case AskAgain():
            return RedirectToServer(request, outcome.authorize_url)
        case Verified():
            return fresh_proof.verified(request, outcome)
        case Proved():
            _cycle_session_key(request)
            remember(request, outcome.did, outcome.handle, outcome.display_name)
            done = pending_actions.apply(request, outcome) or answering.apply(request, outcome)
            return redirect(done or safe_next(request, outcome.next, "/invitations"))


def _cycle_session_key(request: HttpRequest) -> None:
    """Give a visitor a new session key before a proof is stored (prevents session fixation)."""
    # A member's key was cycled when she signed in, and her list of sessions identifies this one by its key.
    if not request.user.is_authenticated:
        request.session.cycle_key()


def _signed_in(request: HttpRequest, outcome: SignedIn) -> HttpResponse:
    identity, member = outcome.identity, member_of(request)
    if identity is None:
        _cycle_session_key(request)
        remember(request, outcome.did, outcome.handle, outcome.display_name)
        return newcomer.offer(request, outcome)
    if member is not None and member.pk != identity.member_id:
        # The request started before she signed in, perhaps from another site: never switch to a different member.
        first_session.drop(str(outcome.request_id or ""), browser_of(request))
        sentence = _("You are signed in as {name}. To sign in as someone else, sign out first.")
        show_message(request, sentence.format(name=member.name), "warn")
        return redirect("/")
    back = safe_next(request, outcome.next)
    # She has an account, and came to invite: her page asks whether the permission is to be kept, once she is signed in.
    return sign_in(request, identity, f"/auth/bluesky/confirm/{outcome.request_id}" if outcome.request_id else back)
