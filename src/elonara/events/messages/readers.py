"""Who reads a message: a member, somebody who proved a DID, or the reader of an e-mail invitation."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from elonara.events.messages.models import GuestMessage
from elonara.events.models import Event, Rsvp

# Answers of people who hear when something changes.
HEARING = (Rsvp.Choice.GOING, Rsvp.Choice.MAYBE, Rsvp.Choice.WAITING, Rsvp.Choice.OFFERED, Rsvp.Choice.ASKED)
# Answers of people who are reminded: who waits has nothing to come to.
REMINDED = (Rsvp.Choice.GOING, Rsvp.Choice.MAYBE)
COLUMNS = ("event_id", "member_id", "did", "email_invitation_id", "choice", "online", "answered_at")


def member_key(member_id: int) -> str:
    """A member as text."""
    return f"member:{member_id}"


def address_key(address_hash: str) -> str:
    """Somebody who is known by an e-mail address alone, as text; `address_hash` as in `EmailInvitation`."""
    return f"address:{address_hash}"


def key_of(rsvp: Rsvp) -> str:
    """The person behind an answer as text: the same as long as nobody links her to an account."""
    if rsvp.member_id is not None:
        return member_key(rsvp.member_id)
    return f"email:{rsvp.email_invitation_id}" if rsvp.email_invitation_id else rsvp.did


def has_reader() -> Q:
    """The answers behind which the site knows somebody: not those that a host added by a name alone."""
    return Q(member__isnull=False) | Q(email_invitation__isnull=False) | ~Q(did="")


def columns_of(rsvp: Rsvp) -> dict[str, Any]:
    """The values of a `GuestMessage` that name its reader."""
    known = {"member_id": rsvp.member_id, "did": rsvp.did, "email_invitation_id": rsvp.email_invitation_id}
    return known | {"reader": key_of(rsvp)}


def answer_of(row: GuestMessage) -> Rsvp | None:
    """The reader's answer as it is now: she may have withdrawn it, or have got an account since."""
    person = Q(pk__in=())
    if row.member_id is not None:
        person |= Q(member=row.member_id)
    if row.did:
        person |= Q(did=row.did)
    if row.email_invitation_id is not None:
        person |= Q(email_invitation=row.email_invitation_id)
    found = Rsvp.objects.select_related("member", "email_invitation").filter(person, event=row.event_id)
    return min(found, key=lambda rsvp: rsvp.member_id is None, default=None)


def hearing(event: Event, but: int | None = None, *, with_people: bool = False) -> QuerySet[Rsvp]:
    """The answers of those who hear of a change, except the member with the id `but`.

    `with_people`: with the members and e-mail invitations behind them.
    """
    rows = Rsvp.objects.filter(has_reader(), event=event, choice__in=HEARING).order_by("pk")
    rows = rows.select_related("member", "email_invitation__host") if with_people else rows.only(*COLUMNS)
    return rows if but is None else rows.exclude(member=but)


def of_viewer(member_id: int | None, dids: list[str], email_invitation: UUID | None = None) -> Q:
    """The condition for the messages to a viewer; matches nothing for a stranger.

    What another member was told at an address that is now the viewer's is not hers.
    """
    mine = Q(pk__in=())
    if member_id is not None:
        mine |= Q(member=member_id)
    if dids:
        mine |= Q(did__in=[did for did in dids if did])
    if email_invitation is None:
        return mine
    at_her_address = Q(email_invitation=email_invitation)
    return mine | (at_her_address if member_id is None else at_her_address & Q(member=None))
