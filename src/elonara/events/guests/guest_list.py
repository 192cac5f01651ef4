"""The guest list. Hosts see everything, guests see names, others see numbers and the people they know on Bluesky."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

from django.db.models import BooleanField, Case, Count, F, Q, QuerySet, Sum, Value, When
from django.db.models.functions import StrIndex
from django.utils.translation import gettext as _

from elonara import folding
from elonara.communities.principals import rows_of
from elonara.compiled_queries import CompiledQuery
from elonara.events.guests.narrowing import GuestFilter, narrowed
from elonara.events.models import Event, Rsvp
from elonara.events.queries import may_manage
from elonara.members.models import Member, shown_name

RsvpChoice = Rsvp.Choice
SHOWN_TO_GUESTS = (RsvpChoice.GOING, RsvpChoice.MAYBE)  # who waits is between her and the hosts
COLUMNS = (
    "did", "handle", "name", "choice", "online", "plus_ones", "note", "email_invitation", "member__username",
    "member__display_name", "member__bluesky__bsky_did", "member__bluesky__bsky_handle", "member__bluesky__avatar_url",
)  # fmt: skip
_READ = (*COLUMNS, "pk", "member_id", "is_known")
_TOTALS = CompiledQuery(
    lambda event: Rsvp.objects.filter(event=event).values_list("choice").annotate(Count("pk"), Sum("plus_ones"))
)


@dataclass(frozen=True)
class Guest:
    """One person who answered, as far as the viewer may know."""

    name: str
    handle: str
    did: str
    choice: str
    online: bool = False  # comes online
    plus_ones: int = 0
    note: str = ""  # shown to hosts and to the guest
    rsvp: int = 0  # the id of the answer; 0 unless a host looks
    username: str = ""  # "" for people without an account
    avatar_url: str = ""
    known: bool = False  # the viewer knows them on Bluesky
    you: bool = False  # the viewer


@dataclass(frozen=True)
class GuestList:
    """Who answered. The numbers count everybody; `guests` are those on one page whose names the viewer may see."""

    guests: tuple[Guest, ...] = ()
    going: int = 0  # people, plus-ones included
    maybe: int = 0
    cant: int = 0
    waiting: int = 0  # people who wait for a place, plus-ones included
    full: bool = False  # the viewer sees every name
    with_notes: bool = False
    answers: dict[str, int] = field(default_factory=dict)  # RSVPs by choice, without plus-ones
    named: int = 0  # how many the viewer may see by name, on all pages
    page: int = 1
    pages: int = 1

    def of(self, choice: str) -> list[Guest]:
        """The visible guests with this answer."""
        return [guest for guest in self.guests if guest.choice == choice]

    @property
    def coming(self) -> list[Guest]:
        """The visible guests who are going or maybe: hosts see the others too, and those do not come."""
        return [guest for guest in self.guests if guest.choice in SHOWN_TO_GUESTS]

    @property
    def named_coming(self) -> int:
        """How many of those who are going or maybe the viewer may see by name, on all pages, without plus-ones."""
        return self._answered_coming if self.full else self.named

    @property
    def hidden(self) -> int:
        """How many of those who are going or maybe are not named to this viewer, without plus-ones."""
        return max(0, self._answered_coming - self.named_coming)

    @property
    def _answered_coming(self) -> int:
        return sum(self.answers.get(choice, 0) for choice in SHOWN_TO_GUESTS)


def guest_list(
    event: Event,
    viewer: Member | None = None,
    *,
    dids: Collection[str] = (),
    known_dids: Collection[str] | QuerySet[Any, str] = (),
    answered: Rsvp | None = None,
    page: int = 1,
    page_size: int | None = None,
    wanted: GuestFilter | None = None,
) -> GuestList:
    """The guest list for one viewer: a member, somebody who proved `dids`, or who gave the answer `answered` by a link.

    Takes four queries at most.

    Hosts see everybody, with notes. Guests who are going or maybe see the names of the others who are. Other viewers
    see the names of people in `known_dids`, whom they know on Bluesky; without member and DIDs they see numbers only.
    The viewer comes first within an answer, then people whom she knows; who waits is in the order of the waiting list.
    With a `page_size`, `guests` are those of one page, the last one where `page` is beyond it. `wanted` narrows a
    host's list, and no numbers but `named`.
    """
    counts = totals(event)
    numbers = GuestList(
        going=counts[RsvpChoice.GOING][1],
        maybe=counts[RsvpChoice.MAYBE][1],
        cant=counts[RsvpChoice.CANT][0],
        waiting=counts[RsvpChoice.WAITING][1],
        answers={choice: pair[0] for choice, pair in counts.items()},
    )
    if viewer is None and not dids and answered is None:
        return numbers
    answers, is_host, full = Rsvp.objects.filter(event=event), may_manage(event, viewer), True
    mine, known = rows_of(viewer, tuple(dids)), _is_any_of(known_dids)
    if answered is not None:
        mine |= Q(pk=answered.pk)
    if not is_host:
        answers = answers.filter(choice__in=SHOWN_TO_GUESTS)
        if not answers.filter(mine).exists():
            answers, full = answers.filter(known), False
    named = sum(pair[0] for choice, pair in counts.items() if is_host or choice in SHOWN_TO_GUESTS)
    narrows = wanted if is_host and wanted else GuestFilter()
    rows = _in_order(narrowed(answers, narrows), mine, known)
    matching: list[Any] | None = None
    if words := folding.words_of(narrows.q):
        # Names stand in several tables, and folding is ours: all rows are read, as for the table of the guests.
        matching = [row for row in rows if folding.matches(_searched(row), words)]
        named = len(matching)
    elif narrows or not full:
        named = rows.count()
    size = page_size or max(named, 1)
    pages = max(1, -(-named // size))
    page = min(max(page, 1), pages)
    one_page = slice((page - 1) * size, page * size)
    shown = (rows if matching is None else matching)[one_page] if named else ()
    by_link = answered.pk if answered is not None else None
    guests = tuple(_guest(row, viewer, set(dids), by_link, with_notes=is_host) for row in shown)
    return replace(numbers, guests=guests, named=named, full=full, with_notes=is_host, page=page, pages=pages)


def totals(event: Event) -> dict[str, tuple[int, int]]:
    """By choice: how many answers, and how many people with those whom guests bring. They outlive the answers."""
    counts = dict.fromkeys(RsvpChoice.values, (0, 0))
    if event.guest_totals is not None:
        return counts | {choice: (rows, people) for choice, (rows, people) in event.guest_totals.items()}
    for choice, rows, plus_ones in _TOTALS.all(event=event.pk):
        counts[choice] = (rows, rows + (plus_ones or 0))
    return counts


def _is_any_of(dids: Collection[str] | QuerySet[Any, str]) -> Q:
    """The condition for the answers of these people. A member's answer counts under the DID that she has linked."""
    if not isinstance(dids, QuerySet) and not dids:
        return Q(pk__in=())
    return Q(member__bluesky__bsky_did__in=dids) | Q(member__bluesky=None, did__in=dids)


def _in_order(answers: QuerySet[Rsvp], mine: Q, known: Q) -> QuerySet[Rsvp, Any]:
    """The columns that a `Guest` has, as named tuples.

    What is sealed in an identity is not even read, and three model instances a guest took a fifth of a host's page.
    """
    order = (
        RsvpChoice.ASKED, RsvpChoice.GOING, RsvpChoice.OFFERED, RsvpChoice.WAITING, RsvpChoice.MAYBE, RsvpChoice.CANT,
        RsvpChoice.REFUSED,
    )  # fmt: skip
    # By where the answer stands in one text, which is made into SQL in a fraction of the time that a Case takes.
    rank = StrIndex(Value(" ".join(order)), F("choice"))
    yes, no = Value(True), Value(False)
    rows = answers.annotate(
        is_you=Case(When(mine, then=yes), default=no, output_field=BooleanField()),
        is_known=Case(When(known, then=yes), default=no, output_field=BooleanField()),
    )
    # Who waits is in the order in which places are given (`places`), whoever looks: a later note does not move her.
    rows = rows.order_by(rank, "waiting_since", "-is_you", "-is_known", "answered_at", "pk")
    return rows.values_list(*_READ, named=True)


def _guest(row: Any, viewer: Member | None, own: set[str], by_link: int | None, *, with_notes: bool) -> Guest:
    did = row.member__bluesky__bsky_did or row.did
    # Not `is_you`, which sorts: a DID that a member has changed for another one no longer reads her note.
    you = row.pk == by_link or (viewer is not None and row.member_id == viewer.pk) or bool(did and did in own)
    return Guest(
        name=_name(row),
        handle=_handle(row),
        did=did,
        choice=row.choice,
        online=row.online,
        plus_ones=row.plus_ones,
        note=row.note if with_notes or you else "",
        rsvp=row.pk if with_notes else 0,
        username=row.member__username or "",
        avatar_url=row.member__bluesky__avatar_url or "",
        known=bool(did) and row.is_known,
        you=you,
    )


def _searched(row: Any) -> str:
    return folding.index_text(_name(row), _handle(row))


def _handle(row: Any) -> str:
    handle: str = row.handle if row.member__bluesky__bsky_did is None else row.member__bluesky__bsky_handle
    return handle


def _name(row: Any) -> str:
    if row.member_id is not None:
        return shown_name(row.member__display_name, row.member__username)
    return row.name or row.handle or _nameless(row.email_invitation)


def name_of(row: Rsvp) -> str:
    """What a guest is called. Takes a query where `member` is not loaded."""
    if row.member:
        return row.member.name
    return row.name or row.handle or _nameless(row.email_invitation_id)


def _nameless(email_invitation: Any) -> str:
    return _("Someone invited by e-mail") if email_invitation else _("Someone from Bluesky")
