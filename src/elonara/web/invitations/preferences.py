"""An invitee's preferences: withdraw an opt-out, and whether the site's own account may mention them.

They need a proof of the Bluesky account, not a member account on this site.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from elonara.bluesky.app_password import app_passwords
from elonara.invitations import actions, queries
from elonara.invitations.opt_out_models import OptOut
from elonara.web.proofs import proofs
from elonara.web.shortcuts import options, show_message

PAGES = {"/invitations": "/invitations", "/profile/edit": "/profile/edit?tab=invitations"}


def preferences_of(request: HttpRequest) -> dict[str, Any]:
    """Template context: opt-outs and relay permissions of the accounts proved in this browser."""
    proved = proofs(request)
    allowed = queries.relay_allowed_by(list(proved))
    # With the audience `all` nobody is asked. A permission that was given before can be withdrawn all the same.
    is_asked = app_passwords.relay_is_configured() and options().bluesky.relay.audience != "all"
    return {
        "opt_outs": queries.opt_outs(list(proved)),
        "relay": [(proof, did in allowed) for did, proof in proved.items() if is_asked or did in allowed],
    }


@require_POST
def opt_in_again(request: HttpRequest) -> HttpResponse:
    """Withdraw one's own opt-out."""
    for row in queries.opt_outs(list(proofs(request))):
        if str(row.pk) == request.POST.get("opt_out"):
            actions.withdraw_opt_out(row)
            show_message(request, _allowed(row))
    return _back(request)


def _allowed(row: OptOut) -> str:
    """What is said after an opt-out was taken back: who may invite again, or that all is stopped still."""
    if any(one.is_of_whole_site for one in queries.opt_outs([row.did])):
        return _("All invitations from this site are still stopped.")
    return _("{name} can invite you again.").format(name=row.host.name) if row.host else _("You can be invited again.")


@require_POST
def relay(request: HttpRequest) -> HttpResponse:
    """Allow the site's own account to mention the invitee, or withdraw that permission."""
    proof = proofs(request).get(request.POST.get("did", ""))
    if proof is not None and request.POST.get("allow") == "1":
        actions.relay_opt_in(proof.did)
        show_message(request, _("This site’s own account may invite you."))
    elif proof is not None:
        actions.relay_opt_out(proof.did)
        show_message(request, _("This site’s own account no longer has your permission to mention you."))
    return _back(request)


def _back(request: HttpRequest) -> HttpResponse:
    return redirect(PAGES.get(request.POST.get("next", ""), "/invitations"))
