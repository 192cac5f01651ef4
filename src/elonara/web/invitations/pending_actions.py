"""What an invited person pressed: kept with the trip to Bluesky, applied once they have shown who they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from elonara.bluesky.connections.oauth_service import BlueskyOAuthService
from elonara.bluesky.models import AuthorizationPurpose
from elonara.bluesky.oauth.outcomes import AuthorizationFailed, Proved
from elonara.invitations import actions, queries
from elonara.invitations.models import Invitation
from elonara.invitations.results import InvitationRefused
from elonara.members.errors import Invalid, NotAllowed
from elonara.web.authorization import RedirectToServer, pending_action_failed
from elonara.web.concurrency import limits_visitor_named_servers
from elonara.web.proofs import Proof, browser_of, proofs
from elonara.web.rate_limits import ANSWERS, AUTHORIZATIONS, VisitorRateLimit
from elonara.web.shortcuts import show_message

DONE = {
    "going": "You are going. You can change it until it starts.",
    "maybe": "You answered Maybe. You can change it until it starts.",
    "cant": "You answered Can’t. Thank you for saying so.",
    "joined": "You belong to it now.",
    "declined": "You said no, thanks. You will not be asked again.",
}


def perform(
    request: HttpRequest, invitation: Invitation, wanted: Mapping[str, Any], identifier: str = ""
) -> HttpResponse:
    """Do what was pressed: at once where this browser has the proof, else after a trip to the invitee's server."""
    if ANSWERS.passed(request):
        return _too_often(request, ANSWERS, invitation, wanted)
    proof = proofs(request).get(invitation.invitee_did)
    if proof is not None:
        return redirect(_apply(request, proof, wanted))
    return begin(request, invitation, wanted, identifier)


@limits_visitor_named_servers
def begin(
    request: HttpRequest, invitation: Invitation, wanted: Mapping[str, Any], identifier: str = ""
) -> HttpResponse:
    """Send the invitee to their server, with the press."""
    if AUTHORIZATIONS.passed(request):
        return _too_often(request, AUTHORIZATIONS, invitation, wanted)
    try:
        return RedirectToServer(
            BlueskyOAuthService().begin(
                AuthorizationPurpose.PROVE,
                identifier or invitation.invitee_did,
                browser=browser_of(request),
                next=f"/i/{invitation.ref}",
                payload=dict(wanted),
                expected_did=invitation.invitee_did,
            )
        )
    except AuthorizationFailed as fault:
        return pending_action_failed(request, fault, got=fault.handle)


def _too_often(
    request: HttpRequest, limit: VisitorRateLimit, invitation: Invitation, wanted: Mapping[str, Any]
) -> HttpResponse:
    """The press is kept on the page, for the same button a little later."""
    fault = AuthorizationFailed("too_often", limit.sentence, next=f"/i/{invitation.ref}", payload=dict(wanted))
    return limit.refuse(pending_action_failed(request, fault, got=""))


def apply(request: HttpRequest, proved: Proved) -> str | None:
    """Apply the press that came back with a proof; where to go then, None where nothing had been pressed."""
    if not proved.payload.get("ref"):
        return None
    proof = proofs(request)[proved.did]
    return _apply(request, proof, proved.payload)


def _apply(request: HttpRequest, proof: Proof, wanted: Mapping[str, Any]) -> str:
    ref = str(wanted["ref"])
    invitation = queries.by_ref(ref)
    try:
        match wanted.get("do"):
            case "answer":
                choice = str(wanted.get("answer", ""))
                actions.respond(
                    ref,
                    proof.did,
                    proof.handle,
                    proof.name,
                    choice,
                    plus_ones=int(wanted.get("plus_ones") or 0),
                    note=str(wanted.get("note", "")),
                )
                show_message(request, DONE.get(choice, "Your answer is in."))
            case "stop" if invitation is not None and invitation.invitee_did == proof.did:
                whole_site = wanted.get("who") == "site"
                actions.opt_out(proof.did, None if whole_site else invitation.host)
                whom = "this site" if whole_site else invitation.host.name
                show_message(request, f"You get no more invitations from {whom}. Only you can change that.")
                return "/invitations"
            case _:
                pass
    except (InvitationRefused, NotAllowed) as fault:
        show_message(request, fault.sentence, "bad")
    except Invalid as fault:
        show_message(request, str(fault), "bad")
    return f"/i/{ref}"
