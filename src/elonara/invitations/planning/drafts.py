"""Drafts: whom a host has chosen and what she has written, before Send. One row for each host and target.

Everything in a row is bounded, whatever a form sends, and so is the number of rows of a host. More is kept than can be
sent, so that a host who wrote too much can read it and shorten it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from django.db.models import Q
from django.utils import timezone

from elonara.atproto.syntax import is_did
from elonara.communities.validation import many_lines, one_line
from elonara.events.models import Event
from elonara.invitations.planning.models import InvitationDraft
from elonara.invitations.results import InvitationRefused
from elonara.invitations.targets import Target
from elonara.members.models import Member

MAX_PEOPLE: Final = 500  # far above what one send allows
MAX_LISTED: Final = 100  # twice what one page of Bluesky's lists holds
MAX_NOTE: Final = 2000  # characters; 300 can be sent
MAX_LINE: Final = 250  # 200 can be sent
MAX_NAME: Final = 100
MAX_HANDLE: Final = 253
MAX_DRAFTS: Final = 30  # of one host; the oldest go
KEPT_FOR: Final = timedelta(days=60)


@dataclass
class Draft:
    """The chosen people (DID → [name, handle], "" where unknown), the texts, and the idempotency key of Send."""

    people: dict[str, list[str]] = field(default_factory=dict)
    note: str = ""
    lines: dict[str, str] = field(default_factory=dict)
    thread: bool = True
    key: str = ""
    listed: dict[str, list[str]] = field(default_factory=dict)  # the people on the page shown last, like `people`
    alone_if_gone: bool = False  # as in `Batch`

    @property
    def dids(self) -> list[str]:
        """The chosen DIDs in the order of choosing."""
        return list(self.people)

    @property
    def chosen(self) -> list[dict[str, str]]:
        """`did`, `name` and `handle` of each, for the list of chosen people."""
        return [
            {"did": did, "name": name or handle or did, "handle": handle} for did, (name, handle) in self.people.items()
        ]

    def choose(self, dids: Iterable[str]) -> None:
        """Replace the choice. Names come from the page shown last and from the choice before."""
        names = self.listed | self.people
        wanted = [did for did in dict.fromkeys(dids) if is_did(did)][:MAX_PEOPLE]
        self.people = {did: names.get(did, ["", ""]) for did in wanted}

    def list_people(self, people: Mapping[str, tuple[str, str]]) -> bool:
        """Note who is on the page now (DID → name and handle); whether that differs from before."""
        before = self.listed
        self.listed = {
            did: [one_line(name)[:MAX_NAME], one_line(handle)[:MAX_HANDLE]]
            for did, (name, handle) in list(people.items())[:MAX_LISTED]
            if is_did(did)
        }
        return self.listed != before

    def write(self, note: str, lines: Mapping[str, str], *, thread: bool, alone_if_gone: bool = False) -> None:
        """Replace the texts. Lines for people who are not chosen are left out."""
        self.note, self.thread, self.alone_if_gone = many_lines(note)[:MAX_NOTE], thread, alone_if_gone
        kept = {did: one_line(lines.get(did, ""))[:MAX_LINE] for did in self.people}
        self.lines = {did: line for did, line in kept.items() if line}


def load(host: Member, target: Target) -> Draft:
    """The host's draft for this target, a fresh one where there is none."""
    row = InvitationDraft.objects.filter(member=host, **target.only).first()
    if row is None:
        return Draft(key=secrets.token_urlsafe(16))
    people = {did: [name, handle] for did, name, handle in row.people}
    return Draft(people, row.note, row.lines, row.thread, row.key, row.listed, row.alone_if_gone)


def save(host: Member, target: Target, draft: Draft) -> None:
    """Store the draft. Raises InvitationRefused where the host may not invite."""
    if not target.may_invite(host):
        raise InvitationRefused("not_allowed")
    columns = ("note", "lines", "thread", "alone_if_gone", "key", "listed")
    values: dict[str, Any] = {name: getattr(draft, name) for name in columns}
    # As a list: PostgreSQL does not keep the order of an object's names.
    values |= {"people": [[did, *names] for did, names in draft.people.items()], "changed_at": timezone.now()}
    if InvitationDraft.objects.filter(member=host, **target.only).update(**values):
        return
    # Two pages opened at once: the second overwrites the first.
    InvitationDraft.objects.bulk_create(
        [InvitationDraft(member=host, **target.only, **values)],
        update_conflicts=True,
        update_fields=list(values),
        unique_fields=["member", target.kind],
    )
    of_host = InvitationDraft.objects.filter(member=host).order_by("-changed_at", "-pk")
    if old := list(of_host.values_list("pk", flat=True)[MAX_DRAFTS:]):
        InvitationDraft.objects.filter(pk__in=old).delete()


def drop(host: Member, target: Target) -> None:
    """Delete the draft: it was sent."""
    InvitationDraft.objects.filter(member=host, **target.only).delete()


def forget_past() -> int:
    """Delete drafts of what is over, and those that nobody touched for 60 days; how many."""
    now = timezone.now()
    over = (
        Q(event__starts_at__lte=now) | Q(event__status=Event.Status.CANCELLED) | Q(community__closed_at__isnull=False)
    )
    return InvitationDraft.objects.filter(over | Q(changed_at__lt=now - KEPT_FOR)).delete()[0]
