"""Which request or job a log line belongs to.

One value per thread and context: `GET /events` sets `req-3f9c2a1b`, a job sets its kind and key.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_current: ContextVar[str] = ContextVar("elonara_trace", default="-")


def current() -> str:
    """The id of what is being done now; `-` outside of any request and job."""
    return _current.get()


def new_request_id() -> str:
    """A fresh id for one request."""
    return f"req-{secrets.token_hex(6)}"


@contextmanager
def tracing(name: str) -> Iterator[str]:
    """Name what happens inside the block, for its log lines."""
    token = _current.set(name)
    try:
        yield name
    finally:
        _current.reset(token)
