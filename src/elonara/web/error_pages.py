"""Error pages. Each says what to do next; none shows an exception."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from elonara.web.shortcuts import member_of, options


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400."""
    return render(request, "400.html", status=400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403, with the message of the exception."""
    return render(request, "403.html", {"sentence": str(exception)[:300]}, status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404. Who is invited to something private reaches it from here, without an account."""
    for_guests = member_of(request) is None and request.path.startswith(("/events/", "/communities/"))
    return render(request, "404.html", {"for_guests": for_guests}, status=404)


def broken(request: HttpRequest, *args: Any) -> HttpResponse:
    """500. Rendered without context processors: they use the database, which may be the cause."""
    return HttpResponse(render_to_string("500.html", {"site_name": options().site.name}), status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: the CSRF token is missing or old. Cookies are off, or the page was loaded before signing in or out."""
    return render(request, "csrf.html", status=403)
