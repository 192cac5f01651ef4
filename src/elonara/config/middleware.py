"""What happens to every request before anything else looks at it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from elonara import trace

type Next = Callable[[HttpRequest], HttpResponse]

FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PORT")
REQUEST_ID = re.compile(r"[\w-]{8,64}")


class TrustedProxies:
    """Believes `X-Forwarded-*` from the operator's own proxies alone, and forgets it otherwise.

    Behind a trusted proxy REMOTE_ADDR becomes the visitor's address, so that rate limits count visitors.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Clean the request, then go on."""
        meta = request.META
        if not self._trusts(meta.get("REMOTE_ADDR", "")):
            for name in FORWARDED:
                meta.pop(name, None)
        else:
            # Read from the right: what stands left of the first stranger, the stranger wrote.
            hops = [hop.strip() for hop in meta.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
            strangers = [hop for hop in reversed(hops) if not self._trusts(hop)]
            if strangers and _is_address(strangers[0]):
                meta["REMOTE_ADDR"] = strangers[0]
        return self.get_response(request)

    @staticmethod
    def _trusts(address: str) -> bool:
        if not _is_address(address):
            return False
        ip = ipaddress.ip_address(address)
        return any(ip in ipaddress.ip_network(net, strict=False) for net in settings.ELONARA.http.trusted_proxies)


class RequestId:
    """Names each request for its log lines, and tells the name in `X-Request-Id`. A trusted proxy may have named it."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Go on under a name."""
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        believed = "HTTP_X_FORWARDED_PROTO" in request.META and REQUEST_ID.fullmatch(given)
        with trace.tracing(given if believed else trace.new_request_id()) as name:
            response = self.get_response(request)
        response.headers["X-Request-Id"] = name
        return response


class OneLoopbackName:
    """Sends `http://localhost:8000` to `http://127.0.0.1:8000`.

    OAuth comes back to the second name, and a cookie of the first one would be lost.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Redirect what a person opens; other requests, such as a health check, are answered."""
        site = settings.ELONARA.site
        name = urlsplit(f"//{request.META.get('HTTP_HOST', '')}").hostname or ""
        by_person = request.method in {"GET", "HEAD"} and not request.path.startswith(("/health", "/api/"))
        if site.is_loopback and name == "localhost" and by_person:
            return HttpResponseRedirect(site.url + request.get_full_path())
        return self.get_response(request)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
