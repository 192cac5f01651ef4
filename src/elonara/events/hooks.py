"""Where higher floors listen to events. Listeners are called after the commit, in the same thread."""

from collections.abc import Callable

from django.db import transaction

from elonara.events.models import Event, Rsvp

type EventListener = Callable[[Event, frozenset[str]], None]
type RsvpListener = Callable[[Rsvp], None]

_on_change: list[EventListener] = []
_on_answer: list[RsvpListener] = []


def on_change(listener: EventListener) -> EventListener:
    """Call `listener(event, names of the changed columns)` after each change; cancelling changes `status`."""
    if listener not in _on_change:
        _on_change.append(listener)
    return listener


def on_rsvp(listener: RsvpListener) -> RsvpListener:
    """Call `listener(answer)` after somebody answered, for the first time or anew."""
    if listener not in _on_answer:
        _on_answer.append(listener)
    return listener


def changed(event: Event, fields: frozenset[str]) -> None:
    """Tell the listeners once the transaction is committed; one that fails is logged and stops nobody."""
    for listener in tuple(_on_change):
        transaction.on_commit(lambda tell=listener: tell(event, fields), robust=True)  # type: ignore[misc]


def answered(answer: Rsvp) -> None:
    """Tell the listeners once the transaction is committed."""
    for listener in tuple(_on_answer):
        transaction.on_commit(lambda tell=listener: tell(answer), robust=True)  # type: ignore[misc]
