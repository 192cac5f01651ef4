"""How many threads may wait at once for servers that visitors name.

A handle leads to a server of a stranger's choice, and a whole conversation with it may take tens of seconds. Without a
bound a handful of such visits would hold every thread of the site.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Concatenate, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

# The embedded server has 8 threads; some always remain for everything else.
MAX_CONCURRENT: Final = 5
MAX_PER_VISITOR: Final = 4
MAX_WAIT_SECONDS: Final = 1.0  # seconds


class TooManyConcurrentRequests(Exception):
    """Too many threads wait for strangers' servers already. Later is fine; nothing was begun."""

    sentence = "Many people are asking their servers at this moment. Wait a few seconds, then reload the page."
    retry_after = 5  # seconds


class ConcurrencyLimit:
    """Lets `at_once` threads through, and of one visitor `per_visitor`.

    Who comes while those inside have only just entered waits for them, since good servers answer in a moment. Once the
    newest of them has been inside for `patience` seconds, nobody waits any more: waiting holds a thread, too.
    """

    def __init__(
        self, *, at_once: int = MAX_CONCURRENT, per_visitor: int = MAX_PER_VISITOR, patience: float = MAX_WAIT_SECONDS
    ) -> None:
        self._at_once, self._per_visitor, self._patience = at_once, per_visitor, patience
        self._inside: list[tuple[str, float]] = []
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def passing(self, visitor: str) -> Iterator[None]:
        """Hold a place for the visitor (an address). Raises Crowded."""
        place = self._enter(visitor)
        try:
            yield
        finally:
            with self._changed:
                self._inside.remove(place)
                self._changed.notify_all()

    def _enter(self, visitor: str) -> tuple[str, float]:
        with self._changed:
            while (newest := self._newest_in_the_way(visitor)) is not None:
                left = newest + self._patience - time.monotonic()
                if left <= 0:
                    raise TooManyConcurrentRequests
                self._changed.wait(left)
            place = (visitor, time.monotonic())
            self._inside.append(place)
            return place

    def _newest_in_the_way(self, visitor: str) -> float | None:
        """When the newest of those entered who keep this visitor out; None where there is room."""
        own = [since for who, since in self._inside if who == visitor]
        if len(own) >= self._per_visitor:
            return max(own, default=float("-inf"))
        if len(self._inside) >= self._at_once:
            return max((since for _, since in self._inside), default=float("-inf"))
        return None


visitor_named_servers = ConcurrencyLimit()


def limits_visitor_named_servers[**P](
    view: Callable[Concatenate[HttpRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """For what talks to a server that the visitor named: 503 where too many do so already."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            with visitor_named_servers.passing(request.META.get("REMOTE_ADDR", "")):
                return view(request, *args, **kwargs)
        except TooManyConcurrentRequests as fault:
            response = render(request, "503.html", {"sentence": fault.sentence}, status=503)
            response["Retry-After"] = str(fault.retry_after)
            return response

    return guarded
