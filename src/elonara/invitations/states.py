"""The one table of what may become of a post. Code asks it; `docs/invitations.md` shows it (`render`)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from elonara.invitations.models import State


class Event(StrEnum):
    """What can happen to a post."""

    QUEUE = "queue"
    HOLD = "hold"
    RESUME = "resume"
    ATTEMPT = "attempt"
    ACKNOWLEDGE = "acknowledge"
    PUT_BACK = "put back"
    GIVE_UP = "give up"
    SUPPRESS = "suppress"
    CANCEL = "cancel"
    UNDO = "undo"
    SETTLE = "settle"
    REQUEUE = "requeue"
    HAND_OVER = "hand over"


@dataclass(frozen=True)
class Transition:
    """One row of the table. `certain` says what must be known: True, that no post can stand or land at the key."""

    event: Event
    sources: tuple[State | None, ...]  # None: there is no row yet
    target: State
    why: str
    certain: bool | None = None


S = State
TABLE: tuple[Transition, ...] = (
    Transition(Event.QUEUE, (None,), S.QUEUED, "the host pressed Send"),
    Transition(Event.HOLD, (None,), S.WAITING, "Send was pressed, but a permission or an app password is missing"),
    Transition(Event.HOLD, (S.QUEUED, S.SENDING), S.WAITING, "only the host can help: reauthorize, or an app password"),
    Transition(Event.RESUME, (S.WAITING,), S.QUEUED, "the permission or the app password is there"),
    Transition(
        Event.ATTEMPT, (S.QUEUED,), S.SENDING, "a worker holds the account's lane; committed before the network"
    ),
    Transition(Event.ACKNOWLEDGE, (S.SENDING,), S.SENT, "the PDS has a post at the key"),
    Transition(
        Event.PUT_BACK, (S.SENDING,), S.QUEUED, "a later try can help, or the worker died and the key is read first"
    ),
    Transition(
        Event.GIVE_UP, (S.QUEUED, S.SENDING), S.FAILED, "refused, eight tries in vain, or unsure: the host is asked"
    ),
    Transition(Event.SUPPRESS, (S.QUEUED, S.WAITING, S.SENDING), S.SUPPRESSED, "the person may not be invited", True),
    Transition(
        Event.CANCEL,
        (S.QUEUED, S.WAITING, S.SENDING, S.FAILED, S.HANDED_OVER),
        S.CANCELLED,
        "the host, a disconnect, or the target is over; nothing can stand at the key",
        True,
    ),
    Transition(
        Event.UNDO,
        (S.SENT, S.SENDING, S.QUEUED, S.WAITING, S.FAILED),
        S.UNDOING,
        "a post stands, or may still land: delete it and look again",
    ),
    Transition(
        Event.SETTLE, (S.UNDOING,), S.UNDONE, "absent after the last moment at which a late write could land", True
    ),
    Transition(
        Event.REQUEUE,
        (S.FAILED, S.CANCELLED, S.SUPPRESSED, S.UNDONE, S.HANDED_OVER),
        S.QUEUED,
        "invited again on the same row (an undone one once, with a new key)",
    ),
    Transition(
        Event.HAND_OVER,
        (S.QUEUED, S.WAITING, S.FAILED, S.CANCELLED),
        S.HANDED_OVER,
        "the host posts the text herself",
        True,
    ),
)
_TARGETS = {(source, transition.event): transition.target for transition in TABLE for source in transition.sources}
# States in which somebody may have seen the post, or its link.
OUT = (S.SENT, S.SENDING, S.HANDED_OVER)
UNDER_WAY = (S.QUEUED, S.SENDING, S.WAITING, S.UNDOING)


class NotPossible(Exception):
    """The table has no such row."""

    def __init__(self, event: Event, state: str | None) -> None:
        super().__init__(f"a post that is {state or 'new'} cannot {event}")
        self.event = event
        self.state = state


def possible(event: Event, state: str | None) -> bool:
    """Whether the table knows the event in this state."""
    return (State(state) if state else None, event) in _TARGETS


def target(event: Event, state: str | None) -> State:
    """The state after the event. Raises NotPossible."""
    try:
        return _TARGETS[State(state) if state else None, event]
    except KeyError:
        raise NotPossible(event, state) from None


def sources(event: Event) -> tuple[State, ...]:
    """The states in which the event may happen, for conditional updates."""
    return tuple(source for source, name in _TARGETS if name is event and source is not None)


def render() -> str:
    """The table in Markdown, as it stands in the documentation."""
    lines = ["| from | what happens | to | when |", "|---|---|---|---|"]
    for row in TABLE:
        froms = ", ".join(f"`{source.value}`" if source else "(new)" for source in row.sources)
        lines.append(f"| {froms} | {row.event} | `{row.target.value}` | {row.why} |")
    return "\n".join(lines)
