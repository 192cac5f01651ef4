"""Where higher layers register listeners for changes. Listeners are called after the commit, in the same thread."""

from collections.abc import Callable

from django.db import transaction

from elonara.events.models import Event, Rsvp

type EventListener = Callable[[Event, frozenset[str]], None]
type RsvpListener = Callable[[Rsvp], None]

_on_change: list[EventListener] = []
_on_rsvp: list[RsvpListener] = []


def on_change(listener: EventListener) -> EventListener:
    """Register `listener(event, changed_fields)`, called after each change. Cancelling changes `status`."""
    if listener not in _on_change:
        _on_change.append(listener)
    return listener


def on_rsvp(listener: RsvpListener) -> RsvpListener:
    """Register `listener(rsvp)`, called after somebody answered, for the first time or again."""
    if listener not in _on_rsvp:
        _on_rsvp.append(listener)
    return listener


def changed(event: Event, fields: frozenset[str]) -> None:
    """Call the listeners after the commit. An exception in one is logged and does not stop the others."""
    for listener in tuple(_on_change):
        transaction.on_commit(lambda call=listener: call(event, fields), robust=True)  # type: ignore[misc]


def rsvp_saved(rsvp: Rsvp) -> None:
    """Call the listeners after the commit, as `changed` does."""
    for listener in tuple(_on_rsvp):
        transaction.on_commit(lambda call=listener: call(rsvp), robust=True)  # type: ignore[misc]
