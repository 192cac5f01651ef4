"""What floors above want to hear from this one, and the one question this floor asks them.

They register functions here when the site starts; nothing here imports them.
"""

from __future__ import annotations

from collections.abc import Callable

type Listener = Callable[[int, str], None]  # (member_id, did)
type RelayPolicy = Callable[[int], str]


class Hook:
    """A list of listeners, called in the order in which they came. A listener that raises stops the rest."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def add(self, listener: Listener) -> Listener:
        """Register a listener; usable as a decorator. The same one is kept once."""
        if listener not in self._listeners:
            self._listeners.append(listener)
        return listener

    def remove(self, listener: Listener) -> None:
        """Forget a listener."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def fire(self, member_id: int, did: str) -> None:
        """Call every listener."""
        for listener in tuple(self._listeners):
            listener(member_id, did)


# The member disconnected: queued rows of this author are cancelled. Fired in the transaction that forgets the tokens.
on_disconnect = Hook()
# A session or an app password was stored: rows that waited for it may go on.
on_ready = Hook()
# Only the member can help now (reauthorize, or a new app password): tell them.
on_needs_member = Hook()


def _nobody(member_id: int) -> str:  # noqa: ARG001
    return "relay_not_approved"


_relay_policy: RelayPolicy = _nobody


def set_relay_policy(policy: RelayPolicy) -> None:
    """Register who may post through the relay: `policy(member_id)` answers `""` for yes, else a reason code.

    Until somebody registers one, nobody may.
    """
    global _relay_policy  # noqa: PLW0603
    _relay_policy = policy


def relay_refusal(member_id: int) -> str:
    """Why this member's posts may not go through the relay, `""` when they may."""
    return _relay_policy(member_id)
