"""Drafts: whom a host has chosen and what she has written, before Send. One row for each host and target.

Everything in a row is bounded, whatever a form sends, and so is the number of rows of a host. More is kept than can be
sent, so that a host who wrote too much can read it and shorten it.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from elonara.atproto.syntax import is_did, is_handle
from elonara.communities.validation import many_lines, one_line
from elonara.events import queries as events
from elonara.events.models import Event
from elonara.invitations.planning import compose, sentences
from elonara.invitations.planning.models import InvitationDraft
from elonara.invitations.results import InvitationRefused
from elonara.invitations.targets import Target
from elonara.members.models import Member

MAX_PEOPLE: Final = 500  # far above what one send allows
MAX_NOTE: Final = 2000  # characters; 300 can be sent
MAX_SENTENCE: Final = 1000
MAX_LINE: Final = 250  # 200 can be sent
MAX_NAME: Final = 100
MAX_SOURCE: Final = 80
MAX_SEARCH: Final = 100
MAX_DRAFTS: Final = 30  # of one host; the oldest go
KEPT_FOR: Final = timedelta(days=60)

type Names = Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class PickView:
    """What the picker shows: the list (a key of `people.sources`), the order, and the search. "" is the default."""

    source: str = ""
    sort: str = ""
    search: str = ""


@dataclass
class Draft:
    """The chosen people (DID → [name, handle], "" where unknown), the texts, and the idempotency key of Send."""

    people: dict[str, list[str]] = field(default_factory=dict)
    note: str = ""
    lines: dict[str, str] = field(default_factory=dict)
    thread: bool = True
    key: str = ""
    alone_if_gone: bool = False  # as in `Batch`
    view: PickView = field(default_factory=PickView)
    sentence: str = ""  # her own between mention and link, "" for ours
    sentence_facts: dict[str, str] | None = None  # what posts told of the target as she wrote it

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

    def sentence_for(self, target: Target) -> str:
        """Her sentence, "" where what it may tell became private since she wrote it (`sentences.in_draft`)."""
        return sentences.in_draft(self.sentence, self.sentence_facts, target)

    def write_sentence(self, text: str, proposed: str, target: Target) -> None:
        """Replace the sentence. One that is as the page `proposed` it is ours, also where ours is another one now."""
        sentence = sentences.clean(text)[:MAX_SENTENCE]
        if sentence in {"", sentences.clean(proposed), compose.usual_sentence(target)}:
            self.sentence, self.sentence_facts = "", None
        elif sentence != self.sentence or self.sentence_facts is None or not self.sentence_for(target):
            self.sentence, self.sentence_facts = sentence, target.facts

    def write(self, note: str, lines: Mapping[str, str], *, thread: bool, alone_if_gone: bool = False) -> None:
        """Replace the texts. Lines for people who are not chosen are left out."""
        self.note, self.thread, self.alone_if_gone = many_lines(note)[:MAX_NOTE], thread, alone_if_gone
        kept = {did: one_line(lines.get(did, ""))[:MAX_LINE] for did in self.people}
        self.lines = {did: line for did, line in kept.items() if line}


def load(host: Member, target: Target) -> Draft:
    """The host's draft for this target, a fresh one where there is none."""
    row = InvitationDraft.objects.filter(member=host, **target.only).first()
    return Draft(key=secrets.token_urlsafe(16)) if row is None else _draft_of(row)


def choose(
    host: Member, target: Target, add: Names, remove: Collection[str] = (), view: PickView | None = None
) -> Draft:
    """Add people (DID → name and handle) to the choice and take others out; the draft as it is then.

    Only these people change, whatever else another browser tab or device has chosen meanwhile, and nobody is in the
    choice twice. Beyond `MAX_PEOPLE` nobody is added. Raises InvitationRefused where the host may not invite.
    """
    if not target.may_invite(host):
        raise InvitationRefused("not_allowed")
    with transaction.atomic():
        row = _locked(host, target)
        people = {did: names for did, *names in row.people if did not in remove}
        for did, (name, handle) in add.items():
            if is_did(did) and (did in people or len(people) < MAX_PEOPLE):
                people.setdefault(did, [one_line(name)[:MAX_NAME], handle if is_handle(handle) else ""])
        # As a list: PostgreSQL does not keep the order of an object's names.
        row.people = [[did, *names] for did, names in people.items()]
        if view is not None:
            row.source, row.sort = one_line(view.source)[:MAX_SOURCE], one_line(view.sort)[:8]
            row.search = one_line(view.search)[:MAX_SEARCH]
        row.changed_at = timezone.now()
        row.save(update_fields=["people", "source", "sort", "search", "changed_at"])
    return _draft_of(row)


def write(host: Member, target: Target, draft: Draft) -> None:
    """Store the texts of the draft, and not whom it chose. Raises InvitationRefused where the host may not invite."""
    if not target.may_invite(host):
        raise InvitationRefused("not_allowed")
    texts = ("note", "lines", "thread", "alone_if_gone", "key", "sentence", "sentence_facts")
    with transaction.atomic():
        row = _locked(host, target)
        for name in texts:
            setattr(row, name, getattr(draft, name))
        row.changed_at = timezone.now()
        row.save(update_fields=[*texts, "changed_at"])


def _draft_of(row: InvitationDraft) -> Draft:
    people = {did: [name, handle] for did, name, handle in row.people}
    view = PickView(row.source, row.sort, row.search)
    return Draft(
        people, row.note, row.lines, row.thread, row.key, row.alone_if_gone, view, row.sentence, row.sentence_facts
    )


def _locked(host: Member, target: Target) -> InvitationDraft:
    """The row, made where there is none, and locked: two devices may choose at once. Inside a transaction."""
    rows = InvitationDraft.objects.filter(member=host, **target.only)
    if (row := rows.select_for_update().first()) is not None:
        return row
    fresh = InvitationDraft(member=host, **target.only, key=secrets.token_urlsafe(16), changed_at=timezone.now())
    # Of two that make the first draft at once, one finds the other's.
    InvitationDraft.objects.bulk_create([fresh], ignore_conflicts=True)
    of_host = InvitationDraft.objects.filter(member=host).order_by("-changed_at", "-pk")
    if old := list(of_host.values_list("pk", flat=True)[MAX_DRAFTS:]):
        InvitationDraft.objects.filter(pk__in=old).delete()
    return rows.select_for_update().get()


def drop(host: Member, target: Target) -> None:
    """Delete the draft: it was sent."""
    InvitationDraft.objects.filter(member=host, **target.only).delete()


def forget_past() -> int:
    """Delete drafts of what is over, and those that nobody touched for 60 days; how many."""
    now = timezone.now()
    over = (
        events.over_by(now, now - events.DEFAULT_DURATION, "event__")
        | Q(event__status=Event.Status.CANCELLED)
        | Q(community__closed_at__isnull=False)
    )
    return InvitationDraft.objects.filter(over | Q(changed_at__lt=now - KEPT_FOR)).delete()[0]
