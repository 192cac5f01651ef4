"""The one table of what may become of a post. Code asks it; `docs/invitations.md` shows it (`render`)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from elonara.invitations.models import State


class Transition(StrEnum):
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
class TransitionRule:
    """One row of the table. `certain` says what must be known: True, that no post can stand or land at the key."""

    event: Transition
    sources: tuple[State | None, ...]  # None: there is no row yet
    target: State
    why: str
    certain: bool | None = None


S = State
TABLE: tuple[TransitionRule, ...] = (
    TransitionRule(Transition.QUEUE, (None,), S.QUEUED, "the host pressed Send"),
    TransitionRule(
        Transition.HOLD, (None,), S.WAITING, "Send was pressed, but a permission or an app password is missing"
    ),
    TransitionRule(
        Transition.HOLD, (S.QUEUED, S.SENDING), S.WAITING, "only the host can help: reauthorize, or an app password"
    ),
    TransitionRule(Transition.RESUME, (S.WAITING,), S.QUEUED, "the permission or the app password is there"),
    TransitionRule(
        Transition.ATTEMPT, (S.QUEUED,), S.SENDING, "a worker holds the account's lane; committed before the network"
    ),
    TransitionRule(Transition.ACKNOWLEDGE, (S.SENDING,), S.SENT, "the PDS has a post at the key"),
    TransitionRule(
        Transition.PUT_BACK,
        (S.SENDING,),
        S.QUEUED,
        "a later try can help, or the worker died and the key is read first",
    ),
    TransitionRule(
        Transition.GIVE_UP,
        (S.QUEUED, S.SENDING),
        S.FAILED,
        "refused, eight tries in vain, or unsure: the host is asked",
    ),
    TransitionRule(
        Transition.SUPPRESS, (S.QUEUED, S.WAITING, S.SENDING), S.SUPPRESSED, "the person may not be invited", True
    ),
    TransitionRule(
        Transition.CANCEL,
        (S.QUEUED, S.WAITING, S.SENDING, S.FAILED, S.HANDED_OVER),
        S.CANCELLED,
        "the host, a disconnect, or the target is over; nothing can stand at the key",
        True,
    ),
    TransitionRule(
        Transition.UNDO,
        (S.SENT, S.SENDING, S.QUEUED, S.WAITING, S.FAILED),
        S.UNDOING,
        "a post stands, or may still land: delete it and look again",
    ),
    TransitionRule(
        Transition.SETTLE, (S.UNDOING,), S.UNDONE, "absent after the last moment at which a late write could land", True
    ),
    TransitionRule(
        Transition.REQUEUE,
        (S.FAILED, S.CANCELLED, S.SUPPRESSED, S.UNDONE, S.HANDED_OVER),
        S.QUEUED,
        "invited again on the same row (an undone one once, with a new key)",
    ),
    TransitionRule(
        Transition.HAND_OVER,
        (S.QUEUED, S.WAITING, S.FAILED, S.CANCELLED),
        S.HANDED_OVER,
        "the host posts the text herself",
        True,
    ),
)
_TARGETS = {(source, transition.event): transition.target for transition in TABLE for source in transition.sources}
# States in which somebody may have seen the post, or its link.
POSSIBLY_SEEN = (S.SENT, S.SENDING, S.HANDED_OVER)
IN_PROGRESS = (S.QUEUED, S.SENDING, S.WAITING, S.UNDOING)


class TransitionNotAllowed(Exception):
    """The table has no such row."""

    def __init__(self, event: Transition, state: str | None) -> None:
        super().__init__(f"a post that is {state or 'new'} cannot {event}")
        self.event = event
        self.state = state


def is_allowed(event: Transition, state: str | None) -> bool:
    """Whether the table knows the event in this state."""
    return (State(state) if state else None, event) in _TARGETS


def next_state(event: Transition, state: str | None) -> State:
    """The state after the event. Raises NotPossible."""
    try:
        return _TARGETS[State(state) if state else None, event]
    except KeyError:
        raise TransitionNotAllowed(event, state) from None


def source_states(event: Transition) -> tuple[State, ...]:
    """The states in which the event may happen, for conditional updates."""
    return tuple(source for source, name in _TARGETS if name is event and source is not None)


def render() -> str:
    """The table in Markdown, as it stands in the documentation."""
    lines = ["| from | what happens | to | when |", "|---|---|---|---|"]
    for row in TABLE:
        froms = ", ".join(f"`{source.value}`" if source else "(new)" for source in row.sources)
        lines.append(f"| {froms} | {row.event} | `{row.target.value}` | {row.why} |")
    return "\n".join(lines)
