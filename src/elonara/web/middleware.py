"""Small things every request needs."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from elonara.invitations.results import InvitationRefused
from elonara.members.errors import NotAllowed
from elonara.web.parts.times import zone_of


class ViewerTimeZone:
    """Tells times in the viewer's zone while a page is made."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Activate the zone, and always put the site's own back."""
        # The zone of a member needs the account row; static pages must not ask for it.
        if request.path.startswith(("/static/", "/health", "/oauth/")):
            return self.get_response(request)
        with timezone.override(zone_of(request)):
            return self.get_response(request)


class RefusalMiddleware:
    """Turns what an action will not do into a page with its sentence."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Nothing to do while all goes well."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, fault: Exception) -> HttpResponse | None:
        """A refusal is a 403 with its sentence; everything else goes on."""
        if isinstance(fault, NotAllowed):
            return render(request, "403.html", {"sentence": fault.sentence}, status=403)
        if isinstance(fault, InvitationRefused):
            return render(request, "403.html", {"sentence": fault.sentence, "way_on": fault.way_on}, status=403)
        return None
