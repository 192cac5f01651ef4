"""The daily e-mail about new answers: a host's choice on her settings, and the link that ends it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from elonara.housekeeping import answer_digest
from elonara.web.invitations.email_rsvp import keeps_token_secret, unknown_link
from elonara.web.shortcuts import members_only, show_message, the_member


@members_only
@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Switch it on or off."""
    answer_digest.choose(the_member(request), wanted="wanted" in request.POST)
    show_message(request, _("Your choice is saved."))
    return redirect("/profile/edit?tab=invitations")


# CSRF-exempt as the other pages of a token, and because mail programs post here (RFC 8058).
@csrf_exempt
@keeps_token_secret
@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, token: str) -> HttpResponse:
    """The link in each e-mail. GET changes nothing."""
    host = answer_digest.by_token(token)
    if host is None:
        return unknown_link(request, "rsvp/digest_stop.html")
    if request.method == "POST":
        answer_digest.choose(host, wanted=False)
    return render(request, "rsvp/digest_stop.html", {"stopped": not answer_digest.wants(host)})
