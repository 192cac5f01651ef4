"""Middleware of the pages: the viewer's time zone, and refusals of actions as 403 pages."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from allauth.core.exceptions import ReauthenticationRequired
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from elonara.invitations.results import InvitationRefused
from elonara.members.errors import NotAllowed
from elonara.web.parts.times import zone_of
from elonara.web.shortcuts import safe_next

SIGN_IN_AGAIN = gettext_noop("This changes how you sign in. Sign out and in again, then go on.")


class ViewerTimeZone:
    """Activates the viewer's time zone for each request, so that templates show times in it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Override the time zone for this request."""
        # A member's time zone costs a query for the member, which these paths do not need.
        if request.path.startswith(("/static/", "/health", "/oauth/")):
            return self.get_response(request)
        with timezone.override(zone_of(request)):
            return self.get_response(request)


class RefusalMiddleware:
    """Turns NotAllowed and InvitationRefused of an action into a 403 page with its sentence, asks for a new proof."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on; the work is in `process_exception`."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, fault: Exception) -> HttpResponse | None:
        """403 for a refusal; None, and so Django's own handling, for any other exception.

        Who has to show again who she is goes there, and comes back to the page. allauth would keep the whole request in
        the session until then: the cookie and what was typed, a password too, unencrypted in the database.
        """
        if isinstance(fault, ReauthenticationRequired):
            methods = get_adapter().get_reauthentication_methods(request.user)
            if not methods:
                return render(request, "403.html", {"sentence": _(SIGN_IN_AGAIN)}, status=403)
            back = request.get_full_path() if request.method == "GET" else request.headers.get("referer")
            back = safe_next(request, back, "/profile/edit?tab=signin")
            return redirect(f"{methods[0]['url']}?{urlencode({'next': back})}")
        if isinstance(fault, NotAllowed):
            return render(request, "403.html", {"sentence": fault.sentence}, status=403)
        if isinstance(fault, InvitationRefused):
            return render(request, "403.html", {"sentence": fault.sentence, "way_on": fault.way_on}, status=403)
        return None
