"""What the Pick page shows: the lists and orders to choose from, one page of people, and how old all that is.

Everything is read from the stored graph and our own rows. The network is asked again just before Send.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from elonara import folding
from elonara.bluesky.graph import listing
from elonara.bluesky.graph.listing import PeoplePage, Wanted
from elonara.bluesky.graph.models import StoredGraph
from elonara.bluesky.graph.passes import progress
from elonara.bluesky.graph.passes.progress import SyncProgress
from elonara.bluesky.graph.search import BadCursor
from elonara.bluesky.identity.people import INVALID_HANDLE, Person
from elonara.invitations import queries, reasons
from elonara.invitations.people import sources, stored
from elonara.invitations.people.sources import Source
from elonara.invitations.planning.drafts import Draft, PickView
from elonara.invitations.results import PostingReadiness
from elonara.invitations.targets import Target
from elonara.members.models import Member
from elonara.web.invitations.steps import To

PAGE_SIZE: Final = 50
# Lists of the page's own, beside those of `people.sources`: whom she has chosen, and the other ways to people.
CHOSEN, WAYS = "chosen", "ways"
SORT_WORDS: Final = (
    (listing.LIKELY, gettext_noop("Suggested")), (listing.NAME, gettext_noop("Name")),
    (listing.NEWEST, gettext_noop("Newest")), (listing.OLDEST, gettext_noop("Oldest")),
)  # fmt: skip
_A_MINUTE: Final = 60
_DONE: Final = frozenset({"already_invited", "already_answered"})


@dataclass(frozen=True)
class CandidateRow:
    """One person on the page. `reason` says why they cannot be invited, None where they can."""

    person: Person
    relation: str
    reason: reasons.Reason | None
    chosen: bool

    @property
    def name(self) -> str:
        """The display name; where nothing of it can be seen the handle, and where that does not resolve the DID."""
        if folding.fold(self.person.display_name):
            return self.person.display_name
        return self.person.did if self.person.handle in {"", INVALID_HANDLE} else self.person.handle


@dataclass(frozen=True)
class Reading:
    """How far the stored graph is. `state`: none, first (it was never read to its end), running, failed or done."""

    state: str
    read: int = 0
    expected: int | None = None
    age: str = ""  # "3 hours ago", "" where it was never read to its end
    sentence: str = ""  # why it could not be read, or what it waits for

    @classmethod
    def of(cls, found: SyncProgress) -> Reading:
        """From the progress of a sync."""
        state = "first" if found.state == progress.RUNNING and found.read_at is None else found.state
        age = "" if found.read_at is None else _age(found.read_at)
        return cls(state, found.read, found.expected, age, found.sentence)

    @property
    def percent(self) -> int | None:
        """How much of a first reading is done; None where it is not known how much there is."""
        return min(99, 100 * self.read // self.expected) if self.expected else None


@dataclass(frozen=True)
class Candidates:
    """One page of people, and what stands around it."""

    view: PickView
    tabs: list[Source]
    ways: list[Source]
    rows: list[CandidateRow]
    cursor: str
    begins: bool  # the list is shown from its beginning
    reading: Reading
    known: bool
    lost: bool  # the place in the list that was asked for is none that there is

    @property
    def listed(self) -> str:
        """Whom the page lets her choose, with + for those who were chosen: what a POST sends back."""
        if self.view.source == CHOSEN:
            return ""  # its rows have buttons and no boxes
        return " ".join(f"{'+' if row.chosen else ''}{row.person.did}" for row in self.rows if row.reason is None)

    @property
    def selectable(self) -> int:
        """How many of the page can be chosen and are not."""
        return sum(row.reason is None and not row.chosen for row in self.rows)

    @property
    def way(self) -> Source | None:
        """The list that is shown, if it is one of the "More ways"."""
        return next((one for one in self.ways if one.key == self.view.source), None)

    @property
    def found_words(self) -> str:
        """How many a search has found, as far as this page knows."""
        if self.cursor or not self.begins:
            return _("Best matches first")
        count = len(self.rows)
        return ngettext("{count} person found", "{count} people found", count).format(count=count)


def candidates(
    host: Member, to: To, draft: Draft, view: PickView, *, cursor: str = "", ready: PostingReadiness | None = None
) -> Candidates:
    """What the page shows for this view."""
    graph: StoredGraph | None = getattr(host, "stored_graph", None)
    tabs = sources.sources(host, Target(to), graph=graph, main_only=True)
    # The guests of last time, where this event is done again, else everyone.
    view = view if view.source else replace(view, source=tabs[0].key if tabs else sources.DEFAULT)
    ways: list[Source] = []
    if view.source not in {CHOSEN, *(tab.key for tab in tabs)}:
        ways = [one for one in sources.sources(host, Target(to), graph=graph) if not one.main]
        if view.source not in {WAYS, *(way.key for way in ways)}:
            view = replace(view, source=sources.DEFAULT)
    found, lost = _page(host, to, graph, view, draft=draft, cursor=cursor)
    refused = queries.invitability(host, to, found.people, ready)
    known = graph is None or graph.known
    return Candidates(
        view=view,
        tabs=tabs,
        ways=ways,
        rows=_in_order(_rows(found.people, refused, draft.people), view),
        cursor=found.cursor,
        begins=not cursor or lost,
        reading=Reading.of(progress.of(graph)),
        known=known,
        lost=lost,
    )


def _age(moment: datetime) -> str:
    recent = (timezone.now() - moment).total_seconds() < _A_MINUTE
    return _("just now") if recent else _("{time} ago").format(time=timesince(moment, depth=1))


def _page(
    host: Member, to: To, graph: StoredGraph | None, view: PickView, *, draft: Draft, cursor: str
) -> tuple[PeoplePage, bool]:
    if view.source == CHOSEN:
        return _chosen(host, draft, cursor), False
    if view.source == WAYS or graph is None:
        return PeoplePage([], ""), False
    sort = view.sort if view.sort in listing.SORTS else listing.LIKELY
    try:
        wanted = Wanted(q=view.search, sort=sort, cursor=cursor, limit=PAGE_SIZE)
        return sources.page(host, Target(to), view.source, wanted, graph=graph), False
    except BadCursor:
        wanted = Wanted(q=view.search, sort=sort, limit=PAGE_SIZE)
        return sources.page(host, Target(to), view.source, wanted, graph=graph), True


def _chosen(host: Member, draft: Draft, cursor: str) -> PeoplePage:
    """A page of those who are chosen, in the order of choosing."""
    start = int(cursor) if cursor.isascii() and cursor.isdigit() and len(cursor) < 6 else 0
    people = as_stored(host, draft.chosen[start : start + PAGE_SIZE])
    after = start + PAGE_SIZE
    return PeoplePage(people, str(after) if after < len(draft.people) else "")


def as_stored(host: Member, chosen: Sequence[Mapping[str, str]]) -> list[Person]:
    """People of a draft (`Draft.chosen`) as they are stored. Who is not stored (any more) has the name of then."""
    known = stored.people(host.pk, [one["did"] for one in chosen])
    return [
        known.get(one["did"])
        # Chosen by handle, so Bluesky was asked then, and is asked again before Send.
        or Person(one["did"], one["handle"], one["name"], follows_you=True, you_follow=True)
        for one in chosen
    ]


def stored_age(host: Member) -> str:
    """How old the stored people are: "3 hours ago", "" where they were never read to the end."""
    return Reading.of(progress.of(getattr(host, "stored_graph", None))).age


def row(person: Person, refused: str | None, *, is_chosen: bool) -> CandidateRow:
    """One person. `refused`: the code of the reason why she cannot be invited."""
    return CandidateRow(person, _relation(person), reasons.reason(refused) if refused else None, is_chosen)


def _rows(people: Iterable[Person], refused: dict[str, str | None], chosen: Collection[str]) -> Iterable[CandidateRow]:
    for person in people:
        yield row(person, refused.get(person.did), is_chosen=person.did in chosen)


def _in_order(rows: Iterable[CandidateRow], view: PickView) -> list[CandidateRow]:
    """As found; where the order is ours, those who were invited or have answered are the last of their page."""
    if view.source == CHOSEN or view.sort not in {"", listing.LIKELY}:
        return list(rows)
    return sorted(rows, key=lambda one: one.reason is not None and one.reason.code in _DONE)


def _relation(person: Person) -> str:
    if person.mutual:
        return _("Mutual")
    if person.follows_you:
        return _("Follows you")
    return _("You follow") if person.you_follow else ""


def context(shown: Candidates, draft: Draft) -> dict[str, Any]:
    """The template context of the parts that a page without JavaScript has at once, and a fragment renews."""
    on_page = {row.person.did for row in shown.rows if row.reason is None}
    elsewhere = len(draft.people.keys() - on_page) if shown.view.source != CHOSEN else len(draft.people)
    return {
        "shown": shown,
        "view": shown.view,
        "sorts": [(key, _(word)) for key, word in SORT_WORDS],
        "sort": shown.view.sort if shown.view.sort in listing.SORTS else listing.LIKELY,
        "draft": draft,
        # For the count that goes along without a script: hundreds, tens and ones of those who are not on the page.
        "elsewhere": [range(elsewhere // 100), range(elsewhere // 10 % 10), range(elsewhere % 10)],
        "more_ways": len(sources.WAYS) > 1,
    }
