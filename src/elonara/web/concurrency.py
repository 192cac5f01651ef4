"""Limits how many requests may wait at once for other servers, and how many of them one visitor may have.

Visitors choose servers: a handle can resolve to any of them, and a member's own server may be as slow as she likes.
Every call to another server that a request makes goes through `OutwardCalls` (pages and API alike): its first one takes
a place here, for the visitor's network and for the member. What a request may then wait is in `bluesky.outward`.

Three pools: one for most requests, one for callbacks of a sign-in (a code that was given must not be lost because
others ask slow servers), one for what goes on in the background after its page gave up.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial, wraps
from typing import Concatenate, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from elonara.bluesky import outward
from elonara.members.models import Member
from elonara.members.standing import require_active
from elonara.networks import network_of

# The embedded server has 12 threads. These together leave two for everything else.
MAX_CONCURRENT: Final = 5
MAX_CALLBACKS: Final = 3
MAX_WAITING: Final = 1
MAX_IN_BACKGROUND: Final = 6
MAX_PER_VISITOR: Final = 2
# A second place only while so many stay free: so three networks can never hold all of them.
KEPT_FREE: Final = 2
MAX_WAIT_SECONDS: Final = 1.0
WAITS_FOR_OPERATOR = gettext_noop(
    "Your account is waiting for approval by the operator of this site. "
    "Other servers are contacted once it is approved."
)


class TooManyConcurrentRequests(Exception):
    """Too many threads already wait for servers that visitors named. Nothing was started; the visitor may retry."""

    sentence = gettext_noop("Many people are asking their servers right now. Wait a few seconds, then reload the page.")
    retry_after = 5  # seconds


class ConcurrencyLimit:
    """A semaphore with `max_concurrent` slots, of which one visitor may hold `max_per_visitor`.

    A visitor who holds one gets another only where more than `kept_free` slots are free. When no slot is free, a thread
    waits for one, since most servers respond quickly. It stops waiting once the slot that was taken last has been held
    for `max_wait_seconds`: those servers are slow, and waiting occupies a thread as well. At most `max_waiting` do.
    """

    def __init__(
        self,
        *,
        max_concurrent: int = MAX_CONCURRENT,
        max_per_visitor: int = MAX_PER_VISITOR,
        max_wait_seconds: float = MAX_WAIT_SECONDS,
        max_waiting: int = 1000,
        kept_free: int = 0,
    ) -> None:
        self._max_concurrent, self._max_per_visitor = max_concurrent, max_per_visitor
        self._max_wait_seconds, self._max_waiting, self._kept_free = max_wait_seconds, max_waiting, kept_free
        self._held: list[tuple[tuple[str, ...], float]] = []  # (visitor's names, monotonic time of the start)
        self._waiting = 0
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def slot(self, *visitor: str) -> Iterator[None]:
        """Hold a slot for the visitor, who has a share under each name. Raises TooManyConcurrentRequests."""
        release = self.take(*visitor)
        try:
            yield
        finally:
            release()

    def take(self, *visitor: str) -> Callable[[], None]:
        """Take a slot; returns what gives it back. Raises TooManyConcurrentRequests."""
        with self._changed:
            while (newest := self._newest_blocking(visitor)) is not None:
                left = newest + self._max_wait_seconds - time.monotonic()
                if left <= 0 or self._waiting >= self._max_waiting:
                    raise TooManyConcurrentRequests
                self._waiting += 1
                try:
                    self._changed.wait(left)
                finally:
                    self._waiting -= 1
            slot = (visitor, time.monotonic())
            self._held.append(slot)
        return partial(self._release, slot)

    def _release(self, slot: tuple[tuple[str, ...], float]) -> None:
        with self._changed:
            self._held.remove(slot)
            self._changed.notify_all()

    def _newest_blocking(self, visitor: tuple[str, ...]) -> float | None:
        """When the newest of the slots that block this visitor was taken; None where a slot is free."""
        free = self._max_concurrent - len(self._held)
        for name in visitor:
            own = [since for names, since in self._held if name in names]
            if len(own) >= self._max_per_visitor or (own and free <= self._kept_free):
                return max(own, default=float("-inf"))
        if free <= 0:
            return max((since for _visitor, since in self._held), default=float("-inf"))
        return None


visitor_named_servers = ConcurrencyLimit(max_waiting=MAX_WAITING, kept_free=KEPT_FREE)
callbacks = ConcurrencyLimit(max_concurrent=MAX_CALLBACKS, max_per_visitor=1, max_waiting=MAX_WAITING)
background = ConcurrencyLimit(
    max_concurrent=MAX_IN_BACKGROUND, max_per_visitor=MAX_PER_VISITOR, max_waiting=0, kept_free=KEPT_FREE + 1
)


class OutwardCalls:
    """Middleware: whatever a request asks of other servers keeps to its visitor's share and to three seconds."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handle the request with a budget. Who the visitor is, is asked at the first call: most requests make none."""
        budget = outward.RequestBudget(partial(_take, request), partial(_take_background, request))
        with outward.within(budget):
            return self.get_response(request)


def limits_visitor_named_servers[**P](
    view: Callable[Concatenate[HttpRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """For views that call a server that the visitor named: 503 with Retry-After where no slot is free."""
    return _limits(lambda: visitor_named_servers, view)


def limits_callbacks[**P](
    view: Callable[Concatenate[HttpRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """For the callback of an authorization request: the same, with slots of its own."""
    return _limits(lambda: callbacks, view)


def busy_page(request: HttpRequest) -> HttpResponse:
    """503 with Retry-After: nothing was started."""
    response = render(request, "503.html", {"sentence": _(TooManyConcurrentRequests.sentence)}, status=503)
    response["Retry-After"] = str(TooManyConcurrentRequests.retry_after)
    return response


def _limits[**P](
    pool: Callable[[], ConcurrencyLimit], view: Callable[Concatenate[HttpRequest, P], HttpResponse]
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if (member := _member(request)) is not None:
            require_active(member)
        began = time.monotonic()
        try:
            release = pool().take(*_names(request))
        except TooManyConcurrentRequests:
            return busy_page(request)
        budget = outward.current()
        if budget is not None:
            budget.hold(release, began)
            return view(request, *args, **kwargs)
        try:
            return view(request, *args, **kwargs)
        finally:
            release()

    return guarded


def _take(request: HttpRequest) -> Callable[[], None]:
    member = _member(request)
    if member is not None and member.standing != Member.Standing.ACTIVE:
        raise outward.NotNow(_(WAITS_FOR_OPERATOR), reason="pending")
    return _or_not_now(visitor_named_servers, request)


def _take_background(request: HttpRequest) -> Callable[[], None]:
    return _or_not_now(background, request)


def _or_not_now(pool: ConcurrencyLimit, request: HttpRequest) -> Callable[[], None]:
    try:
        return pool.take(*_names(request))
    except TooManyConcurrentRequests as fault:
        raise outward.NotNow(_(fault.sentence)) from fault


def _member(request: HttpRequest) -> Member | None:
    """The member of the API's token, else of the session."""
    by_token = getattr(request, "auth", None)
    if isinstance(by_token, Member):
        return by_token
    user = getattr(request, "user", None)
    return user if user is not None and user.is_authenticated else None


def _names(request: HttpRequest) -> list[str]:
    """Under which names this visitor has a share. Visitors from this machine share none: see `network_of`."""
    member, network = _member(request), network_of(request.META.get("REMOTE_ADDR", ""))
    return [*([f"member:{member.pk}"] if member else []), *([f"network:{network}"] if network else [])]
