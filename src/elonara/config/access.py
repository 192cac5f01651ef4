"""The outermost middleware: counts each request, writes its access line, and makes its span where traces are on.

A line names the route pattern, never the path: paths hold one-time tokens, handles and the names of private events.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from elonara import counters, trace
from elonara.config import telemetry

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
STATIC: Final = "/static/"
NO_ROUTE: Final = "(none)"  # an address that the site does not have, or a request refused before that was known

log = logging.getLogger("elonara.access")


class AccessLine:
    """Sees every response, those of the middleware below too: refusals, redirects, static files."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        telemetry.start(settings.ELONARA.traces.endpoint)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on, then count it and log it."""
        began = time.perf_counter()
        # Anybody can make a method up, and a new one would be a new label.
        method = request.method if request.method in METHODS else "OTHER"
        if trace.tracer() is None:
            response = self.get_response(request)
        else:
            with trace.span(method) as span:
                response = self.get_response(request)
                span.update_name(f"{method} {route_of(request)}")
                span.set_attribute("http.request.method", method)
                span.set_attribute("http.route", route_of(request))
                span.set_attribute("http.response.status_code", response.status_code)
                span.set_attribute("elonara.request_id", response.headers.get("X-Request-Id", ""))
        _note(request, response, method, time.perf_counter() - began)
        return response


def _note(request: HttpRequest, response: HttpResponse, method: str, seconds: float) -> None:
    route, status = route_of(request), response.status_code
    counters.of_this_process.request(route, method, status, seconds)
    request_id = response.headers.get("X-Request-Id")
    if request_id is None:  # refused before `RequestId` saw it
        response.headers["X-Request-Id"] = request_id = trace.new_request_id()
    if log.isEnabledFor(logging.INFO):
        milliseconds = round(seconds * 1000, 1)
        access = {"method": method, "route": route, "status": status, "ms": milliseconds}
        with trace.tracing(request_id):
            log.info("%s %s %d %.1f ms", method, route, status, milliseconds, extra={"access": access})


def route_of(request: HttpRequest) -> str:
    """The pattern that the request's address matched, such as `/rsvp/<str:token>`; `NO_ROUTE` where there is none."""
    match = request.resolver_match
    if match is not None:
        return f"/{match.route}"
    return STATIC if request.path_info.startswith(STATIC) else NO_ROUTE
