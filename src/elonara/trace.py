"""The trace id in log lines: which request or job a line belongs to; and its span, where traces are on.

A context variable: a request sets an id such as `req-3f9c2a1b`, a job its kind and key.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Protocol

_current: ContextVar[str] = ContextVar("elonara_trace", default="-")


class Span(Protocol):
    """What we use of OpenTelemetry's span."""

    def set_attribute(self, key: str, value: str | int) -> None:
        """Add an attribute."""

    def update_name(self, name: str) -> None:
        """Change the name, where it is known at the end only."""


class Tracer(Protocol):
    """What we use of OpenTelemetry's tracer."""

    def start_as_current_span(
        self, name: str, *, record_exception: bool, set_status_on_exception: bool
    ) -> AbstractContextManager[Span]:
        """Open a span, inside the one that is open in this thread."""


_tracer: Tracer | None = None


def tracer() -> Tracer | None:
    """What makes spans; None while traces are off."""
    return _tracer


def set_tracer(tracer: Tracer | None) -> None:
    """Turn traces on, or off with None."""
    global _tracer  # noqa: PLW0603 - one per process
    _tracer = tracer


@contextmanager
def span(name: str) -> Iterator[Span]:
    """A span around the block. Raises RuntimeError while traces are off; ask `tracer` before."""
    if _tracer is None:
        raise RuntimeError("traces are off")
    # Exceptions are not recorded: their messages and tracebacks may hold a secret, and nothing would remove it.
    with _tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False) as opened:
        yield opened


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
