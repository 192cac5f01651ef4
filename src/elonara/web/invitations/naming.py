"""Pick: people whom the host names by handles, DIDs or links instead of finding them in a list.

Whoever may be invited is put into the draft. Every other line stays in the field as it was written, and is shown with
the reason; the same rules hold as for people picked from the lists.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from elonara.bluesky.identity.people import Person
from elonara.invitations import actions, queries
from elonara.invitations.people import named, pasted
from elonara.invitations.people.named import NamedPerson
from elonara.invitations.people.pasted import TooMuch
from elonara.invitations.planning.drafts import MAX_PEOPLE, Draft
from elonara.members.models import Member
from elonara.web.invitations import candidates
from elonara.web.invitations.candidates import CandidateRow
from elonara.web.invitations.steps import To

ALREADY: Final = gettext_noop("Already chosen.")
FULL: Final = gettext_noop("{count} people are chosen, and no more fit. Send to some of them first.")
NOTHING: Final = gettext_noop("Enter at least one handle, such as ana.bsky.social.")


@dataclass(frozen=True)
class LeftOut:
    """A line of which nobody was newly chosen. `row`: who it is, where that is known. `sentence`: why, without `row`'s
    own reason. `settled`: there is nothing to do about it.
    """

    text: str
    row: CandidateRow | None = None
    sentence: str = ""
    settled: bool = False

    @property
    def is_seen(self) -> bool:
        """Whether the row shows what was written."""
        return self.row is not None and bool(self.row.person.handle) and self.row.person.handle in self.text.lower()


@dataclass(frozen=True)
class Added:
    """What became of the lines. `refusal`: why none of them was looked at. `typed`: what is left in the field."""

    draft: Draft
    people: list[Person]
    left_out: list[LeftOut]
    typed: str = ""
    refusal: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether everybody was chosen, so that nothing is to be shown."""
        return not self.left_out and not self.refusal

    @property
    def said(self) -> str:
        """How many were chosen."""
        if not self.people:
            return "" if self.refusal else _("Nobody was added.")
        count = len(self.people)
        return (
            _("{name} was added.").format(name=self.people[0].name)
            if count == 1
            else ngettext("{count} person was added.", "{count} people were added.", count).format(count=count)
        )


def add(host: Member, to: To, draft: Draft, text: str) -> Added:
    """Choose whom the lines of `text` name, as far as they may be invited. Asks the network for who is not stored."""
    try:
        entries = pasted.read(text)
    except TooMuch as fault:
        return Added(draft, [], [], text, str(fault))
    if not entries:
        return Added(draft, [], [], text, _(NOTHING))
    found = named.find(host.pk, entries)
    people = {one.person.did: one.person for one in found if one.person is not None}
    refused = queries.invitability(host, to, people.values())
    free = [person for did, person in people.items() if refused[did] is None and did not in draft.people]
    if free:
        after = actions.choose(host, to, [person.did for person in free], shown=free)
        chosen = [person for person in free if person.did in after.people]
    else:
        after, chosen = draft, []
    new = {person.did for person in chosen}
    left_out = [_left_out(one, refused, after) for one in found if one.person is None or one.person.did not in new]
    kept = [one.text for one in left_out if not one.settled]
    return Added(after, chosen, left_out, "\n".join(kept))


def _left_out(one: NamedPerson, refused: dict[str, str | None], draft: Draft) -> LeftOut:
    text, person = one.entry.text, one.person
    if person is None:
        return LeftOut(text, sentence=one.sentence)
    row = candidates.row(person, refused[person.did], is_chosen=person.did in draft.people)
    if row.reason is not None:
        return LeftOut(text, row)
    if row.chosen:
        return LeftOut(text, row, _(ALREADY), settled=True)
    return LeftOut(text, row, _(FULL).format(count=MAX_PEOPLE))
