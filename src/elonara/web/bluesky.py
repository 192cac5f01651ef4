"""OAuth with Bluesky: sign in, connect an account, prove a DID; and the client metadata that servers fetch."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from elonara.bluesky.connections import first_session
from elonara.bluesky.connections.oauth_service import BlueskyOAuthService
from elonara.bluesky.models import AuthorizationPurpose, MemberIdentity
from elonara.bluesky.oauth.outcomes import AuthorizationFailed
from elonara.web.authorization import RedirectToServer, begin, failed, prove_for
from elonara.web.concurrency import limits_visitor_named_servers
from elonara.web.members import fresh_proof
from elonara.web.members.accounts import adopt
from elonara.web.proofs import NEWCOMER_SECONDS, browser_of, offer_account, proofs
from elonara.web.shortcuts import came_from_here, member_of, members_only, safe_next, show_message, the_member

FIRST_STEP = "/events/create"  # of somebody who signs in to invite people


@never_cache
@require_http_methods(["GET", "POST"])
def start(request: HttpRequest) -> HttpResponse:
    """Sign in a visitor, or connect an account to a signed-in member, who is asked to confirm after the callback.

    A visitor who came to invite people is asked for Connect's permissions in the same consent (`first_session`).

    A link on another site only shows the form, whoever follows it: if it started the flow itself, it could sign the
    visitor in to an account of the other site's choice (login CSRF), and send her threads of this site to slow servers.
    """
    asked = request.POST if request.method == "POST" else request.GET
    handle, back = asked.get("handle", "").strip(), safe_next(request, asked.get("next"))
    member = member_of(request)
    if not handle or (request.method != "POST" and not came_from_here(request)):
        return render(request, "bluesky/start.html", {"next": back, "member": member, "handle": handle})
    if member is not None:
        return begin(request, AuthorizationPurpose.CONNECT, handle, back, confirmed=False)
    if asked.get("to") == "invite" and first_session.is_offered():
        back = FIRST_STEP if back == "/" else back
        return begin(request, AuthorizationPurpose.HOST, handle, back, confirmed=False)
    return begin(request, AuthorizationPurpose.SIGN_IN, handle, back, confirmed=False)


@members_only
@require_POST
def connect(request: HttpRequest) -> HttpResponse:
    """Connect an account by a form of this site. The CSRF token shows that the member asked for it herself."""
    fresh_proof.require_for_a_first_account(request)
    return begin(request, AuthorizationPurpose.CONNECT, request.POST.get("handle", ""), _back(request), confirmed=True)


@members_only
@require_POST
@limits_visitor_named_servers
def reauthorize(request: HttpRequest) -> HttpResponse:
    """Authorize again: tokens and scope are replaced, for the same account only."""
    try:
        return RedirectToServer(
            request, BlueskyOAuthService().reauthorize(the_member(request), browser_of(request), _back(request))
        )
    except AuthorizationFailed as fault:
        return failed(request, fault)


@require_POST
def prove(request: HttpRequest) -> HttpResponse:
    """A visitor proves which account is theirs, to see their invitations."""
    return prove_for(request, request.POST.get("handle", ""), _back(request, "/invitations"))


@require_POST
def keep(request: HttpRequest) -> HttpResponse:
    """A guest wants an account for the Bluesky account that was proved in this browser.

    A proof is kept for two weeks, and somebody else may sit here by now: an older one than the offer of an account
    lives is proved anew, by signing in.
    """
    proof, back = proofs(request).get(request.POST.get("did", "")), _back(request, "/")
    if proof is None or member_of(request) is not None:
        return redirect(back)
    old = proof.at < timezone.now().timestamp() - NEWCOMER_SECONDS
    if old or MemberIdentity.objects.filter(bsky_did=proof.did).exists():
        return begin(request, AuthorizationPurpose.SIGN_IN, proof.did, back, confirmed=False)
    offer_account(request, proof.did, proof.handle, proof.name, back="/")  # where her events are
    return redirect("/auth/bluesky/new")


@never_cache
@members_only
def confirm(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """Name the account and ask before linking it: another site may have started this authorization request."""
    service, member = BlueskyOAuthService(), the_member(request)
    try:
        waiting = service.waiting(request_id, browser_of(request), member)
        if request.method != "POST":
            return render(request, "bluesky/confirm.html", {"waiting": waiting})
        if request.POST.get("act") != "link":
            service.decline(request_id, browser_of(request))
            show_message(request, _("Nothing was connected."), "info")
            return redirect(safe_next(request, waiting.next) if waiting.is_hers else "/profile/edit")
        fresh_proof.require_for_a_first_account(request)
        linked = service.confirm(request_id, browser_of(request), member)
    except AuthorizationFailed as fault:
        return failed(request, fault)
    adopt(member, linked.identity.bsky_did)
    show_message(request, _("Connected as @{handle}.").format(handle=linked.identity.bsky_handle))
    return redirect(safe_next(request, linked.next, "/profile/edit"))


@require_safe
@cache_control(public=True, max_age=600)
def client_metadata(request: HttpRequest) -> JsonResponse:
    """The document that names this site to authorization servers (the `client_id`)."""
    return JsonResponse(BlueskyOAuthService().client_metadata())


@require_safe
@cache_control(public=True, max_age=600)
def jwks(request: HttpRequest) -> JsonResponse:
    """The public keys this site signs with (RFC 7517)."""
    return JsonResponse(BlueskyOAuthService().jwks())


def _back(request: HttpRequest, fallback: str = "/profile/edit") -> str:
    return safe_next(request, request.POST.get("next"), fallback)
