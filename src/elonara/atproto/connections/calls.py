"""One call to another server: its deadline, whether anything of it was sent, and the look-up of the server's name."""

from __future__ import annotations

import contextvars
import socket
import threading
import time
from dataclasses import dataclass
from typing import Any

from elonara.atproto.errors import NameNotFound

MAX_PARALLEL_LOOKUPS = 16


class Deadline:
    """The time, on the monotonic clock, by which a call must have ended."""

    def __init__(self, at: float) -> None:
        self._at = at

    def left(self) -> float:
        """Seconds left. Raises TimeoutError where none are."""
        left = self._at - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        return left


@dataclass
class RequestContext:
    """The state of the running request: its deadline, and whether any byte of it was sent."""

    until: Deadline
    sent: bool = False


# Resolvers have the signature of `getaddrinfo`, which has no place for it. They run in their caller's thread.
current_request: contextvars.ContextVar[RequestContext] = contextvars.ContextVar("current_call")

_lookups = threading.BoundedSemaphore(MAX_PARALLEL_LOOKUPS)


def system_resolver(host: str, port: int) -> list[tuple[str, int]]:
    """The addresses of a name by the system's resolver, within the deadline of the current call.

    `getaddrinfo` cannot be interrupted, so it runs in a thread of its own, which is abandoned at the deadline; their
    number is bounded. Raises NameNotFound where the name does not exist.
    """
    until = current_request.get().until
    if not _lookups.acquire(timeout=until.left()):
        raise TimeoutError("too many names are being looked up")
    outcome: list[Any] = []

    def look_up() -> None:
        try:
            outcome.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP))
        except (OSError, UnicodeError) as fault:
            outcome.append(fault)
        finally:
            _lookups.release()

    thread = threading.Thread(target=look_up, name="lookup", daemon=True)
    thread.start()
    thread.join(until.left())
    if not outcome:
        raise TimeoutError(f"{host} was not found in time")
    if isinstance(outcome[0], Exception):
        raise NameNotFound(f"{host} was not found") from outcome[0]
    return list(dict.fromkeys((str(info[4][0]), int(info[4][1])) for info in outcome[0]))
