"""The state machine of a post, as one table: code asks it, and `docs/invitations.md` shows it (`render`)."""

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
    """One row of the table. `certain`: the transition needs certainty that no post exists or can still be written."""

    transition: Transition
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
    TransitionRule(Transition.RESUME, (S.WAITING,), S.QUEUED, "the permission or the app password was added"),
    TransitionRule(
        Transition.ATTEMPT, (S.QUEUED,), S.SENDING, "a worker holds the account's lane; committed before the network"
    ),
    TransitionRule(Transition.ACKNOWLEDGE, (S.SENDING,), S.SENT, "the PDS has a post at the key"),
    TransitionRule(
        Transition.PUT_BACK,
        (S.SENDING,),
        S.QUEUED,
        "a later attempt can help, or the worker died and the key is read first",
    ),
    TransitionRule(
        Transition.GIVE_UP,
        (S.QUEUED, S.SENDING),
        S.FAILED,
        "refused, eight attempts failed, or the outcome is unknown: the host is asked",
    ),
    TransitionRule(
        Transition.SUPPRESS, (S.QUEUED, S.WAITING, S.SENDING), S.SUPPRESSED, "the person may not be invited", True
    ),
    TransitionRule(
        Transition.CANCEL,
        (S.QUEUED, S.WAITING, S.SENDING, S.FAILED, S.HANDED_OVER),
        S.CANCELLED,
        "by the host, a disconnect, or because the target is over; no post can exist at the key",
        True,
    ),
    TransitionRule(
        Transition.UNDO,
        (S.SENT, S.SENDING, S.QUEUED, S.WAITING, S.FAILED),
        S.UNDOING,
        "a post exists, or may still be written: delete it and read the key again",
    ),
    TransitionRule(
        Transition.SETTLE,
        (S.UNDOING,),
        S.UNDONE,
        "the key was empty after the last moment at which a late write could land",
        True,
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
_TARGETS = {(source, rule.transition): rule.target for rule in TABLE for source in rule.sources}
# States in which somebody may have seen the post or its link.
POSSIBLY_SEEN = (S.SENT, S.SENDING, S.HANDED_OVER)
PENDING = (S.QUEUED, S.WAITING)  # nothing is being written for it now
IN_PROGRESS = (S.QUEUED, S.SENDING, S.WAITING, S.UNDOING)


class TransitionNotAllowed(Exception):
    """The table has no such transition from this state."""

    def __init__(self, transition: Transition, state: str | None) -> None:
        super().__init__(f"a post that is {state or 'new'} cannot {transition}")
        self.transition = transition
        self.state = state


def is_allowed(transition: Transition, state: str | None) -> bool:
    """Whether the table has this transition from this state."""
    return (State(state) if state else None, transition) in _TARGETS


def next_state(transition: Transition, state: str | None) -> State:
    """The state after a transition. Raises TransitionNotAllowed."""
    try:
        return _TARGETS[State(state) if state else None, transition]
    except KeyError:
        raise TransitionNotAllowed(transition, state) from None


def render() -> str:
    """The table in Markdown, as `docs/invitations.md` has it."""
    lines = ["| from | what happens | to | when |", "|---|---|---|---|"]
    for rule in TABLE:
        sources = ", ".join(f"`{source.value}`" if source else "(new)" for source in rule.sources)
        lines.append(f"| {sources} | {rule.transition} | `{rule.target.value}` | {rule.why} |")
    return "\n".join(lines)
