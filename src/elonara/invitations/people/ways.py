"""What every way to people is made of: who asks for what, and the lists that a page names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from elonara.bluesky.graph.models import StoredGraph
from elonara.invitations.targets import Target
from elonara.members.models import Member

MAX_PEOPLE: Final = 2000  # on a list that is read from our own rows: the newest


@dataclass(frozen=True)
class Source:
    """A list to pick from. `key` is its name in addresses; `count` is None where counting would be slow."""

    key: str
    label: str
    count: int | None
    main: bool = False  # shown as a tab; the others are under "More ways"


@dataclass(frozen=True)
class Asked:
    """Who picks people for what. `among` narrows a list to followers, follows or mutuals: "" for all of it."""

    host: Member
    target: Target | None
    graph: StoredGraph | None
    among: str = ""


def listed(key: str, label: str, count: int) -> list[Source]:
    """The list, where there is anybody on it."""
    return [Source(key, label, min(count, MAX_PEOPLE))] if count else []
