"""Pending actions: what an invitee chose before proving their DID.

The choice (an answer, or an opt-out) travels as the payload of the authorization request and is applied in the
callback, once the DID is proved. Its shape is `{"ref": …, "do": "answer" | "stop", …}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from elonara.bluesky.connections.oauth_service import BlueskyOAuthService
from elonara.bluesky.models import AuthorizationPurpose
from elonara.bluesky.oauth.outcomes import AuthorizationFailed, Proved
from elonara.events.models import Rsvp
from elonara.invitations import actions, queries
from elonara.invitations.models import Invitation
from elonara.invitations.results import InvitationRefused
from elonara.members.errors import Invalid, NotAllowed
from elonara.web.authorization import RedirectToServer, pending_action_failed
from elonara.web.concurrency import limits_visitor_named_servers
from elonara.web.parts.answer_forms import answers_in, choice_of
from elonara.web.proofs import Proof, browser_of, proofs
from elonara.web.rate_limits import ANSWERS, AUTHORIZATIONS, VisitorRateLimit
from elonara.web.shortcuts import show_answered, show_message

OF_A_COMMUNITY = {
    "joined": gettext_noop("You’re in."),
    "declined": gettext_noop("You said no, thanks. You will not be asked again."),
}


def perform(
    request: HttpRequest, invitation: Invitation, action: Mapping[str, Any], identifier: str = ""
) -> HttpResponse:
    """Apply the action at once where this browser has a proof of the invitee's DID, else authorize first.

    `identifier` is the handle that the visitor typed; by default the invitee's DID is used.
    """
    if ANSWERS.passed(request):
        return _too_often(request, ANSWERS, invitation, action)
    proof = proofs(request).get(invitation.invitee_did)
    if proof is not None:
        return redirect(_apply(request, proof, action))
    return begin(request, invitation, action, identifier)


@limits_visitor_named_servers
def begin(
    request: HttpRequest, invitation: Invitation, action: Mapping[str, Any], identifier: str = ""
) -> HttpResponse:
    """Start an authorization request that carries the action and accepts only the invitee's DID."""
    if AUTHORIZATIONS.passed(request):
        return _too_often(request, AUTHORIZATIONS, invitation, action)
    try:
        return RedirectToServer(
            request,
            BlueskyOAuthService().begin(
                AuthorizationPurpose.PROVE,
                identifier or invitation.invitee_did,
                browser=browser_of(request),
                next=f"/i/{invitation.ref}",
                payload=dict(action),
                expected_did=invitation.invitee_did,
            ),
        )
    except AuthorizationFailed as fault:
        return pending_action_failed(request, fault, got=fault.handle)


def _joins(choice: str) -> str:
    return "joined" if choice in {"going", "joined"} else "declined"


def _too_often(
    request: HttpRequest, limit: VisitorRateLimit, invitation: Invitation, action: Mapping[str, Any]
) -> HttpResponse:
    """429, with the action kept in the page's form, so that the same button works later."""
    fault = AuthorizationFailed("too_often", limit.sentence, next=f"/i/{invitation.ref}", payload=dict(action))
    return limit.refuse(pending_action_failed(request, fault, got=""))


def apply(request: HttpRequest, proved: Proved) -> str | None:
    """Apply the pending action of an authorization request; returns the next path, None where it carried none."""
    if not proved.payload.get("ref"):
        return None
    proof = proofs(request)[proved.did]
    return _apply(request, proof, proved.payload)


def _apply(request: HttpRequest, proof: Proof, action: Mapping[str, Any]) -> str:
    ref = str(action["ref"])
    invitation = queries.by_ref(ref)
    try:
        match action.get("do"):
            case "answer":
                choice, online = choice_of(str(action.get("answer", "")))
                kept = actions.respond(
                    ref,
                    proof.did,
                    proof.handle,
                    proof.name,
                    choice,
                    plus_ones=int(action["plus_ones"] or 0) if "plus_ones" in action else None,
                    note=str(action["note"]) if "note" in action else None,
                    answers=answers_in(action),
                    online=online,
                )
                if isinstance(kept, Rsvp):
                    show_answered(request, kept.event, kept, str(action.get("seen", "")))
                else:
                    show_message(request, _(OF_A_COMMUNITY[_joins(choice)]))
            case "stop" if invitation is not None and invitation.invitee_did == proof.did:
                whole_site = action.get("who") == "site"
                actions.opt_out(proof.did, None if whole_site else invitation.host)
                if whole_site:
                    said = _("You get no more invitations from this site. Only you can change that.")
                else:
                    said = _("You get no more invitations from {name}. Only you can change that.").format(
                        name=invitation.host.name
                    )
                show_message(request, said)
                return "/invitations"
            case _:
                pass
    except (InvitationRefused, NotAllowed) as fault:
        show_message(request, fault.sentence, "bad")
    except Invalid as fault:
        show_message(request, str(fault), "bad")
    return f"/i/{ref}"
