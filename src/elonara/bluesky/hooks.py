"""How layers above are notified about sessions, and how they decide who may post through the relay account.

They register functions here when the site starts; nothing here imports them.
"""

from __future__ import annotations

from collections.abc import Callable

type RelayPolicy = Callable[[int], str]


class Hook[*Args]:
    """A list of listeners, called in the order of registration. If one raises, the rest are not called."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[*Args], None]] = []

    def add(self, listener: Callable[[*Args], None]) -> Callable[[*Args], None]:
        """Register a listener; usable as a decorator. Registering it twice has no effect."""
        if listener not in self._listeners:
            self._listeners.append(listener)
        return listener

    def remove(self, listener: Callable[[*Args], None]) -> None:
        """Remove a listener, if it is registered."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def fire(self, *args: *Args) -> None:
        """Call every listener."""
        for listener in tuple(self._listeners):
            listener(*args)


# The member disconnected: queued posts of this author are cancelled. Fired in the transaction that drops the tokens.
on_disconnect: Hook[int, str] = Hook()  # (member_id, did)
# A session or an app password was stored: posts that waited for it can be written.
on_ready: Hook[int, str] = Hook()
# Only the member can help now (reauthorize, or a new app password): she is to be notified.
on_needs_member: Hook[int, str] = Hook()
# The handle of a DID was read anew and works: (did, handle). It need not have changed.
on_handle: Hook[str, str] = Hook()


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
