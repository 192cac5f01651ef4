"""Who of the guests is followed on Bluesky by the viewer, as her stored graph says. Without a graph it is nobody.

Only guests who are going and whom the event names to others anyway. Somebody whose blocks and mutes are not known is
left out like somebody who has some: a page that names a person whom she has blocked cannot be taken back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from django.db.models import Case, Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Value, When, Window
from django.db.models.functions import RowNumber

from elonara.bluesky.graph.models import KnownPerson
from elonara.bluesky.models import MemberIdentity
from elonara.events.guests.guest_list import COLUMNS, name_of
from elonara.events.models import Event, Rsvp
from elonara.events.queries import is_cancelled, is_over
from elonara.members.models import Member

SHOWN: Final = 3  # by name; of the others the number is told
_NOBODY: Final = "-"  # as a DID


@dataclass(frozen=True)
class FollowedGuest:
    """One of them. `avatar_url` is "" where the site has no picture."""

    name: str
    avatar_url: str


@dataclass(frozen=True)
class Followed:
    """Those of one event: the first few, mutuals before others, and how many more there are."""

    guests: tuple[FollowedGuest, ...]
    others: int


def followed_going(
    events: Collection[Event], viewer: Member | None, *, accepted: bool = False
) -> Mapping[int, Followed]:
    """By the event's id; nothing for events where it is nobody. One query for all, none without a viewer.

    The caller has checked that the viewer may see the events. Where hosts accept each guest, guests are named to those
    who were accepted: with `accepted` she is one of them.
    """
    shown = [event for event in events if _names_guests(event, accepted=accepted)]
    if viewer is None or not shown:
        return {}
    found: dict[int, Followed] = {}
    for row in _rows(shown, viewer):
        identity = getattr(row.member, "bluesky", None) if row.member else None
        guest = FollowedGuest(name_of(row), identity.avatar_url if identity else "")
        before = found[row.event_id].guests if row.event_id in found else ()
        guests = (*before, guest)
        found[row.event_id] = Followed(guests, row.followed - len(guests))  # type: ignore[attr-defined]
    return found


def _names_guests(event: Event, *, accepted: bool) -> bool:
    hidden = event.guest_list_hidden or event.count_hidden or (event.approval and not accepted)
    return not hidden and not is_cancelled(event) and not is_over(event)


def _rows(events: Collection[Event], viewer: Member) -> QuerySet[Rsvp]:
    """The first few of each event, each with `followed`, the number of all of that event."""
    people = KnownPerson.objects.filter(
        graph__member=viewer, did=OuterRef("their_did"), you_follow=True, known=True, blocked_by=False, blocking=False,
        muted=False, gone="",
    )  # fmt: skip
    suspended = Q(member__isnull=False) & (Q(member__is_active=False) | Q(member__standing=Member.Standing.SUSPENDED))
    # Her account may have been linked after she had answered with her DID alone.
    suspended_account = MemberIdentity.objects.filter(
        Q(member__is_active=False) | Q(member__standing=Member.Standing.SUSPENDED), bsky_did=OuterRef("did")
    )
    their_did = Case(
        When(member__isnull=True, then=F("did")),
        When(member__bluesky__isnull=False, then=F("member__bluesky__bsky_did")),
        default=Value(_NOBODY),
    )
    rows = Rsvp.objects.filter(event__in=[event.pk for event in events], choice=Rsvp.Choice.GOING)
    rows = rows.filter(email_invitation=None).exclude(member=viewer).exclude(suspended)
    rows = rows.filter(Q(member__isnull=False) | ~Q(did="") & ~Exists(suspended_account))
    rows = rows.annotate(their_did=their_did).annotate(closeness=Subquery(people.values("rank")[:1]))
    rows = rows.filter(closeness__isnull=False).annotate(
        followed=Window(Count("pk"), partition_by=F("event")),
        place=Window(RowNumber(), partition_by=F("event"), order_by=[F("closeness"), F("pk")]),
    )
    loaded = rows.select_related("member__bluesky").only("event_id", *COLUMNS)
    return loaded.filter(place__lte=SHOWN).order_by("event_id", "closeness", "pk")
