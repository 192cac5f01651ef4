"""Limits how many threads may wait at once for servers that visitors name.

A handle can resolve to any server, and all requests to it together may take tens of seconds. Without a limit a few
such visitors would occupy every thread of the web server.
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
MAX_WAIT_SECONDS: Final = 1.0


class TooManyConcurrentRequests(Exception):
    """Too many threads already wait for servers that visitors named. Nothing was started; the visitor may retry."""

    sentence = "Many people are asking their servers at this moment. Wait a few seconds, then reload the page."
    retry_after = 5  # seconds


class ConcurrencyLimit:
    """A semaphore with `max_concurrent` slots, of which one visitor may hold `max_per_visitor`.

    When all slots are taken, a thread waits for one, since most servers respond quickly. It stops waiting once the
    slot that was taken last has been held for `max_wait_seconds`: those servers are slow, and waiting occupies a
    thread as well.
    """

    def __init__(
        self,
        *,
        max_concurrent: int = MAX_CONCURRENT,
        max_per_visitor: int = MAX_PER_VISITOR,
        max_wait_seconds: float = MAX_WAIT_SECONDS,
    ) -> None:
        self._max_concurrent, self._max_per_visitor = max_concurrent, max_per_visitor
        self._max_wait_seconds = max_wait_seconds
        self._held: list[tuple[str, float]] = []  # (visitor, time.monotonic() when the slot was taken)
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def slot(self, visitor: str) -> Iterator[None]:
        """Hold a slot for the visitor (an IP address). Raises TooManyConcurrentRequests."""
        slot = self._acquire(visitor)
        try:
            yield
        finally:
            with self._changed:
                self._held.remove(slot)
                self._changed.notify_all()

    def _acquire(self, visitor: str) -> tuple[str, float]:
        with self._changed:
            while (newest := self._newest_blocking(visitor)) is not None:
                left = newest + self._max_wait_seconds - time.monotonic()
                if left <= 0:
                    raise TooManyConcurrentRequests
                self._changed.wait(left)
            slot = (visitor, time.monotonic())
            self._held.append(slot)
            return slot

    def _newest_blocking(self, visitor: str) -> float | None:
        """When the newest of the slots that block this visitor was taken; None where a slot is free."""
        own = [since for who, since in self._held if who == visitor]
        if len(own) >= self._max_per_visitor:
            return max(own, default=float("-inf"))
        if len(self._held) >= self._max_concurrent:
            return max((since for _, since in self._held), default=float("-inf"))
        return None


visitor_named_servers = ConcurrencyLimit()


def limits_visitor_named_servers[**P](
    view: Callable[Concatenate[HttpRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """For views that call a server that the visitor named: 503 with Retry-After where no slot is free."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            with visitor_named_servers.slot(request.META.get("REMOTE_ADDR", "")):
                return view(request, *args, **kwargs)
        except TooManyConcurrentRequests as fault:
            response = render(request, "503.html", {"sentence": fault.sentence}, status=503)
            response["Retry-After"] = str(fault.retry_after)
            return response

    return guarded
