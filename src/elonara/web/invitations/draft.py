"""The draft of a host's invitations before Send, kept in the session: one per event or community."""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass, field

from django.http import HttpRequest

from elonara.communities.models import Community
from elonara.events.models import Event

PREFIX = "invite:"
MAX_PEOPLE = 500  # far above what one send allows; keeps the session row small


@dataclass
class Draft:
    """The chosen people (DID → [name, handle], "" where unknown), the texts, and the idempotency key of Send."""

    people: dict[str, list[str]] = field(default_factory=dict)
    note: str = ""
    lines: dict[str, str] = field(default_factory=dict)
    thread: bool = True
    key: str = ""
    shown: dict[str, list[str]] = field(default_factory=dict)  # the people on the page shown last, like `people`

    @property
    def dids(self) -> list[str]:
        """The chosen DIDs in the order of choosing."""
        return list(self.people)

    def choose(self, dids: list[str]) -> None:
        """Replace the choice. Names come from the page shown last and from the choice before."""
        names = self.shown | self.people
        wanted = [did for did in dict.fromkeys(dids) if did.startswith("did:") and len(did) <= 256][:MAX_PEOPLE]
        self.people = {did: names.get(did, ["", ""]) for did in wanted}

    @property
    def chosen(self) -> list[dict[str, str]]:
        """`did`, `name` and `handle` of each, for the list of chosen people."""
        return [
            {"did": did, "name": name or handle or did, "handle": handle} for did, (name, handle) in self.people.items()
        ]


def _session_key(target: Event | Community) -> str:
    return f"{PREFIX}{'event' if isinstance(target, Event) else 'community'}:{target.pk}"


def load(request: HttpRequest, target: Event | Community) -> Draft:
    """The draft for this target, a fresh one where there is none."""
    stored = request.session.get(_session_key(target))
    return Draft(**stored) if stored else Draft(key=secrets.token_urlsafe(16))


def save(request: HttpRequest, target: Event | Community, draft: Draft) -> None:
    """Store the draft in the session."""
    request.session[_session_key(target)] = asdict(draft)


def drop(request: HttpRequest, target: Event | Community) -> None:
    """Delete the draft after it was sent."""
    request.session.pop(_session_key(target), None)
