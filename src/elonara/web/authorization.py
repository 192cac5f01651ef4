"""Start an OAuth authorization request, and show the page for one that failed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from elonara.bluesky.connections.oauth_service import BlueskyOAuthService
from elonara.bluesky.identity.profiles import public_profile
from elonara.bluesky.models import AuthorizationPurpose
from elonara.bluesky.oauth.outcomes import AuthorizationFailed
from elonara.events import access
from elonara.events.guests import questions
from elonara.events.models import Event
from elonara.invitations import queries
from elonara.invitations.targets import target_of
from elonara.web.concurrency import limits_visitor_named_servers
from elonara.web.proofs import browser_of, keep_browser, proofs
from elonara.web.rate_limits import AUTHORIZATIONS
from elonara.web.shortcuts import MAX_NEXT, member_of, safe_next, show_message


class RedirectToServer(HttpResponseRedirect):
    """Redirect to the authorization endpoint that the server's own metadata names."""

    allowed_schemes = ["https", "http"]

    def __init__(self, request: HttpRequest, address: str) -> None:
        super().__init__(address)
        # Only now: a sign-in that could not be begun leaves no session behind.
        keep_browser(request)


@limits_visitor_named_servers
def begin(
    request: HttpRequest,
    purpose: str,
    handle: str,
    back: str,
    *,
    confirmed: bool,
    payload: Mapping[str, Any] | None = None,
) -> HttpResponse:
    """Redirect to the authorization server of the account `handle` (a handle or DID); afterwards to `back`.

    `confirmed`: the member asked for the link with a form of this site, so she is not asked again after the callback.
    `payload` comes back with the proof: what the visitor wants to do with it.
    """
    if AUTHORIZATIONS.passed(request):
        fault = AuthorizationFailed(
            "too_often", AUTHORIZATIONS.sentence, purpose=purpose, next=back, handle=handle, payload=dict(payload or {})
        )
        return AUTHORIZATIONS.refuse(failed(request, fault))
    try:
        address = BlueskyOAuthService().begin(
            purpose,
            handle,
            member=member_of(request) if purpose == AuthorizationPurpose.CONNECT else None,
            browser=browser_of(request),
            next=back,
            payload=payload,
            confirmed=confirmed,
        )
    except AuthorizationFailed as fault:
        return failed(request, fault)
    return RedirectToServer(request, address)


def prove_for(request: HttpRequest, handle: str, back: str) -> HttpResponse:
    """Start an authorization request that only proves who the visitor is, then returns to the page `back`."""
    return begin(request, AuthorizationPurpose.PROVE, handle, back, confirmed=True)


def failed(request: HttpRequest, fault: AuthorizationFailed) -> HttpResponse:
    """Show why an authorization request failed, with a form to start it again.

    An invitee who signed in with the wrong account is shown which account was expected and which one came back.
    """
    if fault.payload.get("ref"):
        return pending_action_failed(request, fault, got=_handle_of(fault.got))
    if fault.payload.get("event"):
        return _answer_failed(request, fault)
    back = safe_next(request, fault.next)
    if fault.purpose == AuthorizationPurpose.VERIFY and request.user.is_authenticated:
        show_message(request, fault.sentence, "bad")
        return redirect(f"/auth/bluesky/verify?{urlencode({'next': back})}")
    if (
        fault.purpose in {AuthorizationPurpose.CONNECT, AuthorizationPurpose.REAUTHORIZE}
        and request.user.is_authenticated
    ):
        query = urlencode({"tab": "bluesky", "next": back})  # the step she came from is not lost
        show_message(request, fault.sentence, "bad")
        request.session["tried_handle"] = fault.handle[:253]
        return redirect(f"/profile/edit?{query}")
    # 400, not 500: the usual cause is a mistyped handle.
    context = {"fault": fault, "next": back, "proving": fault.purpose == AuthorizationPurpose.PROVE}
    to_host, denied = fault.purpose == AuthorizationPurpose.HOST, fault.reason == "access_denied"
    context |= {"hosts": to_host and not denied, "denied": to_host and denied}
    return render(request, "bluesky/start.html", context, status=400)


def _answer_failed(request: HttpRequest, fault: AuthorizationFailed) -> HttpResponse:
    """A visitor came back to an event without a proof: her answer is shown again, with the reason."""
    dids = list(proofs(request))
    slug = str(fault.payload["event"])
    event = access.find(slug, member_of(request), dids, queries.targets_of("event", dids))
    if event is None:
        show_message(request, fault.sentence, "bad")
        return redirect("/events")
    context = pending_answer(event, fault.payload, known=False) | {"fault": fault, "handle": fault.handle}
    return render(request, "events/answer_who.html", context, status=400)


def pending_answer(event: Event, action: Mapping[str, Any], *, known: bool) -> dict[str, Any]:
    """The context of the page that asks a visitor who she is, or (`known`) to send her answer once more."""
    fields = {name: value for name, value in action.items() if name != "event" and value not in (None, "")}
    path, fitting = f"/events/{event.slug}/answer?", dict[str, Any]()
    for name, value in fields.items():
        if len(path + urlencode(fitting | {name: value})) <= MAX_NEXT:
            fitting[name] = value
    asked = {f"{questions.PREFIX}{question.pk}": question.text for question in questions.of_event(event)}
    labels = {"plus_ones": _("People you bring"), "note": _("Your note")} | asked
    # Everything that is sent is shown: whoever made the link that led here may have filled it in.
    said = [(labels[name], value) for name, value in fields.items() if name in labels]
    context = {"event": event, "pending": fields, "known": known, "said": said, "answered": fields.get("answer", "")}
    return context | {"after": path + urlencode(fitting)}


def pending_action_failed(request: HttpRequest, fault: AuthorizationFailed, *, got: str) -> HttpResponse:
    """The invitee came back without a proof: offer the pending action again. `got` is the handle that came back."""
    ref = str(fault.payload.get("ref", ""))
    invitation = queries.by_ref(ref)
    # Only the invitee may learn that a private invitation exists, and this visitor has not proved to be the invitee.
    target = target_of(invitation) if invitation is not None else None
    seen = target is not None and not target.is_private and not target.is_withheld
    context = {"fault": fault, "got": got, "ref": ref, "pending": fault.payload}
    context["invitation"] = invitation if seen else None
    # Where somebody else could answer for themselves.
    context["page"] = target.url if target and seen and not target.over() and "answer" in fault.payload else ""
    return render(request, "invitation/failed.html", context, status=400)


def _handle_of(did: str) -> str:
    profile = public_profile(did) if did else None
    return profile.handle if profile else did
