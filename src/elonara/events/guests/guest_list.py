"""The guest list. Hosts see everything, guests see names, others see numbers and the people they know on Bluesky."""

from collections.abc import Collection
from dataclasses import dataclass, field

from django.db.models import Count, QuerySet, Sum

from elonara.communities.principals import rows_of
from elonara.events.models import Event, Rsvp
from elonara.events.queries import may_manage
from elonara.members.models import Member

RsvpChoice = Rsvp.Choice


@dataclass(frozen=True)
class Guest:
    """One person who answered, as far as the viewer may know."""

    name: str
    handle: str
    did: str
    choice: str
    plus_ones: int = 0
    note: str = ""  # shown to hosts and to the guest
    username: str = ""  # "" for people without an account
    avatar_url: str = ""
    known: bool = False  # the viewer knows them on Bluesky
    you: bool = False  # the viewer


@dataclass(frozen=True)
class GuestList:
    """Who answered. The numbers count everybody; `guests` are only those whose names the viewer may see."""

    guests: tuple[Guest, ...] = ()
    going: int = 0  # people, plus-ones included
    maybe: int = 0
    cant: int = 0
    full: bool = False  # the viewer sees every name
    with_notes: bool = False
    answers: dict[str, int] = field(default_factory=dict)  # RSVPs by choice, without plus-ones

    def of(self, choice: str) -> list[Guest]:
        """The visible guests with this answer."""
        return [guest for guest in self.guests if guest.choice == choice]

    @property
    def hidden(self) -> int:
        """How many of those who are going or maybe are not named to this viewer, without plus-ones."""
        shown = sum(guest.choice != RsvpChoice.CANT for guest in self.guests)
        return max(0, self.answers.get(RsvpChoice.GOING, 0) + self.answers.get(RsvpChoice.MAYBE, 0) - shown)


def guest_list(
    event: Event,
    viewer: Member | None = None,
    *,
    dids: Collection[str] = (),
    known_dids: Collection[str] = (),
    limit: int | None = None,
) -> GuestList:
    """The guest list for one viewer: a member, or somebody who proved `dids`. Takes three queries.

    Hosts see everybody, with notes. Guests who are going or maybe see the names of the others who are. Other viewers
    see the names of people in `known_dids`, whom they know on Bluesky; without member and DIDs they see numbers only.
    The viewer comes first within an answer, then people whom she knows.
    """
    counts = dict.fromkeys(RsvpChoice.values, (0, 0))
    totals = Rsvp.objects.filter(event=event).values_list("choice").annotate(Count("pk"), Sum("plus_ones"))
    for choice, rows, plus_ones in totals:
        counts[choice] = (rows, rows + (plus_ones or 0))
    numbers = {
        "going": counts[RsvpChoice.GOING][1],
        "maybe": counts[RsvpChoice.MAYBE][1],
        "cant": counts[RsvpChoice.CANT][0],
        "answers": {choice: pair[0] for choice, pair in counts.items()},
    }
    if viewer is None and not dids:
        return GuestList(**numbers)  # type: ignore[arg-type]
    is_host = may_manage(event, viewer)
    answers = Rsvp.objects.filter(event=event).select_related("member__bluesky")
    if not is_host:
        answers = answers.exclude(choice=RsvpChoice.CANT)
        mine = answers.filter(rows_of(viewer, tuple(dids)))
        if not mine.exists():
            return GuestList(guests=_named(_known(answers, known_dids), viewer, dids, known_dids), **numbers)  # type: ignore[arg-type]
    guests = _named(list(answers), viewer, dids, known_dids, with_notes=is_host)
    return GuestList(guests=guests[:limit], full=True, with_notes=is_host, **numbers)  # type: ignore[arg-type]


def _known(answers: QuerySet[Rsvp], known_dids: Collection[str]) -> list[Rsvp]:
    known = set(known_dids)
    return [row for row in answers if _did(row) in known] if known else []


def _named(
    rows: Collection[Rsvp],
    viewer: Member | None,
    dids: Collection[str],
    known_dids: Collection[str],
    *,
    with_notes: bool = False,
) -> tuple[Guest, ...]:
    known, own = set(known_dids), set(dids)
    guests = []
    for row in sorted(rows, key=lambda each: each.answered_at):
        identity = getattr(row.member, "bluesky", None) if row.member else None
        did = _did(row)
        you = (viewer is not None and row.member_id == viewer.pk) or bool(did and did in own)
        guests.append(
            Guest(
                name=_name(row),
                handle=identity.bsky_handle if identity else row.handle,
                did=did,
                choice=row.choice,
                plus_ones=row.plus_ones,
                note=row.note if with_notes or you else "",
                username=row.member.username if row.member else "",
                avatar_url=identity.avatar_url if identity else "",
                known=bool(did) and did in known,
                you=you,
            )
        )
    order = {RsvpChoice.GOING: 0, RsvpChoice.MAYBE: 1, RsvpChoice.CANT: 2}
    return tuple(sorted(guests, key=lambda guest: (order[RsvpChoice(guest.choice)], not guest.you, not guest.known)))


def _name(row: Rsvp) -> str:
    if row.member:
        return row.member.name
    nameless = "Somebody invited by e-mail" if row.email_invitation_id else "Somebody from Bluesky"
    return row.name or row.handle or nameless


def _did(row: Rsvp) -> str:
    identity = getattr(row.member, "bluesky", None) if row.member else None
    return identity.bsky_did if identity else row.did
