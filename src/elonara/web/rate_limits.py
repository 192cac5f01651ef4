"""Rate limits per browser and per IP address, for requests that cost this site or another server something.

They count in fixed windows, in the cache that all web processes share (`elonara.shared_cache`). They are meant to stop
scripts: no person should ever meet one. A refused form is shown again with everything that was typed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from elonara import shared_cache
from elonara.networks import network_of
from elonara.web.proofs import names_of_browser

# Many people share one address: an office, a mobile operator.
BROWSERS_PER_ADDRESS = 6


@dataclass(frozen=True)
class VisitorRateLimit:
    """`times` requests in `seconds` for one browser, and `BROWSERS_PER_ADDRESS` times as many for one address."""

    name: str
    times: int
    seconds: int

    @property
    def sentence(self) -> str:
        """What a visitor reads who has exceeded it."""
        minutes = self.seconds // 60
        if minutes >= 60:
            return _("Too many tries. Wait an hour, then try again; nothing you wrote is lost.")
        return ngettext(
            "Too many tries. Wait {count} minute, then try again; nothing you wrote is lost.",
            "Too many tries. Wait {count} minutes, then try again; nothing you wrote is lost.",
            minutes,
        ).format(count=minutes)

    def passed(self, request: HttpRequest) -> bool:
        """Count this request; whether the limit is exceeded."""
        # The network first: beyond its limit no more counters are made for browsers, which a program can invent.
        network = network_of(request.META.get("REMOTE_ADDR", ""))
        if network and self._count(f"address:{network}") > self.times * BROWSERS_PER_ADDRESS:
            return True
        # A list, so that every counter is raised even when the first one is exceeded already.
        counts = [self._count(f"browser:{name}") for name in sorted(names_of_browser(request))]
        return any(count > self.times for count in counts)

    def refuse(self, response: HttpResponse) -> HttpResponse:
        """Make the page with the sentence a 429 with Retry-After (RFC 6585, section 4); a redirect stays a redirect."""
        if response.status_code < 300 or response.status_code >= 400:
            response.status_code = 429
        response["Retry-After"] = str(self.seconds)
        return response

    def _count(self, visitor: str) -> int:
        # Hashed, so that the cache holds no list of visitors' addresses.
        key = f"limit:{self.name}:{hashlib.sha256(visitor.encode()).hexdigest()[:32]}"
        return shared_cache.count(key, self.seconds)


# Starts an authorization flow, which makes requests to a server that the visitor names.
AUTHORIZATIONS = VisitorRateLimit("to_server", 12, 600)
# Answering an invitation, or opting out.
ANSWERS = VisitorRateLimit("press", 30, 600)
# A file with everything about somebody: many queries.
EXPORTS = VisitorRateLimit("export", 10, 3600)
REPORT = VisitorRateLimit("report", 5, 3600)
# The link of an e-mail invitation. Its token cannot be guessed; this also stops the attempts.
RSVP = VisitorRateLimit("rsvp", 40, 600)
# E-mail invitations to addresses that a host types in.
ADDRESSES = VisitorRateLimit("addresses", 30, 3600)
