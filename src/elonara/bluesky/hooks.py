"""How layers above are notified about sessions, and how they decide who may post through the relay account.

They register functions here when the site starts; nothing here imports them.
"""

from __future__ import annotations

from collections.abc import Callable

type Listener = Callable[[int, str], None]  # (member_id, did)
type RelayPolicy = Callable[[int], str]


class Hook:
    """A list of listeners, called in the order of registration. If one raises, the rest are not called."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def add(self, listener: Listener) -> Listener:
        """Register a listener; usable as a decorator. Registering it twice has no effect."""
        if listener not in self._listeners:
            self._listeners.append(listener)
        return listener

    def remove(self, listener: Listener) -> None:
        """Remove a listener, if it is registered."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def fire(self, member_id: int, did: str) -> None:
        """Call every listener."""
        for listener in tuple(self._listeners):
            listener(member_id, did)


# The member disconnected: queued posts of this author are cancelled. Fired in the transaction that drops the tokens.
on_disconnect = Hook()
# A session or an app password was stored: posts that waited for it can be written.
on_ready = Hook()
# Only the member can help now (reauthorize, or a new app password): she is to be notified.
on_needs_member = Hook()


def _refuse_all(member_id: int) -> str:  # noqa: ARG001
    return "relay_not_approved"


_relay_policy: RelayPolicy = _refuse_all


def set_relay_policy(policy: RelayPolicy) -> None:
    """Register who may post through the relay account: `policy(member_id)` returns `""` for yes, else a reason code.

    Until a policy is registered, nobody may.
    """
    global _relay_policy  # noqa: PLW0603
    _relay_policy = policy


def relay_refusal(member_id: int) -> str:
    """The reason code why this member may not post through the relay account, `""` where she may."""
    return _relay_policy(member_id)
