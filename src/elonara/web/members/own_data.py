"""What is kept about somebody, as a file for her; and the end of a member's account."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from elonara.members.errors import Invalid, NotAllowed
from elonara.personal_data import actions
from elonara.web.members import fresh_proof
from elonara.web.proofs import proofs
from elonara.web.rate_limits import EXPORTS
from elonara.web.shortcuts import members_only, show_message, the_member

TAB = "/profile/edit?tab=data"
UNTOLD = gettext_noop("Bluesky could not be reached. End the permission there too: Settings, Privacy and security.")


@never_cache
@members_only
@require_POST
def export(request: HttpRequest) -> HttpResponse:
    """The file of a member, who has shown just before who she is."""
    fresh_proof.require(request)
    if EXPORTS.passed(request):
        show_message(request, EXPORTS.sentence, "warn")
        return EXPORTS.refuse(redirect(TAB))
    member = the_member(request)
    return _file(actions.export_of(member), member.username)


@never_cache
@require_POST
def export_of_guest(request: HttpRequest) -> HttpResponse:
    """The file of somebody who has proved a DID in this browser: what she did without an account."""
    did = request.POST.get("did", "")
    if did not in proofs(request):
        show_message(request, _("First confirm that this Bluesky account is yours."), "warn")
        return redirect("/invitations")
    if EXPORTS.passed(request):
        show_message(request, EXPORTS.sentence, "warn")
        return EXPORTS.refuse(redirect("/invitations"))
    return _file(actions.export_for_did(did), "guest")


@require_POST
def delete_of_guest(request: HttpRequest) -> HttpResponse:
    """Delete the answers of somebody who has proved a DID in this browser, and has no account."""
    did = request.POST.get("did", "")
    if did not in proofs(request):
        show_message(request, _("First confirm that this Bluesky account is yours."), "warn")
        return redirect("/invitations")
    try:
        actions.delete_answers(did)
    except NotAllowed as fault:
        show_message(request, fault.sentence, "warn")
    else:
        show_message(request, _("Your answers are deleted."))
    return redirect("/invitations")


@never_cache
@fresh_proof.required
def delete(request: HttpRequest) -> HttpResponse:
    """GET says what becomes of everything; POST deletes the account. Both ask whether it is still the member."""
    member, word, error = the_member(request), request.POST.get("word", ""), ""
    if request.method == "POST":
        try:
            told = actions.delete_account(member, member, word)
        except Invalid as fault:
            error = str(fault)
        except NotAllowed as fault:
            show_message(request, fault.sentence, "bad")
            return redirect(TAB)
        else:
            logout(request)
            show_message(request, _("Your account is deleted."))
            if not told:
                show_message(request, _(UNTOLD), "warn")
            return redirect("/")
    context = {"end": actions.what_ends(member), "word": word, "error": error}
    return render(request, "profile/delete.html", context, status=400 if error else 200)


def _file(found: dict[str, Any], name: str) -> HttpResponse:
    response = JsonResponse(found, json_dumps_params={"indent": 1, "ensure_ascii": False})
    response["Content-Disposition"] = f'attachment; filename="{name}.json"'
    return response
