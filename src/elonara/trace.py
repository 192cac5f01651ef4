"""The trace id in log lines: which request or job a line belongs to.

A context variable: a request sets an id such as `req-3f9c2a1b`, a job its kind and key.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_current: ContextVar[str] = ContextVar("elonara_trace", default="-")


def current() -> str:
    """The id of the current request or job; `-` outside of both."""
    return _current.get()


def new_request_id() -> str:
    """A new id for a request."""
    return f"req-{secrets.token_hex(6)}"


@contextmanager
def tracing(name: str) -> Iterator[str]:
    """Set the trace id to `name` for the log lines inside the block."""
    token = _current.set(name)
    try:
        yield name
    finally:
        _current.reset(token)
