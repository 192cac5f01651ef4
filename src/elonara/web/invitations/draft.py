"""What a host has chosen and written and not yet sent. Lives in the session, one per event or community."""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass, field

from django.http import HttpRequest

from elonara.communities.models import Community
from elonara.events.models import Event

PREFIX = "invite:"
MAX_PEOPLE = 500  # far above what one send takes; a session is no place for more


@dataclass
class Draft:
    """The chosen people (DID → name and handle, where known), the words, and the key that makes Send happen once."""

    people: dict[str, list[str]] = field(default_factory=dict)
    note: str = ""
    lines: dict[str, str] = field(default_factory=dict)
    thread: bool = True
    key: str = ""
    shown: dict[str, list[str]] = field(default_factory=dict)  # the page of people that was shown last

    @property
    def dids(self) -> list[str]:
        """The chosen DIDs, in the order in which they were chosen."""
        return list(self.people)

    def choose(self, dids: list[str]) -> None:
        """Exactly these are chosen now; names come from the page that was shown and from before."""
        names = self.shown | self.people
        wanted = [did for did in dict.fromkeys(dids) if did.startswith("did:") and len(did) <= 256][:MAX_PEOPLE]
        self.people = {did: names.get(did, ["", ""]) for did in wanted}

    @property
    def chosen(self) -> list[dict[str, str]]:
        """Name and handle of each, for the tray."""
        return [
            {"did": did, "name": name or handle or did, "handle": handle} for did, (name, handle) in self.people.items()
        ]


def _name(target: Event | Community) -> str:
    return f"{PREFIX}{'event' if isinstance(target, Event) else 'community'}:{target.pk}"


def load(request: HttpRequest, target: Event | Community) -> Draft:
    """The draft for this target, a fresh one where there is none."""
    kept = request.session.get(_name(target))
    return Draft(**kept) if kept else Draft(key=secrets.token_urlsafe(16))


def save(request: HttpRequest, target: Event | Community, draft: Draft) -> None:
    """Keep the draft."""
    request.session[_name(target)] = asdict(draft)


def drop(request: HttpRequest, target: Event | Community) -> None:
    """It was sent: begin anew next time."""
    request.session.pop(_name(target), None)
