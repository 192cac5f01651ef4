"""Where higher floors listen to communities. Listeners are called after the commit, in the same thread."""

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
    """Tell the listeners once the transaction is committed; one that fails is logged and stops nobody."""
    for listener in tuple(_on_change):
        transaction.on_commit(lambda tell=listener: tell(community, fields), robust=True)  # type: ignore[misc]


def joined(membership: Membership) -> None:
    """Tell the listeners once the transaction is committed."""
    for listener in tuple(_on_join):
        transaction.on_commit(lambda tell=listener: tell(membership), robust=True)  # type: ignore[misc]
