"""What one request of a visitor may spend on other servers: under three seconds, and its visitor's share of threads.

Any server can be slow, and a visitor can choose a slow one on purpose. A thread that waits for it serves nobody else.
So every call to another server that is made while a page or an API call is prepared goes through the budget of that
request: the first one takes a place, which only few requests may have at once, and all of them together end after
`GIVE_UP_SECONDS`. What may not be broken off, because a token or a code that works once has been sent, goes on in a
thread of its own (`to_the_end`); the request stops waiting for it all the same.

Jobs have no budget: they run in threads that no visitor waits for.
"""

from __future__ import annotations

import contextlib
import contextvars
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Final, cast

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from elonara.atproto.connections.targets import Params, target
from elonara.atproto.dns import TxtLookup
from elonara.atproto.errors import NetworkError
from elonara.atproto.http import GuardedHttp, Response
from elonara.bluesky import background_threads

PAGE_SECONDS: Final = 3.0  # after which a visitor has a page, whatever other servers do
PREPARING_SECONDS: Final = 0.3  # for our own part of it
GIVE_UP_SECONDS: Final = PAGE_SECONDS - PREPARING_SECONDS
GAVE_UP: Final = gettext_noop(
    "{server} has not answered within {seconds} seconds. This page waits no longer; try again in a minute."
)
GAVE_UP_ON_A_SERVER: Final = gettext_noop(  # it is not known which
    "The other server has not answered within {seconds} seconds. This page waits no longer; try again in a minute."
)

type Release = Callable[[], None]
type Late = Callable[[Any, BaseException | None], None]


class NotNow(NetworkError):
    """Nothing was asked: this visitor, or the site, waits for too many servers already. `sentence` is for people."""

    def __init__(self, sentence: str, *, reason: str = "busy") -> None:
        super().__init__(sentence, ambiguous=False)
        self.sentence, self.reason = sentence, reason


class StillRunning(NotNow):
    """The request stopped waiting for work that goes on in the background; its result will be stored there."""


class RequestBudget:
    """The time and the places of one request. `take` and `take_background` return what gives a place back.

    Both raise NotNow where there is none. Used by the one thread that handles the request.
    """

    def __init__(
        self, take: Callable[[], Release], take_background: Callable[[], Release], seconds: float | None = None
    ) -> None:
        self._take, self.take_background = take, take_background
        self._seconds = GIVE_UP_SECONDS if seconds is None else seconds
        self._ends: float | None = None
        self._release: Release | None = None
        self.server = ""  # the host name of the server that was asked last

    def hold(self, release: Release, since: float) -> None:
        """Use a place that was taken before the first call. `since`: when the request began to wait for it (monotonic).

        Waiting for the place is a part of the time.
        """
        self._release, self._ends = release, since + self._seconds

    def left(self) -> float:
        """Seconds left to wait; the first call takes a place and starts the clock. Raises NotNow."""
        if self._ends is None:
            self._ends = time.monotonic() + self._seconds
        if self._release is None:
            self._release = self._take()
        now = time.monotonic()
        if self._ends <= now:
            raise NotNow(self.gave_up(), reason="unreachable")
        return self._ends - now

    def gave_up(self) -> str:
        """What the page says of the server that it waited for."""
        return _(GAVE_UP if self.server else GAVE_UP_ON_A_SERVER).format(
            server=self.server, seconds=round(self._seconds)
        )

    def close(self) -> None:
        """Give the place back: the response is ready."""
        if self._release is not None:
            self._release()
            self._release = None


_budget: contextvars.ContextVar[RequestBudget | None] = contextvars.ContextVar("elonara_outward", default=None)


def current() -> RequestBudget | None:
    """The budget of the request that this thread handles; None in jobs, commands and background work."""
    return _budget.get()


@contextlib.contextmanager
def within(budget: RequestBudget) -> Iterator[None]:
    """Apply the budget to all calls in the block."""
    token = _budget.set(budget)
    try:
        yield
    finally:
        _budget.reset(token)
        budget.close()


class BudgetedHttp(GuardedHttp):
    """The guarded client, whose calls keep to the budget of the request that makes them."""

    def __init__(self, client: GuardedHttp) -> None:
        self._client = client  # its pool and its rules; the base class's own are never made

    def close(self) -> None:
        """Close the pooled connections."""
        self._client.close()

    def check(self, url: str) -> None:
        """As `GuardedHttp.check`."""
        self._client.check(url)

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        params: Params | None = None,
        max_bytes: int = 1 << 20,
        deadline: float = 20.0,
        redirects: int = 0,
    ) -> Response:
        """As `GuardedHttp.request`, which ends with the budget at the latest. Raises NotNow, too."""
        budget = _budget.get()
        if budget is not None:
            left, budget.server = budget.left(), target(url).host
            deadline = min(deadline, left)
        return self._client.request(
            method,
            url,
            headers=headers,
            content=content,
            json=json,
            form=form,
            params=params,
            max_bytes=max_bytes,
            deadline=deadline,
            redirects=redirects,
        )


def budgeted_dns(lookup: TxtLookup) -> TxtLookup:
    """A lookup of TXT records that keeps to the budget: past its end nothing is asked."""

    def look_up(name: str) -> Sequence[str]:
        budget = _budget.get()
        if budget is None:
            return lookup(name)
        # The resolver cannot be interrupted, and its own time-out may be longer than what is left.
        return to_the_end(("dns", name), lambda: lookup(name), places=False)

    return look_up


@dataclass
class _Work:
    future: Future[Any] = field(default_factory=Future)
    late: list[Late] = field(default_factory=list)  # of the requests that stopped waiting


_running: dict[Any, _Work] = {}
_changed = threading.Condition()


def to_the_end[Result](key: Any, job: Callable[[], Result], *, late: Late | None = None, places: bool = True) -> Result:
    """What `job` returns or raises. It runs to its end, even where the request stops waiting: then StillRunning.

    Requests with the same key at the same time share one run. `late(result, fault)` is called in the background thread
    where the request has stopped waiting. Without a budget the job simply runs here. Raises NotNow before it begins.
    """
    budget = _budget.get()
    if budget is None:
        return job()
    left = budget.left()
    with _changed:
        work = _running.get(key)
    if work is None:
        work = _start(key, job, budget.take_background() if places else lambda: None)
    try:
        return cast(Result, work.future.result(timeout=left))
    except TimeoutError:
        with _changed:
            if not work.future.done():
                if late is not None:
                    work.late.append(late)
                raise StillRunning(budget.gave_up()) from None
        return cast(Result, work.future.result())


def in_background(key: Any, job: Callable[[], Any]) -> None:
    """Run `job` in a thread of its own, for nobody who waits; not where one with the same key runs already."""
    _start(key, job, lambda: None)


def wait_for_background(seconds: float) -> None:
    """Wait until nothing runs in the background, so that the end of the process loses no session."""
    with _changed:
        _changed.wait_for(lambda: not _running, timeout=seconds)


def _start(key: Any, job: Callable[[], Any], release: Release) -> _Work:
    work = _Work()
    with _changed:
        if (other := _running.get(key)) is not None:
            release()
            return other
        _running[key] = work
    context = contextvars.copy_context()  # the request's id, for the log
    background_threads.run(lambda: context.run(_run, key, work, job, release))
    return work


def _run(key: Any, work: _Work, job: Callable[[], Any], release: Release) -> None:
    _budget.set(None)
    result, fault = None, None
    try:
        result = job()
    except BaseException as raised:  # noqa: BLE001 - handed to whoever waits, as it is
        fault = raised
    try:
        with _changed:
            late = list(work.late)
            _running.pop(key, None)
            if fault is not None:
                work.future.set_exception(fault)
            else:
                work.future.set_result(result)
            _changed.notify_all()
        for tell in late:
            tell(result, fault)
    finally:
        release()
