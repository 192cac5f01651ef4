"""What an invited person pressed: kept with the trip to Bluesky, applied once they have shown who they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from elonara.bluesky.models import AuthorizationRequest
from elonara.bluesky.oauth_service import BlueskyOAuthService
from elonara.bluesky.outcomes import AuthorizationFailed, Proved
from elonara.invitations import actions, queries
from elonara.invitations.models import Invitation
from elonara.invitations.results import InvitationRefused
from elonara.members.errors import Invalid, NotAllowed
from elonara.web.browser import Proof, browser_of, proofs
from elonara.web.gate import stranger_asked
from elonara.web.limits import PRESS, TO_SERVER, Limit
from elonara.web.pages import tell
from elonara.web.trips import ToServer, press_failed

DONE = {
    "going": "You are going. You can change it until it starts.",
    "maybe": "You answered Maybe. You can change it until it starts.",
    "cant": "You answered Can’t. Thank you for saying so.",
    "joined": "You belong to it now.",
    "declined": "You said no, thanks. You will not be asked again.",
}


def press(
    request: HttpRequest, invitation: Invitation, wanted: Mapping[str, Any], identifier: str = ""
) -> HttpResponse:
    """Do what was pressed: at once where this browser has the proof, else after a trip to the invitee's server."""
    if PRESS.passed(request):
        return _too_often(request, PRESS, invitation, wanted)
    proof = proofs(request).get(invitation.invitee_did)
    if proof is not None:
        return redirect(_apply(request, proof, wanted))
    return begin(request, invitation, wanted, identifier)


@stranger_asked
def begin(
    request: HttpRequest, invitation: Invitation, wanted: Mapping[str, Any], identifier: str = ""
) -> HttpResponse:
    """Send the invitee to their server, with the press."""
    if TO_SERVER.passed(request):
        return _too_often(request, TO_SERVER, invitation, wanted)
    try:
        return ToServer(
            BlueskyOAuthService().begin(
                AuthorizationRequest.Purpose.PROVE,
                identifier or invitation.invitee_did,
                browser=browser_of(request),
                next=f"/i/{invitation.ref}",
                payload=dict(wanted),
                expected_did=invitation.invitee_did,
            )
        )
    except AuthorizationFailed as fault:
        return press_failed(request, fault, got=fault.handle)


def _too_often(request: HttpRequest, limit: Limit, invitation: Invitation, wanted: Mapping[str, Any]) -> HttpResponse:
    """The press is kept on the page, for the same button a little later."""
    fault = AuthorizationFailed("too_often", limit.sentence, next=f"/i/{invitation.ref}", payload=dict(wanted))
    return limit.refuse(press_failed(request, fault, got=""))


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
                    int(wanted.get("plus_ones") or 0),
                    str(wanted.get("note", "")),
                )
                tell(request, DONE.get(choice, "Your answer is in."))
            case "stop" if invitation is not None and invitation.invitee_did == proof.did:
                whole_site = wanted.get("who") == "site"
                actions.opt_out(proof.did, None if whole_site else invitation.host)
                whom = "this site" if whole_site else invitation.host.name
                tell(request, f"You get no more invitations from {whom}. Only you can change that.")
                return "/invitations"
            case _:
                pass
    except (InvitationRefused, NotAllowed) as fault:
        tell(request, fault.sentence, "bad")
    except Invalid as fault:
        tell(request, str(fault), "bad")
    return f"/i/{ref}"
