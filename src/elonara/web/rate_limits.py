"""How often one browser, or one address, may do what costs this site or somebody else's server something.

Counts live in the cache that all web processes share (`elonara.shared_cache`) and in fixed spans of time: enough to
make a program give up, and no person meets them. What was typed comes back with the sentence.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse

from elonara import shared_cache
from elonara.networks import network_of
from elonara.web.proofs import browser_of

SENTENCE = "That was very often in a short time. Wait {wait}, then press once more; nothing you wrote is lost."
# Many people share one address: an office, a mobile operator.
BROWSERS_PER_ADDRESS = 6


@dataclass(frozen=True)
class VisitorRateLimit:
    """`times` in `seconds` for one browser, and six times as many for one address."""

    name: str
    times: int
    seconds: int

    @property
    def sentence(self) -> str:
        """What somebody reads who is over it."""
        minutes = self.seconds // 60
        return SENTENCE.format(wait=f"{minutes} minutes" if minutes < 60 else "an hour")

    def passed(self, request: HttpRequest) -> bool:
        """Count this request; whether it is one too many."""
        counts = [(self._count(who), most) for who, most in self._who(request)]  # all, whichever is over
        return any(count > most for count, most in counts)

    def refuse(self, response: HttpResponse) -> HttpResponse:
        """The page with the sentence, as an answer that programs understand."""
        if response.status_code < 300 or response.status_code >= 400:  # a way back to a form stays one
            response.status_code = 429
        response["Retry-After"] = str(self.seconds)
        return response

    def _who(self, request: HttpRequest) -> Iterator[tuple[str, int]]:
        yield f"browser:{browser_of(request)}", self.times
        if address := network_of(request.META.get("REMOTE_ADDR", "")):
            yield f"address:{address}", self.times * BROWSERS_PER_ADDRESS

    def _count(self, who: str) -> int:
        # Hashed: the cache needs no list of who was here.
        key = f"limit:{self.name}:{hashlib.sha256(who.encode()).hexdigest()[:32]}"
        return shared_cache.count(key, self.seconds)


# Each of these asks a server that the visitor names.
AUTHORIZATIONS = VisitorRateLimit("to_server", 12, 600)
# An answer, or no more invitations.
ANSWERS = VisitorRateLimit("press", 30, 600)
REPORT = VisitorRateLimit("report", 5, 3600)
# A link from an e-mail: tokens cannot be guessed, but nobody need try.
RSVP = VisitorRateLimit("rsvp", 40, 600)
# E-mails that somebody writes to others.
ADDRESSES = VisitorRateLimit("addresses", 30, 3600)
