"""Reads the pages of a pass in a thread of its own, so that the next one is on its way while the last one is stored."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from queue import Empty, Queue
from typing import Final, Protocol

from django.utils.translation import gettext as _

from elonara import jobs
from elonara.bluesky import background_threads
from elonara.bluesky.graph.failures import GraphUnavailable
from elonara.bluesky.graph.service import GraphPage
from elonara.bluesky.graph.store import FOLLOWERS, FOLLOWS

PAGES_AHEAD: Final = 8  # read and not stored yet
EMPTY_PAGES: Final = 100  # in a row, in one slice: more means that a server has no end


class Reader(Protocol):
    """See `graph.service.GraphReader`."""

    def followers(self, cursor: str | None) -> GraphPage: ...  # noqa: D102
    def follows(self, cursor: str | None) -> GraphPage: ...  # noqa: D102
    def total(self) -> int | None: ...  # noqa: D102
    def rests_until(self) -> datetime | None: ...  # noqa: D102


@dataclass(frozen=True)
class Rest:
    """No more pages for now: the rate limit is left to others until `until`."""

    until: datetime


@dataclass(frozen=True)
class Total:
    """How many people the profile counts, None where it does not say."""

    people: int | None


@dataclass(frozen=True)
class Read:
    """A page of a list. `cursor` is the place after it, "" after the last one."""

    side: str
    page: GraphPage
    cursor: str


type Found = Read | Total | Rest


def next_page(reader: Reader, side: str, cursor: str) -> Read | Rest:
    """The page at `cursor`. Raises GraphUnavailable, also where the server leads back to the same place."""
    if (until := reader.rests_until()) is not None:
        return Rest(until)
    page = (reader.followers if side == FOLLOWERS else reader.follows)(cursor or None)
    if page.cursor and page.cursor == cursor:
        raise GraphUnavailable("server", _("Bluesky led back to the same place in the list."))
    return Read(side, page, page.cursor or "")


class PagesAhead:
    """Pages from a place on, of both lists, until the time is over. Used as a context manager by one thread.

    Every page that was read is given out, so that none is asked for twice. What went wrong is raised after them.
    """

    def __init__(self, reader: Reader, side: str, cursor: str, *, until: float, ask_total: bool) -> None:
        self._reader, self._side, self._cursor = reader, side, cursor
        self._until, self._ask_total = until, ask_total
        self._events: Queue[Found | BaseException | None] = Queue(PAGES_AHEAD)
        self._stop = threading.Event()
        self._ended = False

    def __enter__(self) -> PagesAhead:
        background_threads.run(self._read)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        with contextlib.suppress(Empty):
            while not self._ended:
                # The page that is on its way is dropped; the end of the process does not wait for it.
                self._get(timeout=0.0 if jobs.stopping() else None)

    def first(self) -> Found | None:
        """The next event, waited for; None after the last one. Raises what went wrong after it."""
        return None if self._ended else self._raised(self._get(timeout=None))

    def waiting(self, seconds: float) -> Found | None:
        """The next event if it comes within `seconds`, else None."""
        try:
            return None if self._ended else self._raised(self._get(timeout=seconds))
        except Empty:
            return None

    def _get(self, timeout: float | None) -> Found | BaseException | None:
        event = self._events.get(timeout is None or timeout > 0, timeout)
        self._ended = event is None or isinstance(event, BaseException)
        return event

    @staticmethod
    def _raised(event: Found | BaseException | None) -> Found | None:
        if isinstance(event, BaseException):
            raise event
        return event

    def _read(self) -> None:
        try:
            for event in self._events_of_lists():
                self._events.put(event)
                if self._stop.is_set() or time.monotonic() > self._until:
                    break
            self._events.put(None)
        except BaseException as fault:  # noqa: BLE001 - raised by whoever takes the pages
            self._events.put(fault)

    def _events_of_lists(self) -> Iterator[Found]:
        side, cursor, empty = self._side, self._cursor, 0
        while True:
            event = next_page(self._reader, side, cursor)
            yield event
            if isinstance(event, Rest):
                return
            if self._ask_total:
                self._ask_total = False
                yield Total(self._reader.total())
            empty = 0 if event.page.people else empty + 1
            if empty > EMPTY_PAGES:
                raise GraphUnavailable("server", _("Bluesky's list has no end."))
            cursor = event.cursor
            if not cursor and side == FOLLOWS:
                return
            side = side if cursor else FOLLOWS
