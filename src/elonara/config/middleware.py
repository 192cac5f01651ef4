"""The middleware that sees each request first: proxy headers, request ids, and localhost."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from elonara import trace
from elonara.networks import plain_address, plain_network

HEADER = "X-Forwarded-Proto"
NO_SCHEME = gettext_noop("""\
This site is being set up: the proxy in front of it does not send the header {header},
so nobody can tell whether you came by https.

For the operator: make the proxy send "{header}: https", and do so for every address of the site.
  nginx    proxy_set_header {header} $scheme;
  Apache   RequestHeader set {header} "https"
  HAProxy  http-request set-header {header} https
  Caddy and Traefik send it by themselves; behind another proxy, they have to trust that one.
`elonara doctor` tries it.
""")
NOT_TRUSTED = gettext_noop("""\
This site is being set up: the proxy in front of it sends {header}, and is not among those that the site trusts.

For the operator: set http.trusted_proxies to the address from which the proxy reaches Elonara, and restart.
`elonara doctor` tries it.
""")

type Next = Callable[[HttpRequest], HttpResponse]

FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PORT")
METRICS = "/metrics"
REQUEST_ID = re.compile(r"[\w-]{8,64}")


class TrustedProxies:
    """Removes `X-Forwarded-*` headers that do not come from one of the operator's proxies.

    Behind a trusted proxy, REMOTE_ADDR becomes the visitor's address, so that rate limits apply to visitors.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Correct the headers and REMOTE_ADDR."""
        meta = request.META
        remote = meta.get("REMOTE_ADDR", "")
        scheme = meta.get("HTTP_X_FORWARDED_PROTO", "").strip().lower()
        meta["REMOTE_ADDR"] = visitor_address(remote, meta.get("HTTP_X_FORWARDED_FOR", ""))
        if request.path == METRICS and _is_private_scrape(meta, remote):
            # Prometheus beside the site, by http and by any name. Its token says who may read; the name is not used.
            meta["wsgi.url_scheme"], meta["HTTP_HOST"] = "https", "127.0.0.1"
            return self.get_response(request)
        redirects = settings.SECURE_SSL_REDIRECT and request.path != "/health"
        if _trusts(remote):
            if redirects and not scheme:
                return _page(_(NO_SCHEME))
            if scheme:
                meta["HTTP_X_FORWARDED_PROTO"] = scheme
        else:
            if redirects and scheme.partition(",")[0].strip() == "https":
                return _page(_(NOT_TRUSTED))
            for name in FORWARDED:
                meta.pop(name, None)
        return self.get_response(request)


def visitor_address(remote: str, forwarded_for: str) -> str:
    """The visitor's address: that of the connection, or behind trusted proxies what `X-Forwarded-For` says."""
    if not _trusts(remote):
        return plain_address(remote)
    # Each proxy appends the address that it saw, so the visitor is the rightmost address that is not a proxy;
    # everything left of it came with the visitor's request and may be forged.
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
    untrusted = [hop for hop in reversed(hops) if not _trusts(hop)]
    return plain_address(untrusted[0] if untrusted and _is_address(untrusted[0]) else remote)


class RequestId:
    """Gives each request an id for its log lines and for `X-Request-Id`. The id of a trusted proxy is kept."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handle the request under its id."""
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        # `TrustedProxies` ran before: an X-Forwarded header that is still there came from a trusted proxy.
        trusted = "HTTP_X_FORWARDED_PROTO" in request.META and REQUEST_ID.fullmatch(given)
        with trace.tracing(given if trusted else trace.new_request_id()) as request_id:
            response = self.get_response(request)
        response.headers["X-Request-Id"] = request_id
        return response


class OneLoopbackName:
    """Redirects `http://localhost:8000` to `http://127.0.0.1:8000`.

    The OAuth callback arrives at the second host name, where the browser does not send cookies of the first.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Redirect requests for pages; others, such as health checks and API calls, are handled as they are."""
        site = settings.ELONARA.site
        host = urlsplit(f"//{request.META.get('HTTP_HOST', '')}").hostname or ""
        is_page = request.method in {"GET", "HEAD"} and not request.path.startswith(("/health", "/api/"))
        if site.is_loopback and host == "localhost" and is_page:
            return HttpResponseRedirect(site.url + request.get_full_path())
        return self.get_response(request)


def _page(text: str) -> HttpResponse:
    """A page for the operator. Redirecting to https instead would come back here, without end."""
    return HttpResponse(
        text.format(header=HEADER),
        status=500,
        content_type="text/plain; charset=utf-8",
        headers={"Cache-Control": "no-store"},
    )


def _is_private_scrape(meta: Mapping[str, Any], remote: str) -> bool:
    """Whether a request came over a private network and through no proxy; one from outside has a proxy's headers."""
    if any(name in meta for name in FORWARDED) or not _is_address(remote):
        return False
    return not ipaddress.ip_address(plain_address(remote)).is_global


def _trusts(address: str) -> bool:
    if not settings.ELONARA.http.trusted_proxies or not _is_address(address):
        return False
    ip = ipaddress.ip_address(plain_address(address))
    return any(ip in plain_network(net) for net in settings.ELONARA.http.trusted_proxies)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
