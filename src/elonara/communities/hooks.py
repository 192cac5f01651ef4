"""Listeners for changes to communities, for higher layers. They are called after the commit, in the same thread."""

from collections.abc import Callable

from django.db import transaction

from elonara.communities.models import Community, Membership

type CommunityListener = Callable[[Community, frozenset[str]], None]
type JoinListener = Callable[[Membership], None]

_on_change: list[CommunityListener] = []
_on_join: list[JoinListener] = []


def on_change(listener: CommunityListener) -> CommunityListener:
    """Call `listener(community, names of the changed columns)` after each change and closing. Usable as a decorator."""
    if listener not in _on_change:
        _on_change.append(listener)
    return listener


def on_join(listener: JoinListener) -> JoinListener:
    """Call `listener(membership)` after somebody joined."""
    if listener not in _on_join:
        _on_join.append(listener)
    return listener


def changed(community: Community, fields: frozenset[str]) -> None:
    """Call the listeners after the commit. One that raises is logged, and the others are still called."""
    for listener in tuple(_on_change):
        transaction.on_commit(lambda call=listener: call(community, fields), robust=True)  # type: ignore[misc]


def joined(membership: Membership) -> None:
    """As `changed`, for a new membership."""
    for listener in tuple(_on_join):
        transaction.on_commit(lambda call=listener: call(membership), robust=True)  # type: ignore[misc]
